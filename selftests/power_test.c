// SPDX-License-Identifier: GPL-2.0
/*
 * power_test - What happens to a CPU's events when the CPU is turned off,
 * stopped or reset, by itself in a handler too. For SYSTEM_SUSPEND see
 * suspend_test.
 */
#include <signal.h>
#include <sys/time.h>

#include "sdei.h"

FIXTURE(power)
{
	struct kvm_vm *vm;
	struct kvm_vcpu *source;
	struct kvm_vcpu *target;
	u64 mpidr;
	struct sdei_thread thread;
};

FIXTURE_SETUP(power)
{
	struct kvm_vcpu *vcpus[2];

	self->vm = sdei_vm_create(vcpus, 2);
	self->source = vcpus[0];
	self->target = vcpus[1];
	self->mpidr = sdei_mpidr(self->target);
	self->thread.vcpu = self->target;
}

FIXTURE_TEARDOWN(power)
{
	kvm_vm_free(self->vm);
}

static s64 psci(struct kvm_vcpu *vcpu, u64 fn, u64 arg0, u64 arg1, u64 arg2)
{
	struct sdei_regs regs;

	sdei_call_prepare(vcpu, &regs, fn, SDEI_ARGS(arg0, arg1, arg2));
	sdei_call_regs(vcpu, sdei_hvc, &regs);
	TEST_ASSERT_EQ(regs.pc, (u64)sdei_hvc_done);
	return regs.x[0];
}

static void ignore_signal(int signal)
{
}

/* Runs a vCPU that must not enter the guest, until a signal ends KVM_RUN. */
static int run_for_a_while(struct kvm_vcpu *vcpu)
{
	struct sigaction action = { .sa_handler = ignore_signal };
	/* A signal may come before the ioctl, so there has to be another. */
	struct itimerval timer = {
		.it_value.tv_usec = SDEI_LONG_ENOUGH_MS * 1000,
		.it_interval.tv_usec = SDEI_LONG_ENOUGH_MS * 1000,
	};
	struct itimerval off = {};
	int ret;

	sigaction(SIGALRM, &action, NULL);
	setitimer(ITIMER_REAL, &timer, NULL);
	ret = __vcpu_run(vcpu) ? errno : 0;
	setitimer(ITIMER_REAL, &off, NULL);
	return ret;
}

/* A vCPU that the VMM has stopped keeps its state, and the event waits. */
TEST_F(power, mistake_24_signal_to_a_stopped_vcpu)
{
	struct kvm_mp_state state = { .mp_state = KVM_MP_STATE_STOPPED };
	struct sdei_regs before, regs;

	sdei_register_enable(self->target, SIGNALLED);
	EXPECT_EQ(SDEI_SUCCESS, sdei_call(self->target, PE_UNMASK));
	sdei_get_regs(self->target, &before);
	vcpu_mp_state_set(self->target, &state);

	EXPECT_EQ(SDEI_SUCCESS,
		  sdei_call(self->source, EVENT_SIGNAL, 0, self->mpidr));
	EXPECT_EQ(EINTR, run_for_a_while(self->target));
	sdei_get_regs(self->target, &regs);
	EXPECT_EQ(0, memcmp(&before, &regs, sizeof(regs)));
	vcpu_mp_state_get(self->target, &state);
	EXPECT_EQ(KVM_MP_STATE_STOPPED, state.mp_state);
	EXPECT_EQ(1, sdei_pending(self->target));

	state.mp_state = KVM_MP_STATE_RUNNABLE;
	vcpu_mp_state_set(self->target, &state);
	sdei_run(self->target, &regs);
	EXPECT_EQ(sdei_handler(SIGNALLED), regs.pc);
	EXPECT_EQ(before.pc, regs.x[2]);
}

/*
 * Turns the target off and on again by PSCI. An event must neither turn it on
 * nor be pending afterwards. After that, the CPU's state must be that of a new
 * one.
 */
