// SPDX-License-Identifier: GPL-2.0
/*
 * debug_test - A VMM single-steps a vCPU for a debugger, into a handler and out
 * of it again.
 */
#include "sdei.h"

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
		.control = on ? KVM_GUESTDBG_ENABLE |
				KVM_GUESTDBG_SINGLESTEP : 0,
	};

	vcpu_guest_debug_set(vcpu, &debug);
}

/* Lets the vCPU make one step. Returns its PC after that. */
static u64 step(struct kvm_vcpu *vcpu)
{
	vcpu_run(vcpu);
	TEST_ASSERT_KVM_EXIT_REASON(vcpu, KVM_EXIT_DEBUG);
	return sdei_get_reg(vcpu, ARM64_CORE_REG(regs.pc));
}

TEST_F(debug, step_into_a_handler_and_out)
{
	struct sdei_regs regs;

	sdei_register_enable(self->vcpu, SIGNALLED);
	sdei_call(self->vcpu, PE_UNMASK);
	single_step(self->vcpu, true);

	sdei_call_set(self->vcpu, SDEI_1_0_FN_SDEI_EVENT_SIGNAL,
		      SDEI_ARGS(0, sdei_mpidr(self->vcpu)));
	EXPECT_EQ(sdei_handler(SIGNALLED), step(self->vcpu));

	/* The interrupted PSTATE does not show that the vCPU is stepped. */
	sdei_get_regs(self->vcpu, &regs);
	EXPECT_EQ(0, regs.x[3] & PSR_SS);
	EXPECT_EQ(0, sdei_get_reg(self->vcpu, KVM_REG_ARM_SDEI_PSTATE(0)) &
		     PSR_SS);

	sdei_call_set(self->vcpu, SDEI_1_0_FN_SDEI_EVENT_COMPLETE,
		      SDEI_ARGS(0));
	EXPECT_EQ((u64)sdei_hvc_done, step(self->vcpu));
}

/*
 * When an SMC traps, it has not been executed yet. KVM moves the PC behind it,
 * which completes the step.
 */
TEST_F(debug, step_into_a_handler_and_out_by_smc)
{
	struct sdei_regs regs;

	sdei_register_enable(self->vcpu, SIGNALLED);
	sdei_call(self->vcpu, PE_UNMASK);
	single_step(self->vcpu, true);

	sdei_call_set(self->vcpu, SDEI_1_0_FN_SDEI_EVENT_SIGNAL,
		      SDEI_ARGS(0, sdei_mpidr(self->vcpu)));
	vcpu_set_reg(self->vcpu, ARM64_CORE_REG(regs.pc), (u64)sdei_smc);
	EXPECT_EQ(sdei_handler(SIGNALLED), step(self->vcpu));
	sdei_get_regs(self->vcpu, &regs);
	EXPECT_EQ((u64)sdei_smc_done, regs.x[2]);
	EXPECT_EQ(0, regs.x[3] & PSR_SS);

	sdei_call_set(self->vcpu, SDEI_1_0_FN_SDEI_EVENT_COMPLETE,
		      SDEI_ARGS(0));
	vcpu_set_reg(self->vcpu, ARM64_CORE_REG(regs.pc), (u64)sdei_smc);
	EXPECT_EQ((u64)sdei_smc_done, step(self->vcpu));
}

/* A call that leads to no handler is one step, too. */
TEST_F(debug, step_over_a_call)
{
	single_step(self->vcpu, true);
	sdei_call_set(self->vcpu, SDEI_1_0_FN_SDEI_VERSION, SDEI_ARGS());
	EXPECT_EQ((u64)sdei_hvc_done, step(self->vcpu));

	sdei_call_set(self->vcpu, SDEI_1_0_FN_SDEI_VERSION, SDEI_ARGS());
	vcpu_set_reg(self->vcpu, ARM64_CORE_REG(regs.pc), (u64)sdei_smc);
	EXPECT_EQ((u64)sdei_smc_done, step(self->vcpu));
}

/*
 * The VMM completes a load by which KVM completes the step. An event that comes
 * meanwhile changes where the vCPU is then, but does not prolong the step.
 */
TEST_F(debug, step_over_a_load_while_the_vmm_raises_an_event)
{
	struct kvm_run *run = self->vcpu->run;

	sdei_register_enable(self->vcpu, NORMAL(0));
	sdei_call(self->vcpu, PE_UNMASK);
	vcpu_set_reg(self->vcpu, ARM64_CORE_REG(regs.pc), (u64)sdei_load);
	single_step(self->vcpu, true);
	vcpu_run(self->vcpu);
	TEST_ASSERT_KVM_EXIT_REASON(self->vcpu, KVM_EXIT_MMIO);
	ASSERT_FALSE(run->mmio.is_write);

	sdei_raise(self->vcpu, NORMAL(0));
	EXPECT_EQ(sdei_handler(NORMAL(0)), step(self->vcpu));
	EXPECT_EQ((u64)sdei_load_done,
		  sdei_get_reg(self->vcpu, KVM_REG_ARM_SDEI_PC(0)));
}

/*
 * When the guest single-steps one of its processes, its own PSTATE.SS is part
 * of what an event interrupts. The handler runs without it. COMPLETE restores
 * it, and must not thereby prolong the debugger's step.
 */
TEST_F(debug, step_out_to_code_that_the_guest_steps)
{
	struct sdei_regs regs;

	sdei_register_enable(self->vcpu, NORMAL(0));
	sdei_call(self->vcpu, PE_UNMASK);
	sdei_get_regs(self->vcpu, &regs);
	regs.pc = (u64)sdei_spin;
	regs.pstate |= PSR_SS;
	sdei_set_regs(self->vcpu, &regs);
	sdei_raise(self->vcpu, NORMAL(0));
	sdei_run(self->vcpu, &regs);
	EXPECT_EQ(sdei_handler(NORMAL(0)), regs.pc);
	EXPECT_EQ(PSR_SS, regs.x[3] & PSR_SS);

	single_step(self->vcpu, true);
	sdei_call_set(self->vcpu, SDEI_1_0_FN_SDEI_EVENT_COMPLETE,
		      SDEI_ARGS(0));
	EXPECT_EQ((u64)sdei_spin, step(self->vcpu));
	sdei_get_regs(self->vcpu, &regs);
	EXPECT_EQ(PSR_SS, regs.pstate & PSR_SS);
}

TEST_F(debug, step_while_the_vmm_raises_an_event)
{
	sdei_register_enable(self->vcpu, NORMAL(0));
	sdei_call(self->vcpu, PE_UNMASK);
	vcpu_set_reg(self->vcpu, ARM64_CORE_REG(regs.pc), (u64)sdei_spin);
	single_step(self->vcpu, true);
	EXPECT_EQ((u64)sdei_spin, step(self->vcpu));

	/* The vCPU steps the first instruction of the handler, which stores. */
	sdei_raise(self->vcpu, NORMAL(0));
	vcpu_run(self->vcpu);
	TEST_ASSERT_KVM_EXIT_REASON(self->vcpu, KVM_EXIT_MMIO);
	EXPECT_EQ(sdei_handler(NORMAL(0)),
		  sdei_get_reg(self->vcpu, ARM64_CORE_REG(regs.pc)));
	EXPECT_EQ((u64)sdei_spin,
		  sdei_get_reg(self->vcpu, KVM_REG_ARM_SDEI_PC(0)));
	EXPECT_EQ(0, sdei_get_reg(self->vcpu, KVM_REG_ARM_SDEI_PSTATE(0)) &
		     PSR_SS);
}

TEST_HARNESS_MAIN
