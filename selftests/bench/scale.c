// SPDX-License-Identifier: GPL-2.0
/*
 * What an event costs when many vCPUs signal at once, each on a CPU of its own:
 * the call, the handler and its completion.
 *
 * An emulator that runs one CPU after the other counts what all CPUs execute
 * until all vCPUs have had all their events. Divided by the number of events,
 * that is the same for any number of vCPUs, unless they disturb each other.
 */
#include "bench.h"

#define MAX_VCPUS	512
#define ROUNDS		10

/* Guest memory. Each vCPU writes to a cache line of its own. */
static struct {
	u64 mpidr;
	u64 events;
} __aligned(64) vcpu_data[MAX_VCPUS];

static u64 nr_vcpus, arrived, batch;

static void guest_wait(u64 *count, u64 until)
{
	while (__atomic_load_n(count, __ATOMIC_ACQUIRE) < until)
		cpu_relax();
}

static void guest_arrive(void)
{
	__atomic_add_fetch(&arrived, 1, __ATOMIC_RELEASE);
}

/*
 * Signals another vCPU, or itself, and again as soon as that has had the event.
 */
static void guest_events(u64 to)
{
	u64 *events = &vcpu_data[to].events, due = *events;
	int i;

	for (i = 0; i < ROUNDS; i++) {
		bench_call_loop(SDEI_1_0_FN_SDEI_EVENT_SIGNAL, 0,
				vcpu_data[to].mpidr, 1);
		guest_wait(events, ++due);
	}
}

/* Arrives at the first batch, and again after each batch. */
static void guest_follower(u64 to)
{
	int i;

	guest_arrive();
	for (i = 1; i <= BATCHES; i++) {
		guest_wait(&batch, i);
		guest_events(to);
		guest_arrive();
	}
}

/* Measures from when all vCPUs have arrived to when all have finished. */
static u64 guest_leader(u64 to)
{
	u64 start, followers = nr_vcpus - 1;
	struct samples samples = {};
	int i;

	guest_wait(&arrived, followers);
	for (i = 1; i <= BATCHES; i++) {
		start = bench_ticks();
		WRITE_ONCE(batch, i);
		guest_events(to);
		guest_wait(&arrived, (i + 1) * followers);
		bench_sample(&samples, bench_ticks() - start);
	}
	return bench_median(&samples) / (ROUNDS * nr_vcpus);
}

static void guest_code(u64 id, u64 to, const char *name)
{
	guest_enable_raw(0, bench_count, (u64)&vcpu_data[id].events);
	if (id)
		guest_follower(to);
	else
		GUEST_ROW(name, guest_leader(to));
	GUEST_ASSERT_EQ(vcpu_data[to].events, BATCHES * ROUNDS);
	GUEST_DONE();
}

static void run(const char *section, int nr, int distance)
{
	struct bench_thread threads[MAX_VCPUS];
	struct kvm_vcpu *vcpus[MAX_VCPUS];
	struct kvm_vm *vm = __sdei_vm_create(vcpus, nr, true);
	char name[32];
	int i;

	snprintf(name, sizeof(name), "%d vCPU%s", nr, nr > 1 ? "s" : "");
	nr_vcpus = nr;
	sync_global_to_guest(vm, nr_vcpus);
	for (i = 0; i < nr; i++)
		vcpu_data[i].mpidr = sdei_mpidr(vcpus[i]);
	sync_global_to_guest(vm, vcpu_data);

	for (i = 0; i < nr; i++) {
		vcpu_arch_set_entry_point(vcpus[i], guest_code);
		vcpu_args_set(vcpus[i], 3, (u64)i, (u64)((i + distance) % nr),
			      name);
		bench_thread_start(&threads[i], section, vcpus[i], i);
	}
	for (i = 0; i < nr; i++)
		pthread_join(threads[i].pthread, NULL);
	kvm_vm_free(vm);
}

void bench_scale(const char *host)
{
	long nr, max = sysconf(_SC_NPROCESSORS_ONLN);

	if (max > MAX_VCPUS)
		max = MAX_VCPUS;
	for (nr = 1; nr <= max; nr *= 2)
		run("Per event, all vCPUs signalling themselves at once", nr,
		    0);
	for (nr = 2; nr <= max; nr *= 2)
		run("Per event, all vCPUs signalling their neighbours at once",
		    nr, 1);
}