static void check_power_cycle(struct __test_metadata *_metadata,
			      struct kvm_vcpu *source,
			      struct sdei_thread *thread)
{
	struct kvm_vcpu *target = thread->vcpu;
	struct kvm_vm *vm = target->vm;
	u64 entry = addr_gva2gpa(vm, (unsigned long)sdei_power_up);
	u64 mpidr = sdei_mpidr(target) & MPIDR_AFFINITY;
	struct sdei_regs regs;
	struct sdei_mmu mmu;
	int i;

	sdei_mmu_save(target, &mmu);
	sdei_call_set(target, PSCI_0_2_FN_CPU_OFF, SDEI_ARGS());
	sdei_thread_start(thread, sdei_hvc);
	sdei_wait(psci(source, PSCI_0_2_FN64_AFFINITY_INFO, mpidr, 0, 0) ==
		  PSCI_0_2_AFFINITY_LEVEL_OFF);

	EXPECT_EQ(SDEI_INVALID_PARAMETERS,
		  sdei_call(source, EVENT_SIGNAL, 0, mpidr));
	usleep(SDEI_LONG_ENOUGH_MS * 1000);
	EXPECT_EQ(PSCI_0_2_AFFINITY_LEVEL_OFF,
		  psci(source, PSCI_0_2_FN64_AFFINITY_INFO, mpidr, 0, 0));

	EXPECT_EQ(PSCI_RET_SUCCESS,
		  psci(source, PSCI_0_2_FN64_CPU_ON, mpidr, entry,
		       vm->ucall_mmio_addr));
	sdei_thread_join(thread);
	EXPECT_EQ(entry, thread->regs.pc);

	EXPECT_EQ(KVM_REG_ARM_SDEI_PE_MASKED,
		  sdei_get_reg(target, KVM_REG_ARM_SDEI_PE));
	EXPECT_EQ(0, sdei_pending(target));

	sdei_mmu_restore(target, &mmu);
	for (i = 0; i < KVM_SDEI_NR_EVENTS; i++)
		EXPECT_EQ(SDEI_U, sdei_call(target, EVENT_STATUS,
					    sdei_event(i)));
	EXPECT_EQ(SDEI_DENIED, sdei_call(target, EVENT_COMPLETE));
	EXPECT_EQ(0, sdei_call(target, PE_MASK));
	EXPECT_EQ(SDEI_INVALID_PARAMETERS,
		  sdei_call(source, EVENT_SIGNAL, 0, mpidr));

	/* Events work as before. */
	sdei_register_enable(target, SIGNALLED);
	EXPECT_EQ(SDEI_SUCCESS,
		  sdei_call(source, EVENT_SIGNAL, 0, mpidr));
	sdei_call_enter(target, &regs, PE_UNMASK);
	sdei_complete(target, &regs);
	EXPECT_EQ((u64)sdei_hvc_done, regs.pc);
}

TEST_F(power, power_cycle)
{
	int i;

	for (i = 0; i < KVM_SDEI_NR_EVENTS; i++)
		sdei_register_enable(self->target, i);
	EXPECT_EQ(SDEI_SUCCESS, sdei_call(self->target, PE_UNMASK));
	check_power_cycle(_metadata, self->source, &self->thread);
}

TEST_F(power, power_cycle_with_an_event_pending)
{
	sdei_register_enable(self->target, SIGNALLED);
	sdei_trigger(self->target, SIGNALLED);
	EXPECT_EQ(1, sdei_pending(self->target));
	check_power_cycle(_metadata, self->source, &self->thread);
}

/* A handler that turns its CPU off has ended. */
TEST_F(power, power_cycle_in_a_handler)
{
	struct sdei_regs regs;

	sdei_register_enable(self->target, SIGNALLED);
	sdei_trigger(self->target, SIGNALLED);
	sdei_call_enter(self->target, &regs, PE_UNMASK);
	check_power_cycle(_metadata, self->source, &self->thread);
}

