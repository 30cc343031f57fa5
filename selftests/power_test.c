// SPDX-License-Identifier: GPL-2.0
/*
 * power_test - What becomes of SDEI when a CPU is off or reset, or a handler
 * sees to that itself. For SYSTEM_SUSPEND see suspend_test.
 */
#include <signal.h>
#include <sys/time.h>

#include "sdei.h"

#define SIGNALLED	KVM_SDEI_INDEX_SIGNALLED
#define NORMAL		KVM_SDEI_INDEX_NORMAL(0)
#define CRITICAL	KVM_SDEI_INDEX_CRITICAL(0)

/* PSCI insists on the affinity fields of MPIDR_EL1 and nothing else. */
#define MPIDR_AFFINITY	0xff00ffffff

/* How long something that must not happen has time to happen. */
#define LONG_ENOUGH_MS	100

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

static u64 pending(struct kvm_vcpu *vcpu)
{
	return sdei_get_reg(vcpu, KVM_REG_ARM_SDEI_PENDING);
}

static void ignore_signal(int signal)
{
}

/* Runs a vCPU that is not expected to run, and takes it back after a while. */
static int run_for_a_while(struct kvm_vcpu *vcpu)
{
	struct sigaction action = { .sa_handler = ignore_signal };
	/* More than once: it may be too early the first time. */
	struct itimerval timer = {
		.it_value.tv_usec = LONG_ENOUGH_MS * 1000,
		.it_interval.tv_usec = LONG_ENOUGH_MS * 1000,
	};
	struct itimerval off = {};
	int ret;

	sigaction(SIGALRM, &action, NULL);
	setitimer(ITIMER_REAL, &timer, NULL);
	ret = __vcpu_run(vcpu) ? errno : 0;
	setitimer(ITIMER_REAL, &off, NULL);
	return ret;
}

/* Stopped by the VMM: the vCPU keeps all it has, and takes the event later. */
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
	EXPECT_EQ(1, pending(self->target));

	state.mp_state = KVM_MP_STATE_RUNNABLE;
	vcpu_mp_state_set(self->target, &state);
	sdei_run(self->target, &regs);
	EXPECT_EQ(sdei_handler(SIGNALLED), regs.pc);
	EXPECT_EQ(before.pc, regs.x[2]);
}

/* Registers that guest code can't do without, and a reset resets. */
static const u64 mmu_regs[] = {
	KVM_ARM64_SYS_REG(SYS_SCTLR_EL1), KVM_ARM64_SYS_REG(SYS_TCR_EL1),
	KVM_ARM64_SYS_REG(SYS_TTBR0_EL1), KVM_ARM64_SYS_REG(SYS_MAIR_EL1),
};

struct mmu {
	u64 val[ARRAY_SIZE(mmu_regs)];
};

static void save_mmu(struct kvm_vcpu *vcpu, struct mmu *mmu)
{
	int i;

	for (i = 0; i < ARRAY_SIZE(mmu_regs); i++)
		mmu->val[i] = sdei_get_reg(vcpu, mmu_regs[i]);
}

/* Makes a vCPU that was reset fit for sdei_call() again. */
static void restore_mmu(struct kvm_vcpu *vcpu, const struct mmu *mmu)
{
	int i;

	for (i = 0; i < ARRAY_SIZE(mmu_regs); i++)
		vcpu_set_reg(vcpu, mmu_regs[i], mmu->val[i]);
	vcpu_set_reg(vcpu, ARM64_CORE_REG(regs.regs[19]),
		     sdei_ucall_page(vcpu->vm));
}

/*
 * Switches the target off and on again. An event doesn't switch it on, nor is
 * it there afterwards. After that the CPU is as new.
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
	struct mmu mmu;
	int i;

	save_mmu(target, &mmu);
	sdei_call_prepare(target, &regs, PSCI_0_2_FN_CPU_OFF, SDEI_ARGS());
	sdei_set_regs(target, &regs);
	sdei_thread_start(thread, sdei_hvc);
	sdei_wait(psci(source, PSCI_0_2_FN64_AFFINITY_INFO, mpidr, 0, 0) ==
		  PSCI_0_2_AFFINITY_LEVEL_OFF);

	EXPECT_EQ(SDEI_INVALID_PARAMETERS,
		  sdei_call(source, EVENT_SIGNAL, 0, mpidr));
	usleep(LONG_ENOUGH_MS * 1000);
	EXPECT_EQ(PSCI_0_2_AFFINITY_LEVEL_OFF,
		  psci(source, PSCI_0_2_FN64_AFFINITY_INFO, mpidr, 0, 0));

	EXPECT_EQ(PSCI_RET_SUCCESS,
		  psci(source, PSCI_0_2_FN64_CPU_ON, mpidr, entry,
		       vm->ucall_mmio_addr));
	sdei_thread_join(thread);
	EXPECT_EQ(entry, thread->regs.pc);

	EXPECT_EQ(KVM_REG_ARM_SDEI_PE_MASKED,
		  sdei_get_reg(target, KVM_REG_ARM_SDEI_PE));
	EXPECT_EQ(0, pending(target));

	restore_mmu(target, &mmu);
	for (i = 0; i < KVM_SDEI_NR_EVENTS; i++)
		EXPECT_EQ(SDEI_U, sdei_call(target, EVENT_STATUS,
					    sdei_event(i)));
	EXPECT_EQ(SDEI_DENIED, sdei_call(target, EVENT_COMPLETE));
	EXPECT_EQ(0, sdei_call(target, PE_MASK));
	EXPECT_EQ(SDEI_INVALID_PARAMETERS,
		  sdei_call(source, EVENT_SIGNAL, 0, mpidr));

	/* And it works. */
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
	EXPECT_EQ(1, pending(self->target));
	check_power_cycle(_metadata, self->source, &self->thread);
}

