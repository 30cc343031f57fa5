// SPDX-License-Identifier: GPL-2.0
/*
 * smp_test - One vCPU signals another one: while that runs an endless loop with
 * interrupts masked, while it waits in WFI, and very often.
 */
#include "sdei.h"

/* The source signals the target. */
FIXTURE(smp)
{
	struct kvm_vm *vm;
	struct kvm_vcpu *source;
	struct kvm_vcpu *target;
	u64 mpidr;
	struct sdei_thread thread;
};

FIXTURE_SETUP(smp)
{
	struct kvm_vcpu *vcpus[2];

	self->vm = sdei_vm_create(vcpus, 2);
	self->source = vcpus[0];
	self->target = vcpus[1];
	self->mpidr = sdei_mpidr(self->target);
	self->thread.vcpu = self->target;
}

FIXTURE_TEARDOWN(smp)
{
	kvm_vm_free(self->vm);
}

/* A registration of the caller does not count for the target. */
TEST_F(smp, signal_needs_a_registration_on_the_target)
{
	sdei_register_enable(self->source, SIGNALLED);
	EXPECT_EQ(SDEI_INVALID_PARAMETERS,
		  sdei_call(self->source, EVENT_SIGNAL, 0, self->mpidr));

	EXPECT_EQ(SDEI_SUCCESS, sdei_register(self->target, SIGNALLED));
	EXPECT_EQ(SDEI_SUCCESS,
		  sdei_call(self->source, EVENT_SIGNAL, 0, self->mpidr));
	EXPECT_EQ(1, sdei_pending(self->target));
	EXPECT_EQ(0, sdei_pending(self->source));

	/* The caller needs no registration of its own. */
	EXPECT_EQ(SDEI_SUCCESS, sdei_call(self->source, PRIVATE_RESET));
	EXPECT_EQ(SDEI_SUCCESS,
		  sdei_call(self->source, EVENT_SIGNAL, 0, self->mpidr));
}

TEST_F(smp, each_cpu_has_its_own_state)
{
	sdei_register_enable(self->source, SIGNALLED);
	EXPECT_EQ(SDEI_SUCCESS, sdei_call(self->source, PE_UNMASK));

	EXPECT_EQ(SDEI_U, sdei_call(self->target, EVENT_STATUS, 0));
	EXPECT_EQ(SDEI_DENIED, sdei_call(self->target, EVENT_ENABLE, 0));
	EXPECT_EQ(SDEI_DENIED, sdei_call(self->target, EVENT_UNREGISTER, 0));
	EXPECT_EQ(0, sdei_call(self->target, PE_MASK));
	EXPECT_EQ(SDEI_SUCCESS, sdei_call(self->target, PRIVATE_RESET));

	EXPECT_EQ(SDEI_E, sdei_call(self->source, EVENT_STATUS, 0));
	EXPECT_EQ(1, sdei_call(self->source, PE_MASK));
}

/* Both CPUs run a handler of the same event at the same time. */
TEST_F(smp, signal_from_a_handler_to_a_handler)
{
	struct sdei_regs regs;

	sdei_register_enable(self->source, SIGNALLED);
	sdei_register_enable(self->target, SIGNALLED);
	sdei_trigger(self->source, SIGNALLED);
	sdei_trigger(self->target, SIGNALLED);
	sdei_call_enter(self->source, &regs, PE_UNMASK);
	sdei_call_enter(self->target, &regs, PE_UNMASK);

	EXPECT_EQ(SDEI_SUCCESS,
		  sdei_call(self->source, EVENT_SIGNAL, 0, self->mpidr));
	EXPECT_EQ(0, sdei_pending(self->source));
	sdei_complete(self->source, &regs);
	EXPECT_EQ((u64)sdei_hvc_done, regs.pc);

	EXPECT_EQ(1, sdei_pending(self->target));
	sdei_complete(self->target, &regs);
	EXPECT_EQ(sdei_handler(SIGNALLED), regs.pc);
	sdei_complete(self->target, &regs);
	EXPECT_EQ((u64)sdei_hvc_done, regs.pc);
}

