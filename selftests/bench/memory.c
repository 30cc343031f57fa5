// SPDX-License-Identifier: GPL-2.0
/*
 * How much memory a VM and a vCPU take: the sum of what the kernel's
 * tracepoints say that this process allocated and did not free again. Page
 * tables and guest memory are not in it; they don't depend on SDEI.
 */
#include "bench.h"

#define TRACING	"/sys/kernel/debug/tracing/"

static void tracing_set(const char *file, const char *value)
{
	char path[128];
	FILE *f;

	snprintf(path, sizeof(path), TRACING "%s", file);
	f = fopen(path, "w");
	TEST_ASSERT(f && fputs(value, f) >= 0 && !fclose(f), "Can't write %s",
		    path);
}

/* The file stays open, so that opening it is not counted. */
static int tracing_on;

static void tracing_switch(const char *value)
{
	TEST_ASSERT(write(tracing_on, value, 1) == 1, "Can't write tracing_on");
}

static void tracing_init(void)
{
	char filter[32];

	tracing_on = open(TRACING "tracing_on", O_WRONLY);
	TEST_ASSERT(tracing_on >= 0, "There is no tracefs at " TRACING);
	tracing_switch("0");
	snprintf(filter, sizeof(filter), "common_pid == %d", getpid());
	tracing_set("events/kmem/filter", filter);
	tracing_set("events/vmalloc/filter", filter);
	/* Shows real addresses, by which each free() finds its allocation. */
	tracing_set("options/hash-ptr", "0");
	tracing_set("events/kmem/kmalloc/enable", "1");
	tracing_set("events/kmem/kmem_cache_alloc/enable", "1");
	tracing_set("events/kmem/kfree/enable", "1");
	tracing_set("events/kmem/kmem_cache_free/enable", "1");
	tracing_set("events/vmalloc/alloc_vmap_area/enable", "1");
}

static u64 field(const char *line, const char *name, int base)
{
	const char *value = strstr(line, name);

	return value ? strtoull(value + strlen(name), NULL, base) : 0;
}

/* Starts to count what this process allocates. */
static void count_start(void)
{
	tracing_set("trace", "");
	tracing_switch("1");
}

/* Returns how many bytes were allocated since then and not freed. */
static u64 count_end(void)
{
	struct { u64 ptr, size; } blocks[4096];
	FILE *f;
	char line[512];
	u64 ptr, sum = 0;
	int i, nr = 0;

	tracing_switch("0");
	f = fopen(TRACING "trace", "r");
	TEST_ASSERT(f, "Can't read the trace");
	while (fgets(line, sizeof(line), f)) {
		TEST_ASSERT(!strstr(line, "LOST"), "The trace is not complete");
		ptr = field(line, " ptr=", 16);
		if (strstr(line, " alloc_vmap_area: ")) {
			/* The size includes a guard page. */
			sum += field(line, " size=", 10) - getpagesize();
		} else if (field(line, " bytes_alloc=", 10)) {
			TEST_ASSERT(nr < ARRAY_SIZE(blocks),
				    "Too much to count");
			blocks[nr].ptr = ptr;
			blocks[nr].size = field(line, " bytes_alloc=", 10);
			sum += blocks[nr++].size;
		} else if (strstr(line, "free: ") && ptr) {
			for (i = nr - 1; i >= 0 && blocks[i].ptr != ptr; i--)
				;
			if (i >= 0) {
				sum -= blocks[i].size;
				blocks[i] = blocks[--nr];
			}
		}
	}
	fclose(f);
	TEST_ASSERT(nr, "There was nothing in the trace");
	return sum;
}

static void run(const char *name, bool opt_in, bool print)
{
	struct kvm_enable_cap cap = { .cap = KVM_CAP_ARM_SDEI };
	struct kvm_vcpu_init init;
	u64 vm_size, vcpu_size;
	int kvm, vm, vcpu;

	kvm = open_kvm_dev_path_or_exit();
	count_start();
	vm = ioctl(kvm, KVM_CREATE_VM, 0);
	TEST_ASSERT(vm >= 0, "KVM_CREATE_VM failed");
	if (opt_in)
		TEST_ASSERT(!ioctl(vm, KVM_ENABLE_CAP, &cap),
			    "KVM_ENABLE_CAP failed");
	vm_size = count_end();

	TEST_ASSERT(!ioctl(vm, KVM_ARM_PREFERRED_TARGET, &init),
		    "KVM_ARM_PREFERRED_TARGET failed");
	count_start();
	vcpu = ioctl(vm, KVM_CREATE_VCPU, 0);
	TEST_ASSERT(vcpu >= 0, "KVM_CREATE_VCPU failed");
	TEST_ASSERT(!ioctl(vcpu, KVM_ARM_VCPU_INIT, &init),
		    "KVM_ARM_VCPU_INIT failed");
	vcpu_size = count_end();

	if (print) {
		bench_row("Memory of a VM without its vCPUs, bytes", name,
			  vm_size);
		bench_row("Memory of a vCPU, bytes", name, vcpu_size);
	}
	close(vcpu);
	close(vm);
	close(kvm);
}

/* The VM opts in if @host is "opted in". */
void bench_memory(const char *host)
{
	bool opt_in = !strcmp(host, "opted in");

	tracing_init();
	/* The first VM may allocate what later ones reuse. */
	run(host, opt_in, false);
	run(host, opt_in, true);
}
