/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the parts of hostile_test share. hostile_test.c creates and kills VMs,
 * and loads and unloads the module; hostile_vm.c is one VM whose VMM attacks
 * the kernel; hostile_guest.c is the guest of that VM, which does the same;
 * hostile_random.c draws the numbers for all of them.
 */
#ifndef SELFTEST_HOSTILE_H
#define SELFTEST_HOSTILE_H

#include <stdatomic.h>

#define SDEI_NO_HARNESS
#include "sdei.h"

#define HOSTILE_MAX_VCPUS	4

/* What happened so far, in memory that all processes of the test share. */
struct hostile_shared {
	atomic_ulong calls;	/* by guests that have SDEI */
	atomic_ulong ioctls;	/* by VMMs whose VM has SDEI */
	atomic_ulong vms;	/* with SDEI that have ended */
	atomic_ulong stock_vms;	/* that ended, made while there was no module */
	atomic_ulong opt_ins;	/* by the process that does nothing else */
	atomic_ulong loads;	/* of the module, each after an unload */
	atomic_ulong restarts;	/* of vCPUs that had stopped making calls */
	atomic_bool stop;
	atomic_int wrong;	/* results that must not be */
	char first_wrong[200];
};

extern struct hostile_shared *shared;

/* Reports that a result must not be, and ends the process. */
void __noreturn __printf(1, 2) hostile_wrong(const char *fmt, ...);

/* hostile_random.c. Host and guest call these; @state must not be zero. */

/* Any number. */
u64 hostile_random(u64 *state);
/* A number below @n. All of them are about equally likely. */
u64 hostile_below(u64 *state, u64 n);
/* Any number; often a small one, a power of two or next to it. */
u64 hostile_value(u64 *state);
/* The number of an event, or one that is easily mistaken for it. */
u64 hostile_event(u64 *state);

/* What a vCPU of the guest keeps in the guest's memory. */
struct hostile_cpu {
	u64 seed;
	u64 calls;		/* so far */
	u64 wrong_fn;		/* a call with a result that must not be */
	u64 wrong_result;
};

/* What the VMM tells the guest, in the guest's memory. */
struct hostile_guest {
	struct hostile_cpu cpus[HOSTILE_MAX_VCPUS];
	u64 mpidr[HOSTILE_MAX_VCPUS];
	u64 nr_cpus;
	u64 power_up;		/* where CPU_ON starts a CPU without an MMU */
	u64 power_up_argument;
	bool denied;		/* KVM_REG_ARM_STD_BMAP forbids the calls */
	bool checked;		/* the guest checks the results of its calls */
};

extern struct hostile_guest hostile_guest;

/*
 * hostile_guest.c: the guest's code, which never ends. After any exception it
 * starts again with the stack that is in TPIDR_EL0.
 */
void hostile_guest_main(void);

/*
 * hostile_vm.c: creates a VM and runs it until it has made so many calls and
 * ioctls, or for some seconds. Ends the process.
 */
void __noreturn hostile_vm(u64 seed, u64 calls, u64 ioctls);

#endif /* SELFTEST_HOSTILE_H */
