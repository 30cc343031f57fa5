// SPDX-License-Identifier: GPL-2.0
/*
 * user_dispatcher_test - A VMM that is the dispatcher itself, behind the SMCCC
 * filter, next to the one in the kernel: the guest can't tell them apart.
 */
#include "user_dispatcher.h"

#define SIGNALLED	KVM_SDEI_INDEX_SIGNALLED

/* Runs a vCPU to its stop, with the VMM as its firmware if @d is there. */
static void run(struct kvm_vcpu *vcpu, struct dispatcher *d, struct sdei_regs *regs)
{
	for (;;) {
		vcpu_run(vcpu);
		if (vcpu->run->exit_reason != KVM_EXIT_HYPERCALL)
			break;
		TEST_ASSERT(d, "The kernel should have answered");
		dispatcher_call(d, vcpu);
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

static void run_all(struct sdei_regs *results, bool opt_in, struct dispatcher *d)
{
	struct kvm_vcpu *vcpu;
	struct kvm_vm *vm = __sdei_vm_create(&vcpu, 1, opt_in);

	if (d)
		dispatcher_forward(vm);
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
