// SPDX-License-Identifier: GPL-2.0
/*
 * suspend_test - SYSTEM_SUSPEND, which keeps the guest's registrations, and
 * SYSTEM_RESET, which does not.
 */
#include "sdei.h"

FIXTURE(suspend)
{
	struct kvm_vm *vm;
	struct kvm_vcpu *vcpu;
	struct sdei_regs start;
};

FIXTURE_SETUP(suspend)
{
	self->vm = sdei_vm_create(&self->vcpu, 1);
	vm_enable_cap(self->vm, KVM_CAP_ARM_SYSTEM_SUSPEND, 0);
	sdei_get_regs(self->vcpu, &self->start);
	sdei_register_enable(self->vcpu, NORMAL(0));
	sdei_register_enable(self->vcpu, CRITICAL(0));
	sdei_call(self->vcpu, PE_UNMASK);
}

FIXTURE_TEARDOWN(suspend)
{
	kvm_vm_free(self->vm);
}

/* The guest makes a PSCI call that makes KVM_RUN return to the VMM. */
static void psci_exit(struct kvm_vcpu *vcpu, u64 fn, u32 type)
{
	sdei_call_set(vcpu, fn, SDEI_ARGS((u64)sdei_hvc));
	vcpu_run(vcpu);
	TEST_ASSERT_KVM_EXIT_REASON(vcpu, KVM_EXIT_SYSTEM_EVENT);
	TEST_ASSERT_EQ(vcpu->run->system_event.type, type);
}

TEST_F(suspend, registrations_survive_and_the_cpu_is_masked)
{
	psci_exit(self->vcpu, PSCI_1_0_FN64_SYSTEM_SUSPEND,
		  KVM_SYSTEM_EVENT_SUSPEND);
	sdei_vcpu_start(self->vcpu, &self->start);

	EXPECT_EQ(SDEI_E, sdei_call(self->vcpu, EVENT_STATUS,
				    sdei_event(NORMAL(0))));
	EXPECT_EQ(SDEI_E, sdei_call(self->vcpu, EVENT_STATUS,
				    sdei_event(CRITICAL(0))));
	EXPECT_EQ(0, sdei_call(self->vcpu, PE_MASK));
}

TEST_F(suspend, pending_events_survive)
{
	struct sdei_regs regs;

	psci_exit(self->vcpu, PSCI_1_0_FN64_SYSTEM_SUSPEND,
		  KVM_SYSTEM_EVENT_SUSPEND);
	sdei_raise(self->vcpu, CRITICAL(0));
	sdei_vcpu_start(self->vcpu, &self->start);

	sdei_call_enter(self->vcpu, &regs, PE_UNMASK);
	EXPECT_EQ(sdei_handler(CRITICAL(0)), regs.pc);
}

TEST_F(suspend, resumed_by_its_registers)
{
	struct sdei_regs regs;

	psci_exit(self->vcpu, PSCI_1_0_FN64_SYSTEM_SUSPEND,
		  KVM_SYSTEM_EVENT_SUSPEND);
	sdei_raise(self->vcpu, CRITICAL(0));
	sdei_set_regs(self->vcpu, &self->start);

	/* The event waits until the guest is ready for it and unmasks. */
	EXPECT_EQ(SDEI_E, sdei_call(self->vcpu, EVENT_STATUS,
				    sdei_event(CRITICAL(0))));
	sdei_call_enter(self->vcpu, &regs, PE_UNMASK);
	EXPECT_EQ(sdei_handler(CRITICAL(0)), regs.pc);
}

TEST_F(suspend, a_running_handler_is_completed)
{
	struct sdei_regs regs;

	sdei_raise(self->vcpu, NORMAL(0));
	sdei_call_enter(self->vcpu, &regs, VERSION);
	psci_exit(self->vcpu, PSCI_1_0_FN64_SYSTEM_SUSPEND,
		  KVM_SYSTEM_EVENT_SUSPEND);
	sdei_vcpu_start(self->vcpu, &self->start);

	EXPECT_EQ(SDEI_E, sdei_call(self->vcpu, EVENT_STATUS,
				    sdei_event(NORMAL(0))));
	EXPECT_EQ(SDEI_DENIED, sdei_call(self->vcpu, EVENT_COMPLETE));
}

