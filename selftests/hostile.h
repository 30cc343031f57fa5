/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the parts of hostile_test share: hostile_test.c, which keeps VMs and
 * the module coming and going, hostile_vm.c, one VM of a hostile VMM, and
 * hostile_guest.c, its guest.
 */
#ifndef SELFTEST_HOSTILE_H
#define SELFTEST_HOSTILE_H

#include <stdatomic.h>

#define SDEI_NO_HARNESS
#include "sdei.h"

#define HOSTILE_MAX_VCPUS	4

/* What happened so far, in memory that all processes of the test share. */
struct hostile_shared {
	atomic_ulong calls;	/* that guests with SDEI made */
	atomic_ulong ioctls;	/* that their VMMs made, meaning harm */
	atomic_ulong vms;	/* of this kind, whose end has come */
	atomic_ulong stock_vms;	/* that came when the module wasn't there */
	atomic_ulong opt_ins;	/* of VMs that do nothing else */
	atomic_ulong loads;	/* of the module, each after an unload */
	atomic_ulong restarts;	/* of vCPUs that went astray */
	atomic_bool stop;
	atomic_int wrong;	/* answers that do not exist */
	char first_wrong[200];
};

extern struct hostile_shared *shared;

/* Takes down an answer that may not be, and ends the process. */
void __noreturn __printf(1, 2) hostile_wrong(const char *fmt, ...);

/* xorshift64*: what is random depends on the seed and nothing else. */
static inline u64 hostile_random(u64 *state)
{
	*state ^= *state >> 12;
	*state ^= *state << 25;
	*state ^= *state >> 27;
	return *state * 0x2545f4914f6cdd1d;
}

/* One in @n. The upper bits are the better ones. */
static inline u64 hostile_below(u64 *state, u64 n)
{
	return (hostile_random(state) >> 32) % n;
}

/* Any number, but often one at which something changes. */
static inline u64 hostile_value(u64 *state)
{
	switch (hostile_below(state, 6)) {
	case 0:
		return hostile_random(state);
	case 1:
		return BIT_ULL(hostile_below(state, 64));
	case 2:
		return BIT_ULL(hostile_below(state, 64)) - 1;
	case 3:
		return -hostile_below(state, 20);
	default:
		return hostile_below(state, 20);
	}
}

/* An event, or what could be taken for one. */
static inline u64 hostile_event(u64 *state)
{
	u64 event = sdei_event(hostile_below(state, KVM_SDEI_NR_EVENTS));

	switch (hostile_below(state, 16)) {
	case 0:
		return hostile_value(state);
	case 1:
		return event + hostile_below(state, 9) - 4;
	case 2:
		return event | hostile_random(state) << 32;
	default:
		return event;
	}
}

/* hostile_guest.c: a vCPU of the guest, in the guest's memory. */
struct hostile_cpu {
	u64 seed;
	u64 calls;
	u64 wrong_fn;
	u64 wrong_result;
};

/* What its VMM tells the guest. */
struct hostile_guest {
	struct hostile_cpu cpus[HOSTILE_MAX_VCPUS];
	u64 mpidr[HOSTILE_MAX_VCPUS];
	u64 nr_cpus;
	u64 power_up;		/* sdei_power_up and its argument, without an MMU */
	u64 power_up_argument;
	bool denied;		/* KVM_REG_ARM_STD_BMAP says so */
	bool checked;		/* nobody but the guest writes its registers */
};

extern struct hostile_guest hostile_guest;

extern char sdei_null_handler[];

/* Never ends. Starts over, with the stack in TPIDR_EL0, on each exception. */
void hostile_guest_main(void);

/* hostile_vm.c: the life of a VM, which ends the process. */
void __noreturn hostile_vm(u64 seed, u64 calls, u64 ioctls);

#endif /* SELFTEST_HOSTILE_H */
