// SPDX-License-Identifier: GPL-2.0
/*
 * control_test - An administrator reads in /dev/kvm_sdei which vCPUs have
 * registered which events, and raises an event by writing there.
 */
#include <fcntl.h>
#include <sys/stat.h>

#include "module.h"
#include "sdei.h"

/* Enough for "PID-NUMBER". */
#define NAME_SIZE	32

FIXTURE(control)
{
	struct kvm_vm *vm;
	struct kvm_vcpu *vcpus[2];
	char name[NAME_SIZE];
};

/* Sets @name to that of the VM that was made last. */
static void newest(char *name)
{
	char *text = sdei_control_read();
	const char *line = sdei_control_newest(text);

	TEST_ASSERT(line && sscanf(line, "VM %31[0-9-] ", name) == 1,
		    "No VM of %d in:\n%s", getpid(), text);
	free(text);
}

static unsigned int number_of(const char *name)
{
	return strtoul(strchr(name, '-') + 1, NULL, 10);
}

FIXTURE_SETUP(control)
{
	self->vm = sdei_vm_create(self->vcpus, 2);
	newest(self->name);
}

FIXTURE_TEARDOWN(control)
{
	kvm_vm_free(self->vm);
}

/* The lines of the vCPUs of a VM, or NULL if the VM is not listed. */
static const char *vcpus(const char *name)
{
	static char lines[1024];
	char head[NAME_SIZE + 5], *text = sdei_control_read(), *line, *end;

	snprintf(head, sizeof(head), "VM %s ", name);
	line = strstr(text, head);
	if (line) {
		line = strchr(line, '\n') + 1;
		end = line;
		while (!strncmp(end, "vCPU ", 5))
			end = strchr(end, '\n') + 1;
		snprintf(lines, sizeof(lines), "%.*s", (int)(end - line), line);
	}
	free(text);
	return line ? lines : NULL;
}

