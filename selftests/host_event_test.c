// SPDX-License-Identifier: GPL-2.0
/*
 * host_event_test - Events that the VMM raises by the vCPU's attributes, while
 * the vCPU runs or does not run. Also how handlers nest.
 */
#include "sdei.h"

/* Asks for the state of an event: *@val is its number, and then its state. */
static int query(struct kvm_vcpu *vcpu, u64 *val)
{
	return __vcpu_device_attr_get(vcpu, KVM_ARM_VCPU_SDEI_CTRL,
				      KVM_ARM_VCPU_SDEI_STATE, val);
}

static u64 state(struct kvm_vcpu *vcpu, int index)
{
	u64 val = sdei_event(index);
	int ret = query(vcpu, &val);

	TEST_ASSERT(!ret, KVM_IOCTL_ERROR(KVM_GET_DEVICE_ATTR, ret));
	return val;
}

FIXTURE(event)
{
	struct kvm_vm *vm;
	struct kvm_vcpu *vcpu;
	struct sdei_thread thread;
};

FIXTURE_SETUP(event)
{
	self->vm = sdei_vm_create(&self->vcpu, 1);
	self->thread.vcpu = self->vcpu;
}

FIXTURE_TEARDOWN(event)
{
	kvm_vm_free(self->vm);
}

TEST_F(event, attributes_that_exist)
{
	const u64 known[] = {
		KVM_ARM_VCPU_SDEI_RAISE, KVM_ARM_VCPU_SDEI_WITHDRAW,
		KVM_ARM_VCPU_SDEI_STATE,
	};
	const u64 unknown[] = { 3, BIT_ULL(32), ~0ULL };
	u64 val = KVM_SDEI_EVENT_NORMAL(0);
	int i;

	for (i = 0; i < ARRAY_SIZE(known); i++)
		EXPECT_EQ(0, __vcpu_has_device_attr(self->vcpu,
						    KVM_ARM_VCPU_SDEI_CTRL,
						    known[i]));

	for (i = 0; i < ARRAY_SIZE(unknown); i++) {
		EXPECT_EQ(-1, __vcpu_has_device_attr(self->vcpu,
						     KVM_ARM_VCPU_SDEI_CTRL,
						     unknown[i]));
		EXPECT_EQ(ENXIO, errno);
		EXPECT_EQ(-1, __vcpu_device_attr_set(self->vcpu,
						     KVM_ARM_VCPU_SDEI_CTRL,
						     unknown[i], &val));
		EXPECT_EQ(ENXIO, errno);
		EXPECT_EQ(-1, __vcpu_device_attr_get(self->vcpu,
						     KVM_ARM_VCPU_SDEI_CTRL,
						     unknown[i], &val));
		EXPECT_EQ(ENXIO, errno);
	}

	/* A group that does not exist, and one of KVM's own. */
	EXPECT_EQ(-1, __vcpu_has_device_attr(self->vcpu,
					     KVM_ARM_VCPU_SDEI_CTRL + 1, 0));
	EXPECT_EQ(ENXIO, errno);
	EXPECT_EQ(0, __vcpu_has_device_attr(self->vcpu, KVM_ARM_VCPU_TIMER_CTRL,
					    KVM_ARM_VCPU_TIMER_IRQ_VTIMER));
}

TEST_F(event, attributes_go_one_way)
{
	u64 val = KVM_SDEI_EVENT_NORMAL(0);

	sdei_register_enable(self->vcpu, NORMAL(0));
	EXPECT_EQ(-1, __vcpu_device_attr_set(self->vcpu, KVM_ARM_VCPU_SDEI_CTRL,
					     KVM_ARM_VCPU_SDEI_STATE, &val));
	EXPECT_EQ(EPERM, errno);
	EXPECT_EQ(-1, __vcpu_device_attr_get(self->vcpu, KVM_ARM_VCPU_SDEI_CTRL,
					     KVM_ARM_VCPU_SDEI_RAISE, &val));
	EXPECT_EQ(EPERM, errno);
	EXPECT_EQ(-1, __vcpu_device_attr_get(self->vcpu, KVM_ARM_VCPU_SDEI_CTRL,
					     KVM_ARM_VCPU_SDEI_WITHDRAW, &val));
	EXPECT_EQ(EPERM, errno);
	EXPECT_EQ(SDEI_E, state(self->vcpu, NORMAL(0)));
}

