/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the tests of SDEI share: VMs that have it, and calls made by a guest
 * whose registers are all in the test's hand.
 */
#ifndef SELFTEST_SDEI_H
#define SELFTEST_SDEI_H

#include <pthread.h>
#include <time.h>

#include <linux/arm_sdei.h>
#include <linux/kvm_sdei.h>
#include <linux/psci.h>

#include "kvm_util.h"
#include "processor.h"
#include "test_util.h"
/* For all tests but those that bring a main() of their own. */
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

/* The values of SDEI_EVENT_STATUS: a name for each of the states. */
enum sdei_state {
	SDEI_U	= 0,
	SDEI_G	= KVM_SDEI_STATE_REGISTERED,
	SDEI_E	= KVM_SDEI_STATE_REGISTERED | KVM_SDEI_STATE_ENABLED,
	SDEI_GR	= SDEI_G | KVM_SDEI_STATE_RUNNING,
	SDEI_ER	= SDEI_E | KVM_SDEI_STATE_RUNNING,
	SDEI_UP	= KVM_SDEI_STATE_RUNNING,
};

/* sdei_entry.S */
extern char sdei_hvc[], sdei_hvc_done[], sdei_smc[], sdei_smc_done[];
extern char sdei_load[], sdei_load_done[], sdei_wfi[], sdei_wfi_done[];
extern char sdei_spin[], sdei_power_up[], sdei_stop[], sdei_entry[];
extern char sdei_vectors[];

/*
 * Where the library's VMs have an interrupt controller, this makes it ready.
 * Older ones know neither; sdei_entry.S fills in.
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
 * How many times slower than others the host may be: SDEI_SLOW in the
 * environment. The limits of the harness go by it, too.
 */
static u64 sdei_slow = 1;

static inline void __attribute__((constructor(101))) sdei_init_slow(void)
{
	const char *slow = getenv("SDEI_SLOW");

	if (slow)
		sdei_slow = strtoul(slow, NULL, 0);
}

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

/* Nothing that a test waits for takes longer. */
#define SDEI_WAIT_SECONDS	(10 * sdei_slow)

/* How many of x0, x1, ... an event interrupts and its completion restores. */
#define SDEI_NR_SAVED	18

/* What happens to calls of the @nr functions from @base on. */
static inline void sdei_set_filter(struct kvm_vm *vm, u32 base, u32 nr, u8 action)
{
	struct kvm_smccc_filter filter = {
		.base		= base,
		.nr_functions	= nr,
		.action		= action,
	};

	kvm_device_attr_set(vm->fd, KVM_ARM_VM_SMCCC_CTRL,
			    KVM_ARM_VM_SMCCC_FILTER, &filter);
}

static inline u64 sdei_reg_id(int i)
{
	return KVM_REG_ARM64 | KVM_REG_SIZE_U64 | KVM_REG_ARM_CORE |
	       (i * sizeof(u64) / sizeof(u32));
}

static inline u64 sdei_get_reg(struct kvm_vcpu *vcpu, u64 id)
{
	u64 val;
	int ret = __vcpu_get_reg(vcpu, id, &val);

	TEST_ASSERT(!ret, KVM_IOCTL_ERROR(KVM_GET_ONE_REG, ret));
	return val;
}

static inline void sdei_get_regs(struct kvm_vcpu *vcpu, struct sdei_regs *regs)
{
	u64 *val = (u64 *)regs;
	int i;

	for (i = 0; i < SDEI_NR_REGS; i++)
		val[i] = sdei_get_reg(vcpu, sdei_reg_id(i));
}

static inline void sdei_set_regs(struct kvm_vcpu *vcpu,
				 const struct sdei_regs *regs)
{
	const u64 *val = (const u64 *)regs;
	int i;

	for (i = 0; i < SDEI_NR_REGS; i++)
		vcpu_set_reg(vcpu, sdei_reg_id(i), val[i]);
}

static inline u64 sdei_mpidr(struct kvm_vcpu *vcpu)
{
	return sdei_get_reg(vcpu, KVM_ARM64_SYS_REG(SYS_MPIDR_EL1));
}

