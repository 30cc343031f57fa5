// SPDX-License-Identifier: GPL-2.0
/*
 * control_test - An administrator reads in a VM's debugfs folder which vCPUs
 * have registered which events, and raises an event by writing to a file there.
 */
#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "sdei.h"

FIXTURE(control)
{
	struct kvm_vm *vm;
	struct kvm_vcpu *vcpus[2];
};

FIXTURE_SETUP(control)
{
	self->vm = sdei_vm_create(self->vcpus, 2);
}

FIXTURE_TEARDOWN(control)
{
	kvm_vm_free(self->vm);
}

static int open_file(struct kvm_vm *vm, const char *name, int flags)
{
	int fd = sdei_debugfs_open(vm, name, flags);

	TEST_ASSERT(fd >= 0, "open %s: %s", name, strerror(errno));
	return fd;
}

/* The contents of sdei_vcpus. */
static const char *vcpus(struct kvm_vm *vm)
{
	static char text[1024];
	int fd = open_file(vm, "sdei_vcpus", O_RDONLY);
	ssize_t len = read(fd, text, sizeof(text) - 1);

	TEST_ASSERT(len >= 0, "read sdei_vcpus: %s", strerror(errno));
	text[len] = 0;
	close(fd);
	return text;
}

/* Writes to sdei_inject. Returns 0 or an error number. */
static int inject_bytes(struct kvm_vm *vm, const void *bytes, size_t len)
{
	int fd = open_file(vm, "sdei_inject", O_WRONLY);
	ssize_t ret = write(fd, bytes, len);
	int error = ret < 0 ? errno : 0;

	TEST_ASSERT(error || ret == len, "%ld of %ld bytes", ret, len);
	close(fd);
	return error;
}

static int inject(struct kvm_vm *vm, const char *text)
{
	return inject_bytes(vm, text, strlen(text));
}

/* Makes the vCPU ready to take an event at once. */
static void listen_to(struct kvm_vcpu *vcpu, int index)
{
	sdei_register_enable(vcpu, index);
	TEST_ASSERT_EQ(sdei_call(vcpu, PE_UNMASK), SDEI_SUCCESS);
}

static bool is_pending(struct kvm_vcpu *vcpu, int index)
{
	return sdei_pending(vcpu) & BIT(index);
}

static void withdraw(struct kvm_vcpu *vcpu, int index)
{
	TEST_ASSERT_EQ(__sdei_withdraw(vcpu, sdei_event(index)), 0);
}

TEST_F(control, files_are_for_root)
{
	struct stat st;
	int fd;

	fd = open_file(self->vm, "sdei_vcpus", O_RDONLY);
	ASSERT_EQ(0, fstat(fd, &st));
	EXPECT_EQ(0400, st.st_mode & 07777);
	EXPECT_EQ(0, st.st_uid);
	close(fd);
	fd = open_file(self->vm, "sdei_inject", O_WRONLY);
	ASSERT_EQ(0, fstat(fd, &st));
	EXPECT_EQ(0200, st.st_mode & 07777);
	EXPECT_EQ(0, st.st_uid);
	close(fd);

	/* That holds even if other users may read debugfs as a whole. */
	ASSERT_EQ(0, mount(NULL, "/sys/kernel/debug", NULL, MS_REMOUNT,
			   "mode=755"));
	ASSERT_EQ(0, seteuid(65534));
	fd = sdei_debugfs_open(self->vm, "sdei_calls", O_RDONLY);
	EXPECT_LE(0, fd);
	close(fd);
	EXPECT_EQ(-1, sdei_debugfs_open(self->vm, "sdei_vcpus", O_RDONLY));
	EXPECT_EQ(EACCES, errno);
	EXPECT_EQ(-1, sdei_debugfs_open(self->vm, "sdei_inject", O_WRONLY));
	EXPECT_EQ(EACCES, errno);
	ASSERT_EQ(0, seteuid(0));
	ASSERT_EQ(0, mount(NULL, "/sys/kernel/debug", NULL, MS_REMOUNT,
			   "mode=700"));
}

TEST_F(control, stock_vm_has_no_files)
{
	struct kvm_vcpu *vcpu;
	struct kvm_vm *vm = __sdei_vm_create(&vcpu, 1, false);

	EXPECT_EQ(-1, sdei_debugfs_open(vm, "sdei_vcpus", O_RDONLY));
	EXPECT_EQ(ENOENT, errno);
	EXPECT_EQ(-1, sdei_debugfs_open(vm, "sdei_inject", O_WRONLY));
	EXPECT_EQ(ENOENT, errno);
	kvm_vm_free(vm);
}

