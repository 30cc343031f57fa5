/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the tests of SDEI share: VMs that have SDEI, calls for which the test
 * chooses all registers, and threads that run vCPUs. The functions are in
 * sdei.c; sdei_entry.S has the guest code that they use.
 *
 * Guest code is part of the same program, at the same addresses. Of the
 * functions here it may call guest_*() and sdei_event(), which do not use the C
 * library.
 */
#ifndef SELFTEST_SDEI_H
#define SELFTEST_SDEI_H

#include <pthread.h>

#include <linux/arm_sdei.h>
#include <linux/kvm_sdei.h>
#include <linux/psci.h>

#include "kvm_util.h"
#include "processor.h"
#include "test_util.h"
/* A program with a main() of its own defines SDEI_NO_HARNESS. */
#ifndef SDEI_NO_HARNESS
#include "kvm_test_harness.h"
#endif

/* Linux makes neither of these calls, so its header may not have them. */
#ifndef SDEI_1_0_FN_SDEI_EVENT_SIGNAL
#define SDEI_1_0_FN_SDEI_EVENT_SIGNAL	SDEI_1_0_FN(0x0f)
#endif
#ifndef SDEI_1_0_FN_SDEI_FEATURES
#define SDEI_1_0_FN_SDEI_FEATURES	SDEI_1_0_FN(0x10)
#endif

/* What SDEI_VERSION returns. */
#define SDEI_VERSION_1_0	BIT_ULL(SDEI_VERSION_MAJOR_SHIFT)

/* Tests name an event by its index, which its pseudo-registers have as well. */
#define SIGNALLED		KVM_SDEI_INDEX_SIGNALLED
#define NORMAL(n)		KVM_SDEI_INDEX_NORMAL(n)
#define CRITICAL(n)		KVM_SDEI_INDEX_CRITICAL(n)
/* The shared events follow. */
#define SHARED(n)		(KVM_SDEI_NR_EVENTS + (n))
#define SHARED_NORMAL(n)	SHARED(KVM_SDEI_INDEX_SHARED_NORMAL(n))
#define SHARED_CRITICAL(n)	SHARED(KVM_SDEI_INDEX_SHARED_CRITICAL(n))
#define NR_ALL_EVENTS		SHARED(KVM_SDEI_NR_SHARED_EVENTS)

/* The values of SDEI_EVENT_STATUS: a name for each of the states. */
enum sdei_state {
	SDEI_U	= 0,
	SDEI_G	= KVM_SDEI_STATE_REGISTERED,
	SDEI_E	= KVM_SDEI_STATE_REGISTERED | KVM_SDEI_STATE_ENABLED,
	SDEI_GR	= SDEI_G | KVM_SDEI_STATE_RUNNING,
	SDEI_ER	= SDEI_E | KVM_SDEI_STATE_RUNNING,
	SDEI_UP	= KVM_SDEI_STATE_RUNNING,
};

/* An event saves x0 to x17, and the completion of its handler restores them. */
#define SDEI_NR_SAVED		18

#define PSR_DAIF		(PSR_D_BIT | PSR_A_BIT | PSR_I_BIT | PSR_F_BIT)
#define PSR_SS			BIT_ULL(21)

/*
 * PSTATE at the first instruction of a handler, but for flags that it inherits.
 */
#define PSR_HANDLER		(PSR_MODE_EL1h | PSR_DAIF)

/* The fields of MPIDR_EL1 by which PSCI's CPU_ON names a CPU. */
#define MPIDR_AFFINITY		0xff00ffffff

/* Guest code and symbols of sdei_entry.S. */
extern char sdei_hvc[], sdei_hvc_done[], sdei_smc[], sdei_smc_done[];
extern char sdei_load[], sdei_load_done[], sdei_wfi[], sdei_wfi_done[];
extern char sdei_spin[], sdei_power_up[], sdei_stop[], sdei_entry[];
extern char sdei_null_handler[], sdei_vectors[];

/*
 * The library has this function where its VMs have an interrupt controller,
 * which it initializes. For older libraries sdei_entry.S has an empty one.
 */
void kvm_arch_vm_finalize_vcpus(struct kvm_vm *vm);

/*
 * The registers of a vCPU: the first part of struct kvm_regs, up to SPSR_EL1.
 */
struct sdei_regs {
	u64 x[31];
	u64 sp_el0;
	u64 pc;
	u64 pstate;
	u64 sp_el1;
	u64 elr_el1;
	u64 spsr_el1;
};

#define SDEI_NR_REGS	(sizeof(struct sdei_regs) / sizeof(u64))

kvm_static_assert(offsetof(struct sdei_regs, pstate) ==
		  offsetof(struct kvm_regs, regs.pstate));
kvm_static_assert(offsetof(struct sdei_regs, spsr_el1) ==
		  offsetof(struct kvm_regs, spsr[KVM_SPSR_EL1]));

/*
 * How many times slower than usual the host may be: the environment variable
 * SDEI_SLOW, or 1. All time limits are multiplied by it.
 */
extern u64 sdei_slow;