/* The same for a handler that has interrupted another one. */
TEST_F(power, power_cycle_in_a_nested_handler)
{
	struct sdei_regs regs;

	sdei_register_enable(self->target, SIGNALLED);
	sdei_register_enable(self->target, CRITICAL(0));
	sdei_trigger(self->target, SIGNALLED);
	sdei_call_enter(self->target, &regs, PE_UNMASK);
	sdei_trigger(self->target, CRITICAL(0));
	sdei_call_prepare(self->target, &regs, SDEI_1_0_FN_SDEI_VERSION,
			  SDEI_ARGS());
	sdei_call_regs(self->target, sdei_hvc, &regs);
	EXPECT_EQ(sdei_handler(CRITICAL(0)), regs.pc);
	check_power_cycle(_metadata, self->source, &self->thread);
}

/* The VMM resets a vCPU, as it does when the guest reboots. */
TEST_F(power, reset_by_the_vmm)
{
	struct sdei_regs regs;
	int i;

	for (i = 0; i < KVM_SDEI_NR_EVENTS; i++)
		sdei_register_enable(self->target, i);
	sdei_trigger(self->target, SIGNALLED);
	sdei_call_enter(self->target, &regs, PE_UNMASK);
	sdei_trigger(self->target, SIGNALLED);

	sdei_vcpu_reset(self->target, 0);

	EXPECT_EQ(KVM_REG_ARM_SDEI_PE_MASKED,
		  sdei_get_reg(self->target, KVM_REG_ARM_SDEI_PE));
	EXPECT_EQ(0, sdei_pending(self->target));
	for (i = 0; i < KVM_SDEI_NR_EVENTS; i++)
		EXPECT_EQ(SDEI_U, sdei_get_reg(self->target,
					       KVM_REG_ARM_SDEI_STATUS(i)));
	EXPECT_EQ(SDEI_INVALID_PARAMETERS,
		  sdei_call(self->source, EVENT_SIGNAL, 0, self->mpidr));
}

/* A handler that turns the system off has ended. */
TEST_F(power, system_off_in_a_handler)
{
	struct kvm_vcpu *vcpu = self->target;
	struct sdei_regs regs;

	sdei_register_enable(vcpu, NORMAL(0));
	sdei_register_enable(vcpu, CRITICAL(0));
	sdei_trigger(vcpu, NORMAL(0));
	sdei_call_enter(vcpu, &regs, PE_UNMASK);
	sdei_trigger(vcpu, CRITICAL(0));
	sdei_call_enter(vcpu, &regs, VERSION);

	sdei_call_set(vcpu, PSCI_0_2_FN_SYSTEM_OFF, SDEI_ARGS());
	vcpu_run(vcpu);
	ASSERT_EQ(KVM_EXIT_SYSTEM_EVENT, vcpu->run->exit_reason);
	ASSERT_EQ(KVM_SYSTEM_EVENT_SHUTDOWN, vcpu->run->system_event.type);
	EXPECT_EQ(SDEI_E,
		  sdei_get_reg(vcpu, KVM_REG_ARM_SDEI_STATUS(NORMAL(0))));
	EXPECT_EQ(SDEI_E,
		  sdei_get_reg(vcpu, KVM_REG_ARM_SDEI_STATUS(CRITICAL(0))));
}

/* An event that can't be delivered does not wake the system. */
TEST_F(power, masked_event_does_not_wake_a_suspended_vcpu)
{
	struct kvm_mp_state state = { .mp_state = KVM_MP_STATE_SUSPENDED };

	vm_enable_cap(self->vm, KVM_CAP_ARM_SYSTEM_SUSPEND, 0);
	sdei_register_enable(self->target, NORMAL(0));
	vcpu_mp_state_set(self->target, &state);
	sdei_raise(self->target, NORMAL(0));
	EXPECT_EQ(EINTR, run_for_a_while(self->target));
	EXPECT_EQ(BIT(NORMAL(0)), sdei_pending(self->target));
}

TEST_HARNESS_MAIN