TEST_F(event, attribute_flags_and_address)
{
	struct kvm_device_attr attr = {
		.group = KVM_ARM_VCPU_SDEI_CTRL,
		.attr = KVM_ARM_VCPU_SDEI_RAISE,
	};
	u64 event = KVM_SDEI_EVENT_NORMAL(0);

	sdei_register_enable(self->vcpu, NORMAL(0));
	EXPECT_EQ(-1, __vcpu_ioctl(self->vcpu, KVM_SET_DEVICE_ATTR, &attr));
	EXPECT_EQ(EFAULT, errno);

	attr.addr = (u64)&event;
	attr.flags = 1;
	EXPECT_EQ(-1, __vcpu_ioctl(self->vcpu, KVM_SET_DEVICE_ATTR, &attr));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(SDEI_E, state(self->vcpu, NORMAL(0)));
}

TEST_F(event, unknown_events_are_enoent)
{
	const u64 unknown[] = {
		1, 0x10000, KVM_SDEI_EVENT_NORMAL(-1),
		KVM_SDEI_EVENT_NORMAL(KVM_SDEI_NR_NORMAL),
		KVM_SDEI_EVENT_CRITICAL(-1),
		KVM_SDEI_EVENT_CRITICAL(KVM_SDEI_NR_CRITICAL), 0xffffffff,
		/* All 64 bits of this number count. */
		BIT_ULL(32), BIT_ULL(32) | KVM_SDEI_EVENT_NORMAL(0), ~0ULL,
	};
	u64 val;
	int i;

	for (i = 0; i < ARRAY_SIZE(unknown); i++) {
		EXPECT_EQ(-1, __sdei_raise(self->vcpu, unknown[i]));
		EXPECT_EQ(ENOENT, errno);
		EXPECT_EQ(-1, __sdei_withdraw(self->vcpu, unknown[i]));
		EXPECT_EQ(ENOENT, errno);
		val = unknown[i];
		EXPECT_EQ(-1, query(self->vcpu, &val));
		EXPECT_EQ(ENOENT, errno);
		EXPECT_EQ(unknown[i], val);
	}
}

/* Whether the guest has registered it or not. Its state can be read. */
TEST_F(event, signalled_event_is_eperm)
{
	EXPECT_EQ(-1, __sdei_raise(self->vcpu, KVM_SDEI_EVENT_SIGNALLED));
	EXPECT_EQ(EPERM, errno);

	sdei_register_enable(self->vcpu, SIGNALLED);
	EXPECT_EQ(-1, __sdei_raise(self->vcpu, KVM_SDEI_EVENT_SIGNALLED));
	EXPECT_EQ(EPERM, errno);

	sdei_trigger(self->vcpu, SIGNALLED);
	EXPECT_EQ(-1, __sdei_withdraw(self->vcpu, KVM_SDEI_EVENT_SIGNALLED));
	EXPECT_EQ(EPERM, errno);
	EXPECT_EQ(SDEI_E | KVM_SDEI_STATE_PENDING,
		  state(self->vcpu, SIGNALLED));
}

/* This error tells the VMM to interrupt the guest in another way. */
TEST_F(event, unregistered_event_is_eagain)
{
	u64 event = sdei_event(NORMAL(0));
	struct sdei_regs regs;

	EXPECT_EQ(-1, __sdei_raise(self->vcpu, event));
	EXPECT_EQ(EAGAIN, errno);

	sdei_register_enable(self->vcpu, NORMAL(0));
	EXPECT_EQ(-1, __sdei_raise(self->vcpu, sdei_event(NORMAL(1))));
	EXPECT_EQ(EAGAIN, errno);
	EXPECT_EQ(0, __sdei_raise(self->vcpu, event));

	/* The handler still runs, but the event is not registered any more. */
	sdei_call_enter(self->vcpu, &regs, PE_UNMASK);
	EXPECT_EQ(SDEI_PENDING, sdei_call(self->vcpu, EVENT_UNREGISTER, event));
	EXPECT_EQ(-1, __sdei_raise(self->vcpu, event));
	EXPECT_EQ(EAGAIN, errno);
	EXPECT_EQ(0, sdei_pending(self->vcpu));
}