TEST_F(control, shows_who_listens_to_what)
{
	struct sdei_regs regs;

	EXPECT_STREQ("0\n1\n", vcpus(self->vm));

	EXPECT_EQ(SDEI_SUCCESS, sdei_register(self->vcpus[0], SIGNALLED));
	sdei_register_enable(self->vcpus[1], NORMAL(0));
	sdei_register_enable(self->vcpus[1], CRITICAL(3));
	EXPECT_STREQ("0 0x00000000=disabled\n"
		     "1 0x40000010=enabled,blocked 0x40000023=enabled,blocked\n",
		     vcpus(self->vm));

	sdei_raise(self->vcpus[1], NORMAL(0));
	EXPECT_STREQ("0 0x00000000=disabled\n"
		     "1 0x40000010=enabled,blocked,pending 0x40000023=enabled,blocked\n",
		     vcpus(self->vm));

	/*
	 * A critical event interrupts a normal handler, a normal one does not.
	 */
	sdei_call_enter(self->vcpus[1], &regs, PE_UNMASK);
	EXPECT_STREQ("0 0x00000000=disabled\n"
		     "1 0x40000010=enabled,blocked 0x40000023=enabled\n",
		     vcpus(self->vm));

	sdei_complete(self->vcpus[1], &regs);
	EXPECT_STREQ("0 0x00000000=disabled\n"
		     "1 0x40000010=enabled 0x40000023=enabled\n",
		     vcpus(self->vm));
}

TEST_F(control, raises_in_a_vcpu_that_spins)
{
	struct sdei_thread thread = { .vcpu = self->vcpus[1] };
	int i;

	listen_to(self->vcpus[0], CRITICAL(0));
	listen_to(self->vcpus[1], CRITICAL(0));

	for (i = 0; i < 20; i++) {
		sdei_thread_start(&thread, sdei_spin);
		usleep(i * 500);
		EXPECT_EQ(0, inject(self->vm, "1 0x40000020\n"));
		sdei_thread_join(&thread);
		EXPECT_EQ(sdei_event(CRITICAL(0)), thread.regs.x[0]);
		EXPECT_EQ((u64)sdei_spin, thread.regs.x[2]);
		sdei_complete_and_resume(self->vcpus[1], &thread.regs,
					 sdei_hvc_done);
	}
	EXPECT_FALSE(is_pending(self->vcpus[0], CRITICAL(0)));
}

TEST_F(control, raises_in_the_vcpu_that_is_named)
{
	int i;

	for (i = 0; i < 2; i++)
		sdei_register_enable(self->vcpus[i], NORMAL(2));

	EXPECT_EQ(0, inject(self->vm, "1 0x40000012"));
	EXPECT_FALSE(is_pending(self->vcpus[0], NORMAL(2)));
	EXPECT_TRUE(is_pending(self->vcpus[1], NORMAL(2)));

	EXPECT_EQ(0, inject(self->vm, "0 0x40000012"));
	EXPECT_TRUE(is_pending(self->vcpus[0], NORMAL(2)));
}

TEST_F(control, raises_in_the_vcpu_that_can_take_it)
{
	const int event = NORMAL(0);

	/* A vCPU that has registered it comes before one that has not. */
	sdei_register_enable(self->vcpus[1], event);
	EXPECT_EQ(0, inject(self->vm, "0x40000010"));
	EXPECT_TRUE(is_pending(self->vcpus[1], event));
	withdraw(self->vcpus[1], event);

	/* A vCPU that is not masked comes before one that is. */
	sdei_register_enable(self->vcpus[0], event);
	EXPECT_EQ(SDEI_SUCCESS, sdei_call(self->vcpus[1], PE_UNMASK));
	EXPECT_EQ(0, inject(self->vm, "0x40000010"));
	EXPECT_FALSE(is_pending(self->vcpus[0], event));
	EXPECT_TRUE(is_pending(self->vcpus[1], event));
	withdraw(self->vcpus[1], event);

	/* If they are equal, the first vCPU gets the event. */
	EXPECT_EQ(SDEI_SUCCESS, sdei_call(self->vcpus[0], PE_UNMASK));
	EXPECT_EQ(0, inject(self->vm, "0x40000010"));
	EXPECT_TRUE(is_pending(self->vcpus[0], event));
	EXPECT_FALSE(is_pending(self->vcpus[1], event));
}

/* As PSCI's CPU_OFF and the VMM do. */
static void set_mp_state(struct kvm_vcpu *vcpu, u32 mp_state)
{
	struct kvm_mp_state state = { .mp_state = mp_state };

	vcpu_mp_state_set(vcpu, &state);
}

