/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the parts of the benchmark share. Each part prints rows: a section, the
 * name of the row and its figure, with tabs in between.
 *
 * Figures are ticks of CNTVCT_EL0. Under an emulator that counts one tick for
 * each instruction (tools/check/bench), they are the instructions of guest,
 * hypervisor and host kernel together. On hardware they are time.
 *
 * All parts measure short batches and print the median: only few batches
 * include a timer tick of the host, or the end of an emulated CPU's turn.
 */
#ifndef SELFTEST_BENCH_H
#define SELFTEST_BENCH_H

#define SDEI_NO_HARNESS
#include "sdei.h"

#define BATCHES		31

#define FN_SMCCC_VERSION	0x80000000
#define FN_PSCI_VERSION		0x84000000

/* The parts. @host names the host, for rows that compare hosts. */
void bench_hosts(const char *host);
void bench_memory(const char *host);
void bench_calls(const char *host);
void bench_masking(const char *host);
void bench_latency(const char *host);
void bench_scale(const char *host);
void bench_endless(const char *host);

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

/* latency.c: as __sdei_vm_create(), with an interrupt controller. */
struct kvm_vm *bench_gic_vm(struct kvm_vcpu *vcpus[], int nr, bool opt_in);

/* run.c */

/* A vCPU that runs guest code to its end, on a CPU of its own. */
struct bench_thread {
	struct kvm_vcpu *vcpu;
	const char *section;	/* of the rows that the guest prints, if any */
	int cpu;
	pthread_t pthread;
};

/* Prints a row. */
void bench_row(const char *section, const char *name, u64 value);
/*
 * Prints the row with which the guest has stopped and returns true, or returns
 * false if the guest has come to its end.
 */
bool bench_next(const char *section, struct kvm_vcpu *vcpu);
/* Runs guest code to its end and prints its rows. */
void bench_run(const char *section, struct kvm_vcpu *vcpu);
/* Has the calling thread run on this CPU only. */
void bench_pin(int cpu);
/* Does what bench_run() does in a thread on this CPU. */
void bench_thread_start(struct bench_thread *thread, const char *section,
			struct kvm_vcpu *vcpu, int cpu);

/*
 * The guest prints a row, too. The name may be a string constant: the program's
 * addresses are the guest's.
 */
#define GUEST_ROW(name, value)	GUEST_SYNC2((u64)(name), value)

/*
 * The rest is inline: the guest runs it around what is measured, so that it is
 * part of the figures.
 */
static inline u64 bench_ticks(void)
{
	isb();
	return read_sysreg(cntvct_el0);
}

/* The figures of the batches, in ascending order. */
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

/* The cost of a call, with everything that it leads to. */
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

/* Registers and enables an event with a handler in guest.S, and unmasks. */
static inline void guest_enable_raw(u64 event, const char *handler,
				    u64 argument)
{
	GUEST_ASSERT_EQ(guest_call(SDEI_1_0_FN_SDEI_EVENT_REGISTER, event,
				   (u64)handler, argument), SDEI_SUCCESS);
	GUEST_ASSERT_EQ(guest_call(SDEI_1_0_FN_SDEI_EVENT_ENABLE, event, 0, 0),
			SDEI_SUCCESS);
	GUEST_ASSERT_EQ(guest_call(SDEI_1_0_FN_SDEI_PE_UNMASK, 0, 0, 0),
			SDEI_SUCCESS);
}

#endif /* SELFTEST_BENCH_H */
