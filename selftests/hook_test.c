// SPDX-License-Identifier: GPL-2.0
/*
 * hook_test - SMCCC services other than SDEI: several in one VM, what
 * registration refuses, and services that fail. The services are those of
 * smccc_test_service.ko, which is loaded anew for each test.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "hook/smccc_test_service.h"
#include "module.h"
#include "sdei.h"

#define SERVICE		"smccc_test_service"

static int load_service(const char *parameters)
{
	return load_module(SERVICE ".ko", parameters);
}

static int unload_service(void)
{
	return unload_module(SERVICE);
}

/* A parameter of the loaded module. */
static int parameter(const char *name)
{
	char path[128], value[16] = "";
	int fd;

	snprintf(path, sizeof(path), "/sys/module/" SERVICE "/parameters/%s", name);
	fd = open(path, O_RDONLY);
	TEST_ASSERT(fd >= 0 && read(fd, value, sizeof(value) - 1) > 0,
		    "Can't read %s", path);
	close(fd);
	return atoi(value);
}

static void set_parameter(const char *name, const char *value)
{
	char path[128];
	int fd;

	snprintf(path, sizeof(path), "/sys/module/" SERVICE "/parameters/%s", name);
	fd = open(path, O_WRONLY);
	TEST_ASSERT(fd >= 0 && write(fd, value, strlen(value)) > 0,
		    "Can't write %s", path);
	close(fd);
}

/* The guest makes the calls that the test asks for. */
static u32 guest_fn;
static u64 guest_answer;

static void guest_code(void)
{
	struct arm_smccc_res res;

	for (;;) {
		smccc_hvc(READ_ONCE(guest_fn), 0, 0, 0, 0, 0, 0, 0, &res);
		WRITE_ONCE(guest_answer, res.a0);
		GUEST_SYNC(0);
	}
}

/* A call's answer. */
static u64 call(struct kvm_vcpu *vcpu, u32 fn)
{
	struct ucall uc;

	guest_fn = fn;
	sync_global_to_guest(vcpu->vm, guest_fn);
	vcpu_run(vcpu);
	TEST_ASSERT(get_ucall(vcpu, &uc) == UCALL_SYNC, "The guest stopped");
	sync_global_from_guest(vcpu->vm, guest_answer);
	return guest_answer;
}

/* What service @i answers when it is asked who it is. */
static u64 who(struct kvm_vcpu *vcpu, unsigned int i)
{
	return call(vcpu, TEST_FN_BASE + i * TEST_NR_FUNCTIONS + TEST_FN_WHO);
}

/* A VM that opted in to @services services of the module. */
static struct kvm_vm *vm_with(unsigned int services)
{
	struct kvm_vm *vm = vm_create(2);
	unsigned int i;

	for (i = 0; i < services; i++)
		vm_enable_cap(vm, TEST_CAP + i, 0);
	return vm;
}

static struct kvm_vcpu *add_vcpu(struct kvm_vm *vm)
{
	struct kvm_vcpu *vcpu = vm_vcpu_add(vm, 0, guest_code);

	kvm_arch_vm_finalize_vcpus(vm);
	return vcpu;
}

FIXTURE(hook) {
};

FIXTURE_SETUP(hook)
{
	/* Whatever the test before left. */
	unload_service();
	TEST_REQUIRE(kvm_has_cap(KVM_CAP_ARM_SDEI));
}

FIXTURE_TEARDOWN(hook)
{
	unload_service();
}

TEST_F(hook, two_services_answer_in_one_vm)
{
	struct {
		struct kvm_smccc_services head;
		struct kvm_smccc_service_range ranges[2];
	} list = { .head.nr = 2 };
	struct kvm_vcpu *vcpu;
	struct kvm_vm *vm;

	ASSERT_EQ(0, load_service(""));
	vm = vm_with(1);
	vm_enable_cap(vm, KVM_CAP_ARM_SDEI, 0);
	vcpu = add_vcpu(vm);

	EXPECT_EQ(TEST_WHO(0), who(vcpu, 0));
	EXPECT_EQ(1UL << SDEI_VERSION_MAJOR_SHIFT,
		  call(vcpu, SDEI_1_0_FN_SDEI_VERSION));
	EXPECT_EQ(TEST_WHO(0), who(vcpu, 0));
	/* The first function after the range of the service. */
	EXPECT_EQ(-1UL, call(vcpu, TEST_FN_BASE + TEST_NR_FUNCTIONS));

	kvm_device_attr_get(vm->fd, KVM_ARM_VM_SMCCC_CTRL,
			    KVM_ARM_VM_SMCCC_SERVICES, &list);
	EXPECT_EQ(2, list.head.nr);
	EXPECT_EQ(TEST_FN_BASE, list.ranges[0].base);
	EXPECT_EQ(TEST_NR_FUNCTIONS, list.ranges[0].nr_functions);
	EXPECT_EQ(KVM_SDEI_FN_BASE, list.ranges[1].base);

	kvm_vm_free(vm);
}

