// SPDX-License-Identifier: GPL-2.0
/*
 * shared_test - Shared events: the VMM raises them by an attribute of the VM, and
 * one vCPU takes them. Routing, power, migration, and storms.
 */
#include <signal.h>
#include <sys/time.h>

#include "sdei.h"

#define NR_VCPUS	3
#define RM_ANY		0
#define RM_PE		1

FIXTURE(shared)
{
	struct kvm_vm *vm;
	struct kvm_vcpu *vcpus[NR_VCPUS];
};

FIXTURE_SETUP(shared)
{
	self->vm = sdei_vm_create(self->vcpus, NR_VCPUS);
}

FIXTURE_TEARDOWN(shared)
{
	kvm_vm_free(self->vm);
}

static s64 register_shared(struct kvm_vcpu *vcpu, int index, u64 mode,
			   u64 affinity)
{
	return sdei_call(vcpu, EVENT_REGISTER, sdei_event(index),
			 sdei_handler(index), sdei_argument(vcpu->vm, index),
			 mode, affinity);
}

static void prepare(struct kvm_vcpu *vcpu, int index, u64 mode, u64 affinity)
{
	TEST_ASSERT_EQ(register_shared(vcpu, index, mode, affinity),
		       SDEI_SUCCESS);
	TEST_ASSERT_EQ(sdei_call(vcpu, EVENT_ENABLE, sdei_event(index)),
		       SDEI_SUCCESS);
}

static s64 status(struct kvm_vcpu *vcpu, int index)
{
	return sdei_call(vcpu, EVENT_STATUS, sdei_event(index));
}

static s64 psci(struct kvm_vcpu *vcpu, u64 fn, u64 arg0, u64 arg1, u64 arg2)
{
	struct sdei_regs regs;

	sdei_call_prepare(vcpu, &regs, fn, SDEI_ARGS(arg0, arg1, arg2));
	sdei_call_regs(vcpu, sdei_hvc, &regs);
	TEST_ASSERT_EQ(regs.pc, (u64)sdei_hvc_done);
	return regs.x[0];
}

/* Unmasks a vCPU, which then takes the event. */
static void take(struct kvm_vcpu *vcpu, int index)
{
	struct sdei_regs regs;

	sdei_call_enter(vcpu, &regs, PE_UNMASK);
	TEST_ASSERT_EQ(regs.pc, sdei_handler(index));
	TEST_ASSERT_EQ(regs.x[0], sdei_event(index));
}

TEST_F(shared, one_registration_for_all_vcpus)
{
	int e, i;

	for (e = SHARED(0); e < NR_ALL_EVENTS; e++) {
		struct kvm_vcpu *first = self->vcpus[e % NR_VCPUS];
		u64 mpidr = sdei_mpidr(first);

		EXPECT_EQ(SDEI_INVALID_PARAMETERS,
			  register_shared(first, e, RM_PE, 0xffffffff));
		EXPECT_EQ(SDEI_SUCCESS,
			  register_shared(first, e, RM_PE, mpidr));
		for (i = 0; i < NR_VCPUS; i++) {
			struct kvm_vcpu *vcpu = self->vcpus[i];

			EXPECT_EQ(SDEI_DENIED,
				  register_shared(vcpu, e, RM_ANY, 0));
			EXPECT_EQ(SDEI_G, status(vcpu, e));
			EXPECT_EQ(1, sdei_call(vcpu, EVENT_GET_INFO,
					       sdei_event(e), 0));
			EXPECT_EQ(1, sdei_call(vcpu, EVENT_GET_INFO,
					       sdei_event(e), 1));
			EXPECT_EQ(e >= SHARED_CRITICAL(0),
				  sdei_call(vcpu, EVENT_GET_INFO,
					    sdei_event(e), 2));
			EXPECT_EQ(RM_PE, sdei_call(vcpu, EVENT_GET_INFO,
						   sdei_event(e), 3));
			EXPECT_EQ(mpidr & MPIDR_AFFINITY,
				  sdei_call(vcpu, EVENT_GET_INFO,
					    sdei_event(e), 4));
		}
		EXPECT_EQ(SDEI_SUCCESS,
			  sdei_call(self->vcpus[0], EVENT_ROUTING_SET,
				    sdei_event(e), RM_ANY));
		EXPECT_EQ(SDEI_SUCCESS, sdei_call(self->vcpus[1], EVENT_ENABLE,
						  sdei_event(e)));
		EXPECT_EQ(SDEI_DENIED,
			  sdei_call(self->vcpus[0], EVENT_ROUTING_SET,
				    sdei_event(e), RM_ANY));
	}
	EXPECT_EQ(SDEI_SUCCESS, sdei_call(self->vcpus[2], SHARED_RESET));
	for (e = SHARED(0); e < NR_ALL_EVENTS; e++)
		EXPECT_EQ(SDEI_U, status(self->vcpus[0], e));
}

