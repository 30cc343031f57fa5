// SPDX-License-Identifier: GPL-2.0
/*
 * vmm_psci_test - A VMM that serves PSCI itself: the SMCCC filter forwards the
 * calls to it. KVM then does not know that a CPU or the system is powered down,
 * so the VMM has to say so by what it does with the vCPU. The tests show how,
 * and what happens if it does not.
 */
#include "sdei.h"

#define PSCI_NR_FUNCTIONS	0x20

/* Two vCPUs; the second one, the target, makes the calls. */
FIXTURE(vmm_psci)
{
	struct kvm_vm *vm;
	struct kvm_vcpu *source;
	struct kvm_vcpu *target;
	struct sdei_regs start;
};

FIXTURE_SETUP(vmm_psci)
{
	struct kvm_vcpu *vcpus[2];
	int i;

	self->vm = sdei_vm_create(vcpus, 2);
	self->source = vcpus[0];
	self->target = vcpus[1];
	sdei_set_filter(self->vm, PSCI_0_2_FN_BASE, PSCI_NR_FUNCTIONS,
			KVM_SMCCC_FILTER_FWD_TO_USER);
	sdei_set_filter(self->vm, PSCI_0_2_FN64_BASE, PSCI_NR_FUNCTIONS,
			KVM_SMCCC_FILTER_FWD_TO_USER);

	sdei_get_regs(self->target, &self->start);
	for (i = 0; i < KVM_SDEI_NR_EVENTS; i++)
		sdei_register_enable(self->target, i);
	sdei_call(self->target, PE_UNMASK);
}

FIXTURE_TEARDOWN(vmm_psci)
{
	kvm_vm_free(self->vm);
}

/* The guest makes a PSCI call, which the VMM gets. */
static void psci_exit(struct kvm_vcpu *vcpu, u64 fn)
{
	sdei_call_set(vcpu, fn, SDEI_ARGS());
	vcpu_run(vcpu);
	TEST_ASSERT_KVM_EXIT_REASON(vcpu, KVM_EXIT_HYPERCALL);
	TEST_ASSERT_EQ(vcpu->run->hypercall.nr, fn);
}

static void expect_status(struct __test_metadata *_metadata,
			  struct kvm_vcpu *vcpu, u64 status)
{
	int i;

	for (i = 0; i < KVM_SDEI_NR_EVENTS; i++)
		EXPECT_EQ(status,
			  sdei_get_reg(vcpu, KVM_REG_ARM_SDEI_STATUS(i)));
}

/* The VMM resets the vCPU at once, and leaves it powered off. */
TEST_F(vmm_psci, cpu_off_by_a_reset)
{
	struct kvm_mp_state state;
	struct sdei_regs regs;

	sdei_call(self->target, PE_MASK);
	sdei_raise(self->target, NORMAL(1));
	psci_exit(self->target, PSCI_0_2_FN_CPU_OFF);
	sdei_vcpu_reset(self->target, BIT(KVM_ARM_VCPU_POWER_OFF));

	vcpu_mp_state_get(self->target, &state);
	EXPECT_EQ(KVM_MP_STATE_STOPPED, state.mp_state);
	expect_status(_metadata, self->target, SDEI_U);
	EXPECT_EQ(0, sdei_pending(self->target));
	EXPECT_EQ(-1, __sdei_raise(self->target, sdei_event(NORMAL(0))));
	EXPECT_EQ(EAGAIN, errno);
	EXPECT_EQ(SDEI_INVALID_PARAMETERS,
		  sdei_call(self->source, EVENT_SIGNAL, 0,
			    sdei_mpidr(self->target)));

	/* On again, the CPU's events work as those of a new one. */
	sdei_vcpu_start(self->target, &self->start);
	EXPECT_EQ(0, sdei_call(self->target, PE_MASK));
	sdei_register_enable(self->target, NORMAL(0));
	sdei_raise(self->target, NORMAL(0));
	sdei_call_enter(self->target, &regs, PE_UNMASK);
	EXPECT_EQ(sdei_handler(NORMAL(0)), regs.pc);
}