TEST_F(hook, a_vm_has_only_the_service_that_it_asked_for)
{
	struct kvm_vcpu *vcpu;
	struct kvm_vm *vm;

	ASSERT_EQ(0, load_service("services=2"));
	vm = vm_with(1);
	vcpu = add_vcpu(vm);

	EXPECT_EQ(TEST_WHO(0), who(vcpu, 0));
	EXPECT_EQ(-1UL, who(vcpu, 1));
	EXPECT_EQ(-1UL, call(vcpu, SDEI_1_0_FN_SDEI_VERSION));

	kvm_vm_free(vm);
}

TEST_F(hook, services_share_their_operations)
{
	struct kvm_vcpu *vcpu;
	struct kvm_vm *vm;

	ASSERT_EQ(0, load_service("services=3"));
	vm = vm_with(3);
	vcpu = add_vcpu(vm);

	EXPECT_EQ(TEST_WHO(0), who(vcpu, 0));
	EXPECT_EQ(TEST_WHO(1), who(vcpu, 1));
	EXPECT_EQ(TEST_WHO(2), who(vcpu, 2));

	kvm_vm_free(vm);
}

TEST_F(hook, each_service_has_its_register)
{
	u64 fn = TEST_FN_BASE + TEST_FN_VALUE;
	struct kvm_vcpu *vcpu;
	struct kvm_vm *vm;
	u64 val;

	ASSERT_EQ(0, load_service("services=2"));
	vm = vm_with(2);
	vcpu = add_vcpu(vm);

	vcpu_set_reg(vcpu, TEST_REG(0), 10);
	vcpu_set_reg(vcpu, TEST_REG(1), 11);
	EXPECT_EQ(10, call(vcpu, fn));
	EXPECT_EQ(11, call(vcpu, fn + TEST_NR_FUNCTIONS));
	EXPECT_EQ(-1, __vcpu_get_reg(vcpu, TEST_REG(2), &val));
	EXPECT_EQ(ENOENT, errno);

	kvm_vm_free(vm);
}

TEST_F(hook, each_service_has_its_attributes)
{
	struct kvm_vcpu *vcpu;
	struct kvm_vm *vm;
	u64 val = 0;

	ASSERT_EQ(0, load_service("services=2"));
	vm = vm_with(2);
	vcpu = add_vcpu(vm);

	vcpu_device_attr_set(vcpu, TEST_ATTR_GROUP + 1, TEST_ATTR_KICK, &val);
	/* On its way to this call, the vCPU enters the guest. */
	who(vcpu, 0);
	vcpu_device_attr_get(vcpu, TEST_ATTR_GROUP, TEST_ATTR_ENTERED, &val);
	EXPECT_EQ(0, val);
	vcpu_device_attr_get(vcpu, TEST_ATTR_GROUP + 1, TEST_ATTR_ENTERED, &val);
	EXPECT_EQ(1, val);

	/* KVM's own groups still work. A group of no service does not exist. */
	EXPECT_EQ(0, __vcpu_has_device_attr(vcpu, KVM_ARM_VCPU_TIMER_CTRL,
					    KVM_ARM_VCPU_TIMER_IRQ_VTIMER));
	EXPECT_EQ(-1, __vcpu_has_device_attr(vcpu, TEST_ATTR_GROUP + 2,
					     TEST_ATTR_KICK));
	EXPECT_EQ(ENXIO, errno);

	kvm_vm_free(vm);
}

