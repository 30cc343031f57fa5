// SPDX-License-Identifier: GPL-2.0
/*
 * registers_test - The pseudo-registers: which exist, which values they show
 * and which they accept. Also migration: a vCPU whose registers are written to
 * a vCPU of another VM goes on there.
 */
#include "sdei.h"

#define ALL_EVENTS	(BIT_ULL(KVM_SDEI_NR_EVENTS) - 1)
#define NR_CONTEXT	(SDEI_NR_SAVED + 2)
#define NR_SDEI_REGS	(3 + 3 * KVM_SDEI_NR_EVENTS + 2 * NR_CONTEXT + \
			 1 + 4 * KVM_SDEI_NR_SHARED_EVENTS)

/* Stores the IDs of all SDEI registers, in ascending order. */
static void all_ids(u64 *ids)
{
	int i, p;

	*ids++ = KVM_REG_ARM_SDEI_PE;
	*ids++ = KVM_REG_ARM_SDEI_PENDING;
	*ids++ = KVM_REG_ARM_SDEI_SHARED_RUNNING;
	for (i = 0; i < KVM_SDEI_NR_EVENTS; i++) {
		*ids++ = KVM_REG_ARM_SDEI_ENTRY(i);
		*ids++ = KVM_REG_ARM_SDEI_ARGUMENT(i);
		*ids++ = KVM_REG_ARM_SDEI_STATUS(i);
	}
	for (p = 0; p < 2; p++) {
		for (i = 0; i < SDEI_NR_SAVED; i++)
			*ids++ = KVM_REG_ARM_SDEI_X(p, i);
		*ids++ = KVM_REG_ARM_SDEI_PC(p);
		*ids++ = KVM_REG_ARM_SDEI_PSTATE(p);
	}
	*ids++ = KVM_REG_ARM_SDEI_SHARED_PENDING;
	for (i = 0; i < KVM_SDEI_NR_SHARED_EVENTS; i++) {
		*ids++ = KVM_REG_ARM_SDEI_SHARED_ENTRY(i);
		*ids++ = KVM_REG_ARM_SDEI_SHARED_ARGUMENT(i);
		*ids++ = KVM_REG_ARM_SDEI_SHARED_STATUS(i);
		*ids++ = KVM_REG_ARM_SDEI_SHARED_ROUTING(i);
	}
}

FIXTURE(registers)
{
	struct kvm_vm *vm;
	struct kvm_vcpu *vcpu;
	u64 ids[NR_SDEI_REGS];
};

FIXTURE_SETUP(registers)
{
	self->vm = sdei_vm_create(&self->vcpu, 1);
	all_ids(self->ids);
}

FIXTURE_TEARDOWN(registers)
{
	kvm_vm_free(self->vm);
}

/* VMs have been saved with this number of registers. */
kvm_static_assert(NR_SDEI_REGS == 87);

TEST_F(registers, are_listed)
{
	struct kvm_reg_list *list = vcpu_get_reg_list(self->vcpu);
	int found = 0;
	u64 i;

	for (i = 0; i < list->n; i++) {
		if (!sdei_is_reg(list->reg[i]))
			continue;
		ASSERT_LT(found, NR_SDEI_REGS);
		EXPECT_EQ(self->ids[found], list->reg[i]);
		EXPECT_EQ(KVM_REG_SIZE_U64, list->reg[i] & KVM_REG_SIZE_MASK);
		found++;
	}
	EXPECT_EQ(NR_SDEI_REGS, found);
	free(list);
}

TEST_F(registers, that_do_not_exist_are_enoent)
{
	const u64 ids[] = {
		KVM_REG_ARM_SDEI(0x7fff), KVM_REG_ARM_SDEI(0x8003),
		KVM_REG_ARM_SDEI(0x80ff), KVM_REG_ARM_SDEI(0x8103),
		KVM_REG_ARM_SDEI_ENTRY(KVM_SDEI_NR_EVENTS),
		KVM_REG_ARM_SDEI_STATUS(KVM_SDEI_NR_EVENTS),
		KVM_REG_ARM_SDEI(0x81ff), KVM_REG_ARM_SDEI(0x8214),
		KVM_REG_ARM_SDEI(0x821f), KVM_REG_ARM_SDEI_X(2, 0),
		KVM_REG_ARM_SDEI(0x82ff), KVM_REG_ARM_SDEI(0x8301),
		KVM_REG_ARM_SDEI(0x83ff),
		KVM_REG_ARM_SDEI_SHARED_ENTRY(KVM_SDEI_NR_SHARED_EVENTS),
		KVM_REG_ARM_SDEI(0xffff),
		/* A register that exists, but with another size. */
		KVM_REG_ARM_SDEI_PE ^ KVM_REG_SIZE_U64 ^ KVM_REG_SIZE_U32,
		KVM_REG_ARM_SDEI_PE ^ KVM_REG_SIZE_U64 ^ KVM_REG_SIZE_U128,
	};
	u64 val[2] = {};
	int i;

	for (i = 0; i < ARRAY_SIZE(ids); i++) {
		EXPECT_EQ(-1, __vcpu_get_reg(self->vcpu, ids[i], val)) {
			TH_LOG("register 0x%lx", ids[i]);
		}
		EXPECT_EQ(ENOENT, errno);
		EXPECT_EQ(-1, __vcpu_set_reg(self->vcpu, ids[i], 0)) {
			TH_LOG("register 0x%lx", ids[i]);
		}
		EXPECT_EQ(ENOENT, errno);
	}
}