TEST_F(shared, attribute_of_the_vm)
{
	struct kvm_device_attr attr = {
		.group = KVM_ARM_VM_SDEI_CTRL,
		.attr = KVM_ARM_VM_SDEI_RAISE,
	};
	u64 val = sdei_event(SHARED_NORMAL(1));
	int fd = self->vm->fd;

	EXPECT_EQ(0, __kvm_has_device_attr(fd, KVM_ARM_VM_SDEI_CTRL,
					   KVM_ARM_VM_SDEI_RAISE));
	EXPECT_EQ(0, __kvm_has_device_attr(fd, KVM_ARM_VM_SDEI_CTRL,
					   KVM_ARM_VM_SDEI_STATE));
	EXPECT_EQ(-1, __kvm_has_device_attr(fd, KVM_ARM_VM_SDEI_CTRL, 3));
	EXPECT_EQ(ENXIO, errno);
	EXPECT_EQ(-1, __kvm_has_device_attr(fd, KVM_ARM_VM_SDEI_CTRL + 1, 0));
	EXPECT_EQ(ENXIO, errno);

	EXPECT_EQ(-1, __sdei_vm_raise(self->vm, val));
	EXPECT_EQ(EAGAIN, errno);
	EXPECT_EQ(0, sdei_vm_state(self->vm, SHARED_NORMAL(1)));
	prepare(self->vcpus[0], SHARED_NORMAL(1), RM_ANY, 0);
	EXPECT_EQ(SDEI_E, sdei_vm_state(self->vm, SHARED_NORMAL(1)));
	EXPECT_EQ(-1, __sdei_vm_withdraw(self->vm, val));
	EXPECT_EQ(EAGAIN, errno);
	EXPECT_EQ(0, __sdei_vm_raise(self->vm, val));
	EXPECT_EQ(0, __sdei_vm_raise(self->vm, val));
	EXPECT_EQ(SDEI_E | KVM_SDEI_STATE_PENDING,
		  sdei_vm_state(self->vm, SHARED_NORMAL(1)));
	EXPECT_EQ(0, __sdei_vm_withdraw(self->vm, val));
	EXPECT_EQ(SDEI_E, sdei_vm_state(self->vm, SHARED_NORMAL(1)));

	/* Private events belong to a vCPU, shared ones to the VM. */
	EXPECT_EQ(-1, __sdei_vm_raise(self->vm, sdei_event(NORMAL(0))));
	EXPECT_EQ(ENOENT, errno);
	EXPECT_EQ(-1, __sdei_raise(self->vcpus[0], val));
	EXPECT_EQ(ENOENT, errno);
	EXPECT_EQ(-1, __sdei_vm_raise(self->vm, val | BIT_ULL(32)));
	EXPECT_EQ(ENOENT, errno);

	EXPECT_EQ(-1, __kvm_device_attr_get(fd, KVM_ARM_VM_SDEI_CTRL,
					    KVM_ARM_VM_SDEI_RAISE, &val));
	EXPECT_EQ(EPERM, errno);
	EXPECT_EQ(-1, __kvm_device_attr_set(fd, KVM_ARM_VM_SDEI_CTRL,
					    KVM_ARM_VM_SDEI_STATE, &val));
	EXPECT_EQ(EPERM, errno);
	EXPECT_EQ(-1, ioctl(fd, KVM_SET_DEVICE_ATTR, &attr));
	EXPECT_EQ(EFAULT, errno);
	attr.addr = (u64)&val;
	attr.flags = 1;
	EXPECT_EQ(-1, ioctl(fd, KVM_SET_DEVICE_ATTR, &attr));
	EXPECT_EQ(EINVAL, errno);
}

