// SPDX-License-Identifier: GPL-2.0
/*
 * arguments_test - Which arguments SDEI's calls refuse, with which error, and
 * which unusual arguments they have to accept.
 */
#include "sdei.h"

/* The bits of MPIDR_EL1 that are no affinity: RES1, U and MT. */
#define MPIDR_FLAGS	(BIT_ULL(31) | BIT_ULL(30) | BIT_ULL(24))

/* A new vCPU: events are masked, none is registered. */
FIXTURE(arguments)
{
	struct kvm_vm *vm;
	struct kvm_vcpu *vcpu;
};

FIXTURE_SETUP(arguments)
{
	self->vm = sdei_vm_create(&self->vcpu, 1);
}

FIXTURE_TEARDOWN(arguments)
{
	kvm_vm_free(self->vm);
}

/* The calls whose first argument is an event, with their other arguments. */
static const struct {
	u64 fn;
	u64 args[5];
} event_calls[] = {
	{ SDEI_1_0_FN_SDEI_EVENT_REGISTER, { 0, 0x1000 } },
	{ SDEI_1_0_FN_SDEI_EVENT_ENABLE },
	{ SDEI_1_0_FN_SDEI_EVENT_DISABLE },
	{ SDEI_1_0_FN_SDEI_EVENT_UNREGISTER },
	{ SDEI_1_0_FN_SDEI_EVENT_STATUS },
	{ SDEI_1_0_FN_SDEI_EVENT_GET_INFO },
	{ SDEI_1_0_FN_SDEI_EVENT_ROUTING_SET },
	{ SDEI_1_0_FN_SDEI_INTERRUPT_RELEASE },
};

TEST_F(arguments, unknown_events)
{
	const u64 unknown[] = {
		1, 0x10000, 0x00ffffff, 0x01000000,
		KVM_SDEI_EVENT_NORMAL(-1),
		KVM_SDEI_EVENT_NORMAL(KVM_SDEI_NR_NORMAL),
		KVM_SDEI_EVENT_CRITICAL(-1),
		KVM_SDEI_EVENT_CRITICAL(KVM_SDEI_NR_CRITICAL),
		0x40000000, 0x7fffffff, 0x80000000, 0xffffffff, ~0ULL,
		/* These differ from known ones in one bit. */
		1ULL << 31 | KVM_SDEI_EVENT_NORMAL(0),
		1ULL << 24 | KVM_SDEI_EVENT_NORMAL(0),
		KVM_SDEI_EVENT_NORMAL(0) & ~(1 << 30),
	};
	u64 args[5];
	int i, j;

	for (i = 0; i < ARRAY_SIZE(event_calls); i++) {
		memcpy(args, event_calls[i].args, sizeof(args));
		for (j = 0; j < ARRAY_SIZE(unknown); j++) {
			args[0] = unknown[j];
			EXPECT_EQ(SDEI_INVALID_PARAMETERS,
				  __sdei_call(self->vcpu, event_calls[i].fn,
					      args)) {
				TH_LOG("call 0x%lx, event 0x%lx",
				       event_calls[i].fn, unknown[j]);
			}
		}
	}

	for (j = 0; j < ARRAY_SIZE(unknown); j++)
		EXPECT_EQ(SDEI_INVALID_PARAMETERS,
			  sdei_call(self->vcpu, EVENT_SIGNAL, unknown[j],
				    sdei_mpidr(self->vcpu)));
}

TEST_F(arguments, every_event_of_the_table_is_known)
{
	int i;

	for (i = 0; i < KVM_SDEI_NR_EVENTS; i++) {
		EXPECT_EQ(SDEI_SUCCESS, sdei_register(self->vcpu, i));
		EXPECT_EQ(SDEI_G, sdei_call(self->vcpu, EVENT_STATUS,
					    sdei_event(i)));
		EXPECT_EQ(SDEI_DENIED, sdei_register(self->vcpu, i));
	}
}

