// SPDX-License-Identifier: GPL-2.0
/*
 * The guest of hostile_test. It makes calls in any order, with any arguments,
 * in handlers and elsewhere. Some of its handlers are at addresses without
 * code.
 */
#include "hostile.h"

struct hostile_guest hostile_guest;

/* How many of 64 calls each function gets. The rest are invalid functions. */
static const u8 weights[] = {
	[0x00] = 1,	/* VERSION */
	[0x01] = 9,	/* EVENT_REGISTER */
	[0x02] = 9,	/* EVENT_ENABLE */
	[0x03] = 2,	/* EVENT_DISABLE */
	[0x04] = 3,	/* EVENT_CONTEXT */
	[0x05] = 2,	/* EVENT_COMPLETE */
	[0x06] = 1,	/* EVENT_COMPLETE_AND_RESUME */
	[0x07] = 2,	/* EVENT_UNREGISTER */
	[0x08] = 3,	/* EVENT_STATUS */
	[0x09] = 2,	/* EVENT_GET_INFO */
	[0x0a] = 1,	/* EVENT_ROUTING_SET */
	[0x0b] = 2,	/* PE_MASK */
	[0x0c] = 7,	/* PE_UNMASK */
	[0x0d] = 1,	/* INTERRUPT_BIND */
	[0x0e] = 1,	/* INTERRUPT_RELEASE */
	[0x0f] = 9,	/* EVENT_SIGNAL */
	[0x10] = 1,	/* FEATURES */
	[0x11] = 1,	/* PRIVATE_RESET */
	[0x12] = 1,	/* SHARED_RESET */
};

static u64 pick_function(u64 *seed)
{
	u64 n = hostile_below(seed, 64), fn;

	for (fn = 0; fn < ARRAY_SIZE(weights); fn++) {
		if (n < weights[fn])
			return SDEI_1_0_FN(fn);
		n -= weights[fn];
	}

	switch (n) {
	case 0:
		return hostile_random(seed);
	case 1:
		return SDEI_1_0_FN_BASE + hostile_below(seed, 0x60) - 0x20;
	case 2:
		/* The IDs of the 32-bit convention. */
		return SDEI_1_0_FN(hostile_below(seed, 0x20)) & ~BIT_ULL(30);
	default:
		return SDEI_1_0_FN(hostile_below(seed, 0x20)) |
		       hostile_random(seed) << 32;
	}
}

/* May @fn have this result? */
static bool may_be(u32 fn, s64 result)
{
	const struct hostile_guest *guest = &hostile_guest;
	bool invalid = result == SDEI_INVALID_PARAMETERS;
	bool denied = result == SDEI_DENIED;

	if (guest->denied || fn > SDEI_1_0_FN(0x12))
		return result == SDEI_NOT_SUPPORTED;

	switch (fn - SDEI_1_0_FN_BASE) {
	case 0x00:
		return result == BIT_ULL(SDEI_VERSION_MAJOR_SHIFT);
	case 0x01:
	case 0x02:
	case 0x03:
		return !result || invalid || denied;
	case 0x04:
		return true;
	case 0x05:
	case 0x06:
		/* A call that succeeds does not return. */
		return denied;
	case 0x07:
		return !result || invalid || denied || result == SDEI_PENDING;
	case 0x08:
		return (result >= 0 && result <= 7 && result != 2 &&
			result != 6) || invalid;
	case 0x09:
		/* Type, priority and so on; or the affinity of a routing. */
		return (result >= 0 && !(result & ~MPIDR_AFFINITY)) ||
		       invalid || denied;
	case 0x0a:
		return !result || invalid || denied;
	case 0x0b:
		return result == 0 || result == 1;
	case 0x0c:
		return !result;
	case 0x0d:
	case 0x0e:
		return invalid || result == SDEI_OUT_OF_RESOURCE;
	case 0x0f:
	case 0x10:
		return !result || invalid;
	default:
		return !result || denied;
	}
}

/*
 * Checks the result of a call. COMPLETE in the wrong handler leads to a place
 * where another call was made, with that call's registers. So @fn comes from a
 * register that the event has saved, as the result does, and not from a
 * variable. For the same reason this function must not be inlined.
 */
static noinline void check(u64 fn, s64 result)
{
	struct hostile_cpu *cpu;

	if (!hostile_guest.checked || (u32)fn < SDEI_1_0_FN_BASE ||
	    (u32)fn > SDEI_1_0_FN(0x1f) || may_be(fn, result))
		return;

	cpu = &hostile_guest.cpus[guest_get_vcpuid()];
	cpu->wrong_result = result;
	WRITE_ONCE(cpu->wrong_fn, fn);
}

/* 0: HVC with another immediate; 1: SMC; 2: HVC, the usual one. */
static const u8 conduits[] = { 0, 1, 2, 2, 2, 2, 2, 2 };

static void call(struct hostile_cpu *cpu, u64 fn, const u64 *args)
{
	register u64 x0 asm("x0") = fn;
	register u64 x1 asm("x1") = args[0];
	register u64 x2 asm("x2") = args[1];
	register u64 x3 asm("x3") = args[2];
	register u64 x4 asm("x4") = args[3];
	register u64 x5 asm("x5") = args[4];
	register u64 x17 asm("x17") = fn;
	u64 conduit = conduits[hostile_below(&cpu->seed, ARRAY_SIZE(conduits))];

	asm volatile("cbz	%[conduit], 1f\n"
		     "tbz	%[conduit], #0, 2f\n"
		     "smc	#0\n"
		     "b		3f\n"
		     "1: hvc	#0xffff\n"
		     "b		3f\n"
		     "2: hvc	#0\n"
		     "3:"
		     : "+r"(x0), "+r"(x1), "+r"(x2), "+r"(x3), "+r"(x4),
		       "+r"(x5), "+r"(x17)
		     : [conduit] "r"(conduit)
		     : "memory");

	check(x17, x0);
}

