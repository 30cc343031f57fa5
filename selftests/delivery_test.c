// SPDX-License-Identifier: GPL-2.0
/*
 * delivery_test - When a vCPU enters a handler, with which registers, and which
 * registers it has after the handler.
 *
 * The handlers stop at their first instruction, so that the test sees the
 * registers there. Interrupts are masked, as on any new vCPU, unless a test
 * writes another PSTATE.
 */
#include "sdei.h"

#define PSR_NZCV	(PSR_N_BIT | PSR_Z_BIT | PSR_C_BIT | PSR_V_BIT)
#define PSR_IL		BIT_ULL(20)

#define SCTLR_SPAN	BIT_ULL(23)
#define SCTLR_DSSBS	BIT_ULL(44)

FIXTURE(delivery)
{
	struct kvm_vm *vm;
	struct kvm_vcpu *vcpu;
};

FIXTURE_SETUP(delivery)
{
	self->vm = sdei_vm_create(&self->vcpu, 1);
}

FIXTURE_TEARDOWN(delivery)
{
	kvm_vm_free(self->vm);
}

/* System registers of EL1, which SDEI must not change. */
static const u64 sysregs[] = {
	KVM_ARM64_SYS_REG(SYS_SCTLR_EL1), KVM_ARM64_SYS_REG(SYS_TCR_EL1),
	KVM_ARM64_SYS_REG(SYS_TTBR0_EL1), KVM_ARM64_SYS_REG(SYS_TTBR1_EL1),
	KVM_ARM64_SYS_REG(SYS_VBAR_EL1), KVM_ARM64_SYS_REG(SYS_ESR_EL1),
	KVM_ARM64_SYS_REG(SYS_FAR_EL1), KVM_ARM64_SYS_REG(SYS_TPIDR_EL0),
	KVM_ARM64_SYS_REG(SYS_TPIDRRO_EL0), KVM_ARM64_SYS_REG(SYS_TPIDR_EL1),
	KVM_ARM64_SYS_REG(SYS_CPACR_EL1), KVM_ARM64_SYS_REG(SYS_MAIR_EL1),
};

#define FIRST_WRITTEN	4	/* VBAR_EL1; the guest uses those before it */
#define LAST_WRITTEN	9	/* TPIDR_EL1 */

/* Gives each register a value of its own, but for those the guest needs. */
static void set_patterns(struct kvm_vcpu *vcpu, struct sdei_regs *regs)
{
	u64 *val = (u64 *)regs;
	int i;

	sdei_get_regs(vcpu, regs);
	for (i = 0; i < SDEI_NR_REGS; i++)
		/* The guest needs these to stop. */
		if (i != 19 && val + i != &regs->pc && val + i != &regs->pstate)
			val[i] = 0x10000 * i + 0x1238;
	for (i = FIRST_WRITTEN; i <= LAST_WRITTEN; i++)
		vcpu_set_reg(vcpu, sysregs[i], 0x20000 * i + 0x800);
}

static void expect_handler(struct __test_metadata *_metadata,
			   struct kvm_vm *vm, int index,
			   const struct sdei_regs *before,
			   const struct sdei_regs *regs)
{
	const u64 *b = (const u64 *)before, *r = (const u64 *)regs;
	int i;

	EXPECT_EQ(sdei_handler(index), regs->pc);
	EXPECT_EQ(sdei_event(index), regs->x[0]);
	EXPECT_EQ(sdei_argument(vm, index), regs->x[1]);
	EXPECT_EQ(before->pc, regs->x[2]);
	EXPECT_EQ(before->pstate, regs->x[3]);
	for (i = 4; i < SDEI_NR_REGS; i++)
		if (r + i != &regs->pc && r + i != &regs->pstate) {
			EXPECT_EQ(b[i], r[i]) {
				TH_LOG("register %d", i);
			}
		}
}

/*
 * For each event: the handler gets its arguments in x0 to x3, and all other
 * registers are as they were. That includes ELR_EL1 and SPSR_EL1, since the
 * guest may have been about to use them.
 */
