// SPDX-License-Identifier: GPL-2.0
/*
 * hostile_test - Guests and VMMs that mean harm, and a module that comes and
 * goes meanwhile.
 *
 *   hostile_test [-s SEED] [-n TIMES] [-t SECONDS]
 *
 * -n: that many times as much as is done without it on a host that is not slower
 * than others (see sdei_slow). What is done depends on the seed; in which order
 * the threads get to it does not. What the kernel has to say is
 * for whoever reads its log.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "hostile.h"
#include "module.h"

#define REFERENCES	"/sys/module/kvm_sdei/refcnt"
#define LEAKS		"/sys/kernel/debug/kmemleak"
#define TRACE_EVENTS	"/sys/kernel/debug/tracing/events/kvm_sdei/enable"

/* What is to be reached. */
struct goals {
	u64 calls;
	u64 ioctls;
	u64 vms;
	u64 loads;
};

static const struct goals once = { 20000, 2000, 20, 5 };

/* A VM is not expected to live that long, nor to take that long to die. */
#define HANG_SECONDS	60

/*
 * What the kernel may have more of at the end, in KiB: less than what it keeps
 * for one of a VM's vCPUs. Its statistics are not more exact than the constant.
 * A kernel that looks for leaks itself keeps what it has been given back.
 */
#define GROWTH(vms)	(access(LEAKS, F_OK) ? 1024 + (vms) / 2 : ~0UL >> 1)

struct hostile_shared *shared;

void __noreturn hostile_wrong(const char *fmt, ...)
{
	va_list args;

	if (!shared->wrong++) {
		va_start(args, fmt);
		vsnprintf(shared->first_wrong, sizeof(shared->first_wrong), fmt, args);
		va_end(args);
	}
	_exit(1);
}

static void store(const char *path, const char *val)
{
	int fd = open(path, O_WRONLY);

	if (fd < 0)
		return;
	if (write(fd, val, strlen(val)) < 0)
		hostile_wrong("write to %s: %s", path, strerror(errno));
	close(fd);
}

/* A process that unloads and loads the module whenever that is possible. */
static void load_and_unload(u64 seed)
{
	int ret;

	while (!shared->stop) {
		usleep(hostile_below(&seed, 5000));
		if (!hostile_below(&seed, 16))
			store(TRACE_EVENTS, hostile_below(&seed, 2) ? "1" : "0");
		if (!hostile_below(&seed, 4))
			store(AUTO_ENABLE, hostile_below(&seed, 2) ? "1" : "0");

		ret = unload();
		if (ret == EWOULDBLOCK)
			continue;
		if (ret)
			hostile_wrong("unload: %s", strerror(ret));

		usleep(hostile_below(&seed, 3000));
		ret = load(hostile_below(&seed, 4) ? "" : "auto_enable=1");
		if (ret)
			hostile_wrong("load: %s", strerror(ret));
		shared->loads++;

		/* For as long as it takes to make a VM or two. */
		usleep(hostile_below(&seed, 1000000));
	}
}

/* A process that makes VMs which opt in, and drops them. */
static void opt_in(u64 seed)
{
	struct kvm_enable_cap cap = { .cap = KVM_CAP_ARM_SDEI };
	int kvm = open("/dev/kvm", O_RDWR), vm, vcpu, ret;

	while (!shared->stop) {
		vm = ioctl(kvm, KVM_CREATE_VM, 0);
		if (vm < 0)
			hostile_wrong("KVM_CREATE_VM: %s", strerror(errno));

		ret = ioctl(vm, KVM_CHECK_EXTENSION, KVM_CAP_ARM_SDEI);
		if (ret && ret != KVM_SDEI_NR_EVENTS)
			hostile_wrong("KVM_CHECK_EXTENSION: %d", ret);

		vcpu = hostile_below(&seed, 4) ? -1 : ioctl(vm, KVM_CREATE_VCPU, 0);
		ret = ioctl(vm, KVM_ENABLE_CAP, &cap) ? errno : 0;
		if (ret && ret != EINVAL && ret != ENODEV &&
		    !(ret == EBUSY && vcpu >= 0))
			hostile_wrong("KVM_ENABLE_CAP: %s", strerror(ret));
		shared->opt_ins += !ret;

		if (vcpu < 0 && hostile_below(&seed, 2))
			vcpu = ioctl(vm, KVM_CREATE_VCPU, 0);
		if (hostile_below(&seed, 2)) {
			close(vm);
			close(vcpu);
		} else {
			close(vcpu);
			close(vm);
		}
		usleep(hostile_below(&seed, 20000));
	}
}