/* For DEN0054, events, indices and kinds of information have 32 bits. */
TEST_F(arguments, upper_half_is_ignored)
{
	struct kvm_vcpu *vcpu = self->vcpu;
	const u64 upper[] = { 1ULL << 32, 1ULL << 63, ~0ULL << 32 };
	int i;

	ASSERT_EQ(SDEI_SUCCESS, sdei_register(vcpu, SIGNALLED));

	for (i = 0; i < ARRAY_SIZE(upper); i++) {
		EXPECT_EQ(SDEI_SUCCESS,
			  sdei_call(vcpu, EVENT_ENABLE, upper[i]));
		EXPECT_EQ(SDEI_E, sdei_call(vcpu, EVENT_STATUS, upper[i]));
		EXPECT_EQ(SDEI_SUCCESS,
			  sdei_call(vcpu, EVENT_SIGNAL, upper[i],
				    sdei_mpidr(vcpu)));
		EXPECT_EQ(SDEI_SUCCESS,
			  sdei_call(vcpu, EVENT_DISABLE, upper[i]));
		EXPECT_EQ(SDEI_EVENT_PRIORITY_CRITICAL,
			  sdei_call(vcpu, EVENT_GET_INFO,
				    upper[i] | sdei_event(CRITICAL(0)),
				    upper[i] | SDEI_EVENT_INFO_EV_PRIORITY));
		EXPECT_EQ(SDEI_DENIED,
			  sdei_call(vcpu, EVENT_CONTEXT, upper[i]));
		EXPECT_EQ(0, sdei_call(vcpu, FEATURES, upper[i]));
		EXPECT_EQ(SDEI_OUT_OF_RESOURCE,
			  sdei_call(vcpu, INTERRUPT_BIND, upper[i] | 32));
		EXPECT_EQ(SDEI_SUCCESS,
			  sdei_call(vcpu, EVENT_UNREGISTER, upper[i]));
		EXPECT_EQ(SDEI_SUCCESS,
			  sdei_call(vcpu, EVENT_REGISTER, upper[i], 0x1000));
		EXPECT_EQ(SDEI_G, sdei_call(vcpu, EVENT_STATUS, 0));
	}
}

TEST_F(arguments, register_with_a_bad_entry_point)
{
	const u64 bad[] = { 0, 1, 2, 3, 0x1001, 0x1002, ~0ULL };
	int i;

	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		EXPECT_EQ(SDEI_INVALID_PARAMETERS,
			  sdei_call(self->vcpu, EVENT_REGISTER, 0, bad[i])) {
			TH_LOG("entry point 0x%lx", bad[i]);
		}
	}
	EXPECT_EQ(SDEI_U, sdei_call(self->vcpu, EVENT_STATUS, 0));
}

/* The dispatcher can't know which addresses are good for the guest. */
TEST_F(arguments, register_with_any_aligned_entry_point)
{
	const u64 good[] = { 4, 1ULL << 63, ~3ULL };
	int i;

	for (i = 0; i < ARRAY_SIZE(good); i++) {
		EXPECT_EQ(SDEI_SUCCESS,
			  sdei_call(self->vcpu, EVENT_REGISTER, 0, good[i]));
		EXPECT_EQ(good[i], sdei_get_reg(self->vcpu,
						KVM_REG_ARM_SDEI_ENTRY(0)));
		EXPECT_EQ(SDEI_SUCCESS,
			  sdei_call(self->vcpu, EVENT_UNREGISTER, 0));
	}
}

/* In version 1.1, bit 1 is relative mode. All other bits are reserved. */
TEST_F(arguments, register_with_bad_flags)
{
	int bit;

	for (bit = 1; bit < 64; bit++) {
		EXPECT_EQ(SDEI_INVALID_PARAMETERS,
			  sdei_call(self->vcpu, EVENT_REGISTER, 0, 0x1000, 0,
				    1ULL << bit, 0)) {
			TH_LOG("flag %d", bit);
		}
	}
	EXPECT_EQ(SDEI_U, sdei_call(self->vcpu, EVENT_STATUS, 0));
}

