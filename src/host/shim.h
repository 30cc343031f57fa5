/* SPDX-License-Identifier: GPL-2.0 */
/* What Rust can't reach of the kernel: static inlines and macros. */
#ifndef KVM_SDEI_SHIM_H
#define KVM_SDEI_SHIM_H

#include <linux/types.h>

struct dentry;
struct kvm;
struct kvm_vcpu;
struct seq_file;

/* What decides about PSTATE on an exception to EL1. */
struct sdei_entry_controls {
	u64 sctlr_el1;
	bool mte;
};

/* All of these are for the thread that has the vCPU, see kvm_smccc_service. */
struct sdei_entry_controls sdei_shim_entry_controls(struct kvm_vcpu *vcpu);
bool sdei_shim_has_mpidr(struct kvm_vcpu *vcpu, u64 mpidr);
void sdei_shim_set_exception_return(struct kvm_vcpu *vcpu, u64 elr, u64 spsr);

bool sdei_shim_has_aarch32_el0(void);

/* kvm_smccc_service.auto_enable: the module parameter of that name. */
bool sdei_shim_auto_enable(struct kvm *kvm);

/* kvm_smccc_service.vm_debugfs: a VM's totals, and its administrator's files. */
void sdei_shim_vm_debugfs(struct kvm *kvm, void *vm_data, struct dentry *dir);
void sdei_control_debugfs(struct kvm *kvm, struct dentry *dir);

/* In Rust: writes a line for each vCPU, by means of the functions after it. */
void sdei_show_vcpus(struct kvm *kvm, struct seq_file *seq);
void sdei_shim_show_vcpu(struct seq_file *seq, u32 id);
void sdei_shim_show_event(struct seq_file *seq, u32 event, u64 state, bool blocked);
void sdei_shim_show_end(struct seq_file *seq);

/* In Rust: raises an event in a vCPU. Returns 0 or a negative error. */
#define SDEI_ANY_VCPU	(-1)
int sdei_inject(struct kvm *kvm, s64 vcpu, u64 event);

u32 sdei_shim_vcpu_id(struct kvm_vcpu *vcpu);

/* What is counted for each vCPU. */
enum sdei_counter { SDEI_CALLS, SDEI_DELIVERIES, SDEI_INJECTIONS };

/* In Rust: the sum over a VM's vCPUs. */
u64 sdei_total(struct kvm *kvm, enum sdei_counter counter);

/* How many of the tracepoints are on: looked at before it is worth a call. */
extern int sdei_trace_users;
void sdei_shim_trace_call(struct kvm_vcpu *vcpu, u32 fn, u64 arg, u64 pc, s64 result);
void sdei_shim_trace_deliver(struct kvm_vcpu *vcpu, u32 event, u64 pc);
void sdei_shim_trace_complete(struct kvm_vcpu *vcpu, u32 event, u64 pc);

#endif /* KVM_SDEI_SHIM_H */