TEST_F(registers, of_a_new_vcpu)
{
	int i;

	for (i = 0; i < NR_SDEI_REGS; i++)
		EXPECT_EQ(self->ids[i] == KVM_REG_ARM_SDEI_PE ?
				  KVM_REG_ARM_SDEI_PE_MASKED : 0,
			  sdei_get_reg(self->vcpu, self->ids[i]));
}

/* States of a vCPU that the tests save and restore. */
enum stage {
	NEW,
	/* All events are registered and pending, one is disabled; masked. */
	PENDING,
	/* In the handler of a normal event, which has been unregistered. */
	IN_NORMAL,
	/* In the handler of a critical event, which interrupted the former. */
	IN_CRITICAL,
	NR_STAGES
};

static void advance(struct kvm_vcpu *vcpu, enum stage stage)
{
	struct sdei_regs regs;
	int i;

	if (stage == NEW)
		return;

	for (i = 0; i < KVM_SDEI_NR_EVENTS; i++) {
		sdei_register_enable(vcpu, i);
		sdei_trigger(vcpu, i);
	}
	sdei_call(vcpu, EVENT_DISABLE, sdei_event(NORMAL(3)));
	if (stage == PENDING)
		return;

	/* With the others disabled, a normal event is delivered first. */
	for (i = 0; i < KVM_SDEI_NR_CRITICAL; i++)
		sdei_call(vcpu, EVENT_DISABLE, sdei_event(CRITICAL(i)));
	sdei_call(vcpu, EVENT_DISABLE, sdei_event(SIGNALLED));
	sdei_call_enter(vcpu, &regs, PE_UNMASK, 0x11, 0x22, 0x33);
	TEST_ASSERT_EQ(regs.x[0], sdei_event(NORMAL(0)));
	sdei_call(vcpu, EVENT_UNREGISTER, sdei_event(NORMAL(0)));
	if (stage == IN_NORMAL)
		return;

	sdei_call_enter(vcpu, &regs, EVENT_ENABLE, sdei_event(CRITICAL(2)),
			0xaa, 0xbb);
	TEST_ASSERT_EQ(regs.x[0], sdei_event(CRITICAL(2)));
}

TEST_F(registers, show_what_the_calls_did)
{
	struct kvm_vcpu *vcpu = self->vcpu;
	int i;

	advance(vcpu, IN_CRITICAL);
	EXPECT_EQ(0, sdei_get_reg(vcpu, KVM_REG_ARM_SDEI_PE));
	EXPECT_EQ(ALL_EVENTS & ~(BIT(NORMAL(0)) | BIT(CRITICAL(2))),
		  sdei_pending(vcpu));
	for (i = 0; i < KVM_SDEI_NR_EVENTS; i++) {
		EXPECT_EQ(sdei_handler(i),
			  sdei_get_reg(vcpu, KVM_REG_ARM_SDEI_ENTRY(i)));
		EXPECT_EQ(sdei_argument(self->vm, i),
			  sdei_get_reg(vcpu, KVM_REG_ARM_SDEI_ARGUMENT(i)));
		EXPECT_EQ(sdei_call(vcpu, EVENT_STATUS, sdei_event(i)),
			  sdei_get_reg(vcpu, KVM_REG_ARM_SDEI_STATUS(i)));
	}
	EXPECT_EQ(SDEI_UP,
		  sdei_get_reg(vcpu, KVM_REG_ARM_SDEI_STATUS(NORMAL(0))));
	EXPECT_EQ(SDEI_ER,
		  sdei_get_reg(vcpu, KVM_REG_ARM_SDEI_STATUS(CRITICAL(2))));

	/* The normal event interrupted PE_UNMASK, the critical one ENABLE. */
	EXPECT_EQ(0x22, sdei_get_reg(vcpu, KVM_REG_ARM_SDEI_X(0, 2)));
	EXPECT_EQ(0xbb, sdei_get_reg(vcpu, KVM_REG_ARM_SDEI_X(1, 3)));
	for (i = 0; i < SDEI_NR_SAVED; i++)
		EXPECT_EQ(sdei_call(vcpu, EVENT_CONTEXT, i),
			  sdei_get_reg(vcpu, KVM_REG_ARM_SDEI_X(1, i)));
	for (i = 0; i < 2; i++) {
		EXPECT_EQ((u64)sdei_hvc_done,
			  sdei_get_reg(vcpu, KVM_REG_ARM_SDEI_PC(i)));
		EXPECT_EQ(PSR_MODE_EL1h,
			  sdei_get_reg(vcpu, KVM_REG_ARM_SDEI_PSTATE(i)) &
			  PSR_MODE_MASK);
	}
}

