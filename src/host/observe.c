// SPDX-License-Identifier: GPL-2.0
/* Tracepoints and debugfs files: what the kernel offers to C only. */

#include <linux/debugfs.h>
#include <linux/kvm_host.h>

#include "shim.h"

#define CREATE_TRACE_POINTS
#include "trace.h"

int sdei_trace_users;

/* Both are called with a lock held. */
int sdei_trace_on(void)
{
	WRITE_ONCE(sdei_trace_users, sdei_trace_users + 1);
	return 0;
}

void sdei_trace_off(void)
{
	WRITE_ONCE(sdei_trace_users, sdei_trace_users - 1);
}

void sdei_shim_trace_call(struct kvm_vcpu *vcpu, u32 fn, u64 arg, u64 pc, s64 result)
{
	trace_sdei_call(vcpu->vcpu_id, fn, arg, pc, result);
}

void sdei_shim_trace_deliver(struct kvm_vcpu *vcpu, u32 event, u64 pc)
{
	trace_sdei_deliver(vcpu->vcpu_id, event, pc);
}

void sdei_shim_trace_complete(struct kvm_vcpu *vcpu, u32 event, u64 pc)
{
	trace_sdei_complete(vcpu->vcpu_id, event, pc);
}

static int calls_get(void *kvm, u64 *val)
{
	*val = sdei_total(kvm, SDEI_CALLS);
	return 0;
}
DEFINE_DEBUGFS_ATTRIBUTE(calls_fops, calls_get, NULL, "%llu\n");

static int deliveries_get(void *kvm, u64 *val)
{
	*val = sdei_total(kvm, SDEI_DELIVERIES);
	return 0;
}
DEFINE_DEBUGFS_ATTRIBUTE(deliveries_fops, deliveries_get, NULL, "%llu\n");

static int injections_get(void *kvm, u64 *val)
{
	*val = sdei_total(kvm, SDEI_INJECTIONS);
	return 0;
}
DEFINE_DEBUGFS_ATTRIBUTE(injections_fops, injections_get, NULL, "%llu\n");

void sdei_shim_vm_debugfs(struct kvm *kvm, void *vm_data, struct dentry *dir)
{
	debugfs_create_file("sdei_calls", 0444, dir, kvm, &calls_fops);
	debugfs_create_file("sdei_deliveries", 0444, dir, kvm, &deliveries_fops);
	debugfs_create_file("sdei_injections", 0444, dir, kvm, &injections_fops);
	sdei_control_debugfs(kvm, dir);
}