/* A vCPU that is off would not take the event before it is turned on again. */
TEST_F(control, passes_over_vcpus_that_are_off)
{
	const int event = NORMAL(0);

	/* One vCPU would take the event at once, but is off. */
	listen_to(self->vcpus[0], event);
	set_mp_state(self->vcpus[0], KVM_MP_STATE_STOPPED);
	EXPECT_EQ(SDEI_SUCCESS, sdei_register(self->vcpus[1], event));
	EXPECT_EQ(0, inject(self->vm, "0x40000010"));
	EXPECT_FALSE(is_pending(self->vcpus[0], event));
	EXPECT_TRUE(is_pending(self->vcpus[1], event));
	withdraw(self->vcpus[1], event);

	/* On again, it gets the event. */
	set_mp_state(self->vcpus[0], KVM_MP_STATE_RUNNABLE);
	EXPECT_EQ(0, inject(self->vm, "0x40000010"));
	EXPECT_TRUE(is_pending(self->vcpus[0], event));
	EXPECT_FALSE(is_pending(self->vcpus[1], event));
}

TEST_F(control, does_not_raise_if_all_vcpus_are_off)
{
	const int event = NORMAL(0);
	int i;

	listen_to(self->vcpus[1], event);
	set_mp_state(self->vcpus[1], KVM_MP_STATE_STOPPED);

	/* The other vCPU is on, but has not registered the event. */
	EXPECT_EQ(EAGAIN, inject(self->vm, "0x40000010"));

	sdei_register_enable(self->vcpus[0], event);
	set_mp_state(self->vcpus[0], KVM_MP_STATE_STOPPED);
	EXPECT_EQ(EAGAIN, inject(self->vm, "0x40000010"));
	for (i = 0; i < 2; i++)
		EXPECT_FALSE(is_pending(self->vcpus[i], event));
}

/* Whoever names a vCPU gets what KVM_ARM_VCPU_SDEI_RAISE does. */
TEST_F(control, raises_in_a_named_vcpu_that_is_off)
{
	listen_to(self->vcpus[0], NORMAL(0));
	set_mp_state(self->vcpus[0], KVM_MP_STATE_STOPPED);
	EXPECT_EQ(0, inject(self->vm, "0 0x40000010"));
	EXPECT_TRUE(is_pending(self->vcpus[0], NORMAL(0)));
	EXPECT_EQ(EAGAIN, inject(self->vm, "1 0x40000010"));
}

/* A vCPU that is suspended is on: the event may be what wakes it. */
TEST_F(control, does_not_pass_over_suspended_vcpus)
{
	vm_enable_cap(self->vm, KVM_CAP_ARM_SYSTEM_SUSPEND, 0);
	listen_to(self->vcpus[0], NORMAL(0));
	set_mp_state(self->vcpus[0], KVM_MP_STATE_SUSPENDED);
	EXPECT_EQ(0, inject(self->vm, "0x40000010"));
	EXPECT_TRUE(is_pending(self->vcpus[0], NORMAL(0)));
}

TEST_F(control, counts_as_injection)
{
	char text[8] = {};
	int fd;

	sdei_register_enable(self->vcpus[0], NORMAL(0));
	EXPECT_EQ(0, inject(self->vm, "0 0x40000010"));
	EXPECT_EQ(EAGAIN, inject(self->vm, "1 0x40000010"));
	fd = open_file(self->vm, "sdei_injections", O_RDONLY);
	EXPECT_EQ(2, read(fd, text, sizeof(text)));
	EXPECT_STREQ("1\n", text);
	close(fd);
}

TEST_F(control, refuses_as_the_attribute_does)
{
	sdei_register_enable(self->vcpus[0], SIGNALLED);

	EXPECT_EQ(EPERM, inject(self->vm, "0"));
	EXPECT_EQ(EPERM, inject(self->vm, "0 0"));
	EXPECT_EQ(EAGAIN, inject(self->vm, "0x40000010"));
	EXPECT_EQ(EAGAIN, inject(self->vm, "0 0x40000010"));
	EXPECT_EQ(ENOENT, inject(self->vm, "0x40000014"));
	EXPECT_EQ(ENOENT, inject(self->vm, "0 1"));
	EXPECT_EQ(ENOENT, inject(self->vm, "0x140000010"));
	EXPECT_EQ(ENOENT, inject(self->vm, "0xffffffffffffffff"));
	EXPECT_EQ(ENOENT, inject(self->vm, "2 0x40000010"));
	EXPECT_EQ(ENOENT, inject(self->vm, "4294967295 0x40000010"));
}

