// SPDX-License-Identifier: GPL-2.0
/* The tracepoints, as functions that Rust can call. */

#include <linux/kvm_host.h>

#include "trace.h"

#define CREATE_TRACE_POINTS
#include "tracepoints.h"

int sdei_trace_users;

/* The kernel holds a lock when it calls these two. */
int sdei_trace_on(void)
{
	WRITE_ONCE(sdei_trace_users, sdei_trace_users + 1);
	return 0;
}

void sdei_trace_off(void)
{
	WRITE_ONCE(sdei_trace_users, sdei_trace_users - 1);
}

void sdei_trace_call(struct kvm_vcpu *vcpu, u32 fn, u64 arg, u64 pc, s64 result)
{
	trace_sdei_call(vcpu->vcpu_id, fn, arg, pc, result);
}

void sdei_trace_deliver(struct kvm_vcpu *vcpu, u32 event, u64 pc)
{
	trace_sdei_deliver(vcpu->vcpu_id, event, pc);
}

void sdei_trace_complete(struct kvm_vcpu *vcpu, u32 event, u64 pc)
{
	trace_sdei_complete(vcpu->vcpu_id, event, pc);
}