static u64 pick_mpidr(u64 *seed)
{
	const struct hostile_guest *guest = &hostile_guest;
	u64 mpidr = guest->mpidr[hostile_below(seed, guest->nr_cpus)];

	return hostile_below(seed, 8) ? mpidr : mpidr ^ hostile_value(seed);
}

static u64 handler(u64 event, u64 pc, u64 pstate);

/* Chooses a handler and its argument. They may be no addresses at all. */
static void pick_handler(u64 *seed, u64 *args)
{
	switch (hostile_below(seed, 24)) {
	case 0:
		args[0] = hostile_value(seed);
		break;
	case 1:
		args[0] = hostile_random(seed) & ~3;
		break;
	case 2:
		/* A handler that stops, with the address to which it stores. */
		args[0] = (u64)sdei_stop;
		args[1] = (u64)READ_ONCE(ucall_exit_mmio_addr);
		break;
	case 3:
		/* A handler that doesn't complete. */
		args[0] = (u64)sdei_vectors;
		break;
	case 4 ... 7:
		args[0] = (u64)sdei_null_handler;
		break;
	default:
		args[0] = (u64)sdei_entry;
		args[1] = (u64)handler;
	}
}

static void sdei(struct hostile_cpu *cpu)
{
	u64 *seed = &cpu->seed;
	u64 args[5], fn;
	int i;

	for (i = 0; i < ARRAY_SIZE(args); i++)
		args[i] = hostile_value(seed);
	fn = pick_function(seed);

	switch ((u32)fn) {
	case SDEI_1_0_FN_SDEI_EVENT_REGISTER:
		args[0] = hostile_event(seed);
		pick_handler(seed, &args[1]);
		if (hostile_below(seed, 8))
			args[3] = hostile_below(seed, 2);
		args[4] = pick_mpidr(seed);
		break;
	case SDEI_1_0_FN_SDEI_EVENT_ROUTING_SET:
		args[0] = hostile_event(seed);
		if (hostile_below(seed, 8))
			args[1] = hostile_below(seed, 2);
		args[2] = pick_mpidr(seed);
		break;
	case SDEI_1_0_FN_SDEI_EVENT_SIGNAL:
		if (hostile_below(seed, 8))
			args[0] = 0;
		args[1] = pick_mpidr(seed);
		break;
	case SDEI_1_0_FN_SDEI_EVENT_COMPLETE_AND_RESUME:
		if (hostile_below(seed, 4))
			args[0] = (u64)sdei_vectors;
		break;
	case SDEI_1_0_FN_SDEI_EVENT_CONTEXT:
	case SDEI_1_0_FN_SDEI_FEATURES:
	case SDEI_1_0_FN_SDEI_INTERRUPT_BIND:
		break;
	default:
		args[0] = hostile_event(seed);
	}

	call(cpu, fn, args);
	WRITE_ONCE(cpu->calls, cpu->calls + 1);
}

static void psci(struct hostile_cpu *cpu)
{
	const struct hostile_guest *guest = &hostile_guest;
	u64 *seed = &cpu->seed;
	u64 target = pick_mpidr(seed) & ~(BIT_ULL(31) | BIT_ULL(30));

	switch (hostile_below(seed, 16)) {
	case 0 ... 3:
		call(cpu, PSCI_0_2_FN_CPU_OFF, SDEI_ARGS());
		break;
	case 4 ... 8:
		call(cpu, PSCI_0_2_FN64_CPU_ON,
		     SDEI_ARGS(target, guest->power_up,
			       guest->power_up_argument));
		break;
	case 9:
		call(cpu, PSCI_0_2_FN64_CPU_ON,
		     SDEI_ARGS(target, hostile_value(seed), 0));
		break;
	case 10:
		call(cpu, PSCI_0_2_FN_SYSTEM_OFF, SDEI_ARGS());
		break;
	case 11:
		call(cpu, PSCI_0_2_FN_SYSTEM_RESET, SDEI_ARGS());
		break;
	case 12:
		call(cpu, PSCI_1_0_FN64_SYSTEM_SUSPEND,
		     SDEI_ARGS(guest->power_up, guest->power_up_argument));
		break;
	default:
		call(cpu, PSCI_0_2_FN64_AFFINITY_INFO, SDEI_ARGS(target, 0));
	}
}

static void step(struct hostile_cpu *cpu)
{
	switch (hostile_below(&cpu->seed, 256)) {
	case 0:
		wfi();
		break;
	case 1:
		psci(cpu);
		break;
	default:
		sdei(cpu);
	}
}

static u64 handler(u64 event, u64 pc, u64 pstate)
{
	struct hostile_cpu *cpu = &hostile_guest.cpus[guest_get_vcpuid()];
	u64 n = hostile_below(&cpu->seed, 4);

	while (n--)
		step(cpu);
	return hostile_below(&cpu->seed, 16) ? 0 : (u64)sdei_vectors;
}

void hostile_guest_main(void)
{
	struct hostile_cpu *cpu = &hostile_guest.cpus[guest_get_vcpuid()];

	for (;;)
		step(cpu);
}