TEST_F(event, state_follows_the_event)
{
	u64 event = sdei_event(CRITICAL(1));
	struct sdei_regs regs;

	EXPECT_EQ(SDEI_U, state(self->vcpu, CRITICAL(1)));
	EXPECT_EQ(SDEI_SUCCESS, sdei_register(self->vcpu, CRITICAL(1)));
	EXPECT_EQ(SDEI_G, state(self->vcpu, CRITICAL(1)));
	sdei_raise(self->vcpu, CRITICAL(1));
	EXPECT_EQ(SDEI_G | KVM_SDEI_STATE_PENDING,
		  state(self->vcpu, CRITICAL(1)));
	EXPECT_EQ(SDEI_SUCCESS, sdei_call(self->vcpu, EVENT_ENABLE, event));
	EXPECT_EQ(SDEI_E | KVM_SDEI_STATE_PENDING,
		  state(self->vcpu, CRITICAL(1)));
	sdei_call_enter(self->vcpu, &regs, PE_UNMASK);
	EXPECT_EQ(SDEI_E, state(self->vcpu, CRITICAL(1)));
	sdei_raise(self->vcpu, CRITICAL(1));
	EXPECT_EQ(SDEI_E | KVM_SDEI_STATE_PENDING,
		  state(self->vcpu, CRITICAL(1)));
	EXPECT_EQ(SDEI_PENDING, sdei_call(self->vcpu, EVENT_UNREGISTER, event));
	EXPECT_EQ(SDEI_U, state(self->vcpu, CRITICAL(1)));
	EXPECT_EQ(SDEI_U, state(self->vcpu, CRITICAL(0)));
}

TEST_F(event, withdrawn_is_not_delivered)
{
	u64 event = sdei_event(NORMAL(0));
	struct sdei_regs regs;

	EXPECT_EQ(-1, __sdei_withdraw(self->vcpu, event));
	EXPECT_EQ(EAGAIN, errno);

	sdei_register_enable(self->vcpu, NORMAL(0));
	EXPECT_EQ(-1, __sdei_withdraw(self->vcpu, event));
	EXPECT_EQ(EAGAIN, errno);

	sdei_raise(self->vcpu, NORMAL(0));
	sdei_raise(self->vcpu, NORMAL(0));
	EXPECT_EQ(0, __sdei_withdraw(self->vcpu, event));
	EXPECT_EQ(-1, __sdei_withdraw(self->vcpu, event));
	EXPECT_EQ(EAGAIN, errno);
	EXPECT_EQ(SDEI_SUCCESS, sdei_call(self->vcpu, PE_UNMASK));

	/* An event that was delivered can't be withdrawn. */
	EXPECT_EQ(1, sdei_call(self->vcpu, PE_MASK));
	sdei_raise(self->vcpu, NORMAL(0));
	sdei_call_enter(self->vcpu, &regs, PE_UNMASK);
	EXPECT_EQ(-1, __sdei_withdraw(self->vcpu, event));
	EXPECT_EQ(EAGAIN, errno);
}

TEST_F(event, withdrawn_alone)
{
	struct sdei_regs regs;

	sdei_register_enable(self->vcpu, NORMAL(0));
	sdei_register_enable(self->vcpu, NORMAL(1));
	sdei_register_enable(self->vcpu, CRITICAL(0));
	sdei_raise(self->vcpu, NORMAL(0));
	sdei_raise(self->vcpu, NORMAL(1));
	sdei_raise(self->vcpu, CRITICAL(0));
	EXPECT_EQ(0, __sdei_withdraw(self->vcpu, sdei_event(NORMAL(0))));

	sdei_call_enter(self->vcpu, &regs, PE_UNMASK);
	EXPECT_EQ(sdei_event(CRITICAL(0)), regs.x[0]);
	sdei_complete(self->vcpu, &regs);
	EXPECT_EQ(sdei_event(NORMAL(1)), regs.x[0]);
	sdei_complete(self->vcpu, &regs);
	EXPECT_EQ((u64)sdei_hvc_done, regs.pc);
}

/* The vCPU is in the guest and does not leave it by itself. */
TEST_F(event, raised_into_an_endless_loop)
{
	struct sdei_regs *regs = &self->thread.regs;
	int i;

	sdei_register_enable(self->vcpu, NORMAL(0));
	EXPECT_EQ(SDEI_SUCCESS, sdei_call(self->vcpu, PE_UNMASK));

	for (i = 0; i < 40; i++) {
		sdei_thread_start(&self->thread, sdei_spin);
		usleep(i * 500);
		EXPECT_EQ(SDEI_E, state(self->vcpu, NORMAL(0)));
		sdei_raise(self->vcpu, NORMAL(0));
		sdei_thread_join(&self->thread);
		EXPECT_EQ(sdei_event(NORMAL(0)), regs->x[0]);
		EXPECT_EQ((u64)sdei_spin, regs->x[2]);
		EXPECT_EQ(SDEI_E, state(self->vcpu, NORMAL(0)));

		sdei_complete_and_resume(self->vcpu, regs, sdei_hvc_done);
		EXPECT_EQ((u64)sdei_hvc_done, regs->pc);
	}
}

