/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The administrator's file. control.c has the file and the list of the VMs that
 * opted in, control.rs knows what is in a VM and what to do to it.
 */
#ifndef KVM_SDEI_CONTROL_H
#define KVM_SDEI_CONTROL_H

#include <linux/types.h>

struct kvm;
struct seq_file;

/* Makes the file, and removes it. */
int sdei_control_register(void);
void sdei_control_unregister(void);

/*
 * Adds a VM that opted in to the list, with what the module keeps for it. Returns
 * what to remove it by, or NULL.
 */
void *sdei_control_vm_create(struct kvm *kvm, void *vm_data);
void sdei_control_vm_destroy(void *entry);

/*
 * These are in Rust. The caller has a reference to the VM for which the module
 * keeps @vm_data.
 */

/* What is counted. */
struct sdei_counts {
	u64 calls;
	u64 deliveries;
	u64 injections;
};

/* Adds the counts of the VM and of all its vCPUs to @counts. */
void sdei_count(void *vm_data, struct sdei_counts *counts);

/* Writes a line for each vCPU, and one for shared events. */
void sdei_show_events(void *vm_data, struct seq_file *seq);

/* Raises an event in a vCPU or in the VM. Returns 0 or a negative error. */
#define SDEI_ANY_VCPU	(-1)
int sdei_inject(void *vm_data, s64 vcpu, u64 event);

#endif /* KVM_SDEI_CONTROL_H */
