// SPDX-License-Identifier: GPL-2.0
/* What the tests of SDEI share: see sdei.h. */
#include <fcntl.h>
#include <time.h>

#define SDEI_NO_HARNESS
#include "sdei.h"

u64 sdei_slow = 1;

/* Before all constructors of the tests. */
static void __attribute__((constructor(101))) init_slow(void)
{
	const char *slow = getenv("SDEI_SLOW");

	if (slow)
		sdei_slow = strtoul(slow, NULL, 0);
}

/* VMs and vCPUs */

void sdei_vcpu_target(struct kvm_vm *vm, struct kvm_vcpu_init *init)
{
	memset(init, 0, sizeof(*init));
	vm_ioctl(vm, KVM_ARM_PREFERRED_TARGET, init);
	init->features[0] |= BIT(KVM_ARM_VCPU_PSCI_0_2);
}

struct kvm_vm *__sdei_vm_create(struct kvm_vcpu *vcpus[], int nr, bool opt_in)
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

struct kvm_vm *sdei_vm_create(struct kvm_vcpu *vcpus[], int nr)
{
	TEST_REQUIRE(kvm_has_cap(KVM_CAP_ARM_SDEI));

	return __sdei_vm_create(vcpus, nr, true);
}

void sdei_set_filter(struct kvm_vm *vm, u32 base, u32 nr, u8 action)
{
	struct kvm_smccc_filter filter = {
		.base		= base,
		.nr_functions	= nr,
		.action		= action,
	};

	kvm_device_attr_set(vm->fd, KVM_ARM_VM_SMCCC_CTRL,
			    KVM_ARM_VM_SMCCC_FILTER, &filter);
}

static const u64 mmu_ids[] = {
	KVM_ARM64_SYS_REG(SYS_SCTLR_EL1), KVM_ARM64_SYS_REG(SYS_TCR_EL1),
	KVM_ARM64_SYS_REG(SYS_TTBR0_EL1), KVM_ARM64_SYS_REG(SYS_MAIR_EL1),
	KVM_ARM64_SYS_REG(SYS_CPACR_EL1),
};

kvm_static_assert(ARRAY_SIZE(mmu_ids) ==
		  ARRAY_SIZE(((struct sdei_mmu *)0)->val));

void sdei_mmu_save(struct kvm_vcpu *vcpu, struct sdei_mmu *mmu)
{
	int i;

	for (i = 0; i < ARRAY_SIZE(mmu_ids); i++)
		mmu->val[i] = sdei_get_reg(vcpu, mmu_ids[i]);
}

void sdei_mmu_restore(struct kvm_vcpu *vcpu, const struct sdei_mmu *mmu)
{
	int i;

	for (i = 0; i < ARRAY_SIZE(mmu_ids); i++)
		vcpu_set_reg(vcpu, mmu_ids[i], mmu->val[i]);
	vcpu_set_reg(vcpu, ARM64_CORE_REG(regs.regs[19]),
		     sdei_ucall_page(vcpu->vm));
}

void sdei_vcpu_reset(struct kvm_vcpu *vcpu, u32 feature)
{
	struct kvm_vcpu_init init;
	struct sdei_mmu mmu;

	sdei_mmu_save(vcpu, &mmu);
	sdei_vcpu_target(vcpu->vm, &init);
	init.features[0] |= feature;
	vcpu_ioctl(vcpu, KVM_ARM_VCPU_INIT, &init);
	sdei_mmu_restore(vcpu, &mmu);
}

void sdei_vcpu_start(struct kvm_vcpu *vcpu, const struct sdei_regs *regs)
{
	struct kvm_mp_state runnable = { .mp_state = KVM_MP_STATE_RUNNABLE };

	sdei_vcpu_reset(vcpu, 0);
	vcpu_mp_state_set(vcpu, &runnable);
	sdei_set_regs(vcpu, regs);
}

/* Registers */

u64 sdei_reg_id(int i)
{
	return KVM_REG_ARM64 | KVM_REG_SIZE_U64 | KVM_REG_ARM_CORE |
	       (i * sizeof(u64) / sizeof(u32));
}