TEST_F(event, raised_out_of_wfi)
{
	int stats_fd = vcpu_get_stats_fd(self->vcpu);
	struct sdei_regs *regs = &self->thread.regs;

	sdei_register_enable(self->vcpu, CRITICAL(0));
	EXPECT_EQ(SDEI_SUCCESS, sdei_call(self->vcpu, PE_UNMASK));
	sdei_thread_start(&self->thread, sdei_wfi);
	sdei_wait(sdei_is_blocked(stats_fd));
	sdei_raise(self->vcpu, CRITICAL(0));
	sdei_thread_join(&self->thread);
	EXPECT_EQ(sdei_event(CRITICAL(0)), regs->x[0]);
	EXPECT_EQ((u64)sdei_wfi_done, regs->x[2]);
	close(stats_fd);
}

/*
 * Raises an event and runs the vCPU into its handler. The event interrupts the
 * guest before it makes the call for which its registers are set.
 */
static void enter(struct __test_metadata *_metadata, struct kvm_vcpu *vcpu,
		  int index, struct sdei_regs *regs)
{
	sdei_raise(vcpu, index);
	sdei_call_enter(vcpu, regs, VERSION);
	EXPECT_EQ(sdei_handler(index), regs->pc);
	EXPECT_EQ((u64)sdei_hvc, regs->x[2]);
	EXPECT_EQ(SDEI_ER, sdei_call(vcpu, EVENT_STATUS, sdei_event(index)));
}

/* Raises an event that must not be delivered yet. */
static void expect_blocked(struct __test_metadata *_metadata,
			   struct kvm_vcpu *vcpu, int index)
{
	sdei_raise(vcpu, index);
	EXPECT_EQ(SDEI_VERSION_1_0, sdei_call(vcpu, VERSION));
	EXPECT_NE(0, state(vcpu, index) & KVM_SDEI_STATE_PENDING);
}

FIXTURE(nesting)
{
	struct kvm_vm *vm;
	struct kvm_vcpu *vcpu;
};

FIXTURE_SETUP(nesting)
{
	int i;

	self->vm = sdei_vm_create(&self->vcpu, 1);
	for (i = 0; i < KVM_SDEI_NR_EVENTS; i++)
		sdei_register_enable(self->vcpu, i);
	sdei_call(self->vcpu, PE_UNMASK);
}

FIXTURE_TEARDOWN(nesting)
{
	kvm_vm_free(self->vm);
}

TEST_F(nesting, normal_in_normal_is_not)
{
	struct sdei_regs regs;

	enter(_metadata, self->vcpu, NORMAL(1), &regs);
	expect_blocked(_metadata, self->vcpu, NORMAL(1));
	expect_blocked(_metadata, self->vcpu, NORMAL(0));
	EXPECT_EQ(SDEI_SUCCESS, sdei_call(self->vcpu, EVENT_SIGNAL, 0,
					  sdei_mpidr(self->vcpu)));
}

TEST_F(nesting, in_critical_is_nothing)
{
	struct sdei_regs regs;

	enter(_metadata, self->vcpu, CRITICAL(1), &regs);
	expect_blocked(_metadata, self->vcpu, CRITICAL(1));
	expect_blocked(_metadata, self->vcpu, CRITICAL(0));
	expect_blocked(_metadata, self->vcpu, NORMAL(0));
	EXPECT_EQ(SDEI_SUCCESS, sdei_call(self->vcpu, EVENT_SIGNAL, 0,
					  sdei_mpidr(self->vcpu)));

	/* The critical event is next. It interrupts at the same place. */
	sdei_complete(self->vcpu, &regs);
	EXPECT_EQ(sdei_event(CRITICAL(0)), regs.x[0]);
	EXPECT_EQ(SDEI_1_0_FN_SDEI_VERSION,
		  sdei_call(self->vcpu, EVENT_CONTEXT, 0));
}

