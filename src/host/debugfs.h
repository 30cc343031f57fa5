/* SPDX-License-Identifier: GPL-2.0 */
/* A VM's debugfs files. debugfs.c and debugfs.rs are one half each. */
#ifndef KVM_SDEI_DEBUGFS_H
#define KVM_SDEI_DEBUGFS_H

#include <linux/types.h>

struct dentry;
struct kvm;
struct seq_file;

/* kvm_smccc_service.vm_debugfs */
void sdei_debugfs_create(struct kvm *kvm, void *vm_data, struct dentry *dir);

/* What is counted for each vCPU. */
enum sdei_counter { SDEI_CALLS, SDEI_DELIVERIES, SDEI_INJECTIONS };

/* In Rust: the sum over a VM's vCPUs. */
u64 sdei_total(struct kvm *kvm, enum sdei_counter counter);

/* In Rust: writes a line for each vCPU, by means of the functions after it. */
void sdei_show_vcpus(struct kvm *kvm, struct seq_file *seq);
void sdei_show_vcpu(struct seq_file *seq, u32 id);
void sdei_show_event(struct seq_file *seq, u32 event, u64 state, bool blocked);
void sdei_show_end(struct seq_file *seq);

/* In Rust: raises an event in a vCPU. Returns 0 or a negative error. */
#define SDEI_ANY_VCPU	(-1)
int sdei_inject(struct kvm *kvm, s64 vcpu, u64 event);

#endif /* KVM_SDEI_DEBUGFS_H */