bool sdei_is_reg(u64 id)
{
	return (id & ~0xffffULL) == (KVM_REG_ARM_SDEI_PE & ~0xffffULL) &&
	       (id & 0xffff) >= (KVM_REG_ARM_SDEI_PE & 0xffff);
}

u64 sdei_get_reg(struct kvm_vcpu *vcpu, u64 id)
{
	u64 val;
	int ret = __vcpu_get_reg(vcpu, id, &val);

	TEST_ASSERT(!ret, KVM_IOCTL_ERROR(KVM_GET_ONE_REG, ret));
	return val;
}

void sdei_get_regs(struct kvm_vcpu *vcpu, struct sdei_regs *regs)
{
	u64 *val = (u64 *)regs;
	int i;

	for (i = 0; i < SDEI_NR_REGS; i++)
		val[i] = sdei_get_reg(vcpu, sdei_reg_id(i));
}

void sdei_set_regs(struct kvm_vcpu *vcpu, const struct sdei_regs *regs)
{
	const u64 *val = (const u64 *)regs;
	int i;

	for (i = 0; i < SDEI_NR_REGS; i++)
		vcpu_set_reg(vcpu, sdei_reg_id(i), val[i]);
}

u64 sdei_mpidr(struct kvm_vcpu *vcpu)
{
	return sdei_get_reg(vcpu, KVM_ARM64_SYS_REG(SYS_MPIDR_EL1));
}

u64 sdei_pending(struct kvm_vcpu *vcpu)
{
	return sdei_get_reg(vcpu, KVM_REG_ARM_SDEI_PENDING);
}

/* Events */

u64 sdei_event(int index)
{
	if (index < NORMAL(0))
		return KVM_SDEI_EVENT_SIGNALLED;
	if (index < CRITICAL(0))
		return KVM_SDEI_EVENT_NORMAL(index - NORMAL(0));
	if (index < SHARED(0))
		return KVM_SDEI_EVENT_CRITICAL(index - CRITICAL(0));
	if (index < SHARED_CRITICAL(0))
		return KVM_SDEI_EVENT_SHARED_NORMAL(index - SHARED_NORMAL(0));
	return KVM_SDEI_EVENT_SHARED_CRITICAL(index - SHARED_CRITICAL(0));
}

u64 sdei_handler(int index)
{
	return (u64)sdei_stop + 4 * index;
}

u64 sdei_argument(struct kvm_vm *vm, int index)
{
	return sdei_ucall_page(vm) + 8 * index;
}

u64 sdei_ucall_page(struct kvm_vm *vm)
{
	return *(u64 *)addr_gva2hva(vm, (unsigned long)&ucall_exit_mmio_addr);
}

/* Calls by the guest */

void sdei_run(struct kvm_vcpu *vcpu, struct sdei_regs *regs)
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

void sdei_call_prepare(struct kvm_vcpu *vcpu, struct sdei_regs *regs, u64 fn,
		       const u64 *args)
{
	int i;

	sdei_get_regs(vcpu, regs);
	regs->x[0] = fn;
	for (i = 1; i < SDEI_NR_SAVED; i++)
		regs->x[i] = 0xca11000000000000 + i;
	memcpy(&regs->x[1], args, 5 * sizeof(*args));
}

void sdei_call_set(struct kvm_vcpu *vcpu, u64 fn, const u64 *args)
{
	struct sdei_regs regs;

	sdei_call_prepare(vcpu, &regs, fn, args);
	regs.pc = (u64)sdei_hvc;
	sdei_set_regs(vcpu, &regs);
}

void sdei_call_regs(struct kvm_vcpu *vcpu, const char *insn,
		    struct sdei_regs *regs)
{
	regs->pc = (u64)insn;
	sdei_set_regs(vcpu, regs);
	sdei_run(vcpu, regs);
}

s64 __sdei_call(struct kvm_vcpu *vcpu, u64 fn, const u64 *args)
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

void __sdei_call_enter(struct kvm_vcpu *vcpu, struct sdei_regs *regs, u64 fn,
		       const u64 *args)
{
	sdei_call_prepare(vcpu, regs, fn, args);
	sdei_call_regs(vcpu, sdei_hvc, regs);
	TEST_ASSERT(regs->pc - (u64)sdei_stop < NR_ALL_EVENTS * 4,
		    "Call 0x%lx entered no handler: stopped at 0x%lx, x0 0x%lx",
		    fn, regs->pc, regs->x[0]);
}