/*
 * An endless loop with interrupts masked. When the signal comes, the vCPU is
 * mostly in the loop, and sometimes still on its way there.
 */
TEST_F(smp, signal_into_an_endless_loop)
{
	struct sdei_regs *regs = &self->thread.regs;
	const char *pc = sdei_spin;
	int i;

	sdei_register_enable(self->target, SIGNALLED);
	EXPECT_EQ(SDEI_SUCCESS, sdei_call(self->target, PE_UNMASK));

	for (i = 0; i < 40; i++) {
		sdei_thread_start(&self->thread, pc);
		usleep(i * 500);
		EXPECT_EQ(SDEI_SUCCESS, sdei_call(self->source, EVENT_SIGNAL, 0,
						  self->mpidr));
		sdei_thread_join(&self->thread);

		EXPECT_EQ(sdei_handler(SIGNALLED), regs->pc);
		EXPECT_EQ((u64)sdei_spin, regs->x[2]);
		EXPECT_EQ(PSR_MODE_EL1h | PSR_DAIF,
			  regs->x[3] & (PSR_MODE_MASK | PSR_DAIF));
		EXPECT_EQ(0, sdei_pending(self->target));

		/* The handler completes, which leads back into the loop. */
		sdei_call_set(self->target, SDEI_1_0_FN_SDEI_EVENT_COMPLETE,
			      SDEI_ARGS());
		pc = sdei_hvc;
	}

	sdei_complete_and_resume(self->target, regs, sdei_hvc_done);
	EXPECT_EQ((u64)sdei_hvc_done, regs->pc);
	EXPECT_EQ((u64)sdei_spin, regs->elr_el1);
}

/*
 * When Linux crashes, CPUs stay in their handlers for ever. That must not
 * affect the CPU that goes on, nor the kernel that it starts.
 */
TEST_F(smp, a_cpu_parked_in_a_handler_harms_nobody)
{
	struct sdei_regs regs;

	sdei_register_enable(self->target, SIGNALLED);
	EXPECT_EQ(SDEI_SUCCESS, sdei_call(self->target, PE_UNMASK));
	EXPECT_EQ(SDEI_SUCCESS,
		  sdei_call(self->source, EVENT_SIGNAL, 0, self->mpidr));
	sdei_run(self->target, &regs);
	EXPECT_EQ(sdei_handler(SIGNALLED), regs.pc);

	/* More signals for that CPU stay pending. */
	EXPECT_EQ(SDEI_SUCCESS,
		  sdei_call(self->source, EVENT_SIGNAL, 0, self->mpidr));

	EXPECT_EQ(SDEI_SUCCESS, sdei_call(self->source, PRIVATE_RESET));
	EXPECT_EQ(SDEI_SUCCESS, sdei_call(self->source, SHARED_RESET));
	sdei_register_enable(self->source, SIGNALLED);
	EXPECT_EQ(SDEI_SUCCESS, sdei_call(self->source, PE_UNMASK));
	sdei_call_enter(self->source, &regs, EVENT_SIGNAL, 0,
			sdei_mpidr(self->source));
	EXPECT_EQ(sdei_handler(SIGNALLED), regs.pc);
	EXPECT_EQ(SDEI_ER, sdei_call(self->target, EVENT_STATUS, 0));
}

