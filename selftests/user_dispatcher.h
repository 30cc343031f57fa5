/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A dispatcher that is part of the VMM: the SMCCC filter forwards SDEI's calls
 * to it. It knows one event, the signalled one, and one vCPU. It reads and
 * writes no more of the vCPU's registers than a call needs.
 */
#ifndef SELFTEST_USER_DISPATCHER_H
#define SELFTEST_USER_DISPATCHER_H

#include "sdei.h"

struct dispatcher {
	bool masked, registered, enabled, running, pending;
	u64 entry, argument;
	/* What the handler has interrupted. */
	u64 x[SDEI_NR_SAVED], pc, pstate;
	/* How many calls it has answered. */
	int calls;
};

/* Has KVM forward SDEI's calls to the VMM. */
void dispatcher_forward(struct kvm_vm *vm);
/* Answers the call with which the vCPU came out by KVM_EXIT_HYPERCALL. */
void dispatcher_call(struct dispatcher *d, struct kvm_vcpu *vcpu);

#endif /* SELFTEST_USER_DISPATCHER_H */