TEST_F(delivery, entry_registers)
{
	struct sdei_regs before, regs;
	u64 sys[ARRAY_SIZE(sysregs)];
	int i, index;

	for (index = 0; index < KVM_SDEI_NR_EVENTS; index++) {
		sdei_call(self->vcpu, PE_MASK);
		sdei_register_enable(self->vcpu, index);
		sdei_trigger(self->vcpu, index);

		set_patterns(self->vcpu, &before);
		before.x[0] = SDEI_1_0_FN_SDEI_PE_UNMASK;
		for (i = 0; i < ARRAY_SIZE(sysregs); i++)
			sys[i] = sdei_get_reg(self->vcpu, sysregs[i]);

		regs = before;
		sdei_call_regs(self->vcpu, sdei_hvc, &regs);
		before.pc = (u64)sdei_hvc_done;
		expect_handler(_metadata, self->vm, index, &before, &regs);
		EXPECT_EQ(PSR_HANDLER, regs.pstate);
		for (i = 0; i < ARRAY_SIZE(sysregs); i++)
			EXPECT_EQ(sys[i], sdei_get_reg(self->vcpu, sysregs[i]));

		/* Afterwards all are as before, and x0 is the call's result. */
		before.x[0] = SDEI_SUCCESS;
		sdei_complete(self->vcpu, &regs);
		EXPECT_EQ(0, memcmp(&before, &regs, sizeof(regs)));
		for (i = 0; i < ARRAY_SIZE(sysregs); i++)
			EXPECT_EQ(sys[i], sdei_get_reg(self->vcpu, sysregs[i]));
	}
}

/*
 * When the handler completes, x0 to x17 and PSTATE are restored. All other
 * registers keep what the handler has left in them.
 */
TEST_F(delivery, complete_restores_x0_to_x17_only)
{
	struct sdei_regs before, regs, changed;
	const u64 *c = (const u64 *)&changed, *r = (const u64 *)&regs;
	u64 *val = (u64 *)&changed;
	int i;

	sdei_register_enable(self->vcpu, NORMAL(0));
	sdei_raise(self->vcpu, NORMAL(0));
	sdei_call_prepare(self->vcpu, &before, SDEI_1_0_FN_SDEI_PE_UNMASK,
			  SDEI_ARGS());
	before.pstate = PSR_MODE_EL1h | PSR_DAIF | PSR_N_BIT | PSR_C_BIT;
	regs = before;
	sdei_call_regs(self->vcpu, sdei_hvc, &regs);

	changed = regs;
	for (i = 0; i < SDEI_NR_REGS; i++)
		if (i != 19)
			val[i] ^= 0xff0;
	changed.pstate = PSR_HANDLER | PSR_Z_BIT | PSR_V_BIT;
	regs = changed;
	regs.x[0] = SDEI_1_0_FN_SDEI_EVENT_COMPLETE;
	sdei_call_regs(self->vcpu, sdei_hvc, &regs);

	EXPECT_EQ((u64)sdei_hvc_done, regs.pc);
	EXPECT_EQ(before.pstate, regs.pstate);
	EXPECT_EQ(SDEI_SUCCESS, regs.x[0]);
	for (i = 1; i < SDEI_NR_SAVED; i++)
		EXPECT_EQ(before.x[i], regs.x[i]);
	for (; i < SDEI_NR_REGS; i++)
		if (r + i != &regs.pc && r + i != &regs.pstate) {
			EXPECT_EQ(c[i], r[i]) {
				TH_LOG("register %d", i);
			}
		}
}

/*
 * PSTATE on entry is the same as on an exception to EL1. No instruction runs in
 * the interrupted state, as with IL, BTYPE or SS set it would take an
 * exception: the event is raised before the vCPU enters the guest.
 */
