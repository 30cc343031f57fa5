// SPDX-License-Identifier: GPL-2.0
/*
 * bench - What calls and events cost, in ticks of CNTVCT_EL0.
 *
 * Under an emulator that counts one tick for each instruction (tools/bench) the
 * figures are instructions, of guest, hypervisor and host kernel together, and
 * the same in every run. On hardware they are time.
 */
#include "sdei.h"

/* A batch is short, so that one of them meets no timer tick of the host. */
#define BATCHES	30
#define ROUNDS	50

#define FN_SMCCC_VERSION	0x80000000
#define FN_PSCI_VERSION	0x84000000

/* sdei_entry.S */
void sdei_call_loop(u64 fn, u64 arg0, u64 arg1, u64 rounds);
extern char sdei_null_handler[];

static u64 ticks(void)
{
	isb();
	return read_sysreg(cntvct_el0);
}

/* The cost of the loop itself is part of each figure, the floor's included. */
static u64 cost(u64 fn, u64 arg0, u64 arg1)
{
	u64 start, best = ~0;
	int i;

	for (i = 0; i < BATCHES; i++) {
		start = ticks();
		sdei_call_loop(fn, arg0, arg1, ROUNDS);
		best = min(best, ticks() - start);
	}
	return best / ROUNDS;
}

static u64 context_cost;

static u64 context_handler(u64 event, u64 pc, u64 pstate)
{
	context_cost = cost(SDEI_1_0_FN_SDEI_EVENT_CONTEXT, 0, 0);
	return 0;
}

static void guest_code(u64 mpidr)
{
	GUEST_SYNC(cost(FN_SMCCC_VERSION, 0, 0));
	GUEST_SYNC(cost(FN_PSCI_VERSION, 0, 0));
	GUEST_SYNC(cost(SDEI_1_0_FN_SDEI_VERSION, 0, 0));
	if (guest_call(SDEI_1_0_FN_SDEI_VERSION, 0, 0, 0) < 0)
		GUEST_DONE();

	guest_enable(0, context_handler);
	GUEST_SYNC(cost(SDEI_1_0_FN_SDEI_EVENT_STATUS, 0, 0));
	GUEST_SYNC(cost(SDEI_1_0_FN_SDEI_EVENT_ENABLE, 0, 0));
	GUEST_SYNC(cost(SDEI_1_0_FN_SDEI_EVENT_DISABLE, 0, 0));
	GUEST_SYNC(cost(SDEI_1_0_FN_SDEI_PE_MASK, 0, 0));
	GUEST_SYNC(cost(SDEI_1_0_FN_SDEI_PE_UNMASK, 0, 0));
	GUEST_SYNC(cost(SDEI_1_0_FN_SDEI_EVENT_SIGNAL, 0, mpidr));

	guest_call(SDEI_1_0_FN_SDEI_EVENT_ENABLE, 0, 0, 0);
	GUEST_SYNC(context_cost);

	guest_call(SDEI_1_0_FN_SDEI_EVENT_UNREGISTER, 0, 0, 0);
	guest_call(SDEI_1_0_FN_SDEI_EVENT_REGISTER, 0, (u64)sdei_null_handler, 0);
	guest_call(SDEI_1_0_FN_SDEI_EVENT_ENABLE, 0, 0, 0);
	GUEST_SYNC(cost(SDEI_1_0_FN_SDEI_EVENT_SIGNAL, 0, mpidr));
	GUEST_DONE();
}

static const char * const rows[] = {
	"SMCCC_VERSION", "PSCI_VERSION", "SDEI_VERSION", "SDEI_EVENT_STATUS",
	"SDEI_EVENT_ENABLE", "SDEI_EVENT_DISABLE", "SDEI_PE_MASK",
	"SDEI_PE_UNMASK", "SDEI_EVENT_SIGNAL (disabled)", "SDEI_EVENT_CONTEXT",
	"SIGNAL to oneself, handler, COMPLETE",
};

static void run(const char *who, bool opt_in)
{
	struct kvm_vcpu *vcpu;
	struct kvm_vm *vm = __sdei_vm_create(&vcpu, 1, opt_in);
	struct ucall uc;
	int i;

	vcpu_arch_set_entry_point(vcpu, guest_code);
	vcpu_args_set(vcpu, 1, sdei_mpidr(vcpu));
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		vcpu_run(vcpu);
		if (get_ucall(vcpu, &uc) != UCALL_SYNC)
			break;
		printf("%s\t%s\t%lu\n", who, rows[i], uc.args[1]);
	}
	kvm_vm_free(vm);
}

TEST(costs)
{
	run("stock", false);
	if (kvm_has_cap(KVM_CAP_ARM_SDEI))
		run("opted-in", true);
}

TEST_HARNESS_MAIN
