/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The administrator's file. control.c has the file and the list of the VMs that
 * opted in, control.rs knows what is in a VM and what to do to it.
 */
#ifndef KVM_SDEI_CONTROL_H
#define KVM_SDEI_CONTROL_H

#include <linux/types.h>

struct kvm;
struct kvm_smccc_service;
struct seq_file;

/* Makes the file, and removes it. */
int sdei_control_register(void);
void sdei_control_unregister(void);

/* kvm_smccc_service.vm_create and vm_destroy */
void *sdei_control_vm_create(const struct kvm_smccc_service *svc,
			     struct kvm *kvm);
void sdei_control_vm_destroy(void *vm_data);

/*
 * These are in Rust. The caller has a reference to @kvm, which opted in to @svc.
 */

/* What is counted for each vCPU. */
struct sdei_counts {
	u64 calls;
	u64 deliveries;
	u64 injections;
};

/* Adds the counts of all vCPUs to @counts. */
void sdei_count(const struct kvm_smccc_service *svc, struct kvm *kvm,
		struct sdei_counts *counts);

/* Writes a line for each vCPU. */
void sdei_show_vcpus(const struct kvm_smccc_service *svc, struct kvm *kvm,
		     struct seq_file *seq);

/* Raises an event in a vCPU. Returns 0 or a negative error. */
#define SDEI_ANY_VCPU	(-1)
int sdei_inject(const struct kvm_smccc_service *svc, struct kvm *kvm, s64 vcpu,
		u64 event);

#endif /* KVM_SDEI_CONTROL_H */
