// SPDX-License-Identifier: GPL-2.0
/*
 * One VM of hostile_test. While its vCPUs run, other threads of the VMM read
 * and write registers, raise and withdraw events, and reset and stop vCPUs. The
 * VM may end at any time.
 */
#include <fcntl.h>
#include <signal.h>
#include <sys/ioctl.h>

#include "hostile.h"

#define NR_THREADS	2

/* A vCPU that makes no call between so many kicks is restarted. */
#define PATIENCE	2

/* A VM that has not made its calls and ioctls after so long ends anyway. */
#define VM_SECONDS	10

/* How a VM ends. */
enum end { ORDERLY, EXIT, KILL, CLOSE, NR_ENDS };

/* A register and the value with which a vCPU starts. */
struct start {
	u64 id;
	u64 val;
};

static const u64 start_ids[] = {
	KVM_ARM64_SYS_REG(SYS_SCTLR_EL1), KVM_ARM64_SYS_REG(SYS_TCR_EL1),
	KVM_ARM64_SYS_REG(SYS_TTBR0_EL1), KVM_ARM64_SYS_REG(SYS_MAIR_EL1),
	KVM_ARM64_SYS_REG(SYS_CPACR_EL1), KVM_ARM64_SYS_REG(SYS_TPIDR_EL1),
	KVM_ARM64_SYS_REG(SYS_TPIDR_EL0), KVM_ARM64_SYS_REG(SYS_TPIDRRO_EL0),
	KVM_ARM64_SYS_REG(SYS_VBAR_EL1),
	ARM64_CORE_REG(sp_el1), ARM64_CORE_REG(regs.pc),
	ARM64_CORE_REG(regs.pstate),
};

struct runner {
	struct kvm_vcpu *vcpu;
	struct hostile_cpu *guest;
	struct start start[ARRAY_SIZE(start_ids)];
	pthread_t pthread;
	u64 seed;
	u64 calls;		/* that made_calls includes */
	int kicks;		/* since the last call */
};

static struct {
	struct kvm_vm *vm;
	struct kvm_vcpu_init init;
	struct kvm_reg_list *list;
	struct runner runners[HOSTILE_MAX_VCPUS];
	int nr;
	bool opted_in;
	bool wild;		/* threads write other registers than SDEI's */
	bool alone;		/* only a vCPU's runner writes its registers */
	atomic_ulong made_calls;
	atomic_ulong made_ioctls;
	atomic_bool closing;
	atomic_bool stop;
} storm;

/* A list of errors that lives until the end of the block. */
#define ERRORS(...) ((const int []) { __VA_ARGS__, 0 })

/* An ioctl that may fail with one of @errors, or with any if it is NULL. */
static int hostile_ioctl(int fd, unsigned int cmd, void *arg, const int *errors)
{
	int ret = ioctl(fd, cmd, arg) < 0 ? -errno : 0;
	const u64 *words;

	storm.made_ioctls++;
	shared->ioctls += storm.opted_in;
	if (!ret || !errors || ret == -EINTR || storm.closing)
		return ret;

	while (*errors)
		if (ret == -*errors++)
			return ret;

	/* In most arguments, the first two words tell the most. */
	words = arg;
	hostile_wrong("ioctl 0x%x, 0x%lx 0x%lx: %s", cmd, words[0], words[1],
		      strerror(-ret));
}