/* Runs a function in a process of its own. */
#define spawn(call)							\
({									\
	pid_t __pid = fork();						\
									\
	TEST_ASSERT(__pid >= 0, "fork() failed: %s", strerror(errno));	\
	if (!__pid) {							\
		call;							\
		_exit(0);						\
	}								\
	__pid;								\
})

/*
 * Waits for the end of a process, @kill_after µs later a violent one. Returns
 * whether it came, and whether it was one of those that are expected.
 */
static bool reap(pid_t pid, u64 kill_after, bool *clean)
{
	u64 us = 0;
	int status;

	while (!waitpid(pid, &status, WNOHANG)) {
		if (us >= HANG_SECONDS * sdei_slow * 1000000)
			return false;
		if (us >= kill_after)
			kill(pid, SIGKILL);
		usleep(1000);
		us += 1000;
	}

	*clean = WIFSIGNALED(status) ? WTERMSIG(status) == SIGKILL :
				       !WEXITSTATUS(status);
	return true;
}

static u64 kernel_memory(void)
{
	static const char * const names[] = {
		"SUnreclaim:", "KernelStack:", "PageTables:", "SecPageTables:",
		"VmallocUsed:", "Percpu:",
	};
	u64 val, sum = 0;
	char line[100], name[50];
	FILE *file;
	int i;

	/* The kernel brings its statistics up to date each second. */
	sleep(3);
	file = fopen("/proc/meminfo", "r");
	TEST_ASSERT(file, "No /proc/meminfo");
	while (fgets(line, sizeof(line), file)) {
		if (sscanf(line, "%49s %lu", name, &val) != 2)
			continue;
		for (i = 0; i < ARRAY_SIZE(names); i++)
			if (!strcmp(name, names[i]))
				sum += val;
	}
	fclose(file);
	return sum;
}

static int references(void)
{
	FILE *file = fopen(REFERENCES, "r");
	int nr = -1;

	if (file) {
		if (fscanf(file, "%d", &nr) != 1)
			nr = -1;
		fclose(file);
	}
	return nr;
}

/* All is well with a VM if the VMM can get a guest out of an endless loop. */
static void fresh_vm(void)
{
	struct kvm_vcpu *vcpu;
	struct kvm_vm *vm = sdei_vm_create(&vcpu, 1);
	struct sdei_thread thread = { .vcpu = vcpu };

	sdei_register_enable(vcpu, KVM_SDEI_INDEX_CRITICAL(0));
	TEST_ASSERT_EQ(sdei_call(vcpu, PE_UNMASK), SDEI_SUCCESS);
	sdei_thread_start(&thread, sdei_spin);
	sdei_raise(vcpu, KVM_SDEI_INDEX_CRITICAL(0));
	sdei_thread_join(&thread);
	TEST_ASSERT_EQ(thread.regs.pc, sdei_handler(KVM_SDEI_INDEX_CRITICAL(0)));
	kvm_vm_free(vm);
}

static bool reached(const struct goals *goals)
{
	return shared->calls >= goals->calls && shared->ioctls >= goals->ioctls &&
	       shared->vms >= goals->vms && shared->loads >= goals->loads;
}

