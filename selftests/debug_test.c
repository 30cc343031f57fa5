// SPDX-License-Identifier: GPL-2.0
/*
 * debug_test - A debugger that single-steps a vCPU sees the first instruction
 * of a handler, and goes on in it, and out of it.
 */
#include "sdei.h"

#define SIGNALLED	KVM_SDEI_INDEX_SIGNALLED

FIXTURE(debug)
{
	struct kvm_vm *vm;
	struct kvm_vcpu *vcpu;
};

FIXTURE_SETUP(debug)
{
	self->vm = sdei_vm_create(&self->vcpu, 1);
}

FIXTURE_TEARDOWN(debug)
{
	kvm_vm_free(self->vm);
}

static void single_step(struct kvm_vcpu *vcpu, bool on)
{
	struct kvm_guest_debug debug = {
		.control = on ? KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_SINGLESTEP : 0,
	};

	vcpu_guest_debug_set(vcpu, &debug);
}

/* One step from where the vCPU is; returns where it got. */
static u64 step(struct kvm_vcpu *vcpu)
{
	vcpu_run(vcpu);
	TEST_ASSERT_KVM_EXIT_REASON(vcpu, KVM_EXIT_DEBUG);
	return sdei_get_reg(vcpu, ARM64_CORE_REG(regs.pc));
}

static void prepare_call(struct kvm_vcpu *vcpu, u64 fn, const u64 *args)
{
	struct sdei_regs regs;

	sdei_call_prepare(vcpu, &regs, fn, args);
	regs.pc = (u64)sdei_hvc;
	sdei_set_regs(vcpu, &regs);
}

TEST_F(debug, step_into_a_handler_and_out)
{
	struct sdei_regs regs;

	sdei_register_enable(self->vcpu, SIGNALLED);
	sdei_call(self->vcpu, PE_UNMASK);
	single_step(self->vcpu, true);

	prepare_call(self->vcpu, SDEI_1_0_FN_SDEI_EVENT_SIGNAL,
		     SDEI_ARGS(0, sdei_mpidr(self->vcpu)));
	EXPECT_EQ(sdei_handler(SIGNALLED), step(self->vcpu));

	/* What was interrupted is not marked as being stepped. */
	sdei_get_regs(self->vcpu, &regs);
	EXPECT_EQ(0, regs.x[3] & BIT_ULL(21));
	EXPECT_EQ(0, sdei_get_reg(self->vcpu, KVM_REG_ARM_SDEI_PSTATE(0)) &
		     BIT_ULL(21));

	prepare_call(self->vcpu, SDEI_1_0_FN_SDEI_EVENT_COMPLETE, SDEI_ARGS(0));
	EXPECT_EQ((u64)sdei_hvc_done, step(self->vcpu));
}

TEST_F(debug, step_while_the_vmm_raises_an_event)
{
	sdei_register_enable(self->vcpu, KVM_SDEI_INDEX_NORMAL(0));
	sdei_call(self->vcpu, PE_UNMASK);
	vcpu_set_reg(self->vcpu, ARM64_CORE_REG(regs.pc), (u64)sdei_spin);
	single_step(self->vcpu, true);
	EXPECT_EQ((u64)sdei_spin, step(self->vcpu));

	/* The step is that of the handler's first instruction: it stores. */
	sdei_raise(self->vcpu, KVM_SDEI_INDEX_NORMAL(0));
	vcpu_run(self->vcpu);
	TEST_ASSERT_KVM_EXIT_REASON(self->vcpu, KVM_EXIT_MMIO);
	EXPECT_EQ(sdei_handler(KVM_SDEI_INDEX_NORMAL(0)),
		  sdei_get_reg(self->vcpu, ARM64_CORE_REG(regs.pc)));
	EXPECT_EQ((u64)sdei_spin, sdei_get_reg(self->vcpu, KVM_REG_ARM_SDEI_PC(0)));
	EXPECT_EQ(0, sdei_get_reg(self->vcpu, KVM_REG_ARM_SDEI_PSTATE(0)) &
		     BIT_ULL(21));
}

TEST_HARNESS_MAIN