/* In each stage, writing what was read succeeds and changes nothing. */
TEST_F(registers, take_back_what_was_read)
{
	u64 before[NR_SDEI_REGS];
	enum stage stage;
	int i;

	for (stage = NEW; stage < NR_STAGES; stage++) {
		struct kvm_vcpu *vcpu;
		struct kvm_vm *vm = sdei_vm_create(&vcpu, 1);

		advance(vcpu, stage);
		for (i = 0; i < NR_SDEI_REGS; i++)
			before[i] = sdei_get_reg(vcpu, self->ids[i]);
		for (i = 0; i < NR_SDEI_REGS; i++) {
			EXPECT_EQ(0, __vcpu_set_reg(vcpu, self->ids[i],
						    before[i])) {
				TH_LOG("register 0x%lx", self->ids[i]);
			}
		}
		for (i = 0; i < NR_SDEI_REGS; i++) {
			EXPECT_EQ(before[i],
				  sdei_get_reg(vcpu, self->ids[i])) {
				TH_LOG("register 0x%lx", self->ids[i]);
			}
		}
		kvm_vm_free(vm);
	}
}

/*
 * A write sets the events whose bits are one, and leaves the others pending: a
 * VMM that writes back what it has read must not lose an event that has become
 * pending in between.
 */
TEST_F(registers, pending_is_set_by_ones_only)
{
	u64 id = KVM_REG_ARM_SDEI_PENDING;
	struct kvm_vcpu *vcpu = self->vcpu;
	int i;

	for (i = 0; i < KVM_SDEI_NR_EVENTS; i++) {
		EXPECT_EQ(0, __vcpu_set_reg(vcpu, id, BIT(i)));
		EXPECT_EQ(BIT(i + 1) - 1, sdei_get_reg(vcpu, id));
		EXPECT_EQ(0, __vcpu_set_reg(vcpu, id, 0));
		EXPECT_EQ(BIT(i + 1) - 1, sdei_get_reg(vcpu, id));
	}
}

/*
 * A signal comes after the VMM has read all registers, before it writes them.
 */
TEST(registers_put_back_lose_no_signal)
{
	struct kvm_vcpu *vcpus[2];
	struct kvm_vm *vm = sdei_vm_create(vcpus, 2);
	struct kvm_reg_list *list = vcpu_get_reg_list(vcpus[1]);
	u64 *val = calloc(list->n, sizeof(*val));
	struct sdei_regs regs;
	u64 i;

	sdei_register_enable(vcpus[1], SIGNALLED);
	EXPECT_EQ(SDEI_SUCCESS, sdei_call(vcpus[1], PE_UNMASK));

	for (i = 0; i < list->n; i++)
		if (sdei_is_reg(list->reg[i]))
			val[i] = sdei_get_reg(vcpus[1], list->reg[i]);
	EXPECT_EQ(SDEI_SUCCESS, sdei_call(vcpus[0], EVENT_SIGNAL, 0,
					  sdei_mpidr(vcpus[1])));
	for (i = 0; i < list->n; i++)
		if (sdei_is_reg(list->reg[i]))
			vcpu_set_reg(vcpus[1], list->reg[i], val[i]);

	sdei_run(vcpus[1], &regs);
	EXPECT_EQ(sdei_handler(SIGNALLED), regs.pc);
	EXPECT_EQ(0, sdei_pending(vcpus[1]));

	free(val);
	free(list);
	kvm_vm_free(vm);
}

TEST_F(registers, pending_that_is_set_is_delivered)
{
	struct sdei_regs regs;

	sdei_register_enable(self->vcpu, NORMAL(2));
	EXPECT_EQ(SDEI_SUCCESS, sdei_call(self->vcpu, PE_UNMASK));
	vcpu_set_reg(self->vcpu, KVM_REG_ARM_SDEI_PENDING, BIT(NORMAL(2)));
	sdei_run(self->vcpu, &regs);
	EXPECT_EQ(sdei_handler(NORMAL(2)), regs.pc);
}

/* The VMM makes an event deliverable by registers only, in an unusual order. */
TEST_F(registers, make_an_event_deliverable)
{
	struct kvm_vcpu *vcpu = self->vcpu;
	struct sdei_regs regs;

	vcpu_set_reg(vcpu, KVM_REG_ARM_SDEI_PENDING, BIT(SIGNALLED));
	vcpu_set_reg(vcpu, KVM_REG_ARM_SDEI_ARGUMENT(SIGNALLED),
		     sdei_argument(self->vm, SIGNALLED));
	vcpu_set_reg(vcpu, KVM_REG_ARM_SDEI_ENTRY(SIGNALLED),
		     sdei_handler(SIGNALLED));
	vcpu_set_reg(vcpu, KVM_REG_ARM_SDEI_STATUS(SIGNALLED), SDEI_E);
	vcpu_set_reg(vcpu, KVM_REG_ARM_SDEI_PE, 0);
	sdei_run(vcpu, &regs);
	EXPECT_EQ(sdei_handler(SIGNALLED), regs.pc);
	EXPECT_EQ((u64)sdei_hvc, regs.x[2]);
}