TEST_F(suspend, a_second_reset_is_one)
{
	psci_exit(self->vcpu, PSCI_1_0_FN64_SYSTEM_SUSPEND,
		  KVM_SYSTEM_EVENT_SUSPEND);
	sdei_vcpu_start(self->vcpu, &self->start);
	sdei_vcpu_start(self->vcpu, &self->start);

	EXPECT_EQ(SDEI_U, sdei_call(self->vcpu, EVENT_STATUS,
				    sdei_event(NORMAL(0))));
}

TEST_F(suspend, the_vmm_refuses_it_and_resets_later)
{
	/* The guest goes on. Events are masked. */
	psci_exit(self->vcpu, PSCI_1_0_FN64_SYSTEM_SUSPEND,
		  KVM_SYSTEM_EVENT_SUSPEND);
	sdei_set_regs(self->vcpu, &self->start);
	EXPECT_EQ(SDEI_E, sdei_call(self->vcpu, EVENT_STATUS,
				    sdei_event(NORMAL(0))));
	EXPECT_EQ(0, sdei_call(self->vcpu, PE_MASK));

	sdei_vcpu_start(self->vcpu, &self->start);
	EXPECT_EQ(SDEI_U, sdei_call(self->vcpu, EVENT_STATUS,
				    sdei_event(NORMAL(0))));
}

TEST_F(suspend, the_vmm_makes_a_reset_of_it)
{
	psci_exit(self->vcpu, PSCI_1_0_FN64_SYSTEM_SUSPEND,
		  KVM_SYSTEM_EVENT_SUSPEND);
	EXPECT_EQ(KVM_REG_ARM_SDEI_PE_SUSPENDED,
		  sdei_get_reg(self->vcpu, KVM_REG_ARM_SDEI_PE));
	vcpu_set_reg(self->vcpu, KVM_REG_ARM_SDEI_PE, 0);
	sdei_vcpu_start(self->vcpu, &self->start);

	EXPECT_EQ(SDEI_U, sdei_call(self->vcpu, EVENT_STATUS,
				    sdei_event(NORMAL(0))));
}

TEST_F(suspend, a_deliverable_event_wakes_the_vm)
{
	struct kvm_mp_state suspended = { .mp_state = KVM_MP_STATE_SUSPENDED };

	psci_exit(self->vcpu, PSCI_1_0_FN64_SYSTEM_SUSPEND,
		  KVM_SYSTEM_EVENT_SUSPEND);
	vcpu_mp_state_set(self->vcpu, &suspended);
	sdei_raise(self->vcpu, CRITICAL(0));

	/* The vCPU does not enter the handler, as the VMM has to act first. */
	vcpu_run(self->vcpu);
	TEST_ASSERT_KVM_EXIT_REASON(self->vcpu, KVM_EXIT_SYSTEM_EVENT);
	EXPECT_EQ(KVM_SYSTEM_EVENT_WAKEUP, self->vcpu->run->system_event.type);
	EXPECT_EQ(BIT(CRITICAL(0)), sdei_pending(self->vcpu));
}

TEST_F(suspend, system_reset_in_a_handler)
{
	struct sdei_regs regs;

	sdei_raise(self->vcpu, NORMAL(0));
	sdei_call_enter(self->vcpu, &regs, VERSION);
	psci_exit(self->vcpu, PSCI_0_2_FN_SYSTEM_RESET,
		  KVM_SYSTEM_EVENT_RESET);

	/* The call has ended the handler. The reset clears everything else. */
	EXPECT_EQ(SDEI_E, sdei_get_reg(self->vcpu,
				       KVM_REG_ARM_SDEI_STATUS(NORMAL(0))));
	sdei_vcpu_start(self->vcpu, &self->start);
	EXPECT_EQ(SDEI_U, sdei_call(self->vcpu, EVENT_STATUS,
				    sdei_event(NORMAL(0))));
	EXPECT_EQ(0, sdei_call(self->vcpu, PE_MASK));
}

TEST_HARNESS_MAIN