static const struct {
	const char *what;
	u64 interrupted;
	u64 sctlr;
	u64 handler;
} pstates[] = {
	{ "EL1h", PSR_MODE_EL1h, SCTLR_SPAN, PSR_HANDLER },
	{ "EL1h, masked", PSR_HANDLER, SCTLR_SPAN, PSR_HANDLER },
	{ "EL1t", PSR_MODE_EL1t, SCTLR_SPAN, PSR_HANDLER },
	{ "EL0t", PSR_MODE_EL0t, SCTLR_SPAN, PSR_HANDLER },
	{ "flags", PSR_MODE_EL1h | PSR_NZCV, SCTLR_SPAN,
	  PSR_HANDLER | PSR_NZCV },
	{ "half of the flags", PSR_MODE_EL1h | PSR_N_BIT | PSR_C_BIT,
	  SCTLR_SPAN, PSR_HANDLER | PSR_N_BIT | PSR_C_BIT },
	{ "PAN, SPAN", PSR_MODE_EL1h | PSR_PAN_BIT, SCTLR_SPAN,
	  PSR_HANDLER | PSR_PAN_BIT },
	{ "no PAN, no SPAN", PSR_MODE_EL1h, 0, PSR_HANDLER | PSR_PAN_BIT },
	{ "PAN, no SPAN", PSR_MODE_EL1h | PSR_PAN_BIT, 0,
	  PSR_HANDLER | PSR_PAN_BIT },
	{ "DIT", PSR_MODE_EL1h | PSR_DIT_BIT, SCTLR_SPAN,
	  PSR_HANDLER | PSR_DIT_BIT },
	{ "SSBS, no DSSBS", PSR_MODE_EL1h | PSR_SSBS_BIT, SCTLR_SPAN,
	  PSR_HANDLER },
	{ "no SSBS, DSSBS", PSR_MODE_EL1h, SCTLR_SPAN | SCTLR_DSSBS,
	  PSR_HANDLER | PSR_SSBS_BIT },
	{ "UAO", PSR_MODE_EL1h | PSR_UAO_BIT, SCTLR_SPAN, PSR_HANDLER },
	{ "SS", PSR_MODE_EL1h | PSR_SS, SCTLR_SPAN, PSR_HANDLER },
	{ "IL", PSR_MODE_EL1h | PSR_IL, SCTLR_SPAN, PSR_HANDLER },
	{ "BTYPE", PSR_MODE_EL1h | PSR_BTYPE_MASK, SCTLR_SPAN, PSR_HANDLER },
	{ "all of it", PSR_MODE_EL0t | PSR_DAIF | PSR_NZCV | PSR_PAN_BIT |
	  PSR_DIT_BIT | PSR_SSBS_BIT | PSR_UAO_BIT | PSR_SS | PSR_IL |
	  PSR_BTYPE_MASK, SCTLR_SPAN,
	  PSR_HANDLER | PSR_NZCV | PSR_PAN_BIT | PSR_DIT_BIT },
	/*
	 * The bits of T, E, IT[7:2], GE, SSBS, IT[1:0] and Q in AArch32 are
	 * other fields in AArch64.
	 */
	{ "AArch32", PSR_MODE32_BIT | BIT(5) | BIT(9) | GENMASK(15, 10) |
	  GENMASK(19, 16) | BIT(23) | GENMASK(26, 25) | BIT(27), SCTLR_SPAN,
	  PSR_HANDLER },
	{ "AArch32 with fields in common", PSR_MODE32_BIT | PSR_NZCV |
	  PSR_PAN_BIT | PSR_DIT_BIT | PSR_SS | PSR_IL, SCTLR_SPAN,
	  PSR_HANDLER | PSR_NZCV | PSR_PAN_BIT | PSR_DIT_BIT },
};