static u64 pick_register(u64 *seed)
{
	switch (hostile_below(seed, 16)) {
	case 0:
		/* Any number and any size: it may exist. */
		return (KVM_REG_ARM_SDEI(hostile_random(seed) & 0xffff) &
			~KVM_REG_SIZE_MASK) |
		       hostile_below(seed, 6) << KVM_REG_SIZE_SHIFT;
	case 1:
		return KVM_REG_ARM_SDEI(0x8000 + hostile_below(seed, 0x440));
	case 2:
		return storm.list->reg[hostile_below(seed, storm.list->n)];
	case 3:
		return KVM_REG_ARM_SDEI_PE;
	case 4:
		return KVM_REG_ARM_SDEI_PENDING;
	case 5:
	case 6:
		return KVM_REG_ARM_SDEI_PSTATE(hostile_below(seed, 2));
	case 7 ... 9:
		return KVM_REG_ARM_SDEI_STATUS(hostile_below(seed, 9));
	case 10 ... 12:
		return KVM_REG_ARM_SDEI(0x8100 + hostile_below(seed, 36));
	case 13:
		return KVM_REG_ARM_SDEI_SHARED_RUNNING;
	case 14:
		return KVM_REG_ARM_SDEI_SHARED_PENDING;
	case 15 ... 16:
		return KVM_REG_ARM_SDEI_SHARED_ENTRY(0) + hostile_below(seed, 16);
	default:
		return KVM_REG_ARM_SDEI(0x8200 + hostile_below(seed, 64));
	}
}

/* Is it a register that other vCPUs change as well? */
static bool is_of_vm(u64 id)
{
	return sdei_is_reg(id) &&
	       (id & 0xffff) >= (KVM_REG_ARM_SDEI_SHARED_PENDING & 0xffff);
}

/* Would a write change the results of calls that the guest checks? */
static bool spoils_results(u64 id)
{
	return !sdei_is_reg(id) ||
	       ((id & 0xffff) >= (KVM_REG_ARM_SDEI_X(0, 0) & 0xffff) &&
		!is_of_vm(id));
}

static void check_readable(u64 id, u64 val)
{
	bool ok = true;

	switch (id) {
	case KVM_REG_ARM_SDEI_PE:
		ok = !(val & ~(KVM_REG_ARM_SDEI_PE_MASKED |
			       KVM_REG_ARM_SDEI_PE_SUSPENDED));
		break;
	case KVM_REG_ARM_SDEI_PENDING:
		ok = val < BIT(KVM_SDEI_NR_EVENTS);
		break;
	case KVM_REG_ARM_SDEI_SHARED_RUNNING:
	case KVM_REG_ARM_SDEI_SHARED_PENDING:
		ok = val < BIT(KVM_SDEI_NR_SHARED_EVENTS);
		break;
	case KVM_REG_ARM_SDEI_PSTATE(0):
	case KVM_REG_ARM_SDEI_PSTATE(1):
		/* EL0 in AArch64 or AArch32, or EL1. */
		ok = !(val & 0xf) || (val & 0x1f) == PSR_MODE_EL1t ||
		     (val & 0x1f) == PSR_MODE_EL1h;
		break;
	}
	if (!ok)
		hostile_wrong("register 0x%lx is 0x%lx", id, val);
}

/* Reads and writes a register. @own: nobody else can change it meanwhile. */
static void access_register(struct runner *r, u64 *seed, bool own)
{
	const int *none = ERRORS(0), *absent = ERRORS(ENOENT);
	const int *refused = ERRORS(ENOENT, EINVAL), *errors = absent;
	u64 val[32] = {}, before = 0;
	u64 id = pick_register(seed);
	struct kvm_one_reg reg = { .id = id, .addr = (u64)val };
	int ret;

	ret = hostile_ioctl(r->vcpu->fd, KVM_GET_ONE_REG, &reg,
			    sdei_is_reg(id) ? absent : NULL);
	if (!ret && sdei_is_reg(id))
		check_readable(id, val[0]);
	if (hostile_below(seed, 2))
		return;

	before = val[0];
	switch (hostile_below(seed, 8)) {
	case 0 ... 1:
		/* Writing the value that was read must succeed. */
		if (!ret)
			errors = none;
		break;
	case 2:
		val[0] = hostile_random(seed);
		break;
	case 3:
		val[0] ^= BIT_ULL(hostile_below(seed, 64));
		break;
	default:
		val[0] = hostile_value(seed);
	}
	if (val[0] != before) {
		if (!storm.wild && spoils_results(id))
			return;
		errors = refused;
	}

	if (!hostile_ioctl(r->vcpu->fd, KVM_SET_ONE_REG, &reg,
			   sdei_is_reg(id) ? errors : NULL) ||
	    ret || !sdei_is_reg(id) || id == KVM_REG_ARM_SDEI_PENDING ||
	    is_of_vm(id) || !own)
		return;

	if (!hostile_ioctl(r->vcpu->fd, KVM_GET_ONE_REG, &reg, none) &&
	    val[0] != before && !storm.closing)
		hostile_wrong("a failed write to register 0x%lx changed it from 0x%lx to 0x%lx",
			      id, before, val[0]);
}