/* For a private event the routing is ignored, so any affinity is accepted. */
TEST_F(arguments, register_with_routing)
{
	const u64 affinities[] = {
		0, sdei_mpidr(self->vcpu), 0xffffffff, ~0ULL,
	};
	int i;

	for (i = 0; i < ARRAY_SIZE(affinities); i++) {
		EXPECT_EQ(SDEI_SUCCESS,
			  sdei_call(self->vcpu, EVENT_REGISTER, 0, 0x1000, 0,
				    SDEI_EVENT_REGISTER_RM_PE, affinities[i]));
		EXPECT_EQ(SDEI_SUCCESS,
			  sdei_call(self->vcpu, EVENT_UNREGISTER, 0));
	}
}

/* A registration that is refused does not change the existing one. */
TEST_F(arguments, register_twice_keeps_the_first)
{
	struct kvm_vcpu *vcpu = self->vcpu;

	EXPECT_EQ(SDEI_SUCCESS,
		  sdei_call(vcpu, EVENT_REGISTER, 0, 0x1000, 0x1234));
	EXPECT_EQ(SDEI_DENIED,
		  sdei_call(vcpu, EVENT_REGISTER, 0, 0x2000, 0x5678));
	EXPECT_EQ(SDEI_INVALID_PARAMETERS,
		  sdei_call(vcpu, EVENT_REGISTER, 0, 0x2002, 0x5678));
	EXPECT_EQ(0x1000, sdei_get_reg(vcpu, KVM_REG_ARM_SDEI_ENTRY(0)));
	EXPECT_EQ(0x1234, sdei_get_reg(vcpu, KVM_REG_ARM_SDEI_ARGUMENT(0)));
}

TEST_F(arguments, signal_target)
{
	struct kvm_vcpu *vcpu = self->vcpu;
	u64 own = sdei_mpidr(vcpu) & ~MPIDR_FLAGS;
	const u64 nobody[] = {
		own + 1, own | 1ULL << 8, own | 1ULL << 16, own | 1ULL << 32,
		0xffffffff, ~0ULL,
	};
	int i;

	ASSERT_EQ(SDEI_SUCCESS, sdei_register(vcpu, SIGNALLED));

	for (i = 0; i < ARRAY_SIZE(nobody); i++) {
		EXPECT_EQ(SDEI_INVALID_PARAMETERS,
			  sdei_call(vcpu, EVENT_SIGNAL, 0, nobody[i])) {
			TH_LOG("target 0x%lx", nobody[i]);
		}
	}
	EXPECT_EQ(0, sdei_get_reg(vcpu, KVM_REG_ARM_SDEI_PENDING));

	/* Clients may pass MPIDR_EL1 with the bits that are no affinity. */
	EXPECT_EQ(SDEI_SUCCESS, sdei_call(vcpu, EVENT_SIGNAL, 0, own));
	for (i = 0; i < 64; i++)
		if (MPIDR_FLAGS & 1ULL << i)
			EXPECT_EQ(SDEI_SUCCESS,
				  sdei_call(vcpu, EVENT_SIGNAL, 0,
					    own | 1ULL << i));
	EXPECT_EQ(SDEI_SUCCESS,
		  sdei_call(vcpu, EVENT_SIGNAL, 0, own | MPIDR_FLAGS));
	EXPECT_EQ(1, sdei_get_reg(vcpu, KVM_REG_ARM_SDEI_PENDING));
}

TEST_F(arguments, get_info_of_what_there_is_none)
{
	const u64 bad[] = { 3, 4, 5, 0x10, 0x80000000, 0xffffffff };
	int i;

	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		EXPECT_EQ(SDEI_INVALID_PARAMETERS,
			  sdei_call(self->vcpu, EVENT_GET_INFO, 0, bad[i])) {
			TH_LOG("info 0x%lx", bad[i]);
		}
	}
}

TEST_F(arguments, features_that_do_not_exist)
{
	/* In version 1.1, feature 1 is relative mode. */
	const u64 bad[] = { 1, 2, 0x10, 0x80000000, 0xffffffff };
	int i;

	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		EXPECT_EQ(SDEI_INVALID_PARAMETERS,
			  sdei_call(self->vcpu, FEATURES, bad[i])) {
			TH_LOG("feature 0x%lx", bad[i]);
		}
	}
}