/* The fields of PSTATE that this CPU doesn't have. They read as zero. */
static u64 missing_fields(struct kvm_vcpu *vcpu)
{
	u64 pfr0 = sdei_get_reg(vcpu, KVM_ARM64_SYS_REG(SYS_ID_AA64PFR0_EL1));
	u64 pfr1 = sdei_get_reg(vcpu, KVM_ARM64_SYS_REG(SYS_ID_AA64PFR1_EL1));
	u64 mmfr1 = sdei_get_reg(vcpu, KVM_ARM64_SYS_REG(SYS_ID_AA64MMFR1_EL1));
	u64 missing = 0;

	if (!(pfr0 & GENMASK_ULL(51, 48)))
		missing |= PSR_DIT_BIT;
	if (!(pfr1 & GENMASK_ULL(7, 4)))
		missing |= PSR_SSBS_BIT;
	if (!(mmfr1 & GENMASK_ULL(23, 20)))
		missing |= PSR_PAN_BIT;
	return missing;
}

/*
 * Puts the vCPU in one of the states above and lets an event interrupt it
 * there. Returns false if the guest can't have this state on this machine.
 */
static bool interrupt(struct kvm_vcpu *vcpu, int i, int index,
		      struct sdei_regs *before, struct sdei_regs *regs)
{
	u64 id = KVM_ARM64_SYS_REG(SYS_SCTLR_EL1);
	u64 sctlr = sdei_get_reg(vcpu, id) & ~(SCTLR_SPAN | SCTLR_DSSBS);

	/* All values fit in the 32 bits of AArch32. */
	set_patterns(vcpu, before);
	before->pstate = pstates[i].interrupted;
	before->pc = 0x12345678;
	if (__vcpu_set_reg(vcpu, ARM64_CORE_REG(regs.pstate), before->pstate))
		return false;

	vcpu_set_reg(vcpu, id, sctlr | pstates[i].sctlr);
	sdei_raise(vcpu, index);
	sdei_set_regs(vcpu, before);
	sdei_run(vcpu, regs);
	return true;
}

TEST_F(delivery, entry_pstate)
{
	u64 missing = missing_fields(self->vcpu);
	struct sdei_regs before, regs;
	int i;

	sdei_register_enable(self->vcpu, NORMAL(0));
	sdei_call(self->vcpu, PE_UNMASK);

	for (i = 0; i < ARRAY_SIZE(pstates); i++) {
		if (!interrupt(self->vcpu, i, NORMAL(0), &before, &regs)) {
			TH_LOG("no %s on this machine", pstates[i].what);
			continue;
		}
		expect_handler(_metadata, self->vm, NORMAL(0), &before, &regs);
		EXPECT_EQ(pstates[i].handler & ~missing, regs.pstate) {
			TH_LOG("interrupted %s", pstates[i].what);
		}

		/* The guest could not go on where it was interrupted. */
		sdei_complete_and_resume(self->vcpu, &regs, sdei_hvc_done);
	}
}

/*
 * A second event waits until the first handler completes. What it interrupts is
 * the state that the completion restored, before any instruction runs there.
 */
TEST_F(delivery, complete_restores_pstate)
{
	struct sdei_regs before, regs;
	int i;

	sdei_register_enable(self->vcpu, NORMAL(0));
	sdei_register_enable(self->vcpu, NORMAL(1));
	sdei_call(self->vcpu, PE_UNMASK);

	for (i = 0; i < ARRAY_SIZE(pstates); i++) {
		if (!interrupt(self->vcpu, i, NORMAL(0), &before, &regs)) {
			TH_LOG("no %s on this machine", pstates[i].what);
			continue;
		}
		sdei_raise(self->vcpu, NORMAL(1));
		sdei_complete(self->vcpu, &regs);
		expect_handler(_metadata, self->vm, NORMAL(1), &before, &regs);
		EXPECT_EQ(before.x[0], sdei_call(self->vcpu, EVENT_CONTEXT, 0));
		EXPECT_EQ(before.x[1], sdei_call(self->vcpu, EVENT_CONTEXT, 1));
		EXPECT_EQ(before.x[2], sdei_call(self->vcpu, EVENT_CONTEXT, 2));
		EXPECT_EQ(before.x[3], sdei_call(self->vcpu, EVENT_CONTEXT, 3));

		sdei_complete_and_resume(self->vcpu, &regs, sdei_hvc_done);
	}
}

