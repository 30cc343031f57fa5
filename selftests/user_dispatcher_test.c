// SPDX-License-Identifier: GPL-2.0
/*
 * user_dispatcher_test - A VMM that is the dispatcher itself, behind the SMCCC
 * filter, next to the one in the kernel: the guest can't tell them apart.
 *
 * The dispatcher here knows one event, the signalled one, and one vCPU.
 */
#include "sdei.h"

#define SIGNALLED	KVM_SDEI_INDEX_SIGNALLED

#define PSR_HANDLER	(PSR_MODE_EL1h | PSR_D_BIT | PSR_A_BIT | PSR_I_BIT | PSR_F_BIT)

struct dispatcher {
	bool masked, registered, enabled, running, pending;
	u64 entry, argument;
	struct sdei_regs interrupted;
	int calls;
};

static s64 dispatch(struct dispatcher *d, struct sdei_regs *regs)
{
	bool was_masked = d->masked;

	switch ((u32)regs->x[0]) {
	case SDEI_1_0_FN_SDEI_VERSION:
		return 1LL << 48;
	case SDEI_1_0_FN_SDEI_PE_MASK:
		d->masked = true;
		return !was_masked;
	case SDEI_1_0_FN_SDEI_PE_UNMASK:
		d->masked = false;
		return SDEI_SUCCESS;
	}

	if ((u32)regs->x[1] != KVM_SDEI_EVENT_SIGNALLED)
		return SDEI_INVALID_PARAMETERS;

	switch ((u32)regs->x[0]) {
	case SDEI_1_0_FN_SDEI_EVENT_REGISTER:
		if (d->registered || d->running)
			return SDEI_DENIED;
		d->registered = true;
		d->entry = regs->x[2];
		d->argument = regs->x[3];
		return SDEI_SUCCESS;
	case SDEI_1_0_FN_SDEI_EVENT_ENABLE:
		if (!d->registered)
			return SDEI_DENIED;
		d->enabled = true;
		return SDEI_SUCCESS;
	case SDEI_1_0_FN_SDEI_EVENT_STATUS:
		return d->registered | d->enabled << 1 | d->running << 2;
	case SDEI_1_0_FN_SDEI_EVENT_SIGNAL:
		if (!d->registered)
			return SDEI_INVALID_PARAMETERS;
		d->pending = true;
		return SDEI_SUCCESS;
	default:
		return SDEI_NOT_SUPPORTED;
	}
}

static void deliver(struct dispatcher *d, struct sdei_regs *regs)
{
	if (!d->pending || !d->enabled || d->masked || d->running)
		return;

	d->pending = false;
	d->running = true;
	d->interrupted = *regs;
	regs->x[0] = KVM_SDEI_EVENT_SIGNALLED;
	regs->x[1] = d->argument;
	regs->x[2] = regs->pc;
	regs->x[3] = regs->pstate;
	regs->pc = d->entry;
	regs->pstate = PSR_HANDLER;
}

static void handle_hypercall(struct dispatcher *d, struct kvm_vcpu *vcpu)
{
	struct sdei_regs regs;

	sdei_get_regs(vcpu, &regs);
	d->calls++;
	if ((u32)regs.x[0] == SDEI_1_0_FN_SDEI_EVENT_COMPLETE && d->running) {
		memcpy(regs.x, d->interrupted.x, SDEI_NR_SAVED * sizeof(u64));
		regs.pc = d->interrupted.pc;
		regs.pstate = d->interrupted.pstate;
		d->running = false;
	} else {
		regs.x[0] = dispatch(d, &regs);
	}
	deliver(d, &regs);
	sdei_set_regs(vcpu, &regs);
}

/* Runs a vCPU to its stop, with the VMM as its firmware if @d is there. */
static void run(struct kvm_vcpu *vcpu, struct dispatcher *d, struct sdei_regs *regs)
{
	for (;;) {
		vcpu_run(vcpu);
		if (vcpu->run->exit_reason != KVM_EXIT_HYPERCALL)
			break;
		TEST_ASSERT(d, "The kernel should have answered");
		TEST_ASSERT(vcpu->run->hypercall.nr - KVM_SDEI_FN_BASE <
			    KVM_SDEI_NR_FUNCTIONS, "Forwarded 0x%llx",
			    vcpu->run->hypercall.nr);
		handle_hypercall(d, vcpu);
	}
	TEST_ASSERT_KVM_EXIT_REASON(vcpu, KVM_EXIT_MMIO);
	sdei_get_regs(vcpu, regs);
	vcpu_run_complete_io(vcpu);
}

struct step {
	u32 fn;
	u64 args[5];
};