/* Without SDEI, the VM has no such attributes. */
TEST(attribute_without_sdei)
{
	struct kvm_vcpu *vcpu;
	struct kvm_vm *vm = __sdei_vm_create(&vcpu, 1, false);

	EXPECT_EQ(-1, __kvm_has_device_attr(vm->fd, KVM_ARM_VM_SDEI_CTRL,
					    KVM_ARM_VM_SDEI_RAISE));
	EXPECT_EQ(ENXIO, errno);
	kvm_vm_free(vm);
}

TEST_F(shared, rm_any_waits_for_the_first_that_can)
{
	struct sdei_regs regs;
	int e, i;

	for (e = SHARED(0); e < NR_ALL_EVENTS; e++) {
		prepare(self->vcpus[0], e, RM_ANY, 0);
		for (i = 0; i < NR_VCPUS; i++) {
			sdei_vm_raise(self->vm, e);
			take(self->vcpus[i], e);
			EXPECT_EQ(SDEI_ER, status(self->vcpus[(i + 1) % 3], e));
			EXPECT_EQ(SDEI_DENIED, sdei_call(self->vcpus[(i + 1) % 3],
							 EVENT_COMPLETE));
			EXPECT_EQ(1, sdei_call(self->vcpus[i], PE_MASK));
			sdei_complete(self->vcpus[i], &regs);
			EXPECT_EQ((u64)sdei_hvc_done, regs.pc);
			EXPECT_EQ(SDEI_E, status(self->vcpus[0], e));
		}
	}
}

/* A vCPU in a loop with interrupts masked; all others are masked. */
TEST_F(shared, rm_any_into_an_endless_loop)
{
	struct sdei_thread thread = { .vcpu = self->vcpus[2] };
	int e;

	for (e = SHARED(0); e < NR_ALL_EVENTS; e++)
		prepare(self->vcpus[0], e, RM_ANY, 0);
	for (e = SHARED(0); e < NR_ALL_EVENTS; e++) {
		EXPECT_EQ(SDEI_SUCCESS, sdei_call(thread.vcpu, PE_UNMASK));
		sdei_thread_start(&thread, sdei_spin);
		usleep(5000);
		sdei_vm_raise(self->vm, e);
		sdei_thread_join(&thread);
		EXPECT_EQ(sdei_handler(e), thread.regs.pc);
		EXPECT_EQ((u64)sdei_spin, thread.regs.x[2]);
		sdei_complete_and_resume(thread.vcpu, &thread.regs,
					 sdei_hvc_done);
	}
}

/* The event wakes a vCPU in WFI, but none that can't take it. */
TEST_F(shared, out_of_wfi)
{
	struct sdei_thread thread = { .vcpu = self->vcpus[1] };

	prepare(self->vcpus[0], SHARED_CRITICAL(0), RM_PE,
		sdei_mpidr(self->vcpus[1]));
	EXPECT_EQ(SDEI_SUCCESS, sdei_call(self->vcpus[0], PE_UNMASK));
	EXPECT_EQ(SDEI_SUCCESS, sdei_call(thread.vcpu, PE_UNMASK));
	sdei_thread_start(&thread, sdei_wfi);
	usleep(20000);
	sdei_vm_raise(self->vm, SHARED_CRITICAL(0));
	sdei_thread_join(&thread);
	EXPECT_EQ(sdei_handler(SHARED_CRITICAL(0)), thread.regs.pc);
}