TEST_F(registers, take_both_bits_of_the_pe)
{
	u64 val;

	for (val = 0; val < 4; val++) {
		EXPECT_EQ(0, __vcpu_set_reg(self->vcpu, KVM_REG_ARM_SDEI_PE,
					    val));
		EXPECT_EQ(val, sdei_get_reg(self->vcpu, KVM_REG_ARM_SDEI_PE));
	}
}

/*
 * A priority has a context only while a handler runs: the registers of the
 * context read as zero otherwise, so that a destination can always accept them.
 */
static void expect_no_context(struct __test_metadata *_metadata,
			      struct kvm_vcpu *vcpu, int p)
{
	int i;

	for (i = 0; i < SDEI_NR_SAVED; i++)
		EXPECT_EQ(0, sdei_get_reg(vcpu, KVM_REG_ARM_SDEI_X(p, i)));
	EXPECT_EQ(0, sdei_get_reg(vcpu, KVM_REG_ARM_SDEI_PC(p)));
	EXPECT_EQ(0, sdei_get_reg(vcpu, KVM_REG_ARM_SDEI_PSTATE(p)));
}

/* A context with a different value in each register. */
#define CONTEXT_X(p, i)	(0x1000 * ((p) + 1) + (i))
#define CONTEXT_PC(p)	(0x4000 * ((p) + 1))
#define CONTEXT_PSTATE	(PSR_MODE_EL1t | PSR_N_BIT | PSR_F_BIT)

static void set_context(struct kvm_vcpu *vcpu, int p)
{
	int i;

	for (i = 0; i < SDEI_NR_SAVED; i++)
		vcpu_set_reg(vcpu, KVM_REG_ARM_SDEI_X(p, i), CONTEXT_X(p, i));
	vcpu_set_reg(vcpu, KVM_REG_ARM_SDEI_PC(p), CONTEXT_PC(p));
	vcpu_set_reg(vcpu, KVM_REG_ARM_SDEI_PSTATE(p), CONTEXT_PSTATE);
}

static void expect_context(struct __test_metadata *_metadata,
			   struct kvm_vcpu *vcpu, int p)
{
	int i;

	for (i = 0; i < SDEI_NR_SAVED; i++)
		EXPECT_EQ(CONTEXT_X(p, i),
			  sdei_get_reg(vcpu, KVM_REG_ARM_SDEI_X(p, i)));
	EXPECT_EQ(CONTEXT_PC(p), sdei_get_reg(vcpu, KVM_REG_ARM_SDEI_PC(p)));
	EXPECT_EQ(CONTEXT_PSTATE,
		  sdei_get_reg(vcpu, KVM_REG_ARM_SDEI_PSTATE(p)));
}

/* An event of each priority. */
static const int of_priority[] = { NORMAL(1), CRITICAL(1) };

TEST_F(registers, show_a_context_only_while_its_handler_runs)
{
	struct kvm_vcpu *vcpu = self->vcpu;
	struct sdei_regs regs;

	sdei_register_enable(vcpu, NORMAL(0));
	sdei_register_enable(vcpu, CRITICAL(0));
	sdei_raise(vcpu, NORMAL(0));
	sdei_call_enter(vcpu, &regs, PE_UNMASK, 0x11);
	EXPECT_EQ(0x11, sdei_get_reg(vcpu, KVM_REG_ARM_SDEI_X(0, 1)));
	expect_no_context(_metadata, vcpu, 1);

	sdei_raise(vcpu, CRITICAL(0));
	sdei_call_enter(vcpu, &regs, VERSION, 0x22);
	EXPECT_EQ(0x11, sdei_get_reg(vcpu, KVM_REG_ARM_SDEI_X(0, 1)));
	EXPECT_EQ(0x22, sdei_get_reg(vcpu, KVM_REG_ARM_SDEI_X(1, 1)));

	sdei_complete(vcpu, &regs);
	EXPECT_EQ(0x11, sdei_get_reg(vcpu, KVM_REG_ARM_SDEI_X(0, 1)));
	expect_no_context(_metadata, vcpu, 1);

	sdei_complete(vcpu, &regs);
	expect_no_context(_metadata, vcpu, 0);
	expect_no_context(_metadata, vcpu, 1);
}

TEST_F(registers, show_no_context_after_complete_and_resume)
{
	struct sdei_regs regs;

	sdei_register_enable(self->vcpu, CRITICAL(0));
	sdei_raise(self->vcpu, CRITICAL(0));
	sdei_call_enter(self->vcpu, &regs, PE_UNMASK);
	sdei_complete_and_resume(self->vcpu, &regs, sdei_hvc_done);
	expect_no_context(_metadata, self->vcpu, 1);
}

/* The VMM may write a context before it writes that its handler runs. */
TEST_F(registers, keep_a_context_written_before_its_status)
{
	int p;

	for (p = 0; p < 2; p++) {
		set_context(self->vcpu, p);
		expect_no_context(_metadata, self->vcpu, p);
		vcpu_set_reg(self->vcpu,
			     KVM_REG_ARM_SDEI_STATUS(of_priority[p]), SDEI_ER);
		expect_context(_metadata, self->vcpu, p);
	}
}