/* The event ends the WFI: the handler returns to the instruction behind it. */
TEST_F(smp, mistake_24_signal_out_of_wfi)
{
	int stats_fd = vcpu_get_stats_fd(self->target);
	struct sdei_regs *regs = &self->thread.regs;
	int i;

	sdei_register_enable(self->target, SIGNALLED);
	EXPECT_EQ(SDEI_SUCCESS, sdei_call(self->target, PE_UNMASK));

	for (i = 0; i < 10; i++) {
		sdei_thread_start(&self->thread, sdei_wfi);
		sdei_wait(sdei_is_blocked(stats_fd));
		EXPECT_EQ(SDEI_SUCCESS, sdei_call(self->source, EVENT_SIGNAL, 0,
						  self->mpidr));
		sdei_thread_join(&self->thread);

		EXPECT_EQ(sdei_handler(SIGNALLED), regs->pc);
		EXPECT_EQ((u64)sdei_wfi_done, regs->x[2]);

		sdei_complete_and_resume(self->target, regs, sdei_hvc_done);
		EXPECT_EQ((u64)sdei_wfi_done, regs->elr_el1);
	}

	close(stats_fd);
}

/* An event that can't be delivered does not end a WFI. */
TEST_F(smp, signal_to_a_masked_cpu_in_wfi)
{
	int stats_fd = vcpu_get_stats_fd(self->target);
	int i;

	sdei_register_enable(self->target, SIGNALLED);
	sdei_thread_start(&self->thread, sdei_wfi);
	sdei_wait(sdei_is_blocked(stats_fd));

	EXPECT_EQ(SDEI_SUCCESS,
		  sdei_call(self->source, EVENT_SIGNAL, 0, self->mpidr));
	for (i = 0; i < SDEI_LONG_ENOUGH_MS; i++) {
		usleep(1000);
		ASSERT_TRUE(sdei_is_blocked(stats_fd));
	}
	/* The thread still runs. It ends with the process. */
	_exit(_metadata->exit_code);
}

/*
 * From here on, the guest runs C code. Each vCPU signals the next one, all at
 * the same time. Several signals may lead to one run of the handler, but after
 * the last signal it must run and see what was written before that signal.
 */
#define NR_VCPUS	4
#define NR_SIGNALS	400
#define NR_BETWEEN	16

enum between { NOTHING, MASKING, DISABLING };

static u64 mpidrs[NR_VCPUS];
static u64 nr_finished;

static struct {
	u64 sent;
	u64 seen;
	u64 runs;
	bool ready;
	bool done;
} cpus[NR_VCPUS];

static u64 guest_handler(u64 event, u64 pc, u64 pstate)
{
	u32 id = guest_get_vcpuid();

	WRITE_ONCE(cpus[id].seen, READ_ONCE(cpus[id].sent));
	cpus[id].runs++;
	return 0;
}

static void guest_signal(u32 id, u64 nr)
{
	WRITE_ONCE(cpus[id].sent, nr);
	GUEST_ASSERT_EQ(guest_call(SDEI_1_0_FN_SDEI_EVENT_SIGNAL, 0, mpidrs[id],
				   0), SDEI_SUCCESS);
}

static void guest_ring(enum between between)
{
	u32 id = guest_get_vcpuid(), next = (id + 1) % NR_VCPUS;
	u64 i;

	guest_enable(KVM_SDEI_EVENT_SIGNALLED, guest_handler);
	guest_call(SDEI_1_0_FN_SDEI_PE_UNMASK, 0, 0, 0);
	WRITE_ONCE(cpus[id].ready, true);
	GUEST_WAIT(READ_ONCE(cpus[next].ready));

	for (i = 1; i <= NR_SIGNALS; i++) {
		guest_signal(next, i);
		switch (between) {
		case NOTHING:
			break;
		case MASKING:
			guest_call(SDEI_1_0_FN_SDEI_PE_MASK, 0, 0, 0);
			guest_call(SDEI_1_0_FN_SDEI_PE_UNMASK, 0, 0, 0);
			break;
		case DISABLING:
			guest_call(SDEI_1_0_FN_SDEI_EVENT_DISABLE, 0, 0, 0);
			guest_call(SDEI_1_0_FN_SDEI_EVENT_ENABLE, 0, 0, 0);
			break;
		}
		if (i % NR_BETWEEN == 0)
			GUEST_WAIT(READ_ONCE(cpus[next].seen) == i);
	}
	GUEST_WAIT(READ_ONCE(cpus[next].seen) == NR_SIGNALS);

	/* Stay until the vCPU that signals this one has finished. */
	__sync_fetch_and_add(&nr_finished, 1);
	GUEST_WAIT(READ_ONCE(nr_finished) == NR_VCPUS);
	GUEST_ASSERT(cpus[id].runs >= NR_SIGNALS / NR_BETWEEN);
	GUEST_ASSERT(cpus[id].runs <= NR_SIGNALS);
	GUEST_DONE();
}