static void access_attribute(struct runner *r, u64 *seed)
{
	static const unsigned int cmds[] = {
		KVM_SET_DEVICE_ATTR, KVM_SET_DEVICE_ATTR, KVM_SET_DEVICE_ATTR,
		KVM_GET_DEVICE_ATTR, KVM_HAS_DEVICE_ATTR,
	};
	u64 event = hostile_event(seed);
	struct kvm_device_attr attr = {
		.group = KVM_ARM_VCPU_SDEI_CTRL,
		.attr = hostile_below(seed, 3),
		.addr = (u64)&event,
	};

	switch (hostile_below(seed, 32)) {
	case 0:
		attr.attr = hostile_value(seed);
		break;
	case 1:
		attr.addr = hostile_value(seed) & ~0xfffffff;
		break;
	case 2:
		attr.flags = hostile_value(seed);
		break;
	case 3:
		attr.group += hostile_value(seed);
		break;
	case 4 ... 20:
		attr.attr = KVM_ARM_VCPU_SDEI_RAISE;
		break;
	}

	/* The attributes of the VM have the same numbers. */
	hostile_ioctl(hostile_below(seed, 3) ? r->vcpu->fd : storm.vm->fd,
		      cmds[hostile_below(seed, ARRAY_SIZE(cmds))], &attr,
		      attr.group == KVM_ARM_VCPU_SDEI_CTRL ?
		      ERRORS(ENXIO, EINVAL, EFAULT, ENOENT, EPERM, EAGAIN) :
		      NULL);
}

static void reset(struct runner *r, u64 *seed)
{
	struct kvm_vcpu_init init = storm.init;

	if (hostile_below(seed, 4) == 0)
		init.features[0] ^= BIT(hostile_below(seed, 10));
	hostile_ioctl(r->vcpu->fd, KVM_ARM_VCPU_INIT, &init, NULL);
}

static void ask_the_vm(u64 *seed)
{
	struct {
		struct kvm_smccc_services head;
		struct kvm_smccc_service_range range[2];
	} services = { .head.nr = hostile_below(seed, 3) };
	struct kvm_device_attr attr = {
		.group = KVM_ARM_VM_SMCCC_CTRL,
		.attr = KVM_ARM_VM_SMCCC_SERVICES,
		.addr = (u64)&services,
	};
	struct kvm_enable_cap cap = { .cap = KVM_CAP_ARM_SDEI };
	int fd = storm.vm->fd;

	switch (hostile_below(seed, 4)) {
	case 0:
		/* EBUSY as there are vCPUs, or EINVAL without the module. */
		cap.args[hostile_below(seed, 4)] = hostile_below(seed, 2);
		if (!hostile_ioctl(fd, KVM_ENABLE_CAP, &cap,
				   ERRORS(EBUSY, EINVAL)) && !storm.closing)
			hostile_wrong("opted in with vCPUs");
		break;
	case 1:
		/* One more vCPU, which nobody uses. */
		ioctl(fd, KVM_CREATE_VCPU, 16 + hostile_below(seed, 4));
		break;
	default:
		if (!hostile_ioctl(fd, KVM_GET_DEVICE_ATTR, &attr,
				   ERRORS(E2BIG)) &&
		    services.head.nr != storm.opted_in)
			hostile_wrong("%u services", services.head.nr);
	}
}