TEST_F(registers, keep_a_context_written_after_its_status)
{
	int p;

	for (p = 0; p < 2; p++) {
		vcpu_set_reg(self->vcpu,
			     KVM_REG_ARM_SDEI_STATUS(of_priority[p]), SDEI_ER);
		set_context(self->vcpu, p);
		expect_context(_metadata, self->vcpu, p);
		vcpu_set_reg(self->vcpu,
			     KVM_REG_ARM_SDEI_STATUS(of_priority[p]), SDEI_E);
		expect_no_context(_metadata, self->vcpu, p);
	}
}

/*
 * Another thread of the VMM withdraws an event after the VMM has read PENDING
 * and before it writes the value back. The write sets the event again: the
 * register can't tell this from an event that another vCPU has yet to take.
 */
TEST_F(registers, pending_written_back_restores_a_withdrawn_event)
{
	u64 event = sdei_event(NORMAL(0)), pending;
	struct sdei_regs regs;

	sdei_register_enable(self->vcpu, NORMAL(0));
	sdei_raise(self->vcpu, NORMAL(0));
	pending = sdei_pending(self->vcpu);
	EXPECT_EQ(BIT(NORMAL(0)), pending);

	EXPECT_EQ(0, __sdei_withdraw(self->vcpu, event));
	EXPECT_EQ(0, sdei_pending(self->vcpu));

	vcpu_set_reg(self->vcpu, KVM_REG_ARM_SDEI_PENDING, pending);
	EXPECT_EQ(BIT(NORMAL(0)), sdei_pending(self->vcpu));
	sdei_call_enter(self->vcpu, &regs, PE_UNMASK);
	EXPECT_EQ(sdei_handler(NORMAL(0)), regs.pc);

	/* Withdrawn after that, it is gone. */
	sdei_raise(self->vcpu, NORMAL(0));
	EXPECT_EQ(0, __sdei_withdraw(self->vcpu, event));
	sdei_complete(self->vcpu, &regs);
	EXPECT_EQ((u64)sdei_hvc_done, regs.pc);
}

static void expect_refused(struct __test_metadata *_metadata,
			   struct kvm_vcpu *vcpu, u64 id, u64 val)
{
	u64 before = sdei_get_reg(vcpu, id);

	EXPECT_EQ(-1, __vcpu_set_reg(vcpu, id, val)) {
		TH_LOG("register 0x%lx, value 0x%lx", id, val);
	}
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(before, sdei_get_reg(vcpu, id));
}

/* Values that no vCPU can have, written in each stage. */
TEST_F(registers, refuse_what_can_not_be)
{
	const u64 bad_status[] = { 2, 6, 8, 9, 15, BIT_ULL(32), ~0ULL };
	/* Modes that the guest doesn't have, and bits that are no field. */
	const u64 bad_pstate[] = {
		0x1, 0x2, 0x3, 0x6, 0x7, PSR_MODE_EL2t, PSR_MODE_EL2h, 0xa,
		PSR_MODE_EL3t, PSR_MODE_EL3h, 0xf,
		/* AArch32: FIQ, IRQ, SVC, ABT, HYP, UND, SYS; and bits > 31 */
		0x11, 0x12, 0x13, 0x17, 0x1a, 0x1b, 0x1f,
		PSR_MODE32_BIT | BIT_ULL(32), PSR_MODE32_BIT | BIT_ULL(63),
		PSR_MODE_EL1h | BIT_ULL(5), PSR_MODE_EL1h | BIT_ULL(14),
		PSR_MODE_EL1h | BIT_ULL(19), PSR_MODE_EL1h | BIT_ULL(26),
		PSR_MODE_EL1h | BIT_ULL(27), PSR_MODE_EL1h | BIT_ULL(37),
		PSR_MODE_EL1h | BIT_ULL(63), ~0ULL,
	};
	struct kvm_vcpu *vcpu = self->vcpu;
	enum stage stage;
	int i, j;

	for (stage = NEW; stage < NR_STAGES; stage++) {
		struct kvm_vm *vm = sdei_vm_create(&vcpu, 1);

		advance(vcpu, stage);
		for (i = 2; i < 64; i++)
			expect_refused(_metadata, vcpu, KVM_REG_ARM_SDEI_PE,
				       BIT_ULL(i));
		for (i = KVM_SDEI_NR_EVENTS; i < 64; i++)
			expect_refused(_metadata, vcpu,
				       KVM_REG_ARM_SDEI_PENDING,
				       BIT_ULL(i) | ALL_EVENTS);
		for (i = 0; i < KVM_SDEI_NR_EVENTS; i++) {
			for (j = 1; j < 4; j++)
				expect_refused(_metadata, vcpu,
					       KVM_REG_ARM_SDEI_ENTRY(i),
					       0x1000 + j);
			for (j = 0; j < ARRAY_SIZE(bad_status); j++)
				expect_refused(_metadata, vcpu,
					       KVM_REG_ARM_SDEI_STATUS(i),
					       bad_status[j]);
		}
		for (i = 0; i < 2; i++)
			for (j = 0; j < ARRAY_SIZE(bad_pstate); j++)
				expect_refused(_metadata, vcpu,
					       KVM_REG_ARM_SDEI_PSTATE(i),
					       bad_pstate[j]);
		kvm_vm_free(vm);
	}
}