TEST_F(hook, services_have_attributes_of_the_vm)
{
	struct kvm_vm *vm;
	u64 val;

	ASSERT_EQ(0, load_service("services=3"));
	vm = vm_with(3);

	for (val = 10; val < 30; val += 10)
		kvm_device_attr_set(vm->fd, TEST_ATTR_GROUP + val / 10 - 1,
				    TEST_ATTR_VM_VALUE, &val);
	kvm_device_attr_get(vm->fd, TEST_ATTR_GROUP, TEST_ATTR_VM_VALUE, &val);
	EXPECT_EQ(10, val);
	kvm_device_attr_get(vm->fd, TEST_ATTR_GROUP + 1, TEST_ATTR_VM_VALUE,
			    &val);
	EXPECT_EQ(21, val);

	EXPECT_EQ(-1, __kvm_has_device_attr(vm->fd, TEST_ATTR_GROUP, 1));
	EXPECT_EQ(ENXIO, errno);
	/* A service without such attributes, and no service. */
	EXPECT_EQ(-1, __kvm_has_device_attr(vm->fd, TEST_ATTR_GROUP + 2,
					    TEST_ATTR_VM_VALUE));
	EXPECT_EQ(ENXIO, errno);
	EXPECT_EQ(-1, __kvm_has_device_attr(vm->fd, TEST_ATTR_GROUP + 3,
					    TEST_ATTR_VM_VALUE));
	EXPECT_EQ(ENXIO, errno);
	/* KVM's own group still works. */
	EXPECT_EQ(0, __kvm_has_device_attr(vm->fd, KVM_ARM_VM_SMCCC_CTRL,
					   KVM_ARM_VM_SMCCC_FILTER));

	kvm_vm_free(vm);
}

TEST_F(hook, what_another_service_has_is_refused)
{
	/* SDEI has 0xc4000020 to 0xc400003f. */
	EXPECT_EQ(EBUSY, load_service("base=0xc400001f nr_functions=2"));
	EXPECT_EQ(EBUSY, load_service("base=0xc400003f nr_functions=2"));
	EXPECT_EQ(EBUSY, load_service("base=0xc4000028 nr_functions=1"));
	EXPECT_EQ(EBUSY, load_service("base=0xc4000000 nr_functions=0x100"));
	EXPECT_EQ(EBUSY, load_service("cap=0x53444549"));
	EXPECT_EQ(EBUSY, load_service("attr_group=0x53444549"));
	/* Bit 48 of KVM_REG_ARM_STD_BMAP. */
	EXPECT_EQ(EBUSY, load_service("bmap_reg=0x6030000000160000 bmap_bit=48"));
}

TEST_F(hook, what_another_service_does_not_have_is_accepted)
{
	EXPECT_EQ(0, load_service("base=0xc400001f nr_functions=1"));
	EXPECT_EQ(0, unload_service());
	EXPECT_EQ(0, load_service("base=0xc4000040 nr_functions=1"));
	EXPECT_EQ(0, unload_service());
	/* The same bit of another register. */
	EXPECT_EQ(0, load_service("bmap_bit=48"));
	EXPECT_EQ(0, unload_service());
	EXPECT_EQ(0, load_service("bmap_reg=0x6030000000160000 bmap_bit=63"));
}

TEST_F(hook, what_is_kvms_own_is_refused)
{
	EXPECT_EQ(EINVAL, load_service("attr_group=0"));
	EXPECT_EQ(EINVAL, load_service("attr_group=1"));
	EXPECT_EQ(EINVAL, load_service("attr_group=2"));

	/* Bit 0 of each of the three registers: TRNG, PV time, the features. */
	EXPECT_EQ(EINVAL, load_service("bmap_reg=0x6030000000160000 bmap_bit=0"));
	EXPECT_EQ(EINVAL, load_service("bmap_reg=0x6030000000160001 bmap_bit=0"));
	EXPECT_EQ(EINVAL, load_service("bmap_reg=0x6030000000160002 bmap_bit=0"));
	EXPECT_EQ(EINVAL, load_service("bmap_reg=0x6030000000160002 bmap_bit=1"));
}

TEST_F(hook, what_makes_no_sense_is_refused)
{
	EXPECT_EQ(EINVAL, load_service("nr_functions=0"));
	EXPECT_EQ(EINVAL, load_service("base=0xffffffff nr_functions=2"));
	EXPECT_EQ(EINVAL, load_service("cap_value=0"));
	EXPECT_EQ(EINVAL, load_service("bmap_reg=0"));
	EXPECT_EQ(EINVAL, load_service("bmap_bit=64"));
	EXPECT_EQ(EINVAL, load_service("without_call=1"));
	EXPECT_EQ(EINVAL, load_service("half_vm_attrs=1"));
}

TEST_F(hook, a_service_of_another_size_is_refused)
{
	char parameters[32];
	int size;

	ASSERT_EQ(0, load_service(""));
	size = parameter("size");
	ASSERT_EQ(0, unload_service());

	snprintf(parameters, sizeof(parameters), "size=%d", size - 8);
	EXPECT_EQ(EINVAL, load_service(parameters));
	snprintf(parameters, sizeof(parameters), "size=%d", size + 8);
	EXPECT_EQ(EINVAL, load_service(parameters));
	snprintf(parameters, sizeof(parameters), "size=%d", size);
	EXPECT_EQ(0, load_service(parameters));
}