/* The number of an event, by its index. */
static inline u64 sdei_event(int index)
{
	if (index < KVM_SDEI_INDEX_NORMAL(0))
		return KVM_SDEI_EVENT_SIGNALLED;
	if (index < KVM_SDEI_INDEX_CRITICAL(0))
		return KVM_SDEI_EVENT_NORMAL(index - KVM_SDEI_INDEX_NORMAL(0));
	return KVM_SDEI_EVENT_CRITICAL(index - KVM_SDEI_INDEX_CRITICAL(0));
}

/* The guest's address of the page to which it stores to stop. */
static inline u64 sdei_ucall_page(struct kvm_vm *vm)
{
	return *(u64 *)addr_gva2hva(vm, (unsigned long)&ucall_exit_mmio_addr);
}

/* What the vCPUs are: with PSCI, and without EL2, which SDEI isn't for. */
static inline void sdei_vcpu_target(struct kvm_vm *vm,
				    struct kvm_vcpu_init *init)
{
	memset(init, 0, sizeof(*init));
	vm_ioctl(vm, KVM_ARM_PREFERRED_TARGET, init);
	init->features[0] |= BIT(KVM_ARM_VCPU_PSCI_0_2);
}

/* A VM, opted in to SDEI or not. */
static inline struct kvm_vm *__sdei_vm_create(struct kvm_vcpu *vcpus[], int nr,
					      bool opt_in)
{
	struct kvm_vcpu_init init;
	struct kvm_vm *vm = vm_create(nr);
	int i;

	sync_global_to_guest(vm, sdei_slow);
	if (opt_in)
		vm_enable_cap(vm, KVM_CAP_ARM_SDEI, 0);

	sdei_vcpu_target(vm, &init);
	for (i = 0; i < nr; i++) {
		vcpus[i] = aarch64_vcpu_add(vm, i, &init, sdei_hvc);
		vcpu_set_reg(vcpus[i], ARM64_CORE_REG(regs.regs[19]),
			     sdei_ucall_page(vm));
	}

	kvm_arch_vm_finalize_vcpus(vm);
	return vm;
}

static inline struct kvm_vm *sdei_vm_create(struct kvm_vcpu *vcpus[], int nr)
{
	TEST_REQUIRE(kvm_has_cap(KVM_CAP_ARM_SDEI));

	return __sdei_vm_create(vcpus, nr, true);
}

/*
 * Runs a vCPU until it stops. Returns the registers it has there; the vCPU is
 * left behind the stop.
 */
static inline void sdei_run(struct kvm_vcpu *vcpu, struct sdei_regs *regs)
{
	u64 page = vcpu->vm->ucall_mmio_addr;

	vcpu_run(vcpu);
	TEST_ASSERT_KVM_EXIT_REASON(vcpu, KVM_EXIT_MMIO);
	TEST_ASSERT(vcpu->run->mmio.phys_addr - page < vcpu->vm->page_size,
		    "Stopped by an access to 0x%llx",
		    vcpu->run->mmio.phys_addr);

	sdei_get_regs(vcpu, regs);
	vcpu_run_complete_io(vcpu);
}

/*
 * Makes the guest call firmware with @regs, but for PC, which is @insn, and
 * runs it until it stops: after the call or in a handler.
 */
static inline void sdei_call_regs(struct kvm_vcpu *vcpu, const char *insn,
				  struct sdei_regs *regs)
{
	regs->pc = (u64)insn;
	sdei_set_regs(vcpu, regs);
	sdei_run(vcpu, regs);
}

/* Fills in what the registers are before a call. */
static inline void sdei_call_prepare(struct kvm_vcpu *vcpu,
				     struct sdei_regs *regs, u64 fn,
				     const u64 *args)
{
	int i;

	sdei_get_regs(vcpu, regs);
	regs->x[0] = fn;
	for (i = 1; i < SDEI_NR_SAVED; i++)
		regs->x[i] = 0xca11000000000000 + i;
	memcpy(&regs->x[1], args, 5 * sizeof(*args));
}

