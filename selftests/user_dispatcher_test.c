// SPDX-License-Identifier: GPL-2.0
/*
 * user_dispatcher_test - The SMCCC filter forwards SDEI's calls to a dispatcher
 * in the VMM. The guest gets the same results as from the one in the kernel.
 */
#include "user_dispatcher.h"

/* Runs a vCPU until it stops. If @d is not NULL, it answers the calls. */
static void run(struct kvm_vcpu *vcpu, struct dispatcher *d,
		struct sdei_regs *regs)
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
 * Makes a series of calls, one after the other, and stores the registers after
 * each of them. All handlers stop at their first instruction.
 */
static void guest_steps(struct kvm_vm *vm, struct kvm_vcpu *vcpu,
			struct dispatcher *d, struct sdei_regs *results)
{
	u64 mpidr = sdei_mpidr(vcpu), argument = sdei_argument(vm, SIGNALLED);
	const struct step steps[] = {
		{ SDEI_1_0_FN_SDEI_VERSION },
		{ SDEI_1_0_FN_SDEI_EVENT_STATUS, { 0 } },
		{ SDEI_1_0_FN_SDEI_EVENT_STATUS, { 0x10000 } },
		{ SDEI_1_0_FN_SDEI_EVENT_SIGNAL, { 0, mpidr } },
		{ SDEI_1_0_FN_SDEI_EVENT_ENABLE, { 0 } },
		{ SDEI_1_0_FN_SDEI_EVENT_REGISTER,
		  { 0, sdei_handler(SIGNALLED), argument } },
		{ SDEI_1_0_FN_SDEI_EVENT_REGISTER,
		  { 0, sdei_handler(SIGNALLED), argument } },
		{ SDEI_1_0_FN_SDEI_EVENT_ENABLE, { 0 } },
		{ SDEI_1_0_FN_SDEI_EVENT_SIGNAL, { 0, mpidr } },
		/* Enters the handler: */
		{ SDEI_1_0_FN_SDEI_PE_UNMASK },
		{ SDEI_1_0_FN_SDEI_EVENT_STATUS, { 0 } },
		{ SDEI_1_0_FN_SDEI_PE_MASK },
		{ SDEI_1_0_FN_SDEI_PE_UNMASK },
		/* Leaves it, enters it again, leaves it again: */
		{ SDEI_1_0_FN_SDEI_EVENT_COMPLETE, { 0 } },
		{ SDEI_1_0_FN_SDEI_EVENT_SIGNAL, { 0, mpidr } },
		{ SDEI_1_0_FN_SDEI_EVENT_COMPLETE, { 0 } },
		{ SDEI_1_0_FN_SDEI_EVENT_STATUS, { 0 } },
	};
	int i;

	for (i = 0; i < ARRAY_SIZE(steps); i++) {
		sdei_call_prepare(vcpu, &results[i], steps[i].fn,
				  steps[i].args);
		results[i].pc = (u64)sdei_hvc;
		sdei_set_regs(vcpu, &results[i]);
		run(vcpu, d, &results[i]);
	}
	/* This ends the list. */
	results[i].pc = 0;
}

static void run_all(struct sdei_regs *results, bool opt_in,
		    struct dispatcher *d)
{
	struct kvm_vcpu *vcpu;
	struct kvm_vm *vm = __sdei_vm_create(&vcpu, 1, opt_in);

	if (d)
		dispatcher_forward(vm);
	guest_steps(vm, vcpu, d, results);
	kvm_vm_free(vm);
}

/* The filter forwards the calls whether the VM has opted in or not. */
static void test_as_in_the_kernel(struct __test_metadata *_metadata,
				  bool opt_in)
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
	/* All calls came to the VMM, none to the dispatcher in the kernel. */
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
