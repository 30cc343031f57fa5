// SPDX-License-Identifier: GPL-2.0
/*
 * states_test - The result of every SDEI call in each state of an event, and
 * the state after it: the tables of DEN0054, 6.1.
 *
 * sdei_call() checks that no call changes any register but x0.
 */
#include "sdei.h"

/* The value of x5 that the event interrupts in enter_state(). */
#define OWN_X5		0xca11

enum column { U, G, E, GR, ER, UP, NR_STATES };

static const struct {
	const char *name;
	enum sdei_state status;
} states[NR_STATES] = {
	[U]  = { "unregistered", SDEI_U },
	[G]  = { "registered", SDEI_G },
	[E]  = { "enabled", SDEI_E },
	[GR] = { "registered, running", SDEI_GR },
	[ER] = { "enabled, running", SDEI_ER },
	[UP] = { "unregister pending", SDEI_UP },
};

/* Takes an event of a new vCPU, unregistered and masked, to a state. */
static void enter_state(struct kvm_vcpu *vcpu, int index, enum column state)
{
	u64 event = sdei_event(index);
	struct sdei_regs regs;

	if (state == U)
		return;
	TEST_ASSERT_EQ(sdei_register(vcpu, index), SDEI_SUCCESS);
	if (state == G)
		return;
	TEST_ASSERT_EQ(sdei_call(vcpu, EVENT_ENABLE, event), SDEI_SUCCESS);
	if (state == E)
		return;

	sdei_trigger(vcpu, index);
	sdei_call_enter(vcpu, &regs, PE_UNMASK, 0, 0, 0, 0, OWN_X5);
	TEST_ASSERT_EQ(regs.x[0], event);

	if (state == GR)
		TEST_ASSERT_EQ(sdei_call(vcpu, EVENT_DISABLE, event),
			       SDEI_SUCCESS);
	if (state == UP)
		TEST_ASSERT_EQ(sdei_call(vcpu, EVENT_UNREGISTER, event),
			       SDEI_PENDING);
}

/* Takes the event back to unregistered and masked, from any state. */
static void leave_state(struct kvm_vcpu *vcpu, int index)
{
	u64 event = sdei_event(index);
	struct sdei_regs regs;

	sdei_call(vcpu, EVENT_UNREGISTER, event);
	if (sdei_call(vcpu, EVENT_STATUS, event) == SDEI_UP) {
		sdei_complete(vcpu, &regs);
		TEST_ASSERT_EQ(regs.pc, (u64)sdei_hvc_done);
	}
	sdei_call(vcpu, PE_MASK);
	TEST_ASSERT_EQ(sdei_call(vcpu, EVENT_STATUS, event), SDEI_U);
	TEST_ASSERT_EQ(sdei_pending(vcpu), 0);
}

/* An entry of the tables: the result of a call, and the state after it. */
struct cell {
	s64 answer;
	enum column next;
};

FIXTURE(state)
{
	struct kvm_vm *vm;
	struct kvm_vcpu *vcpu;
	u64 event;
};

FIXTURE_VARIANT(state)
{
	int index;
};

FIXTURE_VARIANT_ADD(state, of_the_signalled_event) { .index = SIGNALLED };
FIXTURE_VARIANT_ADD(state, of_a_normal_event) { .index = NORMAL(0) };
FIXTURE_VARIANT_ADD(state, of_a_critical_event) { .index = CRITICAL(0) };

FIXTURE_SETUP(state)
{
	self->vm = sdei_vm_create(&self->vcpu, 1);
	self->event = sdei_event(variant->index);
}

FIXTURE_TEARDOWN(state)
{
	kvm_vm_free(self->vm);
}

/* Makes a call in each state and compares the results with a row. */
static void __check_row(struct __test_metadata *_metadata,
			struct kvm_vcpu *vcpu, int index, u64 fn,
			const u64 *args, const struct cell *row)
{
	u64 event = sdei_event(index);
	enum column i;

	for (i = U; i < NR_STATES; i++) {
		enter_state(vcpu, index, i);
		EXPECT_EQ(row[i].answer, __sdei_call(vcpu, fn, args)) {
			TH_LOG("call 0x%lx in state '%s'", fn, states[i].name);
		}
		EXPECT_EQ(states[row[i].next].status,
			  sdei_call(vcpu, EVENT_STATUS, event)) {
			TH_LOG("after call 0x%lx in state '%s'", fn,
			       states[i].name);
		}
		leave_state(vcpu, index);
	}
}