TEST_F(control, refuses_what_is_no_number)
{
	static const char *const texts[] = {
		"", "\n", " ", "\n   ", "x", "dump", "0x", "-1",
		"0x40000010x", "0x40000010 ,", "0 0x40000010 0",
		"0,0x40000010", "0\t0x40000010",
		"-1 0x40000010", "a 0x40000010", "0 -0x40000010",
		"%s%s%s%n", "0x40000010\n0x40000010", "0x 40000010",
	};
	char longest[4096];
	int i;

	sdei_register_enable(self->vcpus[0], NORMAL(0));
	for (i = 0; i < ARRAY_SIZE(texts); i++) {
		EXPECT_EQ(EINVAL, inject(self->vm, texts[i]))
			TH_LOG("'%s'", texts[i]);
	}

	EXPECT_EQ(ERANGE, inject(self->vm, "0x10000000000000000"));
	EXPECT_EQ(ERANGE, inject(self->vm, "0x100000000 0x40000010"));
	EXPECT_EQ(EINVAL, inject_bytes(self->vm, "0x40000010\0", 11));
	EXPECT_EQ(EINVAL, inject_bytes(self->vm, "\0000x40000010", 11));
	EXPECT_EQ(EINVAL, inject_bytes(self->vm, "\xff\xfe\xfd", 3));

	/* Numbers may have leading zeros, but the text has at most 63 bytes. */
	memset(longest, '0', sizeof(longest));
	EXPECT_EQ(EINVAL, inject_bytes(self->vm, longest, sizeof(longest)));
	EXPECT_EQ(EINVAL, inject_bytes(self->vm, longest, 64));
	EXPECT_EQ(EPERM, inject_bytes(self->vm, longest, 63));
	EXPECT_EQ(EFAULT, inject_bytes(self->vm, NULL, 10));

	EXPECT_FALSE(is_pending(self->vcpus[0], NORMAL(0)));

	/* Blanks before and after the numbers are allowed. */
	EXPECT_EQ(0, inject(self->vm, "\t0   0x40000010\n"));
	EXPECT_TRUE(is_pending(self->vcpus[0], NORMAL(0)));
}

TEST_F(control, vm_without_vcpus)
{
	struct kvm_vm *vm = vm_create(1);

	vm_enable_cap(vm, KVM_CAP_ARM_SDEI, 0);
	EXPECT_STREQ("", vcpus(vm));
	EXPECT_EQ(ENOENT, inject(vm, "0x40000010"));
	EXPECT_EQ(ENOENT, inject(vm, "0 0x40000010"));
	kvm_vm_free(vm);
}

TEST_F(control, files_that_are_open_when_the_vm_ends)
{
	struct kvm_vcpu *vcpu;
	struct kvm_vm *vm = sdei_vm_create(&vcpu, 1);
	int show = open_file(vm, "sdei_vcpus", O_RDONLY);
	int raise = open_file(vm, "sdei_inject", O_WRONLY);
	char text[64];

	EXPECT_EQ(2, read(show, text, sizeof(text)));
	kvm_vm_free(vm);

	EXPECT_EQ(-1, pread(show, text, sizeof(text), 0));
	EXPECT_EQ(EIO, errno);
	EXPECT_EQ(-1, write(raise, "0x40000010", 10));
	EXPECT_EQ(EIO, errno);
	close(show);
	close(raise);
}

struct user {
	int show;
	int raise;
	pthread_t pthread;
};

/* Reads and writes the files until the VM has ended. */
static void *use_files(void *arg)
{
	struct user *user = arg;
	char text[64];

	while (pread(user->show, text, sizeof(text), 0) >= 0)
		TEST_ASSERT(write(user->raise, "0x40000010", 10) == 10 ||
			    errno == EIO, "write: %s", strerror(errno));
	TEST_ASSERT_EQ(errno, EIO);
	return NULL;
}

TEST_F(control, files_that_are_used_while_the_vm_ends)
{
	struct kvm_vcpu *vcpu;
	struct user user;
	struct kvm_vm *vm;
	int i;

	for (i = 0; i < 20; i++) {
		vm = sdei_vm_create(&vcpu, 1);
		listen_to(vcpu, NORMAL(0));
		user.show = open_file(vm, "sdei_vcpus", O_RDONLY);
		user.raise = open_file(vm, "sdei_inject", O_WRONLY);
		ASSERT_EQ(0, pthread_create(&user.pthread, NULL, use_files,
					    &user));
		usleep(i * 300);
		kvm_vm_free(vm);
		ASSERT_EQ(0, pthread_join(user.pthread, NULL));
		close(user.show);
		close(user.raise);
	}
}

TEST_HARNESS_MAIN
