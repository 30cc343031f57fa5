// SPDX-License-Identifier: GPL-2.0
/* How the benchmark runs its guests and prints their rows: see bench.h. */
#include <sched.h>

#include "bench.h"

void bench_row(const char *section, const char *name, u64 value)
{
	printf("%s\t%s\t%lu\n", section, name, value);
}

bool bench_next(const char *section, struct kvm_vcpu *vcpu)
{
	struct ucall uc;

	switch (get_ucall(vcpu, &uc)) {
	case UCALL_SYNC:
		bench_row(section, (char *)uc.args[0], uc.args[1]);
		return true;
	case UCALL_DONE:
		return false;
	case UCALL_ABORT:
		REPORT_GUEST_ASSERT(uc);
		return false;
	default:
		TEST_FAIL("The guest stopped with exit reason %u",
			  vcpu->run->exit_reason);
	}
}

void bench_run(const char *section, struct kvm_vcpu *vcpu)
{
	do
		vcpu_run(vcpu);
	while (bench_next(section, vcpu));
}

void bench_pin(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	TEST_ASSERT(!sched_setaffinity(0, sizeof(set), &set),
		    "There is no CPU %d to run on", cpu);
}

static void *thread_fn(void *arg)
{
	struct bench_thread *thread = arg;

	bench_pin(thread->cpu);
	bench_run(thread->section, thread->vcpu);
	return NULL;
}

void bench_thread_start(struct bench_thread *thread, const char *section,
			struct kvm_vcpu *vcpu, int cpu)
{
	thread->section = section;
	thread->vcpu = vcpu;
	thread->cpu = cpu;
	TEST_ASSERT(!pthread_create(&thread->pthread, NULL, thread_fn, thread),
		    "pthread_create() failed");
}
