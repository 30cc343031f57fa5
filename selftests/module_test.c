// SPDX-License-Identifier: GPL-2.0
/*
 * module_test - Loads and unloads the module. A VM that opted in keeps the
 * module from being unloaded, other VMs do not. Also the parameter auto_enable.
 */
#include <fcntl.h>

#include "module.h"
#include "sdei.h"

static struct kvm_vm *vm_opted_in(void)
{
	struct kvm_vm *vm = vm_create(1);

	vm_enable_cap(vm, KVM_CAP_ARM_SDEI, 0);
	return vm;
}

FIXTURE(module) {
};

FIXTURE_SETUP(module)
{
	/* The test before this one may have left the module loaded. */
	unload_sdei();
	ASSERT_EQ(0, load_sdei(""));
}

FIXTURE_TEARDOWN(module)
{
	load_sdei("");
}

TEST_F(module, unload_is_refused_while_a_vm_uses_it)
{
	struct kvm_vm *vm = vm_opted_in();

	EXPECT_EQ(EWOULDBLOCK, unload_sdei());

	kvm_vm_free(vm);
	EXPECT_EQ(0, unload_sdei());
}

TEST_F(module, unload_is_refused_while_its_file_is_open)
{
	int fd = open(SDEI_CONTROL, O_RDONLY);

	ASSERT_LE(0, fd);
	EXPECT_EQ(EWOULDBLOCK, unload_sdei());
	close(fd);
	fd = open(SDEI_CONTROL, O_WRONLY);
	ASSERT_LE(0, fd);
	EXPECT_EQ(EWOULDBLOCK, unload_sdei());
	close(fd);

	EXPECT_EQ(0, unload_sdei());
	EXPECT_EQ(-1, access(SDEI_CONTROL, F_OK));
	EXPECT_EQ(ENOENT, errno);
}

/* A reader that stops in the middle of a VM does not keep this VM alive. */
TEST_F(module, reader_does_not_pin_vms)
{
	struct kvm_vcpu *vcpu;
	struct kvm_vm *vm = sdei_vm_create(&vcpu, 1);
	int fd = open(SDEI_CONTROL, O_RDONLY);
	char c;

	ASSERT_LE(0, fd);
	EXPECT_EQ(1, read(fd, &c, 1));
	EXPECT_EQ(2, module_references("kvm_sdei"));
	kvm_vm_free(vm);
	EXPECT_EQ(1, module_references("kvm_sdei"));
	close(fd);
	EXPECT_EQ(0, unload_sdei());
}

TEST_F(module, every_vm_counts)
{
	struct kvm_vm *a = vm_opted_in();
	struct kvm_vm *b = vm_opted_in();

	kvm_vm_free(a);
	EXPECT_EQ(EWOULDBLOCK, unload_sdei());
	kvm_vm_free(b);
	EXPECT_EQ(0, unload_sdei());
}

TEST_F(module, opting_in_twice_counts_once)
{
	struct kvm_vm *vm = vm_opted_in();

	vm_enable_cap(vm, KVM_CAP_ARM_SDEI, 0);
	kvm_vm_free(vm);
	EXPECT_EQ(0, unload_sdei());
}

TEST_F(module, other_vms_do_not_pin_it)
{
	struct kvm_vm *vm = vm_create(1);

	EXPECT_EQ(0, unload_sdei());
	EXPECT_EQ(0, vm_check_cap(vm, KVM_CAP_ARM_SDEI));
	EXPECT_EQ(-1, __vm_enable_cap(vm, KVM_CAP_ARM_SDEI, 0));
	EXPECT_EQ(EINVAL, errno);
	kvm_vm_free(vm);
}

TEST_F(module, loads_again_and_serves)
{
	struct kvm_vm *vm;

	ASSERT_EQ(0, unload_sdei());
	ASSERT_EQ(0, load_sdei(""));
	vm = vm_opted_in();
	EXPECT_EQ(KVM_SDEI_NR_EVENTS, vm_check_cap(vm, KVM_CAP_ARM_SDEI));
	kvm_vm_free(vm);
}

TEST_F(module, auto_enable_opts_in_new_vms_only)
{
	struct kvm_vm *before = vm_create(1), *after;
	int fd;

	fd = open(MODULE_AUTO_ENABLE, O_WRONLY);
	ASSERT_GE(fd, 0);
	ASSERT_EQ(1, write(fd, "1", 1));
	close(fd);

	/*
	 * The VM that existed before does not count as a user, a new one does.
	 */
	after = vm_create(1);
	EXPECT_EQ(EWOULDBLOCK, unload_sdei());
	kvm_vm_free(after);
	EXPECT_EQ(0, unload_sdei());
	kvm_vm_free(before);
}

TEST_F(module, auto_enable_at_load)
{
	struct kvm_vm *vm;

	ASSERT_EQ(0, unload_sdei());
	ASSERT_EQ(0, load_sdei("auto_enable=1"));
	vm = vm_create(1);
	EXPECT_EQ(EWOULDBLOCK, unload_sdei());

	/* A VMM may opt in although the VM already has SDEI. */
	vm_enable_cap(vm, KVM_CAP_ARM_SDEI, 0);
	kvm_vm_free(vm);
	EXPECT_EQ(0, unload_sdei());
}

TEST_F(module, auto_enable_lists_the_vm_for_the_administrator)
{
	struct kvm_vcpu *vcpu;
	struct kvm_vm *vm;
	char *text;

	ASSERT_EQ(0, unload_sdei());
	ASSERT_EQ(0, load_sdei("auto_enable=1"));
	vm = __sdei_vm_create(&vcpu, 1, false);
	text = sdei_control_read();
	EXPECT_NE(NULL, sdei_control_newest(text));
	free(text);
	kvm_vm_free(vm);
	EXPECT_EQ(0, unload_sdei());
}

TEST_HARNESS_MAIN