TEST_F(shared, rm_pe_is_for_one_vcpu_only)
{
	u64 mpidr = sdei_mpidr(self->vcpus[1]);
	struct sdei_regs regs;
	int e;

	EXPECT_EQ(SDEI_SUCCESS, sdei_call(self->vcpus[0], PE_UNMASK));
	EXPECT_EQ(SDEI_SUCCESS, sdei_call(self->vcpus[2], PE_UNMASK));
	for (e = SHARED(0); e < NR_ALL_EVENTS; e++) {
		prepare(self->vcpus[0], e, RM_PE, mpidr);
		sdei_vm_raise(self->vm, e);
		/* These two don't take it. */
		EXPECT_EQ(SDEI_E, status(self->vcpus[0], e));
		EXPECT_EQ(SDEI_E, status(self->vcpus[2], e));
		take(self->vcpus[1], e);
		EXPECT_EQ(1, sdei_call(self->vcpus[1], PE_MASK));
		sdei_complete(self->vcpus[1], &regs);
	}
}

/* The vCPU that would take the event is reset, or masked, before it runs. */
TEST_F(shared, rm_any_goes_elsewhere)
{
	struct sdei_thread thread = { .vcpu = self->vcpus[1] };

	prepare(self->vcpus[2], SHARED_NORMAL(0), RM_ANY, 0);
	EXPECT_EQ(SDEI_SUCCESS, sdei_call(self->vcpus[0], PE_UNMASK));
	EXPECT_EQ(SDEI_SUCCESS, sdei_call(thread.vcpu, PE_UNMASK));
	sdei_thread_start(&thread, sdei_spin);
	usleep(5000);
	/* Nobody runs this vCPU, but the module can't know. */
	sdei_vm_raise(self->vm, SHARED_NORMAL(0));
	EXPECT_EQ(SDEI_E | KVM_SDEI_STATE_PENDING,
		  sdei_vm_state(self->vm, SHARED_NORMAL(0)));
	sdei_vcpu_reset(self->vcpus[0], 0);
	sdei_thread_join(&thread);
	EXPECT_EQ(sdei_handler(SHARED_NORMAL(0)), thread.regs.pc);
	EXPECT_EQ(SDEI_ER, sdei_vm_state(self->vm, SHARED_NORMAL(0)));
}

/* A vCPU that the VMM has stopped is not chosen. */
TEST_F(shared, rm_any_prefers_vcpus_that_run)
{
	struct kvm_mp_state stopped = { .mp_state = KVM_MP_STATE_STOPPED };
	struct sdei_thread thread = { .vcpu = self->vcpus[1] };

	prepare(self->vcpus[2], SHARED_NORMAL(0), RM_ANY, 0);
	EXPECT_EQ(SDEI_SUCCESS, sdei_call(self->vcpus[0], PE_UNMASK));
	EXPECT_EQ(SDEI_SUCCESS, sdei_call(thread.vcpu, PE_UNMASK));
	vcpu_mp_state_set(self->vcpus[0], &stopped);
	sdei_thread_start(&thread, sdei_spin);
	usleep(5000);
	sdei_vm_raise(self->vm, SHARED_NORMAL(0));
	sdei_thread_join(&thread);
	EXPECT_EQ(sdei_handler(SHARED_NORMAL(0)), thread.regs.pc);
}

