/* SPDX-License-Identifier: GPL-2.0 */
/* The tracepoints, as functions that Rust can call. */
#ifndef KVM_SDEI_TRACE_H
#define KVM_SDEI_TRACE_H

#include <linux/types.h>

struct kvm_vcpu;

/* How many of the tracepoints are on. If none, no function need be called. */
extern int sdei_trace_users;

void sdei_trace_call(struct kvm_vcpu *vcpu, u32 fn, u64 arg, u64 pc, s64 result);
void sdei_trace_deliver(struct kvm_vcpu *vcpu, u32 event, u64 pc);
void sdei_trace_complete(struct kvm_vcpu *vcpu, u32 event, u64 pc);

#endif /* KVM_SDEI_TRACE_H */