/*
 * As if the interrupted code had taken an exception to the given address:
 * ELR_EL1 and SPSR_EL1 have what was interrupted, and PSTATE is as on entry.
 */
TEST_F(delivery, complete_and_resume)
{
	u64 missing = missing_fields(self->vcpu);
	struct sdei_regs before, regs;
	const u64 *b = (const u64 *)&before, *r = (const u64 *)&regs;
	int i, j;

	sdei_register_enable(self->vcpu, NORMAL(0));
	sdei_call(self->vcpu, PE_UNMASK);

	for (i = 0; i < ARRAY_SIZE(pstates); i++) {
		if (!interrupt(self->vcpu, i, NORMAL(0), &before, &regs)) {
			TH_LOG("no %s on this machine", pstates[i].what);
			continue;
		}
		sdei_complete_and_resume(self->vcpu, &regs, sdei_smc_done);

		EXPECT_EQ((u64)sdei_smc_done, regs.pc);
		EXPECT_EQ(pstates[i].handler & ~missing, regs.pstate) {
			TH_LOG("interrupted %s", pstates[i].what);
		}
		EXPECT_EQ(before.pc, regs.elr_el1);
		EXPECT_EQ(before.pstate, regs.spsr_el1);
		for (j = 0; r + j < &regs.elr_el1; j++)
			if (r + j != &regs.pc && r + j != &regs.pstate) {
				EXPECT_EQ(b[j], r[j]) {
					TH_LOG("register %d", j);
				}
			}
	}
}

/*
 * An event that becomes deliverable by a call interrupts the guest after that
 * call, with the call's result in x0.
 */
static void expect_after_call(struct __test_metadata *_metadata,
			      struct kvm_vcpu *vcpu, int index,
			      const struct sdei_regs *regs)
{
	EXPECT_EQ(sdei_handler(index), regs->pc);
	EXPECT_EQ(sdei_event(index), regs->x[0]);
	EXPECT_EQ((u64)sdei_hvc_done, regs->x[2]);
	EXPECT_EQ(SDEI_SUCCESS, sdei_call(vcpu, EVENT_CONTEXT, 0));
}

static void expect_completed(struct __test_metadata *_metadata,
			     struct kvm_vcpu *vcpu)
{
	struct sdei_regs regs;

	sdei_complete(vcpu, &regs);
	EXPECT_EQ((u64)sdei_hvc_done, regs.pc);
	EXPECT_EQ(SDEI_SUCCESS, regs.x[0]);
}

TEST_F(delivery, at_once_by_signal_to_oneself)
{
	struct sdei_regs regs;

	sdei_register_enable(self->vcpu, SIGNALLED);
	sdei_call(self->vcpu, PE_UNMASK);
	sdei_call_enter(self->vcpu, &regs, EVENT_SIGNAL, 0,
			sdei_mpidr(self->vcpu));
	expect_after_call(_metadata, self->vcpu, SIGNALLED, &regs);
	expect_completed(_metadata, self->vcpu);
}

TEST_F(delivery, at_unmask)
{
	struct sdei_regs regs;

	sdei_register_enable(self->vcpu, SIGNALLED);
	sdei_trigger(self->vcpu, SIGNALLED);
	EXPECT_EQ(1, sdei_pending(self->vcpu));
	sdei_call_enter(self->vcpu, &regs, PE_UNMASK);
	EXPECT_EQ(0, sdei_pending(self->vcpu));
	expect_after_call(_metadata, self->vcpu, SIGNALLED, &regs);
	expect_completed(_metadata, self->vcpu);
}

TEST_F(delivery, at_enable)
{
	struct sdei_regs regs;

	sdei_call(self->vcpu, PE_UNMASK);
	EXPECT_EQ(SDEI_SUCCESS, sdei_register(self->vcpu, SIGNALLED));
	sdei_trigger(self->vcpu, SIGNALLED);
	sdei_call_enter(self->vcpu, &regs, EVENT_ENABLE, 0);
	expect_after_call(_metadata, self->vcpu, SIGNALLED, &regs);
	expect_completed(_metadata, self->vcpu);
}