/* Raises an event in a VM, by "EVENT" or "VCPU EVENT". */
static int inject(const char *name, const char *text)
{
	char command[256];

	snprintf(command, sizeof(command), "%s %s", name, text);
	return sdei_control_write(command, strlen(command));
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

TEST_F(control, file_is_for_root)
{
	struct stat st;

	ASSERT_EQ(0, stat(SDEI_CONTROL, &st));
	EXPECT_EQ(S_IFCHR | 0600, st.st_mode);
	EXPECT_EQ(0, st.st_uid);
	EXPECT_EQ(0, st.st_gid);

	ASSERT_EQ(0, seteuid(65534));
	EXPECT_EQ(-1, open(SDEI_CONTROL, O_RDONLY));
	EXPECT_EQ(EACCES, errno);
	EXPECT_EQ(-1, open(SDEI_CONTROL, O_WRONLY));
	EXPECT_EQ(EACCES, errno);
	ASSERT_EQ(0, seteuid(0));
}

TEST_F(control, stock_vm_is_not_listed)
{
	struct kvm_vcpu *vcpu;
	struct kvm_vm *vm = __sdei_vm_create(&vcpu, 1, false);
	char name[NAME_SIZE];

	newest(name);
	EXPECT_STREQ(self->name, name);
	kvm_vm_free(vm);
}

TEST_F(control, shows_who_listens_to_what)
{
	struct sdei_regs regs;

	EXPECT_STREQ("vCPU 0\nvCPU 1\n", vcpus(self->name));

	EXPECT_EQ(SDEI_SUCCESS, sdei_register(self->vcpus[0], SIGNALLED));
	sdei_register_enable(self->vcpus[1], NORMAL(0));
	sdei_register_enable(self->vcpus[1], CRITICAL(3));
	EXPECT_STREQ("vCPU 0 0x00000000=disabled\n"
		     "vCPU 1 0x40000010=enabled,blocked 0x40000023=enabled,blocked\n",
		     vcpus(self->name));

	sdei_raise(self->vcpus[1], NORMAL(0));
	EXPECT_STREQ("vCPU 0 0x00000000=disabled\n"
		     "vCPU 1 0x40000010=enabled,blocked,pending 0x40000023=enabled,blocked\n",
		     vcpus(self->name));

	/*
	 * A critical event interrupts a normal handler, a normal one does not.
	 */
	sdei_call_enter(self->vcpus[1], &regs, PE_UNMASK);
	EXPECT_STREQ("vCPU 0 0x00000000=disabled\n"
		     "vCPU 1 0x40000010=enabled,blocked 0x40000023=enabled\n",
		     vcpus(self->name));

	sdei_complete(self->vcpus[1], &regs);
	EXPECT_STREQ("vCPU 0 0x00000000=disabled\n"
		     "vCPU 1 0x40000010=enabled 0x40000023=enabled\n",
		     vcpus(self->name));
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
		EXPECT_EQ(0, inject(self->name, "1 0x40000020\n"));
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

	EXPECT_EQ(0, inject(self->name, "1 0x40000012"));
	EXPECT_FALSE(is_pending(self->vcpus[0], NORMAL(2)));
	EXPECT_TRUE(is_pending(self->vcpus[1], NORMAL(2)));

	EXPECT_EQ(0, inject(self->name, "0 0x40000012"));
	EXPECT_TRUE(is_pending(self->vcpus[0], NORMAL(2)));
}

TEST_F(control, raises_in_the_vcpu_that_can_take_it)
{
	const int event = NORMAL(0);

	/* A vCPU that has registered it comes before one that has not. */
	sdei_register_enable(self->vcpus[1], event);
	EXPECT_EQ(0, inject(self->name, "0x40000010"));
	EXPECT_TRUE(is_pending(self->vcpus[1], event));
	withdraw(self->vcpus[1], event);

	/* A vCPU that is not masked comes before one that is. */
	sdei_register_enable(self->vcpus[0], event);
	EXPECT_EQ(SDEI_SUCCESS, sdei_call(self->vcpus[1], PE_UNMASK));
	EXPECT_EQ(0, inject(self->name, "0x40000010"));
	EXPECT_FALSE(is_pending(self->vcpus[0], event));
	EXPECT_TRUE(is_pending(self->vcpus[1], event));
	withdraw(self->vcpus[1], event);

	/* If they are equal, the first vCPU gets the event. */
	EXPECT_EQ(SDEI_SUCCESS, sdei_call(self->vcpus[0], PE_UNMASK));
	EXPECT_EQ(0, inject(self->name, "0x40000010"));
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
	EXPECT_EQ(0, inject(self->name, "0x40000010"));
	EXPECT_FALSE(is_pending(self->vcpus[0], event));
	EXPECT_TRUE(is_pending(self->vcpus[1], event));
	withdraw(self->vcpus[1], event);

	/* On again, it gets the event. */
	set_mp_state(self->vcpus[0], KVM_MP_STATE_RUNNABLE);
	EXPECT_EQ(0, inject(self->name, "0x40000010"));
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
	EXPECT_EQ(EAGAIN, inject(self->name, "0x40000010"));

	sdei_register_enable(self->vcpus[0], event);
	set_mp_state(self->vcpus[0], KVM_MP_STATE_STOPPED);
	EXPECT_EQ(EAGAIN, inject(self->name, "0x40000010"));
	for (i = 0; i < 2; i++)
		EXPECT_FALSE(is_pending(self->vcpus[i], event));
}

/* Whoever names a vCPU gets what KVM_ARM_VCPU_SDEI_RAISE does. */
TEST_F(control, raises_in_a_named_vcpu_that_is_off)
{
	listen_to(self->vcpus[0], NORMAL(0));
	set_mp_state(self->vcpus[0], KVM_MP_STATE_STOPPED);
	EXPECT_EQ(0, inject(self->name, "0 0x40000010"));
	EXPECT_TRUE(is_pending(self->vcpus[0], NORMAL(0)));
	EXPECT_EQ(EAGAIN, inject(self->name, "1 0x40000010"));
}

/* A vCPU that is suspended is on: the event may be what wakes it. */
TEST_F(control, does_not_pass_over_suspended_vcpus)
{
	vm_enable_cap(self->vm, KVM_CAP_ARM_SYSTEM_SUSPEND, 0);
	listen_to(self->vcpus[0], NORMAL(0));
	set_mp_state(self->vcpus[0], KVM_MP_STATE_SUSPENDED);
	EXPECT_EQ(0, inject(self->name, "0x40000010"));
	EXPECT_TRUE(is_pending(self->vcpus[0], NORMAL(0)));
}

TEST_F(control, counts_as_injection)
{
	char *text;

	sdei_register_enable(self->vcpus[0], NORMAL(0));
	EXPECT_EQ(0, inject(self->name, "0 0x40000010"));
	EXPECT_EQ(EAGAIN, inject(self->name, "1 0x40000010"));
	text = sdei_control_read();
	EXPECT_NE(NULL, strstr(sdei_control_newest(text), " injections 1\n"))
		TH_LOG("%s", text);
	free(text);
}

TEST_F(control, refuses_as_the_attribute_does)
{
	sdei_register_enable(self->vcpus[0], SIGNALLED);

	EXPECT_EQ(EPERM, inject(self->name, "0"));
	EXPECT_EQ(EPERM, inject(self->name, "0 0"));
	EXPECT_EQ(EAGAIN, inject(self->name, "0x40000010"));
	EXPECT_EQ(EAGAIN, inject(self->name, "0 0x40000010"));
	EXPECT_EQ(ENOENT, inject(self->name, "0x40000014"));
	EXPECT_EQ(ENOENT, inject(self->name, "0 1"));
	EXPECT_EQ(ENOENT, inject(self->name, "0x140000010"));
	EXPECT_EQ(ENOENT, inject(self->name, "0xffffffffffffffff"));
	EXPECT_EQ(ENOENT, inject(self->name, "2 0x40000010"));
	EXPECT_EQ(ENOENT, inject(self->name, "4294967295 0x40000010"));
}

TEST_F(control, refuses_what_is_no_command)
{
	/* After the name of the VM and a blank. */
	static const char *const texts[] = {
		"", "\n", " ", "\n   ", "x", "dump", "0x", "-1",
		"0x40000010x", "0x40000010 ,", "0 0x40000010 0",
		"0,0x40000010", "0\t0x40000010", "0\n0x40000010",
		"0\n 0x40000010", "-1 0x40000010", "a 0x40000010",
		"0 -0x40000010", "%s%s%s%n", "0x40000010\n0x40000010",
		"0x 40000010",
	};
	/* Where the name of the VM should be. */
	static const char *const names[] = {
		"", "-", "--", "1", "0x1", "1-", "-1", "1--1", "1-1-1", "-1-1",
		"1 - 1", "1- 1", "1 -1", "1-x", "x-1", "web1", "1,1", "../1-1",
		"1-1\n", "1\n-1", "*-*",
	};
	char command[256], *longest;
	int i;

	sdei_register_enable(self->vcpus[0], NORMAL(0));
	for (i = 0; i < ARRAY_SIZE(texts); i++) {
		EXPECT_EQ(EINVAL, inject(self->name, texts[i]))
			TH_LOG("'%s'", texts[i]);
	}
	for (i = 0; i < ARRAY_SIZE(names); i++) {
		EXPECT_EQ(EINVAL, inject(names[i], "0x40000010"))
			TH_LOG("'%s'", names[i]);
	}

	EXPECT_EQ(ERANGE, inject(self->name, "0x10000000000000000"));
	EXPECT_EQ(ERANGE, inject(self->name, "0x100000000 0x40000010"));
	EXPECT_EQ(ERANGE, inject("0x80000000-1", "0x40000010"));
	EXPECT_EQ(ERANGE, inject("1-0x10000000000000000", "0x40000010"));
	EXPECT_EQ(EINVAL, sdei_control_write("1-1 0x40000010\0", 15));
	EXPECT_EQ(EINVAL, sdei_control_write("\0001-1 0x40000010", 15));
	EXPECT_EQ(EINVAL, sdei_control_write("\xff\xfe\xfd", 3));
	EXPECT_EQ(EINVAL, sdei_control_write("", 0));
	EXPECT_EQ(EFAULT, sdei_control_write(NULL, 10));

	/* A number may have leading zeros, but a command at most 127 bytes. */
	longest = malloc(0x100000);
	memset(longest, '0', 0x100000);
	EXPECT_EQ(EINVAL, sdei_control_write(longest, 0x100000));
	memcpy(longest, command,
	       snprintf(command, sizeof(command), "%s ", self->name));
	EXPECT_EQ(EINVAL, sdei_control_write(longest, 0x100000));
	EXPECT_EQ(EINVAL, sdei_control_write(longest, 128));
	EXPECT_EQ(EPERM, sdei_control_write(longest, 127));
	free(longest);

	EXPECT_FALSE(is_pending(self->vcpus[0], NORMAL(0)));

	/* Blanks before, between and after the numbers are allowed. */
	snprintf(command, sizeof(command), "\t %s   0   0x40000010\n\t",
		 self->name);
	EXPECT_EQ(0, sdei_control_write(command, strlen(command)));
	EXPECT_TRUE(is_pending(self->vcpus[0], NORMAL(0)));
}

TEST_F(control, refuses_what_is_no_vm)
{
	const unsigned int number = number_of(self->name);
	char name[NAME_SIZE];

	/* Another number, and another process. */
	snprintf(name, sizeof(name), "%d-%u", getpid(), number + 1);
	EXPECT_EQ(ESRCH, inject(name, "0x40000010"));
	snprintf(name, sizeof(name), "%d-%u", getppid(), number);
	EXPECT_EQ(ESRCH, inject(name, "0x40000010"));

	EXPECT_EQ(ESRCH, inject("0-0", "0x40000010"));
	EXPECT_EQ(ESRCH, inject("0x7fffffff-0xffffffffffffffff", "0x40000010"));
	/* That there is no such VM comes before all that is in a VM. */
	EXPECT_EQ(ESRCH, inject(name, "7 1"));
}

/*
 * Goes to the next VM of this process in *@text. Returns its number, or 0 if
 * there is none.
 */
static unsigned int next_vm(const char **text)
{
	char head[NAME_SIZE];

	snprintf(head, sizeof(head), "VM %d-", getpid());
	*text = strstr(*text, head);
	if (!*text)
		return 0;
	*text += strlen(head);
	return strtoul(*text, NULL, 10);
}

/* A VM with SDEI and without vCPUs. */
static int bare_vm(void)
{
	struct kvm_enable_cap cap = { .cap = KVM_CAP_ARM_SDEI };
	int kvm = open_kvm_dev_path_or_exit();
	int vm = ioctl(kvm, KVM_CREATE_VM, 0);

	TEST_ASSERT(vm >= 0, "KVM_CREATE_VM: %s", strerror(errno));
	TEST_ASSERT_EQ(ioctl(vm, KVM_ENABLE_CAP, &cap), 0);
	close(kvm);
	return vm;
}

static void bare_vcpu(int vm, unsigned long id)
{
	int vcpu = ioctl(vm, KVM_CREATE_VCPU, id);

	TEST_ASSERT(vcpu >= 0, "KVM_CREATE_VCPU: %s", strerror(errno));
	close(vcpu);
}

TEST_F(control, lists_vms_that_have_a_vcpu)
{
	const unsigned int number = number_of(self->name);
	char name[NAME_SIZE];
	int vm = bare_vm();

	snprintf(name, sizeof(name), "%d-%u", getpid(), number + 1);

	EXPECT_EQ(NULL, vcpus(name));
	EXPECT_EQ(ESRCH, inject(name, "0x40000010"));

	/* A vCPU that can't be created does not count. */
	EXPECT_EQ(-1, ioctl(vm, KVM_CREATE_VCPU, 0x100000));
	EXPECT_EQ(ESRCH, inject(name, "0x40000010"));

	bare_vcpu(vm, 0);
	EXPECT_STREQ("vCPU 0\n", vcpus(name));
	EXPECT_EQ(EAGAIN, inject(name, "0x40000010"));
	close(vm);
	EXPECT_EQ(NULL, vcpus(name));
	EXPECT_EQ(ESRCH, inject(name, "0x40000010"));
}

static void *bare_vm_in_thread(void *arg)
{
	int *vm = arg;

	*vm = bare_vm();
	bare_vcpu(*vm, 0);
	return NULL;
}

/* Whichever of the VMM's threads makes the VM, its name has the PID. */
TEST_F(control, vm_of_another_thread)
{
	pthread_t pthread;
	char *text;
	int vm;

	ASSERT_EQ(0, pthread_create(&pthread, NULL, bare_vm_in_thread, &vm));
	ASSERT_EQ(0, pthread_join(pthread, NULL));
	text = sdei_control_read();
	EXPECT_EQ(number_of(self->name) + 1,
		  number_of(sdei_control_newest(text)))
		TH_LOG("%d in:\n%s", getpid(), text);
	free(text);
	close(vm);
}

/* Reads the file in pieces of @piece bytes. The caller frees the text. */
static char *read_pieces(int fd, size_t piece)
{
	size_t len = 0, size = 1 << 16;
	char *text = malloc(size);
	ssize_t n;

	while ((n = read(fd, text + len, piece)) > 0) {
		len += n;
		TEST_ASSERT(len + piece < size, "Too much");
	}
	TEST_ASSERT(!n, "read: %s", strerror(errno));
	text[len] = 0;
	return text;
}

/* All in the file is too long for the first buffer that the kernel uses. */
TEST_F(control, shows_many_vcpus)
{
	struct kvm_vcpu *many[24];
	struct kvm_vm *vm = sdei_vm_create(many, ARRAY_SIZE(many));
	char *whole, *pieces, line[512];
	int i, event, len, fd;

	for (i = 0; i < ARRAY_SIZE(many); i++)
		for (event = 0; event < KVM_SDEI_NR_EVENTS; event++)
			TEST_ASSERT_EQ(sdei_register(many[i], event),
				       SDEI_SUCCESS);

	whole = sdei_control_read();
	EXPECT_LT(4096, strlen(whole));
	for (i = 0; i < ARRAY_SIZE(many); i++) {
		len = snprintf(line, sizeof(line), "\nvCPU %d", i);
		for (event = 0; event < KVM_SDEI_NR_EVENTS; event++)
			len += snprintf(line + len, sizeof(line) - len,
					" 0x%08lx=disabled", sdei_event(event));
		snprintf(line + len, sizeof(line) - len, "\n");
		EXPECT_NE(NULL, strstr(whole, line))
			TH_LOG("no '%s' in:\n%s", line, whole);
	}

	fd = open(SDEI_CONTROL, O_RDONLY);
	pieces = read_pieces(fd, 1);
	EXPECT_STREQ(whole, pieces);
	free(pieces);
	lseek(fd, 0, SEEK_SET);
	pieces = read_pieces(fd, 1000);
	EXPECT_STREQ(whole, pieces);
	free(pieces);
	close(fd);
	free(whole);
	kvm_vm_free(vm);
}

#define MANY	100

TEST_F(control, many_vms)
{
	const unsigned int first = number_of(self->name) + 1;
	unsigned int i, number, seen[MANY] = {};
	char *text, *more;
	const char *next;
	int vms[MANY], fd;
	ssize_t len;

	for (i = 0; i < MANY; i++) {
		vms[i] = bare_vm();
		bare_vcpu(vms[i], 0);
	}

	/* All are there, in the order in which they were made. */
	fd = open(SDEI_CONTROL, O_RDONLY);
	text = read_pieces(fd, 1);
	next = text;
	EXPECT_EQ(first - 1, next_vm(&next));
	for (i = 0; i < MANY; i++)
		ASSERT_EQ(first + i, next_vm(&next)) TH_LOG("%s", text);
	EXPECT_EQ(0, next_vm(&next));
	free(text);

	/*
	 * A reader misses none although others end while it reads, and gets none
	 * twice.
	 */
	lseek(fd, 0, SEEK_SET);
	text = malloc(1 << 17);
	len = read(fd, text, 1000);
	ASSERT_LT(0, len);
	for (i = 0; i < MANY; i += 2)
		close(vms[i]);
	more = read_pieces(fd, 100);
	memcpy(text + len, more, strlen(more) + 1);
	free(more);
	next = text;
	EXPECT_EQ(first - 1, next_vm(&next));
	while ((number = next_vm(&next))) {
		ASSERT_GT(MANY, number - first);
		seen[number - first]++;
	}
	for (i = 0; i < MANY; i++) {
		EXPECT_GE(1, seen[i]);
		EXPECT_TRUE(seen[i] || i % 2 == 0) TH_LOG("%u in:\n%s", i, text);
	}
	EXPECT_EQ(0, seen[MANY - 2]);
	free(text);

	/* No number is used twice. */
	vms[0] = bare_vm();
	bare_vcpu(vms[0], 0);
	text = sdei_control_read();
	next = sdei_control_newest(text);
	EXPECT_EQ(first + MANY, next_vm(&next));
	free(text);

	close(vms[0]);
	for (i = 1; i < MANY; i += 2)
		close(vms[i]);
	close(fd);
}

TEST_F(control, file_that_is_open_when_the_vm_ends)
{
	struct kvm_vcpu *vcpu;
	struct kvm_vm *vm = sdei_vm_create(&vcpu, 1);
	int fd = open(SDEI_CONTROL, O_RDWR);
	char name[NAME_SIZE], command[256], start[256] = {}, *text;
	int i;

	newest(name);
	snprintf(command, sizeof(command), "%s 0x40000010", name);
	EXPECT_EQ(-1, write(fd, command, strlen(command)));
	EXPECT_EQ(EAGAIN, errno);

	/* Who has begun to read about a VM gets the rest. */
	for (i = 0; !strstr(start, name); i++) {
		ASSERT_GT(sizeof(start) - 1, i);
		ASSERT_EQ(1, read(fd, start + i, 1));
	}
	kvm_vm_free(vm);
	text = read_pieces(fd, 4096);
	EXPECT_STREQ(" calls 0 deliveries 0 injections 0\nvCPU 0\n", text);
	free(text);

	/* After that, the VM is no longer there. */
	lseek(fd, 0, SEEK_SET);
	text = read_pieces(fd, 4096);
	EXPECT_EQ(NULL, strstr(text, name));
	free(text);
	EXPECT_EQ(-1, write(fd, command, strlen(command)));
	EXPECT_EQ(ESRCH, errno);
	close(fd);
}

struct user {
	char command[256];
	pthread_t pthread;
};

/* Reads the file until the VM is no longer listed. */
static void *read_until_end(void *arg)
{
	struct user *user = arg;
	char *text, *end;

	do {
		text = sdei_control_read();
		end = strstr(text, user->command);
		free(text);
	} while (end);
	return NULL;
}

/* Raises an event until there is no VM. */
static void *raise_until_end(void *arg)
{
	struct user *user = arg;
	int error;

	do {
		error = sdei_control_write(user->command,
					   strlen(user->command));
	} while (!error);
	TEST_ASSERT(error == ESRCH, "write: %s", strerror(error));
	return NULL;
}

TEST_F(control, file_that_is_used_while_the_vm_ends)
{
	struct user users[4];
	struct kvm_vcpu *vcpu;
	char name[NAME_SIZE];
	struct kvm_vm *vm;
	int i, j;

	for (i = 0; i < 20; i++) {
		vm = sdei_vm_create(&vcpu, 1);
		newest(name);
		listen_to(vcpu, NORMAL(0));
		for (j = 0; j < ARRAY_SIZE(users); j++) {
			snprintf(users[j].command, sizeof(users[j].command),
				 j % 2 ? "%s 0x40000010" : "VM %s ", name);
			ASSERT_EQ(0, pthread_create(&users[j].pthread, NULL,
						    j % 2 ? raise_until_end :
						    read_until_end,
						    &users[j]));
		}
		usleep(i * 300);
		kvm_vm_free(vm);
		for (j = 0; j < ARRAY_SIZE(users); j++)
			ASSERT_EQ(0, pthread_join(users[j].pthread, NULL));
	}
}

static void *read_until_stopped(void *arg)
{
	bool *stop = arg;

	while (!READ_ONCE(*stop))
		free(sdei_control_read());
	return NULL;
}

/*
 * A VM is destroyed by whoever gives the last reference back. Here a reader does
 * it, as the VMM's last file descriptor is closed while the reader is busy with
 * the VM. A VM with more vCPUs takes it longer.
 */
TEST_F(control, reader_that_has_the_last_reference)
{
	const int references = module_references("kvm_sdei");
	int vm, i, tries, by_reader = 0;
	bool stop = false;
	pthread_t reader;

	ASSERT_EQ(0, pthread_create(&reader, NULL, read_until_stopped, &stop));
	for (tries = 0; tries < 500 && by_reader < 5; tries++) {
		vm = bare_vm();
		for (i = 0; i < 128; i++)
			bare_vcpu(vm, i);
		usleep(tries % 10 * 200);
		close(vm);
		/* Besides, the reader may have the file open. */
		by_reader += module_references("kvm_sdei") > references + 1;
		sdei_wait(module_references("kvm_sdei") <= references + 1);
	}
	WRITE_ONCE(stop, true);
	ASSERT_EQ(0, pthread_join(reader, NULL));
	EXPECT_EQ(5, by_reader);
	TH_LOG("%d VMs of %d", by_reader, tries);
}

TEST_HARNESS_MAIN