/* A call that returns. Nothing but x0 may have changed then. */
static inline s64 __sdei_call(struct kvm_vcpu *vcpu, u64 fn, const u64 *args)
{
	struct sdei_regs before, after;
	const u64 *b = (const u64 *)&before, *a = (const u64 *)&after;
	int i;

	sdei_call_prepare(vcpu, &before, fn, args);
	after = before;
	sdei_call_regs(vcpu, sdei_hvc, &after);

	TEST_ASSERT(after.pc == (u64)sdei_hvc_done,
		    "Call 0x%lx went to 0x%lx instead of 0x%lx",
		    fn, after.pc, (u64)sdei_hvc_done);

	before.pc = (u64)sdei_hvc_done;
	for (i = 1; i < SDEI_NR_REGS; i++)
		TEST_ASSERT(a[i] == b[i],
			    "Call 0x%lx changed register %d from 0x%lx to 0x%lx",
			    fn, i, b[i], a[i]);

	return after.x[0];
}

/* A call that ends in a handler: because of it, an event is delivered. */
static inline void __sdei_call_enter(struct kvm_vcpu *vcpu,
				     struct sdei_regs *regs, u64 fn,
				     const u64 *args)
{
	sdei_call_prepare(vcpu, regs, fn, args);
	sdei_call_regs(vcpu, sdei_hvc, regs);
	TEST_ASSERT(regs->pc - (u64)sdei_stop < KVM_SDEI_NR_EVENTS * 4,
		    "Call 0x%lx didn't enter a handler but stopped at 0x%lx, x0 0x%lx",
		    fn, regs->pc, regs->x[0]);
}

#define SDEI_ARGS(...)	((u64 [5]) { __VA_ARGS__ })