/* A handler that switches its CPU off has thereby completed. */
TEST_F(power, power_cycle_in_a_handler)
{
	struct sdei_regs regs;

	sdei_register_enable(self->target, SIGNALLED);
	sdei_trigger(self->target, SIGNALLED);
	sdei_call_enter(self->target, &regs, PE_UNMASK);
	check_power_cycle(_metadata, self->source, &self->thread);
}

/* In particular, one that was entered out of another. */
TEST_F(power, power_cycle_in_a_nested_handler)
{
	struct sdei_regs regs;

	sdei_register_enable(self->target, SIGNALLED);
	sdei_register_enable(self->target, CRITICAL);
	sdei_trigger(self->target, SIGNALLED);
	sdei_call_enter(self->target, &regs, PE_UNMASK);
	sdei_trigger(self->target, CRITICAL);
	sdei_call_prepare(self->target, &regs, SDEI_1_0_FN_SDEI_VERSION,
			  SDEI_ARGS());
	sdei_call_regs(self->target, sdei_hvc, &regs);
	EXPECT_EQ(sdei_handler(CRITICAL), regs.pc);
	check_power_cycle(_metadata, self->source, &self->thread);
}

static void reset(struct kvm_vcpu *vcpu)
{
	struct kvm_vcpu_init init;

	sdei_vcpu_target(vcpu->vm, &init);
	vcpu_ioctl(vcpu, KVM_ARM_VCPU_INIT, &init);
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

	reset(self->target);

	EXPECT_EQ(KVM_REG_ARM_SDEI_PE_MASKED,
		  sdei_get_reg(self->target, KVM_REG_ARM_SDEI_PE));
	EXPECT_EQ(0, pending(self->target));
	for (i = 0; i < KVM_SDEI_NR_EVENTS; i++)
		EXPECT_EQ(SDEI_U, sdei_get_reg(self->target,
					       KVM_REG_ARM_SDEI_STATUS(i)));
	EXPECT_EQ(SDEI_INVALID_PARAMETERS,
		  sdei_call(self->source, EVENT_SIGNAL, 0, self->mpidr));
}

/* A handler that powers the system off has thereby completed. */
TEST_F(power, system_off_in_a_handler)
{
	struct kvm_vcpu *vcpu = self->target;
	struct sdei_regs regs;

	sdei_register_enable(vcpu, NORMAL);
	sdei_register_enable(vcpu, CRITICAL);
	sdei_trigger(vcpu, NORMAL);
	sdei_call_enter(vcpu, &regs, PE_UNMASK);
	sdei_trigger(vcpu, CRITICAL);
	sdei_call_enter(vcpu, &regs, VERSION);

	sdei_call_prepare(vcpu, &regs, PSCI_0_2_FN_SYSTEM_OFF, SDEI_ARGS());
	regs.pc = (u64)sdei_hvc;
	sdei_set_regs(vcpu, &regs);
	vcpu_run(vcpu);
	ASSERT_EQ(KVM_EXIT_SYSTEM_EVENT, vcpu->run->exit_reason);
	ASSERT_EQ(KVM_SYSTEM_EVENT_SHUTDOWN, vcpu->run->system_event.type);
	EXPECT_EQ(SDEI_E, sdei_get_reg(vcpu, KVM_REG_ARM_SDEI_STATUS(NORMAL)));
	EXPECT_EQ(SDEI_E,
		  sdei_get_reg(vcpu, KVM_REG_ARM_SDEI_STATUS(CRITICAL)));
}

/* What can't be delivered is not a reason for a wake-up. */
TEST_F(power, masked_event_does_not_wake_a_suspended_vcpu)
{
	struct kvm_mp_state state = { .mp_state = KVM_MP_STATE_SUSPENDED };

	vm_enable_cap(self->vm, KVM_CAP_ARM_SYSTEM_SUSPEND, 0);
	sdei_register_enable(self->target, NORMAL);
	vcpu_mp_state_set(self->target, &state);
	sdei_raise(self->target, NORMAL);
	EXPECT_EQ(EINTR, run_for_a_while(self->target));
	EXPECT_EQ(BIT(NORMAL), pending(self->target));
}

TEST_HARNESS_MAIN
