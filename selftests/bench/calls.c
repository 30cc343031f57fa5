// SPDX-License-Identifier: GPL-2.0
/*
 * What calls cost a guest: two calls that every guest can make, on different
 * hosts, and SDEI's calls with a dispatcher in the kernel and in the VMM.
 */
#include "bench.h"
#include "user_dispatcher.h"

static void guest_floor(const char *host)
{
	GUEST_ROW(host, guest_cost(FN_SMCCC_VERSION, 0, 0));
	GUEST_DONE();
}

static void guest_psci(const char *host)
{
	GUEST_ROW(host, guest_cost(FN_PSCI_VERSION, 0, 0));
	GUEST_DONE();
}

/* Runs guest code with @arg, or its MPIDR_EL1, as argument on one vCPU. */
static void run(const char *section, bool opt_in, void *guest_code, u64 arg)
{
	struct kvm_vcpu *vcpu;
	struct kvm_vm *vm = __sdei_vm_create(&vcpu, 1, opt_in);

	vcpu_arch_set_entry_point(vcpu, guest_code);
	vcpu_args_set(vcpu, 1, arg ?: sdei_mpidr(vcpu));
	bench_run(section, vcpu);
	kvm_vm_free(vm);
}

/* The guest passes the name on by its address, and does not read it. */
void bench_hosts(const char *host)
{
	run("SMCCC_VERSION in a VM that did not opt in", false, guest_floor,
	    (u64)host);
	run("PSCI_VERSION in a VM that did not opt in", false, guest_psci,
	    (u64)host);
}

static u64 context_cost;

static u64 context_handler(u64 event, u64 pc, u64 pstate)
{
	context_cost = guest_cost(SDEI_1_0_FN_SDEI_EVENT_CONTEXT, 0, 0);
	return 0;
}

static void guest_calls(u64 mpidr)
{
	GUEST_ROW("SMCCC_VERSION, the empty call",
		  guest_cost(FN_SMCCC_VERSION, 0, 0));
	GUEST_ROW("PSCI_VERSION", guest_cost(FN_PSCI_VERSION, 0, 0));
	GUEST_ROW("SDEI_VERSION", guest_cost(SDEI_1_0_FN_SDEI_VERSION, 0, 0));

	guest_enable(0, context_handler);
	GUEST_ROW("SDEI_EVENT_STATUS",
		  guest_cost(SDEI_1_0_FN_SDEI_EVENT_STATUS, 0, 0));
	GUEST_ROW("SDEI_EVENT_ENABLE",
		  guest_cost(SDEI_1_0_FN_SDEI_EVENT_ENABLE, 0, 0));
	GUEST_ROW("SDEI_EVENT_DISABLE",
		  guest_cost(SDEI_1_0_FN_SDEI_EVENT_DISABLE, 0, 0));
	GUEST_ROW("SDEI_PE_MASK", guest_cost(SDEI_1_0_FN_SDEI_PE_MASK, 0, 0));
	GUEST_ROW("SDEI_PE_UNMASK",
		  guest_cost(SDEI_1_0_FN_SDEI_PE_UNMASK, 0, 0));
	/* The event is disabled, so the call does not lead to a handler. */
	GUEST_ROW("SDEI_EVENT_SIGNAL",
		  guest_cost(SDEI_1_0_FN_SDEI_EVENT_SIGNAL, 0, mpidr));

	guest_call(SDEI_1_0_FN_SDEI_EVENT_ENABLE, 0, 0, 0);
	GUEST_ROW("SDEI_EVENT_CONTEXT", context_cost);
	GUEST_DONE();
}

static void guest_empty_calls(u64 mpidr)
{
	GUEST_ROW("two empty calls", 2 * guest_cost(FN_SMCCC_VERSION, 0, 0));
	GUEST_DONE();
}

#define IN_KERNEL	"dispatcher in the kernel"
#define IN_USER_SPACE	"dispatcher in user space"

static void guest_status(const char *where)
{
	GUEST_ROW(where, guest_cost(SDEI_1_0_FN_SDEI_EVENT_STATUS, 0, 0));
	GUEST_DONE();
}

static void guest_nmi(const char *where, u64 mpidr)
{
	guest_enable_raw(0, bench_complete, 0);
	/* Fewer in a batch, as a dispatcher in user space takes long. */
	GUEST_ROW(where, __guest_cost(SDEI_1_0_FN_SDEI_EVENT_SIGNAL, 0, mpidr,
				      10));
	GUEST_DONE();
}

/* As run(), but if @user, the VMM answers SDEI's calls. */
static void run_either(const char *section, bool user, void *guest_code)
{
	struct dispatcher d = { .masked = true };
	struct kvm_vcpu *vcpu;
	struct kvm_vm *vm = __sdei_vm_create(&vcpu, 1, true);

	if (user)
		dispatcher_forward(vm);
	vcpu_arch_set_entry_point(vcpu, guest_code);
	vcpu_args_set(vcpu, 2, user ? IN_USER_SPACE : IN_KERNEL,
		      sdei_mpidr(vcpu));

	do {
		vcpu_run(vcpu);
		while (vcpu->run->exit_reason == KVM_EXIT_HYPERCALL) {
			dispatcher_call(&d, vcpu);
			vcpu_run(vcpu);
		}
	} while (bench_next(section, vcpu));

	TEST_ASSERT(!d.calls == !user, "The wrong dispatcher was called");
	kvm_vm_free(vm);
}

void bench_calls(const char *host)
{
	static const char status[] = "SDEI_EVENT_STATUS, by who answers";
	static const char nmi[] = "An NMI to oneself: SIGNAL, handler, COMPLETE";

	run("Calls in a VM that opted in", true, guest_calls, 0);
	run_either(status, false, guest_status);
	run_either(status, true, guest_status);
	run(nmi, true, guest_empty_calls, 0);
	run_either(nmi, false, guest_nmi);
	run_either(nmi, true, guest_nmi);
}

/* Empty calls and NMIs to oneself in turn, for as long as the machine runs. */
static void guest_endless(u64 mpidr)
{
	guest_enable_raw(0, bench_complete, 0);
	GUEST_ROW("rounds so far", 0);

	for (;;) {
		bench_call_loop(FN_SMCCC_VERSION, 0, 0, 50);
		bench_call_loop(SDEI_1_0_FN_SDEI_EVENT_SIGNAL, 0, mpidr, 50);
	}
}

/*
 * For tools/check/profile: once it has seen the row, it logs the instructions
 * that are executed.
 */
void bench_endless(const char *host)
{
	run("Endless rounds", true, guest_endless, 0);
}