/* The EL0 field: 2 means AArch64 and AArch32, 1 means AArch64 only. */
static bool has_aarch32_el0(struct kvm_vcpu *vcpu)
{
	u64 id = KVM_ARM64_SYS_REG(SYS_ID_AA64PFR0_EL1);

	return (sdei_get_reg(vcpu, id) & 0xf) == 2;
}

/*
 * The host's CPUs have AArch32 at EL0 or not. A VMM that hides it in the ID
 * register does not prevent the guest from using it, so the state of a guest
 * that does must be accepted even then.
 */
TEST_F(registers, take_aarch32_if_the_host_has_it)
{
	u64 pfr0_id = KVM_ARM64_SYS_REG(SYS_ID_AA64PFR0_EL1);
	u64 pfr0 = sdei_get_reg(self->vcpu, pfr0_id);
	u64 id = KVM_REG_ARM_SDEI_PSTATE(0);

	vcpu_set_reg(self->vcpu, KVM_REG_ARM_SDEI_STATUS(NORMAL(0)), SDEI_ER);
	if (has_aarch32_el0(self->vcpu)) {
		vcpu_set_reg(self->vcpu, pfr0_id, pfr0 - 1);
		EXPECT_EQ(0, __vcpu_set_reg(self->vcpu, id, 0xffffffe0 |
					    PSR_MODE32_BIT));
		EXPECT_EQ(0xffffffe0 | PSR_MODE32_BIT,
			  sdei_get_reg(self->vcpu, id));
	} else {
		expect_refused(_metadata, self->vcpu, id, PSR_MODE32_BIT);
	}
}

/*
 * The VMM writes the context of a handler that has interrupted AArch32, with
 * values that do not fit in the registers of AArch32.
 */
static void set_wide_context(struct kvm_vcpu *vcpu, bool pstate_first)
{
	int i;

	if (pstate_first)
		vcpu_set_reg(vcpu, KVM_REG_ARM_SDEI_PSTATE(0), PSR_MODE32_BIT);
	for (i = 0; i < SDEI_NR_SAVED; i++)
		vcpu_set_reg(vcpu, KVM_REG_ARM_SDEI_X(0, i),
			     0xfeed000000000000 + CONTEXT_X(0, i));
	vcpu_set_reg(vcpu, KVM_REG_ARM_SDEI_PC(0),
		     0xfeed000000000000 + CONTEXT_PC(0));
	if (!pstate_first)
		vcpu_set_reg(vcpu, KVM_REG_ARM_SDEI_PSTATE(0), PSR_MODE32_BIT);
}

/* How many of x0, x1, ... AArch32 uses at EL0: r0 to r14. The others stay. */
#define NR_AARCH32	15

static void check_narrowed(struct __test_metadata *_metadata,
			   struct kvm_vcpu *vcpu, bool status_first,
			   bool pstate_first)
{
	u64 status = KVM_REG_ARM_SDEI_STATUS(NORMAL(0));
	struct sdei_regs regs;
	int i;

	if (!has_aarch32_el0(vcpu))
		SKIP(return, "This host has no AArch32 at EL0");

	sdei_register_enable(vcpu, NORMAL(1));
	sdei_call(vcpu, PE_UNMASK);
	if (status_first)
		vcpu_set_reg(vcpu, status, SDEI_ER);
	set_wide_context(vcpu, pstate_first);
	if (!status_first)
		vcpu_set_reg(vcpu, status, SDEI_ER);

	/*
	 * A second event interrupts the guest as soon as the handler has
	 * completed, before it runs in AArch32. KVM narrows the same registers
	 * if the VMM writes PSTATE itself.
	 */
	sdei_raise(vcpu, NORMAL(1));
	sdei_complete(vcpu, &regs);
	ASSERT_EQ(sdei_handler(NORMAL(1)), regs.pc);
	EXPECT_EQ(CONTEXT_PC(0), regs.x[2]);
	EXPECT_EQ(PSR_MODE32_BIT, regs.x[3]);
	for (i = 0; i < 4; i++)
		EXPECT_EQ(CONTEXT_X(0, i), sdei_call(vcpu, EVENT_CONTEXT, i));
	for (; i < NR_AARCH32; i++)
		EXPECT_EQ(CONTEXT_X(0, i), regs.x[i]);
	for (; i < SDEI_NR_SAVED; i++)
		EXPECT_EQ(0xfeed000000000000 + CONTEXT_X(0, i), regs.x[i]);
}

TEST_F(registers, narrow_an_aarch32_context)
{
	check_narrowed(_metadata, self->vcpu, false, false);
}