/* CPU_OFF in the handler completes it; the next trigger goes elsewhere. */
TEST_F(shared, cpu_off_in_the_handler)
{
	u64 mpidr = sdei_mpidr(self->vcpus[0]) & MPIDR_AFFINITY;
	struct sdei_thread thread = { .vcpu = self->vcpus[0] };

	prepare(self->vcpus[1], SHARED_NORMAL(0), RM_ANY, 0);
	sdei_vm_raise(self->vm, SHARED_NORMAL(0));
	take(self->vcpus[0], SHARED_NORMAL(0));
	sdei_vm_raise(self->vm, SHARED_NORMAL(0));
	EXPECT_EQ(SDEI_ER, status(self->vcpus[1], SHARED_NORMAL(0)));

	sdei_call_set(self->vcpus[0], PSCI_0_2_FN_CPU_OFF, SDEI_ARGS());
	sdei_thread_start(&thread, sdei_hvc);
	sdei_wait(psci(self->vcpus[1], PSCI_0_2_FN64_AFFINITY_INFO, mpidr, 0,
		       0) == PSCI_0_2_AFFINITY_LEVEL_OFF);
	EXPECT_EQ(SDEI_E, status(self->vcpus[1], SHARED_NORMAL(0)));
	take(self->vcpus[1], SHARED_NORMAL(0));

	/* The vCPU that is off is not turned on: it starts by CPU_ON only. */
	EXPECT_EQ(PSCI_RET_SUCCESS,
		  psci(self->vcpus[1], PSCI_0_2_FN64_CPU_ON, mpidr,
		       addr_gva2gpa(self->vm, (u64)sdei_power_up),
		       self->vm->ucall_mmio_addr));
	sdei_thread_join(&thread);
	EXPECT_EQ(addr_gva2gpa(self->vm, (u64)sdei_power_up), thread.regs.pc);
}

static void ignore_signal(int signal)
{
}

/* Linux expects its CPU to be masked after a power-down (6.5.2.2.2). */
static void check_cpu_suspend(struct __test_metadata *_metadata,
			      struct kvm_vcpu *vcpu, u64 power_state, s64 masks)
{
	struct sigaction action = { .sa_handler = ignore_signal };
	struct itimerval timer = {
		.it_value.tv_usec = SDEI_LONG_ENOUGH_MS * 1000,
		.it_interval.tv_usec = SDEI_LONG_ENOUGH_MS * 1000,
	};
	struct itimerval off = {};
	struct sdei_regs regs;

	EXPECT_EQ(SDEI_SUCCESS, sdei_call(vcpu, PE_UNMASK));
	sdei_call_prepare(vcpu, &regs, PSCI_0_2_FN64_CPU_SUSPEND,
			  SDEI_ARGS(power_state));
	regs.pc = (u64)sdei_hvc;
	sdei_set_regs(vcpu, &regs);
	/* A signal ends the standby. */
	sigaction(SIGALRM, &action, NULL);
	setitimer(ITIMER_REAL, &timer, NULL);
	EXPECT_EQ(-1, __vcpu_run(vcpu));
	setitimer(ITIMER_REAL, &off, NULL);
	sdei_run(vcpu, &regs);
	EXPECT_EQ((u64)sdei_hvc_done, regs.pc);
	EXPECT_EQ(PSCI_RET_SUCCESS, regs.x[0]);
	EXPECT_EQ(!masks, sdei_call(vcpu, PE_MASK));
}

TEST_F(shared, cpu_suspend)
{
	struct kvm_vcpu *vcpu = self->vcpus[0];

	sdei_register_enable(vcpu, NORMAL(0));
	prepare(vcpu, SHARED_NORMAL(0), RM_ANY, 0);
	check_cpu_suspend(_metadata, vcpu, 0, false);
	check_cpu_suspend(_metadata, vcpu, PSCI_0_2_POWER_STATE_TYPE_MASK,
			  true);
	EXPECT_EQ(SDEI_E, sdei_call(vcpu, EVENT_STATUS, sdei_event(NORMAL(0))));
	EXPECT_EQ(SDEI_E, status(vcpu, SHARED_NORMAL(0)));
}

