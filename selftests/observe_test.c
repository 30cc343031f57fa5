// SPDX-License-Identifier: GPL-2.0
/*
 * observe_test - What an administrator can observe: the statistics of a VM, and
 * the tracepoints.
 */
#include <fcntl.h>
#include <sys/mount.h>

#include "sdei.h"

#define TRACING		"/sys/kernel/tracing"

FIXTURE(observe)
{
	struct kvm_vm *vm;
	struct kvm_vcpu *vcpus[2];
};

FIXTURE_SETUP(observe)
{
	self->vm = sdei_vm_create(self->vcpus, 2);
}

FIXTURE_TEARDOWN(observe)
{
	kvm_vm_free(self->vm);
}

static void write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_TRUNC);

	TEST_ASSERT(fd >= 0, "open %s: %s", path, strerror(errno));
	TEST_ASSERT_EQ(write(fd, text, strlen(text)), strlen(text));
	close(fd);
}

/* Reads a whole file, as a string. Closes it. */
static void read_all(int fd, char *text, size_t size)
{
	ssize_t len, n;

	TEST_ASSERT(fd >= 0, "open: %s", strerror(errno));
	for (len = 0; (n = read(fd, text + len, size - 1 - len)) > 0; len += n)
		;
	text[len] = 0;
	close(fd);
}

struct statistics {
	unsigned long calls, deliveries, injections;
};

/* Those of the VM that was made last. */
static struct statistics statistics(void)
{
	char *text = sdei_control_read();
	const char *line = sdei_control_newest(text);
	struct statistics s;

	TEST_ASSERT(line &&
		    sscanf(line, "VM %*u-%*u calls %lu deliveries %lu injections %lu\n",
			   &s.calls, &s.deliveries, &s.injections) == 3,
		    "Not in:\n%s", text);
	free(text);
	return s;
}

TEST_F(observe, statistics_of_a_new_vm_are_zero)
{
	struct statistics s = statistics();

	EXPECT_EQ(0, s.calls);
	EXPECT_EQ(0, s.deliveries);
	EXPECT_EQ(0, s.injections);
}

TEST_F(observe, statistics_are_summed_over_the_vcpus)
{
	struct sdei_regs regs;
	struct statistics s;
	int i;

	for (i = 0; i < 2; i++) {
		sdei_register_enable(self->vcpus[i], CRITICAL(0));
		sdei_raise(self->vcpus[i], CRITICAL(0));
		sdei_call_enter(self->vcpus[i], &regs, PE_UNMASK);
		sdei_complete(self->vcpus[i], &regs);
	}
	/* Each vCPU has called REGISTER, ENABLE, UNMASK and COMPLETE. */
	s = statistics();
	EXPECT_EQ(8, s.calls);
	EXPECT_EQ(2, s.deliveries);
	EXPECT_EQ(2, s.injections);
}

TEST_F(observe, what_is_refused_is_no_injection)
{
	EXPECT_EQ(-1, __sdei_raise(self->vcpus[0], KVM_SDEI_EVENT_CRITICAL(0)));
	EXPECT_EQ(0, statistics().injections);
}

TEST_F(observe, each_vm_has_its_own_statistics)
{
	struct kvm_vcpu *vcpu;
	struct kvm_vm *vm;

	sdei_register_enable(self->vcpus[0], CRITICAL(0));
	EXPECT_EQ(2, statistics().calls);
	vm = sdei_vm_create(&vcpu, 1);
	EXPECT_EQ(0, statistics().calls);
	kvm_vm_free(vm);
	EXPECT_EQ(2, statistics().calls);
}

FIXTURE(trace)
{
	struct kvm_vm *vm;
	struct kvm_vcpu *vcpu;
};

FIXTURE_SETUP(trace)
{
	if (access(TRACING "/trace", F_OK))
		ASSERT_EQ(0, mount("tracefs", TRACING, "tracefs", 0, NULL));

	self->vm = sdei_vm_create(&self->vcpu, 1);
	write_file(TRACING "/trace", "");
	write_file(TRACING "/events/kvm_sdei/enable", "1");
}

FIXTURE_TEARDOWN(trace)
{
	write_file(TRACING "/events/kvm_sdei/enable", "0");
	kvm_vm_free(self->vm);
}

/* Expects a line in the trace that contains this text. */
#define EXPECT_TRACE(fmt, ...)						\
do {									\
	char __trace[16384], __text[256];				\
									\
	snprintf(__text, sizeof(__text), fmt, ##__VA_ARGS__);		\
	read_all(open(TRACING "/trace", O_RDONLY), __trace,		\
		 sizeof(__trace));					\
	EXPECT_NE(NULL, strstr(__trace, __text))			\
		TH_LOG("no '%s' in:\n%s", __text, __trace);		\
} while (0)

TEST_F(trace, calls_deliveries_and_completions)
{
	struct sdei_regs regs;

	sdei_register_enable(self->vcpu, SIGNALLED);
	EXPECT_TRACE("sdei_call: vcpu=0 fn=0xc4000021 arg=0x0 pc=0x%lx result=0",
		     (u64)sdei_hvc_done);

	sdei_call(self->vcpu, EVENT_STATUS, 0x10000);
	EXPECT_TRACE("sdei_call: vcpu=0 fn=0xc4000028 arg=0x10000 pc=0x%lx result=-2",
		     (u64)sdei_hvc_done);

	sdei_trigger(self->vcpu, SIGNALLED);
	sdei_call_enter(self->vcpu, &regs, PE_UNMASK);
	EXPECT_TRACE("sdei_deliver: vcpu=0 event=0x00000000 pc=0x%lx",
		     (u64)sdei_hvc_done);

	sdei_complete(self->vcpu, &regs);
	EXPECT_TRACE("sdei_complete: vcpu=0 event=0x00000000 pc=0x%lx",
		     (u64)sdei_hvc_done);
}

TEST_F(trace, nothing_when_it_is_off)
{
	char text[16384];

	write_file(TRACING "/events/kvm_sdei/enable", "0");
	write_file(TRACING "/trace", "");
	sdei_call(self->vcpu, VERSION);
	read_all(open(TRACING "/trace", O_RDONLY), text, sizeof(text));
	EXPECT_EQ(NULL, strstr(text, "sdei_call:"));
}

TEST_HARNESS_MAIN
