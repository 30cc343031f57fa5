// SPDX-License-Identifier: GPL-2.0
/*
 * Inline functions, macros and printf-like functions of the kernel, which Rust
 * can't use.
 */

#include <linux/kvm_host.h>
#include <linux/moduleparam.h>
#include <linux/seq_file.h>
#include <asm/cpufeature.h>
#include <asm/kvm_emulate.h>

#include "../../include/uapi/linux/kvm_sdei.h"
#include "shim.h"

static bool auto_enable;
module_param(auto_enable, bool, 0644);
MODULE_PARM_DESC(auto_enable, "Give every new VM SDEI, for VMMs that don't ask for it");

bool sdei_shim_auto_enable(struct kvm *kvm)
{
	return READ_ONCE(auto_enable);
}

u32 sdei_shim_vcpu_id(struct kvm_vcpu *vcpu)
{
	return vcpu->vcpu_id;
}

struct kvm_vcpu *sdei_shim_first_vcpu(struct kvm *kvm)
{
	return kvm_get_vcpu(kvm, 0);
}

bool sdei_shim_vcpu_is_off(struct kvm_vcpu *vcpu)
{
	return READ_ONCE(vcpu->arch.mp_state.mp_state) == KVM_MP_STATE_STOPPED;
}

struct user_pt_regs *sdei_shim_regs(struct kvm_vcpu *vcpu)
{
	return vcpu_gp_regs(vcpu);
}

/*
 * This is read for each event. The general accessor spends most of its
 * instructions on finding out which register it was asked for.
 */
static u64 sctlr_el1(struct kvm_vcpu *vcpu)
{
	if (vcpu_get_flag(vcpu, SYSREGS_ON_CPU))
		return read_sysreg_s(SYS_SCTLR_EL12);
	return vcpu_read_sys_reg(vcpu, SCTLR_EL1);
}

struct sdei_entry_controls sdei_shim_entry_controls(struct kvm_vcpu *vcpu)
{
	return (struct sdei_entry_controls) {
		.sctlr_el1 = sctlr_el1(vcpu),
		.mte = kvm_has_mte(vcpu->kvm),
	};
}

bool sdei_shim_has_affinity(struct kvm_vcpu *vcpu, u64 mpidr)
{
	return (mpidr & MPIDR_HWID_BITMASK) == kvm_vcpu_get_mpidr_aff(vcpu);
}

void sdei_shim_set_exception_return(struct kvm_vcpu *vcpu, u64 elr, u64 spsr)
{
	vcpu_write_sys_reg(vcpu, elr, ELR_EL1);
	vcpu_write_sys_reg(vcpu, spsr, SPSR_EL1);
}

/*
 * Whether guests can be in AArch32 at EL0. KVM does not keep them from it on a
 * host whose CPUs have it, whatever the VM's ID register says.
 */
bool sdei_shim_has_aarch32_el0(void)
{
	return id_aa64pfr0_32bit_el0(read_sanitised_ftr_reg(SYS_ID_AA64PFR0_EL1));
}

void sdei_shim_show_vcpu(struct seq_file *seq, u32 id)
{
	seq_printf(seq, "vCPU %u", id);
}

void sdei_shim_show_shared(struct seq_file *seq)
{
	seq_puts(seq, "shared");
}

void sdei_shim_show_event(struct seq_file *seq, u32 event, u64 state,
			  bool blocked)
{
	seq_printf(seq, " 0x%08x=%s%s%s%s", event,
		   state & KVM_SDEI_STATE_ENABLED ? "enabled" : "disabled",
		   blocked ? ",blocked" : "",
		   state & KVM_SDEI_STATE_RUNNING ? ",running" : "",
		   state & KVM_SDEI_STATE_PENDING ? ",pending" : "");
}

void sdei_shim_show_end(struct seq_file *seq)
{
	seq_putc(seq, '\n');
}