/* A VM whose vCPUs are all reset has forgotten its shared events. */
TEST_F(shared, reset_of_all_vcpus)
{
	int i;

	prepare(self->vcpus[0], SHARED_NORMAL(0), RM_ANY, 0);
	EXPECT_EQ(0, sdei_call(self->vcpus[1], PE_MASK));
	sdei_vm_raise(self->vm, SHARED_NORMAL(0));
	sdei_vcpu_reset(self->vcpus[0], 0);
	EXPECT_EQ(SDEI_E, status(self->vcpus[1], SHARED_NORMAL(0)));
	for (i = 0; i < 2; i++)
		sdei_vcpu_reset(self->vcpus[i], 0);
	EXPECT_EQ(0, sdei_vm_state(self->vm, SHARED_NORMAL(0)));
	EXPECT_EQ(SDEI_U, status(self->vcpus[0], SHARED_NORMAL(0)));
}

TEST_F(shared, administrator)
{
	u64 event = sdei_event(SHARED_CRITICAL(0));
	char command[64], *text;
	const char *vm;
	int pid, number;
	size_t len;

	text = sdei_control_read();
	vm = sdei_control_newest(text);
	ASSERT_NE(NULL, vm);
	if (sscanf(vm, "VM %d-%d ", &pid, &number) != 2)
		TEST_FAIL("The line of the VM is '%s'", vm);
	free(text);

	len = snprintf(command, sizeof(command), "%d-%d 0x%lx", pid, number,
		       event);
	EXPECT_EQ(EAGAIN, sdei_control_write(command, len));
	prepare(self->vcpus[1], SHARED_CRITICAL(0), RM_ANY, 0);
	EXPECT_EQ(0, sdei_control_write(command, len));
	EXPECT_EQ(SDEI_E | KVM_SDEI_STATE_PENDING,
		  sdei_vm_state(self->vm, SHARED_CRITICAL(0)));
	text = sdei_control_read();
	EXPECT_NE(NULL, strstr(text, "shared 0x40000120=enabled,pending\n"));
	free(text);
	take(self->vcpus[2], SHARED_CRITICAL(0));
	text = sdei_control_read();
	EXPECT_NE(NULL, strstr(text, "shared 0x40000120=enabled,running\n"));
	free(text);

	/* No vCPU has such an event of its own. */
	len = snprintf(command, sizeof(command), "%d-%d 0 0x%lx", pid, number,
		       event);
	EXPECT_EQ(ENOENT, sdei_control_write(command, len));
}

/* Writes all registers of SDEI to another VM, the last ones first. */
static void migrate(struct kvm_vcpu *from[], struct kvm_vcpu *to[])
{
	struct sdei_regs regs;
	int i, n;

	for (i = NR_VCPUS - 1; i >= 0; i--) {
		struct kvm_reg_list *list = vcpu_get_reg_list(from[i]);

		for (n = list->n - 1; n >= 0; n--)
			if (sdei_is_reg(list->reg[n]))
				vcpu_set_reg(to[i], list->reg[n],
					     sdei_get_reg(from[i],
							  list->reg[n]));
		free(list);
		sdei_get_regs(from[i], &regs);
		sdei_set_regs(to[i], &regs);
	}
}

