// SPDX-License-Identifier: GPL-2.0
/*
 * What a guest pays for NMIs without SDEI: it has to mask interrupts by the
 * GIC's priority mask, which lets an NMI through. With SDEI it masks them by
 * PSTATE.DAIF, as a guest without NMIs does.
 */
#include "bench.h"

/* The cost of one pair, measured by a hundred: rounding removes the rest. */
static u64 guest_pair_cost(void (*pairs)(void))
{
	struct samples samples = {};
	u64 start;
	int i;

	for (i = 0; i < BATCHES; i++) {
		start = bench_ticks();
		pairs();
		bench_sample(&samples, bench_ticks() - start);
	}
	return bench_median(&samples) / 100;
}

static void guest_code(void)
{
	write_sysreg_s(read_sysreg_s(SYS_ICC_SRE_EL1) | 1, SYS_ICC_SRE_EL1);
	write_sysreg_s(0xe0, SYS_ICC_PMR_EL1);
	isb();

	GUEST_ROW("PSTATE.DAIF", guest_pair_cost(bench_daif_pairs));
	GUEST_ROW("PSTATE.DAIF, CONFIG_ARM64_PSEUDO_NMI=y",
		  guest_pair_cost(bench_choice_pairs));
	GUEST_ROW("ICC_PMR_EL1, and pseudo_nmi=1",
		  guest_pair_cost(bench_pmr_pairs));
	GUEST_DONE();
}

void bench_masking(const char *host)
{
	struct kvm_vcpu *vcpu;
	struct kvm_vm *vm = bench_gic_vm(&vcpu, 1, false);

	vcpu_arch_set_entry_point(vcpu, guest_code);
	bench_run("local_irq_save() and local_irq_restore(), by what masks",
		  vcpu);
	kvm_vm_free(vm);
}