/* An event is delivered only if it is enabled and events are not masked. */
TEST_F(delivery, at_neither_unmask_nor_enable_alone)
{
	struct sdei_regs regs;

	EXPECT_EQ(SDEI_SUCCESS, sdei_register(self->vcpu, SIGNALLED));
	sdei_trigger(self->vcpu, SIGNALLED);
	EXPECT_EQ(SDEI_SUCCESS, sdei_call(self->vcpu, EVENT_ENABLE, 0));
	EXPECT_EQ(SDEI_SUCCESS, sdei_call(self->vcpu, EVENT_DISABLE, 0));
	EXPECT_EQ(SDEI_SUCCESS, sdei_call(self->vcpu, PE_UNMASK));
	EXPECT_EQ(1, sdei_call(self->vcpu, PE_MASK));
	EXPECT_EQ(SDEI_SUCCESS, sdei_call(self->vcpu, EVENT_ENABLE, 0));
	sdei_call_enter(self->vcpu, &regs, PE_UNMASK);
	expect_after_call(_metadata, self->vcpu, SIGNALLED, &regs);
	expect_completed(_metadata, self->vcpu);
}

/* A signal by a handler to its own CPU is delivered when it has completed. */
TEST_F(delivery, after_completion_and_once)
{
	struct sdei_regs regs;
	u64 mpidr = sdei_mpidr(self->vcpu);

	sdei_register_enable(self->vcpu, SIGNALLED);
	sdei_trigger(self->vcpu, SIGNALLED);
	sdei_call_enter(self->vcpu, &regs, PE_UNMASK);

	EXPECT_EQ(SDEI_SUCCESS, sdei_call(self->vcpu, EVENT_SIGNAL, 0, mpidr));
	EXPECT_EQ(SDEI_SUCCESS, sdei_call(self->vcpu, EVENT_SIGNAL, 0, mpidr));
	EXPECT_EQ(SDEI_SUCCESS, sdei_call(self->vcpu, PE_UNMASK));
	EXPECT_EQ(SDEI_ER, sdei_call(self->vcpu, EVENT_STATUS, 0));

	sdei_complete(self->vcpu, &regs);
	expect_after_call(_metadata, self->vcpu, SIGNALLED, &regs);
	EXPECT_EQ(0, sdei_pending(self->vcpu));
	expect_completed(_metadata, self->vcpu);
}

/* The next event interrupts at the address at which the handler resumes. */
TEST_F(delivery, after_complete_and_resume)
{
	struct sdei_regs before, regs;

	sdei_register_enable(self->vcpu, NORMAL(0));
	sdei_register_enable(self->vcpu, NORMAL(1));
	sdei_raise(self->vcpu, NORMAL(0));
	sdei_raise(self->vcpu, NORMAL(1));
	sdei_call_prepare(self->vcpu, &before, SDEI_1_0_FN_SDEI_PE_UNMASK,
			  SDEI_ARGS());
	before.pstate = PSR_MODE_EL1h | PSR_C_BIT;
	regs = before;
	sdei_call_regs(self->vcpu, sdei_hvc, &regs);
	EXPECT_EQ(sdei_event(NORMAL(0)), regs.x[0]);

	sdei_call_enter(self->vcpu, &regs, EVENT_COMPLETE_AND_RESUME,
			(u64)sdei_smc_done);
	EXPECT_EQ(sdei_event(NORMAL(1)), regs.x[0]);
	EXPECT_EQ((u64)sdei_smc_done, regs.x[2]);
	EXPECT_EQ(PSR_HANDLER | PSR_C_BIT, regs.x[3] & ~PSR_PAN_BIT);
	EXPECT_EQ((u64)sdei_hvc_done, regs.elr_el1);
	EXPECT_EQ(before.pstate, regs.spsr_el1);

	sdei_complete(self->vcpu, &regs);
	EXPECT_EQ((u64)sdei_smc_done, regs.pc);
	EXPECT_EQ((u64)sdei_hvc_done, regs.elr_el1);
	EXPECT_EQ(before.pstate, regs.spsr_el1);
}