/* A test fails if it has to wait longer than this for anything. */
#define SDEI_WAIT_SECONDS	(10 * sdei_slow)

/* A test that checks that something does not happen waits for it this long. */
#define SDEI_LONG_ENOUGH_MS	100

/* VMs and vCPUs */

/*
 * Makes a VM with @nr vCPUs, with SDEI if @opt_in, and stores them in @vcpus.
 */
struct kvm_vm *__sdei_vm_create(struct kvm_vcpu *vcpus[], int nr, bool opt_in);
/* The same with SDEI. Skips the test on a host without it. */
struct kvm_vm *sdei_vm_create(struct kvm_vcpu *vcpus[], int nr);
/* Fills in what all vCPUs here are initialized with: PSCI, and no EL2. */
void sdei_vcpu_target(struct kvm_vm *vm, struct kvm_vcpu_init *init);
/* Sets what KVM does with calls of the @nr functions from @base on. */
void sdei_set_filter(struct kvm_vm *vm, u32 base, u32 nr, u8 action);

/* The system registers that guest code needs, and that a reset changes. */
struct sdei_mmu {
	u64 val[5];
};

/* Reads these registers. */
void sdei_mmu_save(struct kvm_vcpu *vcpu, struct sdei_mmu *mmu);
/* Writes them back, so that sdei_call() works again after a reset. */
void sdei_mmu_restore(struct kvm_vcpu *vcpu, const struct sdei_mmu *mmu);
/*
 * Resets a vCPU by KVM_ARM_VCPU_INIT with @feature in addition to the usual
 * ones, and keeps the registers that sdei_call() needs.
 */
void sdei_vcpu_reset(struct kvm_vcpu *vcpu, u32 feature);

/* Resets a vCPU, also one that was off or suspended, and starts it at @regs. */
void sdei_vcpu_start(struct kvm_vcpu *vcpu, const struct sdei_regs *regs);

/* Registers */

/* The register ID of the @i-th register of struct sdei_regs. */
u64 sdei_reg_id(int i);
/* Is this the ID of one of SDEI's pseudo-registers, or in their range? */
bool sdei_is_reg(u64 id);
/* Reads one register. */
u64 sdei_get_reg(struct kvm_vcpu *vcpu, u64 id);
/* Read and write all registers of struct sdei_regs. */
void sdei_get_regs(struct kvm_vcpu *vcpu, struct sdei_regs *regs);
void sdei_set_regs(struct kvm_vcpu *vcpu, const struct sdei_regs *regs);
/* The vCPU's MPIDR_EL1. */
u64 sdei_mpidr(struct kvm_vcpu *vcpu);
/* KVM_REG_ARM_SDEI_PENDING: a bit for each event that is pending. */
u64 sdei_pending(struct kvm_vcpu *vcpu);

/* Events */

/* The number of the event with this index. */
u64 sdei_event(int index);
/* The address of its handler, which stops at once. Each event has its own. */
u64 sdei_handler(int index);
/* The argument of its handler. Each event has its own. */
u64 sdei_argument(struct kvm_vm *vm, int index);
/* The guest's address of the page to which guest code stores to stop. */
u64 sdei_ucall_page(struct kvm_vm *vm);

/* Calls by the guest */

/*
 * Runs a vCPU until it stops, and fills in the registers that it has there.
 * After that, the vCPU is behind the instruction that stopped it.
 */
void sdei_run(struct kvm_vcpu *vcpu, struct sdei_regs *regs);
/*
 * Fills in the registers for a call of @fn with five @args; x6 to x17 differ.
 */
void sdei_call_prepare(struct kvm_vcpu *vcpu, struct sdei_regs *regs, u64 fn,
		       const u64 *args);
/* Has the vCPU call by HVC as soon as it runs. Does not run it. */
void sdei_call_set(struct kvm_vcpu *vcpu, u64 fn, const u64 *args);
/*
 * Makes the vCPU run from @insn with @regs until it stops, after the call or in
 * a handler, and fills in the registers that it has there.
 */
void sdei_call_regs(struct kvm_vcpu *vcpu, const char *insn,
		    struct sdei_regs *regs);
/* Makes a call that returns, and checks that it changes x0 only. Returns x0. */
s64 __sdei_call(struct kvm_vcpu *vcpu, u64 fn, const u64 *args);
/* Makes a call that has an event delivered: it ends in the handler. */
void __sdei_call_enter(struct kvm_vcpu *vcpu, struct sdei_regs *regs, u64 fn,
		       const u64 *args);

#define SDEI_ARGS(...)	((u64 [5]) { __VA_ARGS__ })