TEST_F(registers, narrow_an_aarch32_context_with_pstate_first)
{
	check_narrowed(_metadata, self->vcpu, false, true);
}

TEST_F(registers, narrow_an_aarch32_context_with_status_first)
{
	check_narrowed(_metadata, self->vcpu, true, false);
}

/* COMPLETE_AND_RESUME returns to EL1, and stores the narrow PC in ELR_EL1. */
TEST_F(registers, narrow_an_aarch32_context_that_resumes_elsewhere)
{
	struct sdei_regs regs;
	int i;

	if (!has_aarch32_el0(self->vcpu))
		SKIP(return, "This host has no AArch32 at EL0");

	sdei_call(self->vcpu, PE_UNMASK);
	/* The guest needs x19 to stop, which is no part of the context. */
	set_wide_context(self->vcpu, false);
	vcpu_set_reg(self->vcpu, KVM_REG_ARM_SDEI_STATUS(NORMAL(0)), SDEI_ER);
	sdei_complete_and_resume(self->vcpu, &regs, sdei_hvc_done);
	EXPECT_EQ((u64)sdei_hvc_done, regs.pc);
	EXPECT_EQ(CONTEXT_PC(0), regs.elr_el1);
	EXPECT_EQ(PSR_MODE32_BIT, regs.spsr_el1);
	for (i = 0; i < NR_AARCH32; i++)
		EXPECT_EQ(CONTEXT_X(0, i), regs.x[i]);
	for (; i < SDEI_NR_SAVED; i++)
		EXPECT_EQ(0xfeed000000000000 + CONTEXT_X(0, i), regs.x[i]);
}

/*
 * Migration: all registers of a vCPU are written to a vCPU of another VM.
 * Memory need not be copied, as the guest's code does not write to it. The vCPU
 * has stopped by an access that the VMM emulates. The VMM has to complete it
 * first: sdei_run() does.
 */
enum order { ASCENDING, DESCENDING, SHUFFLED };

FIXTURE(migration)
{
	struct kvm_vm *vm;
	struct kvm_vcpu *vcpu;
	struct kvm_vm *to_vm;
	struct kvm_vcpu *to;
};

FIXTURE_VARIANT(migration)
{
	enum order order;
	u32 seed;
};

FIXTURE_VARIANT_ADD(migration, ascending) { .order = ASCENDING };
FIXTURE_VARIANT_ADD(migration, descending) { .order = DESCENDING };
FIXTURE_VARIANT_ADD(migration, shuffled_1) { .order = SHUFFLED, .seed = 1 };
FIXTURE_VARIANT_ADD(migration, shuffled_2) { .order = SHUFFLED, .seed = 2 };
FIXTURE_VARIANT_ADD(migration, shuffled_3) { .order = SHUFFLED, .seed = 3 };
FIXTURE_VARIANT_ADD(migration, shuffled_4) { .order = SHUFFLED, .seed = 4 };

FIXTURE_SETUP(migration)
{
	self->vm = sdei_vm_create(&self->vcpu, 1);
	self->to_vm = sdei_vm_create(&self->to, 1);
}

FIXTURE_TEARDOWN(migration)
{
	kvm_vm_free(self->to_vm);
	kvm_vm_free(self->vm);
}

