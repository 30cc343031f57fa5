// SPDX-License-Identifier: GPL-2.0
/* A dispatcher that is part of the VMM: see user_dispatcher.h. */
#define SDEI_NO_HARNESS
#include "user_dispatcher.h"

static u64 get_x(struct kvm_vcpu *vcpu, int n)
{
	return sdei_get_reg(vcpu, ARM64_CORE_REG(regs.regs[n]));
}

static void set_x(struct kvm_vcpu *vcpu, int n, u64 val)
{
	vcpu_set_reg(vcpu, ARM64_CORE_REG(regs.regs[n]), val);
}

static s64 answer(struct dispatcher *d, struct kvm_vcpu *vcpu, u32 fn)
{
	bool was_masked = d->masked;

	switch (fn) {
	case SDEI_1_0_FN_SDEI_VERSION:
		return SDEI_VERSION_1_0;
	case SDEI_1_0_FN_SDEI_PE_MASK:
		d->masked = true;
		return !was_masked;
	case SDEI_1_0_FN_SDEI_PE_UNMASK:
		d->masked = false;
		return SDEI_SUCCESS;
	}

	if ((u32)get_x(vcpu, 1) != KVM_SDEI_EVENT_SIGNALLED)
		return SDEI_INVALID_PARAMETERS;

	switch (fn) {
	case SDEI_1_0_FN_SDEI_EVENT_REGISTER:
		if (d->registered || d->running)
			return SDEI_DENIED;
		d->registered = true;
		d->entry = get_x(vcpu, 2);
		d->argument = get_x(vcpu, 3);
		return SDEI_SUCCESS;
	case SDEI_1_0_FN_SDEI_EVENT_ENABLE:
		if (!d->registered)
			return SDEI_DENIED;
		d->enabled = true;
		return SDEI_SUCCESS;
	case SDEI_1_0_FN_SDEI_EVENT_STATUS:
		return d->registered | d->enabled << 1 | d->running << 2;
	case SDEI_1_0_FN_SDEI_EVENT_SIGNAL:
		if (!d->registered)
			return SDEI_INVALID_PARAMETERS;
		d->pending = true;
		return SDEI_SUCCESS;
	default:
		return SDEI_NOT_SUPPORTED;
	}
}

static void deliver(struct dispatcher *d, struct kvm_vcpu *vcpu)
{
	int i;

	if (!d->pending || !d->enabled || d->masked || d->running)
		return;

	d->pending = false;
	d->running = true;
	for (i = 0; i < SDEI_NR_SAVED; i++)
		d->x[i] = get_x(vcpu, i);
	d->pc = sdei_get_reg(vcpu, ARM64_CORE_REG(regs.pc));
	d->pstate = sdei_get_reg(vcpu, ARM64_CORE_REG(regs.pstate));

	set_x(vcpu, 0, KVM_SDEI_EVENT_SIGNALLED);
	set_x(vcpu, 1, d->argument);
	set_x(vcpu, 2, d->pc);
	set_x(vcpu, 3, d->pstate);
	vcpu_set_reg(vcpu, ARM64_CORE_REG(regs.pc), d->entry);
	vcpu_set_reg(vcpu, ARM64_CORE_REG(regs.pstate), PSR_HANDLER);
}

static void complete(struct dispatcher *d, struct kvm_vcpu *vcpu)
{
	int i;

	d->running = false;
	for (i = 0; i < SDEI_NR_SAVED; i++)
		set_x(vcpu, i, d->x[i]);
	vcpu_set_reg(vcpu, ARM64_CORE_REG(regs.pc), d->pc);
	vcpu_set_reg(vcpu, ARM64_CORE_REG(regs.pstate), d->pstate);
}

void dispatcher_call(struct dispatcher *d, struct kvm_vcpu *vcpu)
{
	u32 fn = vcpu->run->hypercall.nr;

	TEST_ASSERT(fn - KVM_SDEI_FN_BASE < KVM_SDEI_NR_FUNCTIONS,
		    "Forwarded 0x%x", fn);
	d->calls++;
	if (fn == SDEI_1_0_FN_SDEI_EVENT_COMPLETE && d->running)
		complete(d, vcpu);
	else
		set_x(vcpu, 0, answer(d, vcpu, fn));
	deliver(d, vcpu);
}

void dispatcher_forward(struct kvm_vm *vm)
{
	sdei_set_filter(vm, KVM_SDEI_FN_BASE, KVM_SDEI_NR_FUNCTIONS,
			KVM_SMCCC_FILTER_FWD_TO_USER);
}