/* vCPU 1 runs a handler, vCPU 2 a nested one, and an event is pending. */
TEST_F(shared, migration_in_handlers)
{
	struct kvm_vcpu *to[NR_VCPUS];
	struct kvm_vm *vm = sdei_vm_create(to, NR_VCPUS);
	u64 mpidr = sdei_mpidr(self->vcpus[2]);
	struct sdei_regs regs, to_regs;
	int e, i;

	prepare(self->vcpus[0], SHARED_NORMAL(0), RM_ANY, 0);
	prepare(self->vcpus[0], SHARED_NORMAL(1), RM_PE, mpidr);
	prepare(self->vcpus[0], SHARED_CRITICAL(1), RM_PE, mpidr);
	prepare(self->vcpus[0], SHARED_CRITICAL(0), RM_ANY, 0);
	sdei_vm_raise(self->vm, SHARED_NORMAL(0));
	take(self->vcpus[1], SHARED_NORMAL(0));
	sdei_vm_raise(self->vm, SHARED_NORMAL(1));
	take(self->vcpus[2], SHARED_NORMAL(1));
	EXPECT_EQ(1, sdei_call(self->vcpus[1], PE_MASK));
	EXPECT_EQ(1, sdei_call(self->vcpus[2], PE_MASK));
	sdei_vm_raise(self->vm, SHARED_CRITICAL(1));
	take(self->vcpus[2], SHARED_CRITICAL(1));
	sdei_vm_raise(self->vm, SHARED_NORMAL(0));
	sdei_vm_raise(self->vm, SHARED_CRITICAL(0));

	migrate(self->vcpus, to);
	for (e = SHARED(0); e < NR_ALL_EVENTS; e++) {
		EXPECT_EQ(sdei_vm_state(self->vm, e), sdei_vm_state(vm, e));
		for (i = 0; i < NR_VCPUS; i++)
			EXPECT_EQ(status(self->vcpus[i], e), status(to[i], e));
	}

	/* Both go on in the same way: on vCPU 1 the event comes again. */
	EXPECT_EQ(SDEI_SUCCESS, sdei_call(to[0], EVENT_DISABLE,
					  sdei_event(SHARED_CRITICAL(0))));
	EXPECT_EQ(SDEI_SUCCESS, sdei_call(self->vcpus[0], EVENT_DISABLE,
					  sdei_event(SHARED_CRITICAL(0))));
	EXPECT_EQ(SDEI_SUCCESS, sdei_call(to[1], PE_UNMASK));
	EXPECT_EQ(SDEI_SUCCESS, sdei_call(self->vcpus[1], PE_UNMASK));
	for (i = 0; i < 2; i++) {
		for (e = 1; e < NR_VCPUS; e++) {
			sdei_complete(self->vcpus[e], &regs);
			sdei_complete(to[e], &to_regs);
			EXPECT_EQ(0, memcmp(&regs, &to_regs, sizeof(regs)));
		}
	}
	for (e = SHARED(0); e < NR_ALL_EVENTS; e++)
		EXPECT_EQ(sdei_vm_state(self->vm, e), sdei_vm_state(vm, e));
	kvm_vm_free(vm);
}

/* What a VMM writes back late does not undo what other vCPUs did meanwhile. */
TEST_F(shared, written_back_late)
{
	struct kvm_vcpu *vcpu = self->vcpus[0];
	struct kvm_reg_list *list;
	u64 val[512];
	int i;

	prepare(self->vcpus[1], SHARED_NORMAL(0), RM_ANY, 0);
	sdei_vm_raise(self->vm, SHARED_NORMAL(0));
	list = vcpu_get_reg_list(vcpu);
	ASSERT_LE(list->n, ARRAY_SIZE(val));
	for (i = 0; i < list->n; i++)
		if (sdei_is_reg(list->reg[i]))
			val[i] = sdei_get_reg(vcpu, list->reg[i]);
	take(self->vcpus[1], SHARED_NORMAL(0));
	prepare(self->vcpus[1], SHARED_NORMAL(1), RM_ANY, 0);
	for (i = 0; i < list->n; i++)
		if (sdei_is_reg(list->reg[i]))
			vcpu_set_reg(vcpu, list->reg[i], val[i]);
	free(list);
	EXPECT_EQ(SDEI_ER, sdei_vm_state(self->vm, SHARED_NORMAL(0)));
	EXPECT_EQ(SDEI_E, sdei_vm_state(self->vm, SHARED_NORMAL(1)));
}

/*
 * From here on, the guest runs C code. All vCPUs loop, and mask and unmask
 * themselves, while the VMM raises an event again and again. Each time, one
 * vCPU runs the handler, and never two at once.
 */