static int compare_ids(const void *a, const void *b)
{
	const u64 *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

static void arrange(struct kvm_reg_list *list, enum order order,
		    unsigned int seed)
{
	u64 i, tmp;

	qsort(list->reg, list->n, sizeof(list->reg[0]), compare_ids);
	for (i = 0; i < list->n; i++) {
		u64 j = list->n - 1 - i;

		if (order == ASCENDING || (order == DESCENDING && j <= i))
			break;
		if (order == SHUFFLED)
			j = rand_r(&seed) % list->n;
		tmp = list->reg[i];
		list->reg[i] = list->reg[j];
		list->reg[j] = tmp;
	}
}

static void migrate(struct __test_metadata *_metadata, struct kvm_vcpu *from,
		    struct kvm_vcpu *to, enum order order, u32 seed)
{
	struct kvm_reg_list *list = vcpu_get_reg_list(from);
	/* The largest register has 2048 bits. */
	u8 (*val)[256] = calloc(list->n, sizeof(*val));
	struct kvm_one_reg reg;
	u64 i;

	arrange(list, order, seed);
	for (i = 0; i < list->n; i++) {
		reg = (struct kvm_one_reg){ list->reg[i], (u64)val[i] };
		vcpu_ioctl(from, KVM_GET_ONE_REG, &reg);
	}
	for (i = 0; i < list->n; i++) {
		reg = (struct kvm_one_reg){ list->reg[i], (u64)val[i] };
		EXPECT_EQ(0, __vcpu_ioctl(to, KVM_SET_ONE_REG, &reg)) {
			TH_LOG("register 0x%llx: %s", list->reg[i],
			       strerror(errno));
		}
	}
	for (i = 0; i < list->n; i++) {
		if (!sdei_is_reg(list->reg[i]))
			continue;
		EXPECT_EQ(*(u64 *)val[i], sdei_get_reg(to, list->reg[i])) {
			TH_LOG("register 0x%llx", list->reg[i]);
		}
	}
	free(val);
	free(list);
}

/* Completes the handlers of both vCPUs; both must then be in the same state. */
static void complete_both(struct __test_metadata *_metadata,
			  struct kvm_vcpu *vcpu, struct kvm_vcpu *to,
			  struct sdei_regs *regs)
{
	struct sdei_regs to_regs;
	int i;

	sdei_complete(vcpu, regs);
	sdei_complete(to, &to_regs);
	EXPECT_EQ(0, memcmp(regs, &to_regs, sizeof(*regs)));
	for (i = 0; i < SDEI_NR_SAVED; i++)
		EXPECT_EQ(sdei_call(vcpu, EVENT_CONTEXT, i),
			  sdei_call(to, EVENT_CONTEXT, i));
	for (i = 0; i < KVM_SDEI_NR_EVENTS; i++)
		EXPECT_EQ(sdei_call(vcpu, EVENT_STATUS, sdei_event(i)),
			  sdei_call(to, EVENT_STATUS, sdei_event(i)));
	EXPECT_EQ(sdei_pending(vcpu),
		  sdei_pending(to));
}

TEST_F(migration, of_a_new_vcpu)
{
	migrate(_metadata, self->vcpu, self->to, variant->order, variant->seed);
	sdei_register_enable(self->to, SIGNALLED);
	EXPECT_EQ(0, sdei_call(self->to, PE_MASK));
}

TEST_F(migration, with_events_pending)
{
	struct sdei_regs regs, to_regs;
	int i;

	advance(self->vcpu, PENDING);
	migrate(_metadata, self->vcpu, self->to, variant->order, variant->seed);

	sdei_call_enter(self->vcpu, &regs, PE_UNMASK);
	sdei_call_enter(self->to, &to_regs, PE_UNMASK);
	EXPECT_EQ(0, memcmp(&regs, &to_regs, sizeof(regs)));
	/* One event is disabled, all others are delivered. */
	for (i = 0; i < KVM_SDEI_NR_EVENTS - 1; i++) {
		EXPECT_NE((u64)sdei_hvc_done, regs.pc);
		complete_both(_metadata, self->vcpu, self->to, &regs);
	}
	EXPECT_EQ((u64)sdei_hvc_done, regs.pc);
}

TEST_F(migration, in_a_handler)
{
	struct sdei_regs regs;

	advance(self->vcpu, IN_NORMAL);
	migrate(_metadata, self->vcpu, self->to, variant->order, variant->seed);

	/* Of the other events, NORMAL(1) and NORMAL(2) are enabled. */
	complete_both(_metadata, self->vcpu, self->to, &regs);
	EXPECT_EQ(sdei_event(NORMAL(1)), regs.x[0]);
	complete_both(_metadata, self->vcpu, self->to, &regs);
	EXPECT_EQ(sdei_event(NORMAL(2)), regs.x[0]);
	complete_both(_metadata, self->vcpu, self->to, &regs);
	EXPECT_EQ((u64)sdei_hvc_done, regs.pc);
	EXPECT_EQ(0x22, regs.x[2]);
	EXPECT_EQ(SDEI_U, sdei_call(self->to, EVENT_STATUS,
				    sdei_event(NORMAL(0))));
}

TEST_F(migration, in_a_nested_handler)
{
	struct sdei_regs regs;

	advance(self->vcpu, IN_CRITICAL);
	migrate(_metadata, self->vcpu, self->to, variant->order, variant->seed);

	complete_both(_metadata, self->vcpu, self->to, &regs);
	EXPECT_EQ((u64)sdei_hvc_done, regs.pc);
	EXPECT_EQ(0xbb, regs.x[3]);
	complete_both(_metadata, self->vcpu, self->to, &regs);
	EXPECT_EQ(sdei_event(NORMAL(1)), regs.x[0]);
	complete_both(_metadata, self->vcpu, self->to, &regs);
	complete_both(_metadata, self->vcpu, self->to, &regs);
	EXPECT_EQ((u64)sdei_hvc_done, regs.pc);
	EXPECT_EQ(0x22, regs.x[2]);
}

/*
 * A snapshot is loaded into a vCPU that is in another state. Nothing of that
 * state remains but the events that are pending.
 */
TEST_F(migration, into_a_vcpu_in_another_handler)
{
	struct sdei_regs regs;

	sdei_register_enable(self->to, NORMAL(2));
	sdei_register_enable(self->to, CRITICAL(3));
	sdei_raise(self->to, NORMAL(2));
	sdei_call_enter(self->to, &regs, PE_UNMASK);
	sdei_raise(self->to, CRITICAL(3));
	sdei_call_enter(self->to, &regs, VERSION);

	advance(self->vcpu, IN_NORMAL);
	migrate(_metadata, self->vcpu, self->to, variant->order, variant->seed);
	complete_both(_metadata, self->vcpu, self->to, &regs);
	EXPECT_EQ(sdei_event(NORMAL(1)), regs.x[0]);
}

TEST_HARNESS_MAIN