TEST_F(hook, one_service_too_many_is_refused)
{
	/* One of the four that fit is SDEI. */
	EXPECT_EQ(ENOSPC, load_service("services=4"));
	EXPECT_EQ(0, load_service("services=3"));
}

TEST_F(hook, a_vm_whose_creation_fails_has_not_opted_in)
{
	struct kvm_vcpu *vcpu;
	struct kvm_vm *vm;

	ASSERT_EQ(0, load_service("services=2 vm_error=12"));
	vm = vm_create(2);
	EXPECT_EQ(-1, __vm_enable_cap(vm, TEST_CAP + 1, 0));
	EXPECT_EQ(ENOMEM, errno);
	EXPECT_EQ(0, parameter("vms"));

	/* It does not pin the module, has no calls and no registers of it. */
	EXPECT_EQ(0, unload_service());
	ASSERT_EQ(0, load_service("services=2 vm_error=12"));
	EXPECT_EQ(-1, __vm_enable_cap(vm, TEST_CAP + 1, 0));
	vcpu = add_vcpu(vm);
	EXPECT_EQ(0, parameter("vcpus"));
	EXPECT_EQ(-1UL, who(vcpu, 1));
	EXPECT_EQ(-1, __vcpu_set_reg(vcpu, TEST_REG(1), 1));
	EXPECT_EQ(ENOENT, errno);

	kvm_vm_free(vm);
}

TEST_F(hook, a_vm_may_try_again)
{
	struct kvm_vcpu *vcpu;
	struct kvm_vm *vm;

	ASSERT_EQ(0, load_service("services=2 vm_error=12"));
	vm = vm_with(1);
	EXPECT_EQ(-1, __vm_enable_cap(vm, TEST_CAP + 1, 0));
	set_parameter("vm_error", "0");
	vm_enable_cap(vm, TEST_CAP + 1, 0);
	EXPECT_EQ(2, parameter("vms"));

	vcpu = add_vcpu(vm);
	EXPECT_EQ(TEST_WHO(0), who(vcpu, 0));
	EXPECT_EQ(TEST_WHO(1), who(vcpu, 1));

	kvm_vm_free(vm);
	EXPECT_EQ(0, parameter("vms"));
}

TEST_F(hook, a_vcpu_whose_creation_fails_leaves_nothing)
{
	struct kvm_vm *vm;

	ASSERT_EQ(0, load_service("services=3 vcpu_error=12"));
	vm = vm_with(3);

	/* The first two services have created theirs before the third fails. */
	EXPECT_EQ(-1, __vm_ioctl(vm, KVM_CREATE_VCPU, (void *)0UL));
	EXPECT_EQ(ENOMEM, errno);
	EXPECT_EQ(0, parameter("vcpus"));

	set_parameter("vcpu_error", "0");
	EXPECT_EQ(TEST_WHO(2), who(add_vcpu(vm), 2));
	EXPECT_EQ(3, parameter("vcpus"));

	kvm_vm_free(vm);
	EXPECT_EQ(0, parameter("vcpus"));
}

TEST_F(hook, all_that_is_created_is_destroyed)
{
	struct kvm_vm *a, *b, *other;

	ASSERT_EQ(0, load_service("services=2"));
	a = vm_with(2);
	b = vm_with(1);
	other = vm_with(0);
	vm_vcpu_add(a, 0, guest_code);
	vm_vcpu_add(a, 1, guest_code);
	vm_vcpu_add(b, 0, guest_code);
	vm_vcpu_add(other, 0, guest_code);
	EXPECT_EQ(3, parameter("vms"));
	EXPECT_EQ(5, parameter("vcpus"));

	kvm_vm_free(a);
	EXPECT_EQ(1, parameter("vms"));
	EXPECT_EQ(1, parameter("vcpus"));
	kvm_vm_free(b);
	EXPECT_EQ(0, parameter("vms"));
	EXPECT_EQ(0, parameter("vcpus"));
	kvm_vm_free(other);
}

TEST_F(hook, a_vm_pins_each_service_that_it_uses)
{
	struct kvm_vm *vm;

	ASSERT_EQ(0, load_service("services=2"));
	EXPECT_EQ(0, module_references(SERVICE));
	vm = vm_with(2);
	EXPECT_EQ(2, module_references(SERVICE));
	EXPECT_EQ(EWOULDBLOCK, unload_service());

	kvm_vm_free(vm);
	EXPECT_EQ(0, module_references(SERVICE));
	EXPECT_EQ(0, unload_service());
}

TEST_HARNESS_MAIN