/*
 * What a guest does. The arguments that are addresses are those of a handler
 * that stops; x18 and up stay as they are.
 */
static void guest_steps(struct kvm_vm *vm, struct kvm_vcpu *vcpu,
			struct dispatcher *d, struct sdei_regs *results)
{
	u64 mpidr = sdei_mpidr(vcpu);
	const struct step steps[] = {
		{ SDEI_1_0_FN_SDEI_VERSION },
		{ SDEI_1_0_FN_SDEI_EVENT_STATUS, { 0 } },
		{ SDEI_1_0_FN_SDEI_EVENT_STATUS, { 0x10000 } },
		{ SDEI_1_0_FN_SDEI_EVENT_SIGNAL, { 0, mpidr } },
		{ SDEI_1_0_FN_SDEI_EVENT_ENABLE, { 0 } },
		{ SDEI_1_0_FN_SDEI_EVENT_REGISTER,
		  { 0, sdei_handler(SIGNALLED), sdei_argument(vm, SIGNALLED) } },
		{ SDEI_1_0_FN_SDEI_EVENT_REGISTER,
		  { 0, sdei_handler(SIGNALLED), sdei_argument(vm, SIGNALLED) } },
		{ SDEI_1_0_FN_SDEI_EVENT_ENABLE, { 0 } },
		{ SDEI_1_0_FN_SDEI_EVENT_SIGNAL, { 0, mpidr } },
		{ SDEI_1_0_FN_SDEI_PE_UNMASK },			/* enters the handler */
		{ SDEI_1_0_FN_SDEI_EVENT_STATUS, { 0 } },
		{ SDEI_1_0_FN_SDEI_PE_MASK },
		{ SDEI_1_0_FN_SDEI_PE_UNMASK },
		{ SDEI_1_0_FN_SDEI_EVENT_COMPLETE, { 0 } },	/* and leaves it */
		{ SDEI_1_0_FN_SDEI_EVENT_SIGNAL, { 0, mpidr } },	/* enters it */
		{ SDEI_1_0_FN_SDEI_EVENT_COMPLETE, { 0 } },
		{ SDEI_1_0_FN_SDEI_EVENT_STATUS, { 0 } },
	};
	int i;

	for (i = 0; i < ARRAY_SIZE(steps); i++) {
		sdei_call_prepare(vcpu, &results[i], steps[i].fn, steps[i].args);
		results[i].pc = (u64)sdei_hvc;
		sdei_set_regs(vcpu, &results[i]);
		run(vcpu, d, &results[i]);
	}
	/* The end of the list. */
	results[i].pc = 0;
}

static void forward(struct kvm_vm *vm)
{
	struct kvm_smccc_filter filter = {
		.base = KVM_SDEI_FN_BASE,
		.nr_functions = KVM_SDEI_NR_FUNCTIONS,
		.action = KVM_SMCCC_FILTER_FWD_TO_USER,
	};

	kvm_device_attr_set(vm->fd, KVM_ARM_VM_SMCCC_CTRL,
			    KVM_ARM_VM_SMCCC_FILTER, &filter);
}

static void run_all(struct sdei_regs *results, bool opt_in, struct dispatcher *d)
{
	struct kvm_vcpu *vcpu;
	struct kvm_vm *vm = __sdei_vm_create(&vcpu, 1, opt_in);

	if (d)
		forward(vm);
	guest_steps(vm, vcpu, d, results);
	kvm_vm_free(vm);
}

/* The VM opted in or did not: the filter wins, so the dispatcher is the VMM. */
static void test_as_in_the_kernel(struct __test_metadata *_metadata, bool opt_in)
{
	struct dispatcher d = { .masked = true };
	struct sdei_regs kernel[32], user[32];
	int i;

	run_all(kernel, true, NULL);
	run_all(user, opt_in, &d);

	for (i = 0; kernel[i].pc; i++) {
		EXPECT_EQ(kernel[i].x[0], user[i].x[0])
			TH_LOG("step %d", i);
		EXPECT_EQ(kernel[i].pc, user[i].pc)
			TH_LOG("step %d", i);
		EXPECT_EQ(kernel[i].x[2], user[i].x[2])
			TH_LOG("step %d", i);
	}
	/* All of them came here, none to the kernel's dispatcher. */
	EXPECT_EQ(i, d.calls);
}

TEST(user_dispatcher_of_a_vm_that_opted_in)
{
	test_as_in_the_kernel(_metadata, true);
}

TEST(user_dispatcher_of_a_stock_vm)
{
	test_as_in_the_kernel(_metadata, false);
}

TEST_HARNESS_MAIN