/*
 * A bad index is the error that is reported, rather than the missing handler.
 */
TEST_F(arguments, context_index_outside_of_a_handler)
{
	const u64 bad[] = { 18, 31, 0x100, 0x80000000, 0xffffffff };
	int i;

	for (i = 0; i < SDEI_NR_SAVED; i++)
		EXPECT_EQ(SDEI_DENIED, sdei_call(self->vcpu, EVENT_CONTEXT, i));
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		EXPECT_EQ(SDEI_INVALID_PARAMETERS,
			  sdei_call(self->vcpu, EVENT_CONTEXT, bad[i])) {
			TH_LOG("index 0x%lx", bad[i]);
		}
	}
}

TEST_F(arguments, context_index_in_a_handler)
{
	struct kvm_vcpu *vcpu = self->vcpu;
	struct sdei_regs regs;
	int i;

	sdei_register_enable(vcpu, SIGNALLED);
	ASSERT_EQ(SDEI_SUCCESS, sdei_call(vcpu, PE_UNMASK));

	sdei_call_prepare(vcpu, &regs, SDEI_1_0_FN_SDEI_EVENT_SIGNAL,
			  SDEI_ARGS(0, sdei_mpidr(vcpu), 3, 4, 5));
	/* Saved values that look like errors are returned as they are. */
	regs.x[16] = SDEI_INVALID_PARAMETERS;
	regs.x[17] = SDEI_DENIED;
	sdei_call_regs(vcpu, sdei_hvc, &regs);
	ASSERT_EQ(sdei_handler(SIGNALLED), regs.pc);

	EXPECT_EQ(SDEI_SUCCESS, sdei_call(vcpu, EVENT_CONTEXT, 0));
	EXPECT_EQ(0, sdei_call(vcpu, EVENT_CONTEXT, 1));
	EXPECT_EQ(sdei_mpidr(vcpu), sdei_call(vcpu, EVENT_CONTEXT, 2));
	EXPECT_EQ(3, sdei_call(vcpu, EVENT_CONTEXT, 3));
	for (i = 4; i < SDEI_NR_SAVED; i++)
		EXPECT_EQ(regs.x[i], sdei_call(vcpu, EVENT_CONTEXT, i));

	EXPECT_EQ(SDEI_INVALID_PARAMETERS,
		  sdei_call(vcpu, EVENT_CONTEXT, SDEI_NR_SAVED));
	EXPECT_EQ(SDEI_INVALID_PARAMETERS,
		  sdei_call(vcpu, EVENT_CONTEXT, 0x100));
	EXPECT_EQ(SDEI_INVALID_PARAMETERS,
		  sdei_call(vcpu, EVENT_CONTEXT, 0xffffffff));
}

/* There are no slots to bind to. A bad interrupt number is refused first. */
TEST_F(arguments, interrupt_bind)
{
	const struct {
		u64 first, last;
		s64 answer;
	} ranges[] = {
		{ 0, 15, SDEI_INVALID_PARAMETERS },		/* SGIs */
		{ 16, 31, SDEI_OUT_OF_RESOURCE },		/* PPIs */
		{ 32, 1019, SDEI_OUT_OF_RESOURCE },		/* SPIs */
		{ 1020, 1055, SDEI_INVALID_PARAMETERS },	/* special */
		{ 1056, 1119, SDEI_OUT_OF_RESOURCE },	/* extended PPIs */
		{ 1120, 4095, SDEI_INVALID_PARAMETERS },
		{ 4096, 5119, SDEI_OUT_OF_RESOURCE },	/* extended SPIs */
		{ 5120, 0xffffffff, SDEI_INVALID_PARAMETERS },
	};
	int i;

	for (i = 0; i < ARRAY_SIZE(ranges); i++) {
		EXPECT_EQ(ranges[i].answer,
			  sdei_call(self->vcpu, INTERRUPT_BIND,
				    ranges[i].first));
		EXPECT_EQ(ranges[i].answer,
			  sdei_call(self->vcpu, INTERRUPT_BIND,
				    ranges[i].last));
	}
}

TEST_HARNESS_MAIN