static void guest_sleeper(void)
{
	u32 id = guest_get_vcpuid();

	guest_enable(KVM_SDEI_EVENT_SIGNALLED, guest_handler);
	guest_call(SDEI_1_0_FN_SDEI_PE_UNMASK, 0, 0, 0);
	WRITE_ONCE(cpus[id].ready, true);
	while (!READ_ONCE(cpus[id].done))
		wfi();
	__sync_fetch_and_add(&nr_finished, 1);
	GUEST_DONE();
}

static void guest_waker(void)
{
	u64 i;

	GUEST_WAIT(READ_ONCE(cpus[1].ready));
	for (i = 1; i <= NR_SIGNALS; i++) {
		guest_signal(1, i);
		GUEST_WAIT(READ_ONCE(cpus[1].seen) == i);
	}
	GUEST_ASSERT_EQ(cpus[1].runs, NR_SIGNALS);

	/* If it had not reached its WFI yet, it needs another signal. */
	WRITE_ONCE(cpus[1].done, true);
	GUEST_WAIT(({ guest_signal(1, i); READ_ONCE(nr_finished); }));
	GUEST_DONE();
}

FIXTURE(storm)
{
	struct kvm_vm *vm;
	struct sdei_thread threads[NR_VCPUS];
};

FIXTURE_SETUP(storm)
{
	struct kvm_vcpu *vcpus[NR_VCPUS];
	int i;

	self->vm = sdei_vm_create(vcpus, NR_VCPUS);
	for (i = 0; i < NR_VCPUS; i++) {
		self->threads[i].vcpu = vcpus[i];
		mpidrs[i] = sdei_mpidr(vcpus[i]);
	}
	sync_global_to_guest(self->vm, mpidrs);
}

FIXTURE_TEARDOWN(storm)
{
	kvm_vm_free(self->vm);
}

static void run_ring(struct sdei_thread *threads, enum between between)
{
	int i;

	for (i = 0; i < NR_VCPUS; i++) {
		vcpu_arch_set_entry_point(threads[i].vcpu, guest_ring);
		vcpu_args_set(threads[i].vcpu, 1, between);
		sdei_thread_create(&threads[i], sdei_guest_fn);
	}
	for (i = 0; i < NR_VCPUS; i++)
		sdei_thread_join(&threads[i]);
}

TEST_F(storm, of_signals)
{
	run_ring(self->threads, NOTHING);
}

TEST_F(storm, of_signals_while_masking_and_unmasking)
{
	run_ring(self->threads, MASKING);
}

TEST_F(storm, of_signals_while_disabling_and_enabling)
{
	run_ring(self->threads, DISABLING);
}

TEST_F(storm, of_signals_out_of_wfi)
{
	vcpu_arch_set_entry_point(self->threads[0].vcpu, guest_waker);
	vcpu_arch_set_entry_point(self->threads[1].vcpu, guest_sleeper);
	sdei_thread_create(&self->threads[0], sdei_guest_fn);
	sdei_thread_create(&self->threads[1], sdei_guest_fn);
	sdei_thread_join(&self->threads[0]);
	sdei_thread_join(&self->threads[1]);
}

TEST_HARNESS_MAIN