/* Reads the administrator's file, and raises an event through it. */
static void administrate(u64 *seed)
{
	int fd = open(SDEI_CONTROL, O_RDWR);
	unsigned int pid, number;
	char text[512];
	ssize_t len;

	if (fd < 0)
		return;
	len = read(fd, text, hostile_below(seed, sizeof(text)));
	if (len < 0)
		hostile_wrong("read of " SDEI_CONTROL ": %s", strerror(errno));
	text[len > 0 ? len : 0] = 0;
	if (sscanf(text, "VM %u-%u ", &pid, &number) == 2) {
		len = snprintf(text, sizeof(text), "%u-%u 0x%lx", pid, number,
			       hostile_event(seed));
		if (write(fd, text, len) < 0 && errno != ESRCH &&
		    errno != ENOENT && errno != EPERM && errno != EAGAIN)
			hostile_wrong("write of '%s': %s", text,
				      strerror(errno));
	}
	close(fd);
}

/* @own: by the thread that runs the vCPU, so that the vCPU does not run. */
static void do_something(struct runner *r, u64 *seed, bool own)
{
	struct kvm_mp_state state = { .mp_state = hostile_below(seed, 12) };
	struct kvm_reg_list list = { .n = hostile_below(seed, 2) };

	switch (hostile_below(seed, 64)) {
	case 0:
		hostile_ioctl(r->vcpu->fd, KVM_SET_MP_STATE, &state,
			      ERRORS(EINVAL));
		break;
	case 1:
		hostile_ioctl(r->vcpu->fd, KVM_GET_MP_STATE, &state, NULL);
		break;
	case 2:
		hostile_ioctl(r->vcpu->fd, KVM_GET_REG_LIST, &list,
			      ERRORS(E2BIG));
		break;
	case 3:
		if (own || !storm.alone)
			reset(r, seed);
		break;
	case 4:
		r->vcpu->run->immediate_exit = hostile_below(seed, 2);
		break;
	case 5:
	case 6:
		ask_the_vm(seed);
		break;
	case 7:
		administrate(seed);
		break;
	case 8 ... 35:
		access_attribute(r, seed);
		break;
	default:
		if (own || !storm.alone)
			/*
			 * Another vCPU may turn this one on, which resets it.
			 */
			access_register(r, seed, storm.alone && storm.nr == 1);
	}
}

/* Gives a vCPU its first registers again, with or without a reset. */
static void restart(struct runner *r)
{
	struct kvm_mp_state state = { .mp_state = KVM_MP_STATE_RUNNABLE };
	struct kvm_vcpu_init init = storm.init;
	int i;

	/* Completes the access, if any, with which the vCPU came out. */
	r->vcpu->run->immediate_exit = 1;
	__vcpu_run(r->vcpu);
	r->vcpu->run->immediate_exit = 0;

	if (hostile_below(&r->seed, 4))
		__vcpu_ioctl(r->vcpu, KVM_ARM_VCPU_INIT, &init);
	for (i = 0; i < ARRAY_SIZE(r->start); i++)
		__vcpu_set_reg(r->vcpu, r->start[i].id, r->start[i].val);
	__vcpu_ioctl(r->vcpu, KVM_SET_MP_STATE, &state);
	shared->restarts++;
	r->kicks = 0;
}

/* Counts the calls that the guest has made since the last time. */
static void look(struct runner *r)
{
	u64 calls = READ_ONCE(r->guest->calls) - r->calls;
	u64 fn = READ_ONCE(r->guest->wrong_fn);

	if (fn && hostile_guest.checked)
		hostile_wrong("call 0x%lx answered 0x%lx", fn,
			      r->guest->wrong_result);

	/* A guest that runs wild may have overwritten the number. */
	if (calls > 1000000)
		calls = 0;
	r->calls = READ_ONCE(r->guest->calls);
	r->kicks = calls ? 0 : r->kicks + 1;
	storm.made_calls += calls;
	if (!hostile_guest.denied)
		shared->calls += calls;
}