/* An event that is pending is delivered once, however often it was raised. */
TEST_F(delivery, once_for_many_signals)
{
	struct sdei_regs regs;
	int i;

	sdei_register_enable(self->vcpu, SIGNALLED);
	for (i = 0; i < 5; i++)
		sdei_trigger(self->vcpu, SIGNALLED);
	sdei_call_enter(self->vcpu, &regs, PE_UNMASK);
	expect_completed(_metadata, self->vcpu);
}

/* All events are pending at once: the critical ones are delivered first. */
TEST_F(delivery, of_all_events)
{
	struct sdei_regs regs;
	u64 seen = 0;
	int i;

	for (i = 0; i < KVM_SDEI_NR_EVENTS; i++) {
		sdei_register_enable(self->vcpu, i);
		sdei_trigger(self->vcpu, i);
	}

	sdei_call_enter(self->vcpu, &regs, PE_UNMASK);
	for (i = 0; i < KVM_SDEI_NR_EVENTS; i++) {
		ASSERT_NE((u64)sdei_hvc_done, regs.pc);
		EXPECT_EQ(i < KVM_SDEI_NR_CRITICAL,
			  regs.x[0] >= KVM_SDEI_EVENT_CRITICAL(0));
		EXPECT_EQ((u64)sdei_hvc_done, regs.x[2]);
		seen |= BIT((regs.pc - (u64)sdei_stop) / 4);
		sdei_complete(self->vcpu, &regs);
	}
	EXPECT_EQ((u64)sdei_hvc_done, regs.pc);
	EXPECT_EQ(BIT(KVM_SDEI_NR_EVENTS) - 1, seen);
}

/* PE_MASK in a handler still holds after the handler. */
TEST_F(delivery, not_if_the_handler_masked)
{
	struct sdei_regs regs;

	sdei_register_enable(self->vcpu, SIGNALLED);
	sdei_trigger(self->vcpu, SIGNALLED);
	sdei_call_enter(self->vcpu, &regs, PE_UNMASK);

	EXPECT_EQ(1, sdei_call(self->vcpu, PE_MASK));
	sdei_trigger(self->vcpu, SIGNALLED);
	expect_completed(_metadata, self->vcpu);
	EXPECT_EQ(0, sdei_call(self->vcpu, PE_MASK));
	sdei_call_enter(self->vcpu, &regs, PE_UNMASK);
	expect_completed(_metadata, self->vcpu);
}

TEST_F(delivery, not_if_the_handler_disabled)
{
	struct sdei_regs regs;

	sdei_register_enable(self->vcpu, SIGNALLED);
	sdei_trigger(self->vcpu, SIGNALLED);
	sdei_call_enter(self->vcpu, &regs, PE_UNMASK);

	EXPECT_EQ(SDEI_SUCCESS, sdei_call(self->vcpu, EVENT_DISABLE, 0));
	sdei_trigger(self->vcpu, SIGNALLED);
	expect_completed(_metadata, self->vcpu);
	sdei_call_enter(self->vcpu, &regs, EVENT_ENABLE, 0);
	expect_completed(_metadata, self->vcpu);
}