#define sdei_call(vcpu, fn, ...)					\
	__sdei_call(vcpu, SDEI_1_0_FN_SDEI_##fn, SDEI_ARGS(__VA_ARGS__))

#define sdei_call_enter(vcpu, regs, fn, ...)				\
	__sdei_call_enter(vcpu, regs, SDEI_1_0_FN_SDEI_##fn,		\
			  SDEI_ARGS(__VA_ARGS__))

/* Each event gets a handler and an argument of its own. */
static inline u64 sdei_handler(int index)
{
	return (u64)sdei_stop + 4 * index;
}

static inline u64 sdei_argument(struct kvm_vm *vm, int index)
{
	return sdei_ucall_page(vm) + 8 * index;
}

static inline s64 sdei_register(struct kvm_vcpu *vcpu, int index)
{
	return sdei_call(vcpu, EVENT_REGISTER, sdei_event(index),
			 sdei_handler(index), sdei_argument(vcpu->vm, index));
}

/* Completes a handler and stops where that leads. */
static inline void sdei_complete(struct kvm_vcpu *vcpu, struct sdei_regs *regs)
{
	sdei_call_prepare(vcpu, regs, SDEI_1_0_FN_SDEI_EVENT_COMPLETE,
			  SDEI_ARGS(SDEI_EV_HANDLED));
	sdei_call_regs(vcpu, sdei_hvc, regs);
}

/* Raises an event from outside. */
static inline int __sdei_raise(struct kvm_vcpu *vcpu, u64 event)
{
	return __vcpu_device_attr_set(vcpu, KVM_ARM_VCPU_SDEI_CTRL,
				      KVM_ARM_VCPU_SDEI_RAISE, &event);
}

static inline void sdei_raise(struct kvm_vcpu *vcpu, int index)
{
	int ret = __sdei_raise(vcpu, sdei_event(index));

	TEST_ASSERT(!ret, KVM_IOCTL_ERROR(KVM_SET_DEVICE_ATTR, ret));
}

/* Raises an event from wherever it comes, for the vCPU to take when it can. */
static inline void sdei_trigger(struct kvm_vcpu *vcpu, int index)
{
	if (index == KVM_SDEI_INDEX_SIGNALLED)
		TEST_ASSERT_EQ(sdei_call(vcpu, EVENT_SIGNAL, 0, sdei_mpidr(vcpu)),
			       SDEI_SUCCESS);
	else
		sdei_raise(vcpu, index);
}

static inline void sdei_register_enable(struct kvm_vcpu *vcpu, int index)
{
	TEST_ASSERT_EQ(sdei_register(vcpu, index), SDEI_SUCCESS);
	TEST_ASSERT_EQ(sdei_call(vcpu, EVENT_ENABLE, sdei_event(index)),
		       SDEI_SUCCESS);
}

/*
 * A vCPU that runs in a thread of its own until it stops. The registers that it
 * stops with are there after sdei_thread_join().
 */
struct sdei_thread {
	struct kvm_vcpu *vcpu;
	struct sdei_regs regs;
	pthread_t pthread;
};

static inline void *sdei_thread_fn(void *arg)
{
	struct sdei_thread *thread = arg;

	sdei_run(thread->vcpu, &thread->regs);
	return NULL;
}

static inline void sdei_thread_create(struct sdei_thread *thread,
				      void *(*fn)(void *arg))
{
	int ret = pthread_create(&thread->pthread, NULL, fn, thread);

	TEST_ASSERT(!ret, "pthread_create() failed: %d", ret);
}

/* Starts the vCPU at @pc, with the registers that it has. */
static inline void sdei_thread_start(struct sdei_thread *thread, const char *pc)
{
	vcpu_set_reg(thread->vcpu, ARM64_CORE_REG(regs.pc), (u64)pc);
	sdei_thread_create(thread, sdei_thread_fn);
}

static inline void sdei_thread_join(struct sdei_thread *thread)
{
	struct timespec end;
	int ret;

	clock_gettime(CLOCK_REALTIME, &end);
	end.tv_sec += SDEI_WAIT_SECONDS;
	ret = pthread_timedjoin_np(thread->pthread, NULL, &end);
	TEST_ASSERT(!ret, "vCPU %u doesn't stop", thread->vcpu->id);
}

/* Until another thread has got that far. */
#define sdei_wait(cond)							\
do {									\
	int __ms = SDEI_WAIT_SECONDS * 1000;				\
									\
	while (!(cond)) {						\
		TEST_ASSERT(__ms--, "Waited in vain for " #cond);	\
		usleep(1000);						\
	}								\
} while (0)

/* KVM's statistics say whether a vCPU is blocked in WFI. */
static inline bool sdei_is_blocked(int stats_fd)
{
	struct kvm_stats_desc *descs, *desc;
	struct kvm_stats_header header;
	u64 blocking = 2;
	u32 i;

	read_stats_header(stats_fd, &header);
	descs = read_stats_descriptors(stats_fd, &header);
	for (i = 0; i < header.num_desc; i++) {
		desc = get_stats_descriptor(descs, i, &header);
		if (!strcmp(desc->name, "blocking"))
			read_stat_data(stats_fd, &header, desc, &blocking, 1);
	}
	free(descs);

	TEST_ASSERT(blocking < 2, "KVM has no statistic on blocked vCPUs");
	return blocking;
}

/* Until another vCPU has got that far, in the guest. */
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

/* A call by guest code in C. */
static inline s64 guest_call(u32 fn, u64 arg0, u64 arg1, u64 arg2)
{
	struct arm_smccc_res res;

	smccc_hvc(fn, arg0, arg1, arg2, 0, 0, 0, 0, &res);
	return res.a0;
}

/* Lets the CPU that runs have its events, with handlers in C. */
static inline void guest_enable(u64 event,
				u64 (*handler)(u64 event, u64 pc, u64 pstate))
{
	GUEST_ASSERT_EQ(guest_call(SDEI_1_0_FN_SDEI_EVENT_REGISTER, event,
				   (u64)sdei_entry, (u64)handler), SDEI_SUCCESS);
	GUEST_ASSERT_EQ(guest_call(SDEI_1_0_FN_SDEI_EVENT_ENABLE, event, 0, 0),
			SDEI_SUCCESS);
}

/* Runs guest code in C to its end, in a thread. */
static inline void *sdei_guest_fn(void *arg)
{
	struct sdei_thread *thread = arg;
	struct ucall uc;

	vcpu_run(thread->vcpu);
	switch (get_ucall(thread->vcpu, &uc)) {
	case UCALL_DONE:
		break;
	case UCALL_ABORT:
		REPORT_GUEST_ASSERT(uc);
		break;
	default:
		sdei_get_regs(thread->vcpu, &thread->regs);
		TEST_FAIL("vCPU %u stopped at 0x%lx, x0 0x%lx", thread->vcpu->id,
			  thread->regs.pc, thread->regs.x[0]);
	}
	return NULL;
}

#endif /* SELFTEST_SDEI_H */
