/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the parts of the benchmark share. Each part prints rows: a section, the
 * name of the row and its figure, with tabs in between.
 *
 * Figures are ticks of CNTVCT_EL0. Under an emulator that counts one tick for
 * each instruction (tools/check/bench) they are instructions, of guest, hypervisor
 * and host kernel together. On hardware they are time.
 *
 * All measure in short batches, and take the median: few of them meet a timer
 * tick of the host, or the end of an emulated CPU's turn.
 */
#ifndef SELFTEST_BENCH_H
#define SELFTEST_BENCH_H

#include <sched.h>

#define SDEI_NO_HARNESS
#include "sdei.h"

#define BATCHES		31

#define FN_SMCCC_VERSION	0x80000000
#define FN_PSCI_VERSION		0x84000000

/* The parts. @host says which host this is, for rows that compare hosts. */
void bench_hosts(const char *host);
void bench_memory(const char *host);
void bench_calls(const char *host);
void bench_masking(const char *host);
void bench_latency(const char *host);
void bench_scale(const char *host);

/* guest.S */
void bench_call_loop(u64 fn, u64 arg0, u64 arg1, u64 rounds);
void bench_daif_pairs(void);
void bench_choice_pairs(void);
void bench_pmr_pairs(void);
extern char bench_complete[], bench_count[], bench_stamp[];
extern char bench_vectors[];

/* A vCPU that waits for events, in guest memory. guest.S has the offsets. */
struct receiver {
	u64 stamp;	/* when the handler was entered */
	u64 stop;
	u64 ready;
};

void bench_idle(struct receiver *receiver);

/* As __sdei_vm_create(), with an interrupt controller. */
struct kvm_vm *bench_gic_vm(struct kvm_vcpu *vcpus[], int nr, bool opt_in);

static inline void bench_row(const char *section, const char *name, u64 value)
{
	printf("%s\t%s\t%lu\n", section, name, value);
}

/* The same from guest code, which has the program's strings at its addresses. */
#define GUEST_ROW(name, value)	GUEST_SYNC2((u64)(name), value)

static inline u64 bench_ticks(void)
{
	isb();
	return read_sysreg(cntvct_el0);
}

/* What the batches have taken, in order. */
struct samples {
	u64 value[BATCHES];
	int nr;
};

static inline void bench_sample(struct samples *samples, u64 value)
{
	int i;

	for (i = samples->nr++; i > 0 && samples->value[i - 1] > value; i--)
		samples->value[i] = samples->value[i - 1];
	samples->value[i] = value;
}

static inline u64 bench_median(struct samples *samples)
{
	return samples->value[samples->nr / 2];
}

/* What a call costs, with whatever it leads to. */
static inline u64 __guest_cost(u64 fn, u64 arg0, u64 arg1, int rounds)
{
	struct samples samples = {};
	u64 start;
	int i;

	for (i = 0; i < BATCHES; i++) {
		start = bench_ticks();
		bench_call_loop(fn, arg0, arg1, rounds);
		bench_sample(&samples, bench_ticks() - start);
	}
	return bench_median(&samples) / rounds;
}

static inline u64 guest_cost(u64 fn, u64 arg0, u64 arg1)
{
	return __guest_cost(fn, arg0, arg1, 50);
}

/* Lets an event in, with a handler in guest.S. */
static inline void guest_enable_raw(u64 event, const char *handler, u64 argument)
{
	GUEST_ASSERT_EQ(guest_call(SDEI_1_0_FN_SDEI_EVENT_REGISTER, event,
				   (u64)handler, argument), SDEI_SUCCESS);
	GUEST_ASSERT_EQ(guest_call(SDEI_1_0_FN_SDEI_EVENT_ENABLE, event, 0, 0),
			SDEI_SUCCESS);
	GUEST_ASSERT_EQ(guest_call(SDEI_1_0_FN_SDEI_PE_UNMASK, 0, 0, 0),
			SDEI_SUCCESS);
}

/* Runs guest code to its next row, or to its end: false. */
static inline bool bench_next(const char *section, struct kvm_vcpu *vcpu)
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

static inline void bench_run(const char *section, struct kvm_vcpu *vcpu)
{
	do
		vcpu_run(vcpu);
	while (bench_next(section, vcpu));
}

static inline void bench_pin(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	TEST_ASSERT(!sched_setaffinity(0, sizeof(set), &set),
		    "There is no CPU %d to run on", cpu);
}

/* A vCPU that runs guest code to its end, on a CPU of its own. */
struct bench_thread {
	struct kvm_vcpu *vcpu;
	const char *section;	/* of the rows that it has, if any */
	int cpu;
	pthread_t pthread;
};

static inline void *bench_thread_fn(void *arg)
{
	struct bench_thread *thread = arg;

	bench_pin(thread->cpu);
	bench_run(thread->section, thread->vcpu);
	return NULL;
}

static inline void bench_thread_start(struct bench_thread *thread, const char *section,
				      struct kvm_vcpu *vcpu, int cpu)
{
	thread->section = section;
	thread->vcpu = vcpu;
	thread->cpu = cpu;
	TEST_ASSERT(!pthread_create(&thread->pthread, NULL, bench_thread_fn, thread),
		    "pthread_create() failed");
}

#endif /* SELFTEST_BENCH_H */