#define check_row(row, fn, ...)						\
	__check_row(_metadata, self->vcpu, variant->index,		\
		    SDEI_1_0_FN_SDEI_##fn, SDEI_ARGS(__VA_ARGS__), row)

/* Fills in a row of a call with one result, which changes no state. */
static void fill_row(struct cell *row, s64 answer)
{
	enum column i;

	for (i = U; i < NR_STATES; i++)
		row[i] = (struct cell){ answer, i };
}

#define check_same(expected, fn, ...)					\
do {									\
	struct cell __row[NR_STATES];					\
									\
	fill_row(__row, expected);					\
	check_row(__row, fn, ##__VA_ARGS__);				\
} while (0)

TEST_F(state, register)
{
	const struct cell row[] = {
		[U]  = { SDEI_SUCCESS, G },
		[G]  = { SDEI_DENIED, G },
		[E]  = { SDEI_DENIED, E },
		[GR] = { SDEI_DENIED, GR },
		[ER] = { SDEI_DENIED, ER },
		[UP] = { SDEI_DENIED, UP },
	};

	check_row(row, EVENT_REGISTER, self->event, sdei_handler(0),
		  sdei_argument(self->vm, 0), 0, 0);
}

TEST_F(state, unregister)
{
	const struct cell row[] = {
		[U]  = { SDEI_DENIED, U },
		[G]  = { SDEI_SUCCESS, U },
		[E]  = { SDEI_SUCCESS, U },
		[GR] = { SDEI_PENDING, UP },
		[ER] = { SDEI_PENDING, UP },
		[UP] = { SDEI_PENDING, UP },
	};

	check_row(row, EVENT_UNREGISTER, self->event);
}

TEST_F(state, enable)
{
	const struct cell row[] = {
		[U]  = { SDEI_DENIED, U },
		[G]  = { SDEI_SUCCESS, E },
		[E]  = { SDEI_SUCCESS, E },
		[GR] = { SDEI_SUCCESS, ER },
		[ER] = { SDEI_SUCCESS, ER },
		[UP] = { SDEI_DENIED, UP },
	};

	check_row(row, EVENT_ENABLE, self->event);
}

TEST_F(state, disable)
{
	const struct cell row[] = {
		[U]  = { SDEI_DENIED, U },
		[G]  = { SDEI_SUCCESS, G },
		[E]  = { SDEI_SUCCESS, G },
		[GR] = { SDEI_SUCCESS, GR },
		[ER] = { SDEI_SUCCESS, GR },
		[UP] = { SDEI_DENIED, UP },
	};

	check_row(row, EVENT_DISABLE, self->event);
}

TEST_F(state, private_reset)
{
	const struct cell row[] = {
		[U]  = { SDEI_SUCCESS, U },
		[G]  = { SDEI_SUCCESS, U },
		[E]  = { SDEI_SUCCESS, U },
		[GR] = { SDEI_DENIED, UP },
		[ER] = { SDEI_DENIED, UP },
		[UP] = { SDEI_DENIED, UP },
	};

	check_row(row, PRIVATE_RESET);
}

/* No event is shared, but Linux expects that this call succeeds. */
TEST_F(state, shared_reset)
{
	check_same(SDEI_SUCCESS, SHARED_RESET);
}

TEST_F(state, context)
{
	const struct cell row[] = {
		[U]  = { SDEI_DENIED, U },
		[G]  = { SDEI_DENIED, G },
		[E]  = { SDEI_DENIED, E },
		[GR] = { OWN_X5, GR },
		[ER] = { OWN_X5, ER },
		[UP] = { OWN_X5, UP },
	};

	check_row(row, EVENT_CONTEXT, 5);
}

TEST_F(state, status)
{
	const struct cell row[] = {
		[U]  = { 0, U },
		[G]  = { 1, G },
		[E]  = { 3, E },
		[GR] = { 5, GR },
		[ER] = { 7, ER },
		[UP] = { 4, UP },
	};

	check_row(row, EVENT_STATUS, self->event);
}

TEST_F(state, signal)
{
	const struct cell pending[] = {
		[U]  = { SDEI_INVALID_PARAMETERS, U },
		[G]  = { SDEI_SUCCESS, G },
		[E]  = { SDEI_SUCCESS, E },
		[GR] = { SDEI_SUCCESS, GR },
		[ER] = { SDEI_SUCCESS, ER },
		[UP] = { SDEI_INVALID_PARAMETERS, UP },
	};
	u64 self_mpidr = sdei_mpidr(self->vcpu);

	if (variant->index == SIGNALLED)
		check_row(pending, EVENT_SIGNAL, self->event, self_mpidr);
	else
		check_same(SDEI_INVALID_PARAMETERS, EVENT_SIGNAL, self->event,
			   self_mpidr);
}

TEST_F(state, pe_mask)
{
	/*
	 * Events are masked in the first three states, but not in the others.
	 */
	const struct cell row[] = {
		[U]  = { 0, U },
		[G]  = { 0, G },
		[E]  = { 0, E },
		[GR] = { 1, GR },
		[ER] = { 1, ER },
		[UP] = { 1, UP },
	};

	check_row(row, PE_MASK);
}

TEST_F(state, pe_unmask)
{
	check_same(SDEI_SUCCESS, PE_UNMASK);
}

TEST_F(state, version)
{
	check_same(SDEI_VERSION_1_0, VERSION);
}

TEST_F(state, features)
{
	check_same(0, FEATURES, 0);
}

TEST_F(state, get_info)
{
	check_same(SDEI_EVENT_TYPE_PRIVATE, EVENT_GET_INFO, self->event,
		   SDEI_EVENT_INFO_EV_TYPE);
	/* Zero means that the event can be signalled. */
	check_same(variant->index == SIGNALLED ? 0 : 1, EVENT_GET_INFO,
		   self->event, SDEI_EVENT_INFO_EV_SIGNALED);
	check_same(variant->index == CRITICAL(0), EVENT_GET_INFO,
		   self->event, SDEI_EVENT_INFO_EV_PRIORITY);
}

/* A private event has no routing, whether it is registered or not. */
TEST_F(state, get_info_of_routing)
{
	check_same(SDEI_INVALID_PARAMETERS, EVENT_GET_INFO, self->event,
		   SDEI_EVENT_INFO_EV_ROUTING_MODE);
	check_same(SDEI_INVALID_PARAMETERS, EVENT_GET_INFO, self->event,
		   SDEI_EVENT_INFO_EV_ROUTING_AFF);
}

TEST_F(state, routing_set)
{
	check_same(SDEI_INVALID_PARAMETERS, EVENT_ROUTING_SET, self->event,
		   SDEI_EVENT_REGISTER_RM_ANY, 0);
	check_same(SDEI_INVALID_PARAMETERS, EVENT_ROUTING_SET, self->event,
		   SDEI_EVENT_REGISTER_RM_PE, sdei_mpidr(self->vcpu));
}

TEST_F(state, interrupt_bind)
{
	check_same(SDEI_OUT_OF_RESOURCE, INTERRUPT_BIND, 32);
}

TEST_F(state, interrupt_release)
{
	check_same(SDEI_INVALID_PARAMETERS, INTERRUPT_RELEASE, self->event);
}

/* The calls that end a handler return an error if no handler runs. */
TEST_F(state, complete_without_handler)
{
	enum column i;

	for (i = U; i < GR; i++) {
		enter_state(self->vcpu, variant->index, i);
		EXPECT_EQ(SDEI_DENIED, sdei_call(self->vcpu, EVENT_COMPLETE,
						 SDEI_EV_HANDLED));
		EXPECT_EQ(SDEI_DENIED, sdei_call(self->vcpu, EVENT_COMPLETE,
						 SDEI_EV_FAILED));
		EXPECT_EQ(SDEI_DENIED, sdei_call(self->vcpu,
						 EVENT_COMPLETE_AND_RESUME,
						 (u64)sdei_hvc));
		/*
		 * With a bad address, too, the error is that no handler runs.
		 */
		EXPECT_EQ(SDEI_DENIED, sdei_call(self->vcpu,
						 EVENT_COMPLETE_AND_RESUME, 0));
		EXPECT_EQ(states[i].status, sdei_call(self->vcpu, EVENT_STATUS,
						      self->event));
		leave_state(self->vcpu, variant->index);
	}
}

/*
 * In a handler they don't return: the guest is then where the event interrupted
 * it, behind PE_UNMASK, with its result.
 */
static void check_completion(struct __test_metadata *_metadata,
			     struct kvm_vcpu *vcpu, int index, u64 fn,
			     const u64 *args, const char *where)
{
	const enum column next[] = { [GR] = G, [ER] = E, [UP] = U };
	struct sdei_regs regs;
	enum column i;

	for (i = GR; i < NR_STATES; i++) {
		enter_state(vcpu, index, i);
		sdei_call_prepare(vcpu, &regs, fn, args);
		sdei_call_regs(vcpu, sdei_hvc, &regs);
		EXPECT_EQ((u64)where, regs.pc);
		EXPECT_EQ(SDEI_SUCCESS, regs.x[0]);
		EXPECT_EQ(OWN_X5, regs.x[5]);
		EXPECT_EQ(states[next[i]].status,
			  sdei_call(vcpu, EVENT_STATUS, sdei_event(index)));
		leave_state(vcpu, index);
	}
}

TEST_F(state, complete_handled)
{
	check_completion(_metadata, self->vcpu, variant->index,
			 SDEI_1_0_FN_SDEI_EVENT_COMPLETE,
			 SDEI_ARGS(SDEI_EV_HANDLED), sdei_hvc_done);
}

/* The handler's status has no effect. */
TEST_F(state, complete_failed)
{
	check_completion(_metadata, self->vcpu, variant->index,
			 SDEI_1_0_FN_SDEI_EVENT_COMPLETE,
			 SDEI_ARGS(SDEI_EV_FAILED), sdei_hvc_done);
	check_completion(_metadata, self->vcpu, variant->index,
			 SDEI_1_0_FN_SDEI_EVENT_COMPLETE,
			 SDEI_ARGS(~0ULL), sdei_hvc_done);
}

TEST_F(state, complete_and_resume)
{
	check_completion(_metadata, self->vcpu, variant->index,
			 SDEI_1_0_FN_SDEI_EVENT_COMPLETE_AND_RESUME,
			 SDEI_ARGS((u64)sdei_smc_done), sdei_smc_done);
}

/* State of the CPU as a whole. */
FIXTURE(cpu)
{
	struct kvm_vm *vm;
	struct kvm_vcpu *vcpu;
};

FIXTURE_SETUP(cpu)
{
	self->vm = sdei_vm_create(&self->vcpu, 1);
}

FIXTURE_TEARDOWN(cpu)
{
	kvm_vm_free(self->vm);
}

TEST_F(cpu, mask_says_what_it_changed)
{
	struct kvm_vcpu *vcpu = self->vcpu;

	EXPECT_EQ(0, sdei_call(vcpu, PE_MASK));
	EXPECT_EQ(0, sdei_call(vcpu, PE_UNMASK));
	EXPECT_EQ(0, sdei_call(vcpu, PE_UNMASK));
	EXPECT_EQ(1, sdei_call(vcpu, PE_MASK));
	EXPECT_EQ(0, sdei_call(vcpu, PE_MASK));
}

/* PRIVATE_RESET unregisters the other events although a handler runs. */
TEST_F(cpu, private_reset_of_several_events)
{
	struct kvm_vcpu *vcpu = self->vcpu;
	struct sdei_regs regs;
	int i;

	for (i = 0; i < KVM_SDEI_NR_EVENTS; i++)
		sdei_register_enable(vcpu, i);
	sdei_raise(vcpu, NORMAL(0));
	sdei_call_enter(vcpu, &regs, PE_UNMASK);

	/* These stay pending until the reset clears them. */
	sdei_raise(vcpu, NORMAL(0));
	sdei_raise(vcpu, NORMAL(1));

	EXPECT_EQ(SDEI_DENIED, sdei_call(vcpu, PRIVATE_RESET));
	for (i = 0; i < KVM_SDEI_NR_EVENTS; i++)
		EXPECT_EQ(i == NORMAL(0) ? SDEI_UP : SDEI_U,
			  sdei_call(vcpu, EVENT_STATUS, sdei_event(i)));
	EXPECT_EQ(0, sdei_pending(vcpu));

	sdei_complete(vcpu, &regs);
	EXPECT_EQ((u64)sdei_hvc_done, regs.pc);
	EXPECT_EQ(SDEI_U, sdei_call(vcpu, EVENT_STATUS, sdei_event(NORMAL(0))));
	EXPECT_EQ(SDEI_SUCCESS, sdei_call(vcpu, PRIVATE_RESET));
	/* The reset does not mask events. */
	EXPECT_EQ(1, sdei_call(vcpu, PE_MASK));
}

TEST_HARNESS_MAIN