/* When a registration ends, in any way, the event is no longer pending. */
TEST_F(delivery, not_of_a_trigger_for_an_earlier_registration)
{
	struct sdei_regs regs;

	sdei_register_enable(self->vcpu, SIGNALLED);
	sdei_trigger(self->vcpu, SIGNALLED);
	EXPECT_EQ(SDEI_SUCCESS, sdei_call(self->vcpu, EVENT_UNREGISTER, 0));
	sdei_register_enable(self->vcpu, SIGNALLED);
	EXPECT_EQ(SDEI_SUCCESS, sdei_call(self->vcpu, PE_UNMASK));

	EXPECT_EQ(1, sdei_call(self->vcpu, PE_MASK));
	sdei_trigger(self->vcpu, SIGNALLED);
	EXPECT_EQ(SDEI_SUCCESS, sdei_call(self->vcpu, PRIVATE_RESET));
	sdei_register_enable(self->vcpu, SIGNALLED);
	EXPECT_EQ(SDEI_SUCCESS, sdei_call(self->vcpu, PE_UNMASK));

	/* The handler signals its own event, and unregisters it after that. */
	sdei_call_enter(self->vcpu, &regs, EVENT_SIGNAL, 0,
			sdei_mpidr(self->vcpu));
	sdei_trigger(self->vcpu, SIGNALLED);
	EXPECT_EQ(SDEI_PENDING, sdei_call(self->vcpu, EVENT_UNREGISTER, 0));
	expect_completed(_metadata, self->vcpu);
	sdei_register_enable(self->vcpu, SIGNALLED);
}

/*
 * The vCPU has left the guest for a load that the VMM emulates. The event is
 * delivered after the load: the guest does not repeat it and gets its result.
 */
TEST_F(delivery, mistake_23_with_a_load_outstanding)
{
	struct kvm_run *run = self->vcpu->run;
	struct sdei_regs regs;
	u64 val = 0x123456789abcdef0;

	sdei_register_enable(self->vcpu, NORMAL(0));
	sdei_call(self->vcpu, PE_UNMASK);
	vcpu_set_reg(self->vcpu, ARM64_CORE_REG(regs.pc), (u64)sdei_load);
	vcpu_run(self->vcpu);
	ASSERT_EQ(KVM_EXIT_MMIO, run->exit_reason);
	ASSERT_FALSE(run->mmio.is_write);

	sdei_raise(self->vcpu, NORMAL(0));
	memcpy(run->mmio.data, &val, sizeof(val));
	sdei_run(self->vcpu, &regs);
	EXPECT_EQ(sdei_handler(NORMAL(0)), regs.pc);
	EXPECT_EQ((u64)sdei_load_done, regs.x[2]);
	EXPECT_EQ(val, regs.x[20]);

	sdei_complete(self->vcpu, &regs);
	EXPECT_EQ((u64)sdei_load_done, regs.pc);
}

/*
 * The VMM injects an exception instead. It is taken first, and the event
 * interrupts the guest at the exception's vector.
 */
TEST_F(delivery, mistake_23_with_an_exception_queued)
{
	struct kvm_vcpu_events events = { .exception.ext_dabt_pending = 1 };
	struct kvm_run *run = self->vcpu->run;
	struct sdei_regs before, regs;
	u64 vbar = 0x40000000;

	sdei_register_enable(self->vcpu, NORMAL(0));
	sdei_call(self->vcpu, PE_UNMASK);
	vcpu_set_reg(self->vcpu, KVM_ARM64_SYS_REG(SYS_VBAR_EL1), vbar);
	vcpu_set_reg(self->vcpu, ARM64_CORE_REG(regs.pc), (u64)sdei_load);
	vcpu_run(self->vcpu);
	ASSERT_EQ(KVM_EXIT_MMIO, run->exit_reason);
	sdei_get_regs(self->vcpu, &before);

	sdei_raise(self->vcpu, NORMAL(0));
	vcpu_events_set(self->vcpu, &events);
	sdei_run(self->vcpu, &regs);
	EXPECT_EQ(sdei_handler(NORMAL(0)), regs.pc);
	EXPECT_EQ(vbar + VECTOR_SYNC_CURRENT * 0x80, regs.x[2]);
	EXPECT_EQ(PSR_HANDLER, regs.x[3] & (PSR_MODE_MASK | PSR_DAIF));
	EXPECT_EQ((u64)sdei_load, regs.elr_el1);
	EXPECT_EQ(before.pstate, regs.spsr_el1);
}

TEST_HARNESS_MAIN