TEST_F(nesting, critical_in_normal)
{
	struct kvm_vcpu *vcpu = self->vcpu;
	struct sdei_regs normal, critical, regs;

	/* As enter() does, but with values to recognize. */
	sdei_raise(vcpu, NORMAL(0));
	sdei_call_enter(vcpu, &normal, FEATURES, 0, 0x1111, 0x2222);
	EXPECT_EQ(0x1111, sdei_call(vcpu, EVENT_CONTEXT, 2));

	/* The critical event interrupts the normal handler. */
	sdei_raise(vcpu, CRITICAL(0));
	sdei_call_enter(vcpu, &critical, VERSION, 0xa, 0xb, 0xc);
	EXPECT_EQ(sdei_handler(CRITICAL(0)), critical.pc);
	EXPECT_EQ((u64)sdei_hvc, critical.x[2]);
	EXPECT_EQ(normal.pstate, critical.x[3]);
	EXPECT_EQ(SDEI_ER, sdei_call(vcpu, EVENT_STATUS,
				     sdei_event(NORMAL(0))));
	EXPECT_EQ(SDEI_ER, sdei_call(vcpu, EVENT_STATUS,
				     sdei_event(CRITICAL(0))));
	EXPECT_EQ(SDEI_1_0_FN_SDEI_VERSION, sdei_call(vcpu, EVENT_CONTEXT, 0));
	EXPECT_EQ(0xa, sdei_call(vcpu, EVENT_CONTEXT, 1));
	EXPECT_EQ(0xb, sdei_call(vcpu, EVENT_CONTEXT, 2));
	EXPECT_EQ(0xc, sdei_call(vcpu, EVENT_CONTEXT, 3));

	/* No third handler can run. */
	expect_blocked(_metadata, vcpu, CRITICAL(1));
	EXPECT_EQ(0, __sdei_withdraw(vcpu, sdei_event(CRITICAL(1))));
	expect_blocked(_metadata, vcpu, NORMAL(1));

	/* The normal handler makes its call. Its context has not changed. */
	sdei_complete(vcpu, &regs);
	EXPECT_EQ((u64)sdei_hvc_done, regs.pc);
	EXPECT_EQ(SDEI_VERSION_1_0, regs.x[0]);
	EXPECT_EQ(0xa, regs.x[1]);
	EXPECT_EQ(normal.pstate, regs.pstate);
	EXPECT_EQ(SDEI_ER, sdei_call(vcpu, EVENT_STATUS,
				     sdei_event(NORMAL(0))));
	EXPECT_EQ(SDEI_E, sdei_call(vcpu, EVENT_STATUS,
				    sdei_event(CRITICAL(0))));
	EXPECT_EQ(SDEI_1_0_FN_SDEI_FEATURES,
		  sdei_call(vcpu, EVENT_CONTEXT, 0));
	EXPECT_EQ(0x1111, sdei_call(vcpu, EVENT_CONTEXT, 2));
	EXPECT_EQ(0x2222, sdei_call(vcpu, EVENT_CONTEXT, 3));

	/* The other normal event has waited until this handler completed. */
	sdei_complete(vcpu, &regs);
	EXPECT_EQ(sdei_event(NORMAL(1)), regs.x[0]);
	EXPECT_EQ((u64)sdei_hvc, regs.x[2]);
	EXPECT_EQ(0x1111, sdei_call(vcpu, EVENT_CONTEXT, 2));
	sdei_complete(vcpu, &regs);
	EXPECT_EQ((u64)sdei_hvc_done, regs.pc);
	EXPECT_EQ(0, regs.x[0]);
	EXPECT_EQ(0x1111, regs.x[2]);
	EXPECT_EQ(SDEI_DENIED, sdei_call(vcpu, EVENT_COMPLETE));
}

TEST_F(nesting, complete_and_resume_ends_the_inner_one)
{
	struct sdei_regs regs;

	enter(_metadata, self->vcpu, NORMAL(0), &regs);
	enter(_metadata, self->vcpu, CRITICAL(0), &regs);
	sdei_complete_and_resume(self->vcpu, &regs, sdei_smc_done);
	EXPECT_EQ((u64)sdei_smc_done, regs.pc);
	EXPECT_EQ((u64)sdei_hvc, regs.elr_el1);

	EXPECT_EQ(SDEI_ER, sdei_call(self->vcpu, EVENT_STATUS,
				     sdei_event(NORMAL(0))));
	EXPECT_EQ(SDEI_E, sdei_call(self->vcpu, EVENT_STATUS,
				    sdei_event(CRITICAL(0))));
	sdei_complete(self->vcpu, &regs);
	EXPECT_EQ((u64)sdei_hvc_done, regs.pc);
	EXPECT_EQ(SDEI_VERSION_1_0, regs.x[0]);
}