/* One after the other, until as much has been done as was to be. */
static bool storm(u64 seed, const struct goals *goals, time_t end, u64 *memory,
		  u64 *counted)
{
	bool clean;

	while (!reached(goals)) {
		/* Some get no time to end by themselves. */
		u64 kill_after = hostile_below(&seed, 8) ? ~0ULL :
				 hostile_below(&seed, 300000);
		u64 seeds = hostile_random(&seed);

		if (time(NULL) > end || shared->wrong)
			return true;
		if (!reap(spawn(hostile_vm(seeds, once.calls / once.vms,
					   once.ioctls / once.vms)),
			  kill_after, &clean))
			return false;
		if (!clean && !shared->wrong++)
			sprintf(shared->first_wrong, "a VMM failed; see above");

		/* From here on, the kernel has what it keeps for itself. */
		if (!*counted && shared->vms >= goals->vms / 4) {
			*counted = shared->vms;
			*memory = kernel_memory();
		}
	}
	return true;
}

static void scale(struct goals *goals, u64 times, u64 divisor)
{
	goals->calls = once.calls * times / divisor;
	goals->ioctls = once.ioctls * times / divisor;
	goals->vms = once.vms * times / divisor;
	goals->loads = once.loads * times / divisor;
}

static int result(int n, bool ok, const char *what)
{
	printf("%s %d hostile.%s\n", ok ? "ok" : "not ok", n, what);
	return !ok;
}

int main(int argc, char *argv[])
{
	u64 seed = time(NULL), times = 0, seconds = 80 * sdei_slow;
	struct goals goals;
	u64 memory = 0, counted = 0, now;
	pid_t loader, opener;
	bool ended, clean;
	int opt, refs, failed = 0;

	while ((opt = getopt(argc, argv, "s:n:t:")) != -1) {
		switch (opt) {
		case 's':
			seed = strtoull(optarg, NULL, 0);
			break;
		case 'n':
			times = strtoull(optarg, NULL, 0);
			break;
		case 't':
			seconds = strtoull(optarg, NULL, 0);
			break;
		default:
			return 2;
		}
	}

	if (times)
		scale(&goals, times, 1);
	else
		scale(&goals, 1, sdei_slow);

	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	TEST_ASSERT(shared != MAP_FAILED, "mmap() failed");
	printf("TAP version 13\n1..5\n# seed %lu\n", seed);

	/* Not zero, and not the same for a seed and the next one. */
	seed = (seed + 1) * 0x9e3779b97f4a7c15;
	unload();
	TEST_ASSERT(!load(""), "Can't load " MODULE_FILE);
	store(TRACE_EVENTS, "1");

	loader = spawn(load_and_unload(seed));
	opener = spawn(opt_in(seed));
	ended = storm(seed, &goals, time(NULL) + seconds, &memory, &counted);
	shared->stop = true;
	ended = reap(loader, ~0ULL, &clean) && reap(opener, ~0ULL, &clean) && ended;

	printf("# %lu calls, %lu ioctls, %lu VMs, %lu loads of the module;\n"
	       "# %lu VMs without SDEI, %lu more opt-ins, %lu vCPUs gone astray\n",
	       shared->calls, shared->ioctls, shared->vms, shared->loads,
	       shared->stock_vms, shared->opt_ins, shared->restarts);
	failed |= result(1, reached(&goals), "all_was_done");

	if (shared->wrong)
		printf("# %s\n", shared->first_wrong);
	failed |= result(2, !shared->wrong, "every_answer_was_one_that_exists");
	failed |= result(3, ended, "every_process_came_to_its_end");

	now = kernel_memory();
	refs = references();
	printf("# kernel memory: %lu KiB after %lu VMs, %lu KiB in the end\n",
	       memory, counted, now);
	failed |= result(4, !refs && counted &&
			    now < memory + GROWTH(shared->vms - counted),
			 "nothing_is_left");

	store(TRACE_EVENTS, "0");
	store(AUTO_ENABLE, "0");
	clean = false;
	failed |= result(5, reap(spawn(fresh_vm()), ~0ULL, &clean) && clean,
			 "a_fresh_vm_gets_its_event");
	return failed;
}
