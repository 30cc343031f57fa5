/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Inline functions, macros and printf-like functions of the kernel, which Rust
 * can't use.
 */
#ifndef KVM_SDEI_SHIM_H
#define KVM_SDEI_SHIM_H

#include <linux/types.h>

struct kvm;
struct kvm_vcpu;
struct seq_file;
struct user_pt_regs;

/* kvm_smccc_service.auto_enable: the module parameter of that name. */
bool sdei_shim_auto_enable(struct kvm *kvm);

u32 sdei_shim_vcpu_id(struct kvm_vcpu *vcpu);
struct kvm_vcpu *sdei_shim_first_vcpu(struct kvm *kvm);
bool sdei_shim_vcpu_is_off(struct kvm_vcpu *vcpu);
struct user_pt_regs *sdei_shim_regs(struct kvm_vcpu *vcpu);

/* What decides about PSTATE on an exception to EL1. */
struct sdei_entry_controls {
	u64 sctlr_el1;
	bool mte;
};

/* These three are for the thread that holds the vCPU's mutex. */
struct sdei_entry_controls sdei_shim_entry_controls(struct kvm_vcpu *vcpu);
bool sdei_shim_has_affinity(struct kvm_vcpu *vcpu, u64 mpidr);
void sdei_shim_set_exception_return(struct kvm_vcpu *vcpu, u64 elr, u64 spsr);

bool sdei_shim_has_aarch32_el0(void);

/* The parts of a line in the administrator's file. */
void sdei_shim_show_vcpu(struct seq_file *seq, u32 id);
void sdei_shim_show_shared(struct seq_file *seq);
void sdei_shim_show_event(struct seq_file *seq, u32 event, u64 state,
			  bool blocked);
void sdei_shim_show_end(struct seq_file *seq);

#endif /* KVM_SDEI_SHIM_H */