/* PE_MASK in a normal handler also holds critical events back. */
TEST_F(nesting, critical_in_normal_is_not_if_masked)
{
	struct sdei_regs regs;

	enter(_metadata, self->vcpu, NORMAL(0), &regs);
	EXPECT_EQ(1, sdei_call(self->vcpu, PE_MASK));
	expect_blocked(_metadata, self->vcpu, CRITICAL(0));
	sdei_call_enter(self->vcpu, &regs, PE_UNMASK);
	EXPECT_EQ(sdei_event(CRITICAL(0)), regs.x[0]);
	EXPECT_EQ(SDEI_SUCCESS, sdei_call(self->vcpu, EVENT_CONTEXT, 0));
}

TEST_F(nesting, reset_in_nested_handlers)
{
	struct sdei_regs regs;
	int i;

	enter(_metadata, self->vcpu, NORMAL(0), &regs);
	enter(_metadata, self->vcpu, CRITICAL(0), &regs);
	EXPECT_EQ(SDEI_DENIED, sdei_call(self->vcpu, PRIVATE_RESET));
	for (i = 0; i < KVM_SDEI_NR_EVENTS; i++)
		EXPECT_EQ(i == NORMAL(0) || i == CRITICAL(0) ? SDEI_UP : SDEI_U,
			  sdei_call(self->vcpu, EVENT_STATUS, sdei_event(i)));
	sdei_complete(self->vcpu, &regs);
	EXPECT_EQ(SDEI_DENIED, sdei_call(self->vcpu, PRIVATE_RESET));
	EXPECT_EQ(SDEI_U, sdei_call(self->vcpu, EVENT_STATUS,
				    sdei_event(CRITICAL(0))));
	sdei_complete(self->vcpu, &regs);
	EXPECT_EQ((u64)sdei_hvc_done, regs.pc);
	EXPECT_EQ(SDEI_SUCCESS, sdei_call(self->vcpu, PRIVATE_RESET));
}

/*
 * From here on, the guest runs C code. The VMM raises an event and withdraws it
 * at once. If that succeeds, the handler must not run; if it fails, it must
 * run.
 */
#define NR_RAISED	2000

static u64 nr_runs;
static bool done;

static u64 guest_handler(u64 event, u64 pc, u64 pstate)
{
	WRITE_ONCE(nr_runs, nr_runs + 1);
	return 0;
}

static void guest_spin(void)
{
	guest_enable(KVM_SDEI_EVENT_NORMAL(0), guest_handler);
	guest_call(SDEI_1_0_FN_SDEI_PE_UNMASK, 0, 0, 0);
	GUEST_WAIT(READ_ONCE(done));
	GUEST_DONE();
}

TEST_F(event, raised_is_either_delivered_or_withdrawn)
{
	u64 *runs = addr_gva2hva(self->vm, (unsigned long)&nr_runs);
	bool *end = addr_gva2hva(self->vm, (unsigned long)&done);
	u64 event = sdei_event(NORMAL(0));
	u64 nr_delivered = 0;
	int i;

	vcpu_arch_set_entry_point(self->vcpu, guest_spin);
	sdei_thread_create(&self->thread, sdei_guest_fn);
	sdei_wait(state(self->vcpu, NORMAL(0)) == SDEI_E);

	for (i = 0; i < NR_RAISED; i++) {
		sdei_raise(self->vcpu, NORMAL(0));
		if (i % 4 == 0)
			usleep(i % 64);
		if (__sdei_withdraw(self->vcpu, event)) {
			ASSERT_EQ(EAGAIN, errno);
			nr_delivered++;
		}
	}
	sdei_wait(READ_ONCE(*runs) == nr_delivered);

	/* Of many, at least the last one must make the handler run again. */
	for (i = 0; i < NR_RAISED; i++)
		sdei_raise(self->vcpu, NORMAL(0));
	sdei_wait(READ_ONCE(*runs) > nr_delivered &&
		  state(self->vcpu, NORMAL(0)) == SDEI_E);

	WRITE_ONCE(*end, true);
	sdei_thread_join(&self->thread);
	EXPECT_LE(READ_ONCE(*runs), nr_delivered + NR_RAISED);
	TH_LOG("%lu of %d were delivered", nr_delivered, NR_RAISED);
}

TEST_HARNESS_MAIN