s64 sdei_register(struct kvm_vcpu *vcpu, int index)
{
	return sdei_call(vcpu, EVENT_REGISTER, sdei_event(index),
			 sdei_handler(index), sdei_argument(vcpu->vm, index));
}

void sdei_register_enable(struct kvm_vcpu *vcpu, int index)
{
	TEST_ASSERT_EQ(sdei_register(vcpu, index), SDEI_SUCCESS);
	TEST_ASSERT_EQ(sdei_call(vcpu, EVENT_ENABLE, sdei_event(index)),
		       SDEI_SUCCESS);
}

void sdei_complete(struct kvm_vcpu *vcpu, struct sdei_regs *regs)
{
	sdei_call_prepare(vcpu, regs, SDEI_1_0_FN_SDEI_EVENT_COMPLETE,
			  SDEI_ARGS(SDEI_EV_HANDLED));
	sdei_call_regs(vcpu, sdei_hvc, regs);
}

void sdei_complete_and_resume(struct kvm_vcpu *vcpu, struct sdei_regs *regs,
			      const char *where)
{
	sdei_call_prepare(vcpu, regs,
			  SDEI_1_0_FN_SDEI_EVENT_COMPLETE_AND_RESUME,
			  SDEI_ARGS((u64)where));
	sdei_call_regs(vcpu, sdei_hvc, regs);
}

/* The administrator's file */

char *sdei_control_read(void)
{
	int fd = open(SDEI_CONTROL, O_RDONLY);
	size_t len = 0, size = 4096;
	char *text = malloc(size);
	ssize_t n;

	TEST_ASSERT(fd >= 0, "open " SDEI_CONTROL ": %s", strerror(errno));
	while ((n = read(fd, text + len, size - 1 - len)) > 0) {
		len += n;
		if (len == size - 1)
			text = realloc(text, size *= 2);
		TEST_ASSERT(text, "Out of memory");
	}
	TEST_ASSERT(!n, "read " SDEI_CONTROL ": %s", strerror(errno));
	close(fd);
	text[len] = 0;
	return text;
}

const char *sdei_control_newest(char *text)
{
	char head[32], *line, *newest = NULL;

	snprintf(head, sizeof(head), "VM %d-", getpid());
	for (line = text; (line = strstr(line, head)); line++)
		newest = line;
	return newest;
}

int sdei_control_write(const void *bytes, size_t len)
{
	int fd = open(SDEI_CONTROL, O_WRONLY);
	ssize_t ret;
	int error;

	TEST_ASSERT(fd >= 0, "open " SDEI_CONTROL ": %s", strerror(errno));
	ret = write(fd, bytes, len);
	error = ret < 0 ? errno : 0;
	TEST_ASSERT(error || ret == len, "%ld of %ld bytes", ret, len);
	close(fd);
	return error;
}

/* Raised by the VMM */

int __sdei_raise(struct kvm_vcpu *vcpu, u64 event)
{
	return __vcpu_device_attr_set(vcpu, KVM_ARM_VCPU_SDEI_CTRL,
				      KVM_ARM_VCPU_SDEI_RAISE, &event);
}

int __sdei_withdraw(struct kvm_vcpu *vcpu, u64 event)
{
	return __vcpu_device_attr_set(vcpu, KVM_ARM_VCPU_SDEI_CTRL,
				      KVM_ARM_VCPU_SDEI_WITHDRAW, &event);
}

void sdei_raise(struct kvm_vcpu *vcpu, int index)
{
	int ret = __sdei_raise(vcpu, sdei_event(index));

	TEST_ASSERT(!ret, KVM_IOCTL_ERROR(KVM_SET_DEVICE_ATTR, ret));
}

static int vm_set_attr(struct kvm_vm *vm, u64 attr, u64 event)
{
	return __kvm_device_attr_set(vm->fd, KVM_ARM_VM_SDEI_CTRL, attr,
				     &event);
}