TEST_F(vmm_psci, cpu_off_in_a_handler_by_a_reset)
{
	struct sdei_regs regs;

	sdei_raise(self->target, NORMAL(0));
	sdei_call_enter(self->target, &regs, VERSION);
	psci_exit(self->target, PSCI_0_2_FN_CPU_OFF);
	sdei_vcpu_reset(self->target, BIT(KVM_ARM_VCPU_POWER_OFF));
	expect_status(_metadata, self->target, SDEI_U);

	sdei_vcpu_start(self->target, &self->start);
	EXPECT_EQ(SDEI_DENIED, sdei_call(self->target, EVENT_COMPLETE));
}

/*
 * The VMM only stops the vCPU. Its registrations stay, so that events are
 * accepted which nobody handles, until CPU_ON resets the vCPU.
 */
TEST_F(vmm_psci, cpu_off_without_a_reset_keeps_registrations)
{
	struct kvm_mp_state stopped = { .mp_state = KVM_MP_STATE_STOPPED };

	psci_exit(self->target, PSCI_0_2_FN_CPU_OFF);
	vcpu_mp_state_set(self->target, &stopped);
	expect_status(_metadata, self->target, SDEI_E);
	EXPECT_EQ(0, __sdei_raise(self->target, sdei_event(NORMAL(0))));
	EXPECT_EQ(SDEI_SUCCESS,
		  sdei_call(self->source, EVENT_SIGNAL, 0,
			    sdei_mpidr(self->target)));
	EXPECT_EQ(BIT(SIGNALLED) | BIT(NORMAL(0)), sdei_pending(self->target));

	sdei_vcpu_start(self->target, &self->start);
	expect_status(_metadata, self->target, SDEI_U);
	EXPECT_EQ(0, sdei_pending(self->target));
}

/* Does what KVM does for SYSTEM_SUSPEND when it serves PSCI. */
static void suspend(struct kvm_vcpu *vcpu)
{
	vcpu_set_reg(vcpu, KVM_REG_ARM_SDEI_PE, KVM_REG_ARM_SDEI_PE_SUSPENDED |
						KVM_REG_ARM_SDEI_PE_MASKED);
}

TEST_F(vmm_psci, suspend_keeps_registrations_and_pending_events)
{
	struct sdei_regs regs;

	psci_exit(self->target, PSCI_1_0_FN64_SYSTEM_SUSPEND);
	suspend(self->target);
	sdei_raise(self->target, CRITICAL(0));
	sdei_vcpu_start(self->target, &self->start);

	EXPECT_EQ(KVM_REG_ARM_SDEI_PE_MASKED,
		  sdei_get_reg(self->target, KVM_REG_ARM_SDEI_PE));
	expect_status(_metadata, self->target, SDEI_E);
	EXPECT_EQ(BIT(CRITICAL(0)), sdei_pending(self->target));
	sdei_call_enter(self->target, &regs, PE_UNMASK);
	EXPECT_EQ(sdei_handler(CRITICAL(0)), regs.pc);
}

TEST_F(vmm_psci, suspend_in_handlers_ends_them)
{
	struct sdei_regs regs;

	sdei_raise(self->target, NORMAL(0));
	sdei_call_enter(self->target, &regs, VERSION);
	sdei_raise(self->target, CRITICAL(0));
	sdei_call_enter(self->target, &regs, VERSION);
	psci_exit(self->target, PSCI_1_0_FN64_SYSTEM_SUSPEND);
	suspend(self->target);
	sdei_vcpu_start(self->target, &self->start);

	expect_status(_metadata, self->target, SDEI_E);
	EXPECT_EQ(SDEI_DENIED, sdei_call(self->target, EVENT_COMPLETE));
}

/* Only the first reset is the end of the suspend. */
TEST_F(vmm_psci, reset_after_a_suspend)
{
	psci_exit(self->target, PSCI_1_0_FN64_SYSTEM_SUSPEND);
	suspend(self->target);
	sdei_vcpu_start(self->target, &self->start);
	sdei_vcpu_start(self->target, &self->start);
	expect_status(_metadata, self->target, SDEI_U);
}

/* For KVM, the reset with which the VMM resumes is then one like any other. */
TEST_F(vmm_psci, suspend_not_told_loses_registrations)
{
	psci_exit(self->target, PSCI_1_0_FN64_SYSTEM_SUSPEND);
	sdei_vcpu_start(self->target, &self->start);
	expect_status(_metadata, self->target, SDEI_U);
}

TEST_HARNESS_MAIN
