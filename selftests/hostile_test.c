// SPDX-License-Identifier: GPL-2.0
/*
 * hostile_test - Guests and VMMs attack the kernel while another process loads
 * and unloads the module.
 *
 *   hostile_test [-s SEED] [-n TIMES] [-t SECONDS]
 *
 * -s: the seed of all random numbers; by default the time. The order in which
 *     threads run does not depend on it.
 * -n: do TIMES as much as is done without -n on a host of normal speed. Without
 *     -n, a slow host (SDEI_SLOW) does less.
 * -t: stop after so many seconds.
 *
 * This does not look for warnings in the kernel's log. Whoever runs it has to.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "hostile.h"
#include "module.h"

#define LEAKS		"/sys/kernel/debug/kmemleak"
#define TRACE_EVENTS	"/sys/kernel/debug/tracing/events/kvm_sdei/enable"

/* How much has to be done. */
struct goals {
	u64 calls;
	u64 ioctls;
	u64 vms;
	u64 loads;
};

static const struct goals once = { 20000, 2000, 20, 5 };

/* A process that does not end for so long hangs. */
#define HANG_SECONDS	60

/*
 * By how many KiB the kernel's memory may have grown after so many VMs. The
 * constant is for the inaccuracy of the kernel's statistics. The growth for
 * each VM is less than what the kernel needs for one vCPU. A kernel with
 * kmemleak does not reuse memory at once, so there is no limit there.
 */
#define GROWTH(vms)	(access(LEAKS, F_OK) ? 1024 + (vms) / 2 : ~0UL >> 1)

struct hostile_shared *shared;

void __noreturn hostile_wrong(const char *fmt, ...)
{
	va_list args;

	if (!shared->wrong++) {
		va_start(args, fmt);
		vsnprintf(shared->first_wrong, sizeof(shared->first_wrong), fmt,
			  args);
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
			store(TRACE_EVENTS,
			      hostile_below(&seed, 2) ? "1" : "0");
		if (!hostile_below(&seed, 4))
			store(MODULE_AUTO_ENABLE,
			      hostile_below(&seed, 2) ? "1" : "0");

		ret = unload_sdei();
		if (ret == EWOULDBLOCK)
			continue;
		if (ret)
			hostile_wrong("unload: %s", strerror(ret));

		usleep(hostile_below(&seed, 3000));
		ret = load_sdei(hostile_below(&seed, 4) ? "" : "auto_enable=1");
		if (ret)
			hostile_wrong("load: %s", strerror(ret));
		shared->loads++;

		/* Long enough to create a VM or two. */
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

		vcpu = hostile_below(&seed, 4) ? -1 :
		       ioctl(vm, KVM_CREATE_VCPU, 0);
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
 * Waits for the end of a process, and kills it after @kill_after µs. Returns
 * false if it does not end. *@clean says whether it exited with status 0 or was
 * killed.
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

	/* The kernel updates its statistics every second. */
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
	return module_references("kvm_sdei");
}

/* A new VM works: an event interrupts an endless loop in the guest. */
static void fresh_vm(void)
{
	struct kvm_vcpu *vcpu;
	struct kvm_vm *vm = sdei_vm_create(&vcpu, 1);
	struct sdei_thread thread = { .vcpu = vcpu };

	sdei_register_enable(vcpu, CRITICAL(0));
	TEST_ASSERT_EQ(sdei_call(vcpu, PE_UNMASK), SDEI_SUCCESS);
	sdei_thread_start(&thread, sdei_spin);
	sdei_raise(vcpu, CRITICAL(0));
	sdei_thread_join(&thread);
	TEST_ASSERT_EQ(thread.regs.pc, sdei_handler(CRITICAL(0)));
	kvm_vm_free(vm);
}

static bool reached(const struct goals *goals)
{
	return shared->calls >= goals->calls &&
	       shared->ioctls >= goals->ioctls &&
	       shared->vms >= goals->vms && shared->loads >= goals->loads;
}

/*
 * Runs one VM after the other until the goals are reached or the time is over.
 * Returns false if one of them does not end. Stores the kernel's memory after a
 * quarter of the VMs, and how many these were.
 */
static bool storm(u64 seed, const struct goals *goals, time_t end, u64 *memory,
		  u64 *counted)
{
	bool clean;

	while (!reached(goals)) {
		/* Some are killed. */
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

		/* By now the kernel has filled the caches that it keeps. */
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

	/* Makes it nonzero, and very different for the next seed. */
	seed = (seed + 1) * 0x9e3779b97f4a7c15;
	unload_sdei();
	TEST_ASSERT(!load_sdei(""), "Can't load " MODULE_FILE);
	store(TRACE_EVENTS, "1");

	loader = spawn(load_and_unload(seed));
	opener = spawn(opt_in(seed));
	ended = storm(seed, &goals, time(NULL) + seconds, &memory, &counted);
	shared->stop = true;
	ended = reap(loader, ~0ULL, &clean) && reap(opener, ~0ULL, &clean) &&
		ended;

	printf("# %lu calls, %lu ioctls, %lu VMs, %lu loads of the module;\n"
	       "# %lu VMs without SDEI, %lu more opt-ins, %lu vCPUs restarted\n",
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
	store(MODULE_AUTO_ENABLE, "0");
	clean = false;
	failed |= result(5, reap(spawn(fresh_vm()), ~0ULL, &clean) && clean,
			 "a_fresh_vm_gets_its_event");
	return failed;
}