static void *run(void *arg)
{
	struct runner *r = arg;
	int ret, n;

	while (!storm.stop) {
		ret = __vcpu_run(r->vcpu) ? -errno : 0;
		look(r);
		if (storm.stop)
			break;
		if ((ret != -EINTR && ret != -EAGAIN) || r->kicks > PATIENCE)
			restart(r);
		for (n = hostile_below(&r->seed, 8); n; n--)
			do_something(r, &r->seed, true);
	}
	return NULL;
}

struct meddler {
	pthread_t pthread;
	u64 seed;
};

static void *meddle(void *arg)
{
	struct meddler *m = arg;

	while (!storm.stop) {
		do_something(&storm.runners[hostile_below(&m->seed, storm.nr)],
			     &m->seed, false);
		/* Leaves the guest some time. */
		usleep(hostile_below(&m->seed, 500));
	}
	return NULL;
}

static void kicked(int signal)
{
}

/* Opts in. That fails, without any effect, while there is no module. */
static void opt_in(u64 *seed)
{
	struct kvm_smccc_services *services;
	u8 buf[sizeof(*services) + sizeof(struct kvm_smccc_service_range)] = {};
	int ret;

	ret = __vm_enable_cap(storm.vm, KVM_CAP_ARM_SDEI, 0) ? -errno : 0;
	if (ret && ret != -EINVAL && ret != -ENODEV)
		hostile_wrong("opt-in: %s", strerror(-ret));

	services = (void *)buf;
	services->nr = 1;
	kvm_device_attr_get(storm.vm->fd, KVM_ARM_VM_SMCCC_CTRL,
			    KVM_ARM_VM_SMCCC_SERVICES, services);
	storm.opted_in = !ret;
	if (services->nr != storm.opted_in)
		hostile_wrong("opt-in: %d, but %u services", ret, services->nr);

	if (!hostile_below(seed, 4))
		__vm_enable_cap(storm.vm, KVM_CAP_ARM_SYSTEM_SUSPEND, 0);
}

static void prepare(struct runner *r, int i)
{
	struct start *s;

	r->vcpu = aarch64_vcpu_add(storm.vm, i, &storm.init,
				   hostile_guest_main);
	r->guest = &((struct hostile_guest *)addr_gva2hva(storm.vm,
				(u64)&hostile_guest))->cpus[i];
	vcpu_set_reg(r->vcpu, KVM_ARM64_SYS_REG(SYS_VBAR_EL1),
		     (u64)sdei_vectors);
	vcpu_set_reg(r->vcpu, KVM_ARM64_SYS_REG(SYS_TPIDR_EL0),
		     sdei_get_reg(r->vcpu, ARM64_CORE_REG(sp_el1)));
	vcpu_set_reg(r->vcpu, KVM_ARM64_SYS_REG(SYS_TPIDRRO_EL0),
		     (u64)hostile_guest_main);

	for (s = r->start; s < &r->start[ARRAY_SIZE(start_ids)]; s++) {
		s->id = start_ids[s - r->start];
		s->val = sdei_get_reg(r->vcpu, s->id);
	}
	hostile_guest.mpidr[i] = sdei_mpidr(r->vcpu);
}