#define NR_RAISED	300

static u64 sent, seen, runs, running, nr_ready;
static bool done;
static u64 storm_event, storm_mode, storm_affinity;

static u64 storm_handler(u64 event, u64 pc, u64 pstate)
{
	GUEST_ASSERT_EQ(__sync_fetch_and_add(&running, 1), 0);
	GUEST_ASSERT_EQ(event, storm_event);
	WRITE_ONCE(seen, READ_ONCE(sent));
	WRITE_ONCE(runs, runs + 1);
	GUEST_ASSERT_EQ(__sync_fetch_and_sub(&running, 1), 1);
	return 0;
}

static void guest_storm(void)
{
	if (guest_get_vcpuid() == 0)
		guest_enable_shared(storm_event, storm_handler, storm_mode,
				    storm_affinity);
	guest_call(SDEI_1_0_FN_SDEI_PE_UNMASK, 0, 0, 0);
	__sync_fetch_and_add(&nr_ready, 1);
	while (!READ_ONCE(done)) {
		guest_call(SDEI_1_0_FN_SDEI_PE_MASK, 0, 0, 0);
		guest_call(SDEI_1_0_FN_SDEI_PE_UNMASK, 0, 0, 0);
	}
	GUEST_DONE();
}

FIXTURE(storm)
{
	struct kvm_vm *vm;
	struct sdei_thread threads[NR_VCPUS];
};

FIXTURE_VARIANT(storm)
{
	int index;
	u64 mode;
};

FIXTURE_VARIANT_ADD(storm, normal_any) {
	.index = SHARED_NORMAL(0),
	.mode = RM_ANY,
};

FIXTURE_VARIANT_ADD(storm, normal_pe) {
	.index = SHARED_NORMAL(1),
	.mode = RM_PE,
};

FIXTURE_VARIANT_ADD(storm, critical_any) {
	.index = SHARED_CRITICAL(0),
	.mode = RM_ANY,
};

FIXTURE_VARIANT_ADD(storm, critical_pe) {
	.index = SHARED_CRITICAL(1),
	.mode = RM_PE,
};

FIXTURE_SETUP(storm)
{
	struct kvm_vcpu *vcpus[NR_VCPUS];
	int i;

	self->vm = sdei_vm_create(vcpus, NR_VCPUS);
	for (i = 0; i < NR_VCPUS; i++)
		self->threads[i].vcpu = vcpus[i];
	storm_event = sdei_event(variant->index);
	storm_mode = variant->mode;
	storm_affinity = sdei_mpidr(vcpus[1]);
	sync_global_to_guest(self->vm, storm_event);
	sync_global_to_guest(self->vm, storm_mode);
	sync_global_to_guest(self->vm, storm_affinity);
}

FIXTURE_TEARDOWN(storm)
{
	kvm_vm_free(self->vm);
}

#define in_guest(var) \
	(*(typeof(var) *)addr_gva2hva(self->vm, (unsigned long)&(var)))

TEST_F(storm, each_event_is_delivered_once)
{
	u64 i;

	for (i = 0; i < NR_VCPUS; i++) {
		vcpu_arch_set_entry_point(self->threads[i].vcpu, guest_storm);
		sdei_thread_create(&self->threads[i], sdei_guest_fn);
	}
	sdei_wait(READ_ONCE(in_guest(nr_ready)) == NR_VCPUS);
	for (i = 1; i <= NR_RAISED; i++) {
		WRITE_ONCE(in_guest(sent), i);
		sdei_vm_raise(self->vm, variant->index);
		sdei_wait(READ_ONCE(in_guest(seen)) == i);
	}
	WRITE_ONCE(in_guest(done), true);
	for (i = 0; i < NR_VCPUS; i++)
		sdei_thread_join(&self->threads[i]);
	EXPECT_EQ(NR_RAISED, in_guest(runs));
}

TEST_HARNESS_MAIN