int __sdei_vm_raise(struct kvm_vm *vm, u64 event)
{
	return vm_set_attr(vm, KVM_ARM_VM_SDEI_RAISE, event);
}

int __sdei_vm_withdraw(struct kvm_vm *vm, u64 event)
{
	return vm_set_attr(vm, KVM_ARM_VM_SDEI_WITHDRAW, event);
}

void sdei_vm_raise(struct kvm_vm *vm, int index)
{
	int ret = __sdei_vm_raise(vm, sdei_event(index));

	TEST_ASSERT(!ret, KVM_IOCTL_ERROR(KVM_SET_DEVICE_ATTR, ret));
}

u64 sdei_vm_state(struct kvm_vm *vm, int index)
{
	u64 val = sdei_event(index);

	kvm_device_attr_get(vm->fd, KVM_ARM_VM_SDEI_CTRL,
			    KVM_ARM_VM_SDEI_STATE, &val);
	return val;
}

void sdei_trigger(struct kvm_vcpu *vcpu, int index)
{
	if (index == SIGNALLED)
		TEST_ASSERT_EQ(sdei_call(vcpu, EVENT_SIGNAL, 0,
					 sdei_mpidr(vcpu)), SDEI_SUCCESS);
	else
		sdei_raise(vcpu, index);
}

/* Threads */

void sdei_thread_create(struct sdei_thread *thread, void *(*fn)(void *arg))
{
	int ret = pthread_create(&thread->pthread, NULL, fn, thread);

	TEST_ASSERT(!ret, "pthread_create() failed: %d", ret);
}

static void *run_to_stop(void *arg)
{
	struct sdei_thread *thread = arg;

	sdei_run(thread->vcpu, &thread->regs);
	return NULL;
}

void sdei_thread_start(struct sdei_thread *thread, const char *pc)
{
	vcpu_set_reg(thread->vcpu, ARM64_CORE_REG(regs.pc), (u64)pc);
	sdei_thread_create(thread, run_to_stop);
}

void sdei_thread_join(struct sdei_thread *thread)
{
	struct timespec end;
	int ret;

	clock_gettime(CLOCK_REALTIME, &end);
	end.tv_sec += SDEI_WAIT_SECONDS;
	ret = pthread_timedjoin_np(thread->pthread, NULL, &end);
	TEST_ASSERT(!ret, "vCPU %u doesn't stop", thread->vcpu->id);
}

void *sdei_guest_fn(void *arg)
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
		TEST_FAIL("vCPU %u stopped at 0x%lx, x0 0x%lx",
			  thread->vcpu->id, thread->regs.pc, thread->regs.x[0]);
	}
	return NULL;
}

bool sdei_is_blocked(int stats_fd)
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

/* Guest code in C */

s64 guest_call(u32 fn, u64 arg0, u64 arg1, u64 arg2)
{
	struct arm_smccc_res res;

	smccc_hvc(fn, arg0, arg1, arg2, 0, 0, 0, 0, &res);
	return res.a0;
}

void guest_enable(u64 event, u64 (*handler)(u64 event, u64 pc, u64 pstate))
{
	GUEST_ASSERT_EQ(guest_call(SDEI_1_0_FN_SDEI_EVENT_REGISTER, event,
				   (u64)sdei_entry, (u64)handler),
			SDEI_SUCCESS);
	GUEST_ASSERT_EQ(guest_call(SDEI_1_0_FN_SDEI_EVENT_ENABLE, event, 0, 0),
			SDEI_SUCCESS);
}

void guest_enable_shared(u64 event, u64 (*handler)(u64 event, u64 pc,
						   u64 pstate),
			 u64 mode, u64 affinity)
{
	struct arm_smccc_res res;

	smccc_hvc(SDEI_1_0_FN_SDEI_EVENT_REGISTER, event, (u64)sdei_entry,
		  (u64)handler, mode, affinity, 0, 0, &res);
	GUEST_ASSERT_EQ(res.a0, SDEI_SUCCESS);
	GUEST_ASSERT_EQ(guest_call(SDEI_1_0_FN_SDEI_EVENT_ENABLE, event, 0, 0),
			SDEI_SUCCESS);
}