static void create(u64 *seed)
{
	void *power_up;
	u64 bmap;
	int i;

	storm.nr = 1 + hostile_below(seed, HOSTILE_MAX_VCPUS);
	storm.vm = vm_create(storm.nr + 4);
	opt_in(seed);
	sdei_vcpu_target(storm.vm, &storm.init);
	for (i = 0; i < storm.nr; i++) {
		prepare(&storm.runners[i], i);
		storm.runners[i].seed = hostile_random(seed);
		hostile_guest.cpus[i].seed = hostile_random(seed);
	}
	kvm_arch_vm_finalize_vcpus(storm.vm);
	storm.list = vcpu_get_reg_list(storm.runners[0].vcpu);

	hostile_guest.denied = !storm.opted_in;
	if (storm.opted_in && !hostile_below(seed, 16)) {
		bmap = sdei_get_reg(storm.runners[0].vcpu,
				    KVM_REG_ARM_STD_BMAP);
		vcpu_set_reg(storm.runners[0].vcpu, KVM_REG_ARM_STD_BMAP,
			     bmap & ~BIT_ULL(KVM_REG_ARM_STD_BIT_SDEI));
		hostile_guest.denied = true;
	}

	storm.wild = hostile_below(seed, 2);
	storm.alone = hostile_below(seed, 2);
	hostile_guest.checked = !storm.wild;
	hostile_guest.nr_cpus = storm.nr;
	power_up = addr_gva2hva(storm.vm, (u64)sdei_power_up);
	hostile_guest.power_up = addr_hva2gpa(storm.vm, power_up);
	hostile_guest.power_up_argument = storm.vm->ucall_mmio_addr;
	sync_global_to_guest(storm.vm, hostile_guest);
}

/* Ends the process while all threads run, unless the end is orderly. */
static void finish(enum end end, struct meddler *meddlers)
{
	int i, waiting;

	switch (end) {
	case CLOSE:
		storm.closing = true;
		for (i = storm.nr - 1; i >= 0; i--)
			close(storm.runners[i].vcpu->fd);
		close(storm.vm->fd);
		usleep(1000);
		_exit(0);
	case EXIT:
		_exit(0);
	case KILL:
		kill(getpid(), SIGKILL);
	default:
		break;
	}

	storm.stop = true;
	for (i = 0; i < storm.nr; i += !waiting) {
		waiting = pthread_tryjoin_np(storm.runners[i].pthread, NULL);
		if (waiting) {
			pthread_kill(storm.runners[i].pthread, SIGUSR1);
			usleep(500);
		}
	}
	for (i = 0; i < NR_THREADS; i++)
		pthread_join(meddlers[i].pthread, NULL);
	kvm_vm_free(storm.vm);
	_exit(0);
}

static void start(pthread_t *pthread, void *(*fn)(void *), void *arg)
{
	int ret = pthread_create(pthread, NULL, fn, arg);

	TEST_ASSERT(!ret, "pthread_create() failed: %d", ret);
}

void __noreturn hostile_vm(u64 seed, u64 calls, u64 ioctls)
{
	struct sigaction action = { .sa_handler = kicked };
	struct meddler meddlers[NR_THREADS];
	time_t end = time(NULL) + VM_SECONDS * sdei_slow;
	int i;

	sigaction(SIGUSR1, &action, NULL);
	create(&seed);
	if (!storm.opted_in) {
		/* Such VMs exercise less of the module. */
		calls /= 8;
		ioctls /= 8;
	}
	for (i = 0; i < storm.nr; i++)
		start(&storm.runners[i].pthread, run, &storm.runners[i]);
	for (i = 0; i < NR_THREADS; i++) {
		meddlers[i].seed = hostile_random(&seed);
		start(&meddlers[i].pthread, meddle, &meddlers[i]);
	}

	while ((storm.made_calls < calls || storm.made_ioctls < ioctls) &&
	       time(NULL) < end) {
		usleep(hostile_below(&seed, 2000));
		for (i = 0; i < storm.nr; i++)
			if (hostile_below(&seed, 2))
				pthread_kill(storm.runners[i].pthread, SIGUSR1);
	}

	if (storm.opted_in)
		shared->vms++;
	else
		shared->stock_vms++;
	finish(hostile_below(&seed, NR_ENDS), meddlers);
	__builtin_unreachable();
}