#define sdei_call(vcpu, fn, ...)					\
	__sdei_call(vcpu, SDEI_1_0_FN_SDEI_##fn, SDEI_ARGS(__VA_ARGS__))

#define sdei_call_enter(vcpu, regs, fn, ...)				\
	__sdei_call_enter(vcpu, regs, SDEI_1_0_FN_SDEI_##fn,		\
			  SDEI_ARGS(__VA_ARGS__))

/* Registers an event with its handler and argument. Returns the result. */
s64 sdei_register(struct kvm_vcpu *vcpu, int index);
/* Registers and enables an event; both calls must succeed. */
void sdei_register_enable(struct kvm_vcpu *vcpu, int index);
/* Completes a handler, and runs the vCPU until it stops. */
void sdei_complete(struct kvm_vcpu *vcpu, struct sdei_regs *regs);
/* Completes a handler by COMPLETE_AND_RESUME at @where, likewise. */
void sdei_complete_and_resume(struct kvm_vcpu *vcpu, struct sdei_regs *regs,
			      const char *where);

/* The administrator's file */

#define SDEI_CONTROL		"/dev/kvm_sdei"

/* Reads the whole file. The caller frees the text. */
char *sdei_control_read(void);
/* The line of the VM that this process made last, or NULL. It ends @text. */
const char *sdei_control_newest(char *text);
/* Writes to the file. Returns 0 or an error number. */
int sdei_control_write(const void *bytes, size_t len);

/* Raised by the VMM */

/* KVM_ARM_VCPU_SDEI_RAISE, and _WITHDRAW, of any event number. May fail. */
int __sdei_raise(struct kvm_vcpu *vcpu, u64 event);
int __sdei_withdraw(struct kvm_vcpu *vcpu, u64 event);
/* Raises an event; this must succeed. */
void sdei_raise(struct kvm_vcpu *vcpu, int index);
/* KVM_ARM_VM_SDEI_RAISE, and _WITHDRAW, of any event number. May fail. */
int __sdei_vm_raise(struct kvm_vm *vm, u64 event);
int __sdei_vm_withdraw(struct kvm_vm *vm, u64 event);
/* Raises a shared event; this must succeed. */
void sdei_vm_raise(struct kvm_vm *vm, int index);
/* KVM_ARM_VM_SDEI_STATE of a shared event. */
u64 sdei_vm_state(struct kvm_vm *vm, int index);
/* Makes any event pending: has the vCPU signal event 0, raises the others. */
void sdei_trigger(struct kvm_vcpu *vcpu, int index);

/* Threads */

/*
 * A vCPU that a thread runs until it stops. @regs has its registers there when
 * sdei_thread_join() returns.
 */
struct sdei_thread {
	struct kvm_vcpu *vcpu;
	struct sdei_regs regs;
	pthread_t pthread;
};

/* Starts a thread that runs @fn with @thread as its argument. */
void sdei_thread_create(struct sdei_thread *thread, void *(*fn)(void *arg));
/* Starts a thread that runs the vCPU from @pc with the registers it has. */
void sdei_thread_start(struct sdei_thread *thread, const char *pc);
/* Waits for the end of the thread. */
void sdei_thread_join(struct sdei_thread *thread);
/* For sdei_thread_create(): runs guest code in C until it is done. */
void *sdei_guest_fn(void *arg);
/* Is the vCPU blocked in WFI? @stats_fd is that of vcpu_get_stats_fd(). */
bool sdei_is_blocked(int stats_fd);

/* Waits until another thread has made @cond true. */
#define sdei_wait(cond)							\
do {									\
	int __ms = SDEI_WAIT_SECONDS * 1000;				\
									\
	while (!(cond)) {						\
		TEST_ASSERT(__ms--, "Waited in vain for " #cond);	\
		usleep(1000);						\
	}								\
} while (0)

/* Guest code in C */

/* Makes a call. Returns x0. */
s64 guest_call(u32 fn, u64 arg0, u64 arg1, u64 arg2);
/* Registers and enables an event with a handler in C; see sdei_entry. */
void guest_enable(u64 event, u64 (*handler)(u64 event, u64 pc, u64 pstate));
/* The same for a shared event, with the routing mode and the affinity. */
void guest_enable_shared(u64 event, u64 (*handler)(u64 event, u64 pc,
						   u64 pstate),
			 u64 mode, u64 affinity);

/* Waits until another vCPU has made @cond true. */
#define GUEST_WAIT(cond)						\
do {									\
	u64 __end = read_sysreg(cntvct_el0) +				\
		    SDEI_WAIT_SECONDS * read_sysreg(cntfrq_el0);	\
									\
	while (!(cond)) {						\
		__GUEST_ASSERT(read_sysreg(cntvct_el0) < __end,		\
			       "Waited in vain for " #cond);		\
		cpu_relax();						\
	}								\
} while (0)

/*
 * The harness keeps its list of tests in static variables of each program, so
 * the main() that multiplies the limits of all tests has to be here.
 */
#ifndef SDEI_NO_HARNESS
static inline int sdei_harness_run(int argc, char **argv)
{
	struct __fixture_metadata *f;
	struct __test_metadata *t;

	for (f = __fixture_list; f; f = f->next)
		for (t = f->tests; t; t = t->next)
			t->timeout *= sdei_slow;

	return test_harness_run(argc, argv);
}

#undef TEST_HARNESS_MAIN
#define TEST_HARNESS_MAIN						\
	int main(int argc, char **argv)					\
	{								\
		exit(sdei_harness_run(argc, argv));			\
	}
#endif

#endif /* SELFTEST_SDEI_H */
