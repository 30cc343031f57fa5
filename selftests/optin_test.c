// SPDX-License-Identifier: GPL-2.0
/*
 * optin_test - Which VMs have SDEI, and which calls the dispatcher gets. That
 * depends on the capability, the firmware bitmap, the SMCCC filter and the
 * function ID.
 */
#include "sdei.h"

#define FN_FIRST	SDEI_1_0_FN_BASE
#define FN_RESERVED	SDEI_1_0_FN(0x13)
#define FN_LAST		SDEI_1_0_FN(0x1f)

#define BMAP_BIT	BIT_ULL(KVM_REG_ARM_STD_BIT_SDEI)

struct conduit {
	const char *insn;
	const char *done;
	u64 exit_flags;
};

static const struct conduit hvc = { sdei_hvc, sdei_hvc_done, 0 };
static const struct conduit smc = {
	sdei_smc, sdei_smc_done, KVM_HYPERCALL_EXIT_SMC
};

/* Makes a call with all 64 bits of @fn in x0. Returns the result. */
static s64 call(struct kvm_vcpu *vcpu, const struct conduit *conduit, u64 fn)
{
	struct sdei_regs regs;

	sdei_call_prepare(vcpu, &regs, fn, SDEI_ARGS());
	sdei_call_regs(vcpu, conduit->insn, &regs);
	TEST_ASSERT(regs.pc == (u64)conduit->done,
		    "Call 0x%lx went to 0x%lx instead of 0x%lx",
		    fn, regs.pc, (u64)conduit->done);
	return regs.x[0];
}

/* Does KVM_GET_REG_LIST list SDEI's registers? */
static bool lists_sdei(struct kvm_vcpu *vcpu)
{
	struct kvm_reg_list *list = vcpu_get_reg_list(vcpu);
	bool found = false;
	u64 i;

	for (i = 0; i < list->n; i++)
		if (sdei_is_reg(list->reg[i]))
			found = true;

	free(list);
	return found;
}

static int get_services(struct kvm_vm *vm, struct kvm_smccc_services *services)
{
	return __kvm_device_attr_get(vm->fd, KVM_ARM_VM_SMCCC_CTRL,
				     KVM_ARM_VM_SMCCC_SERVICES, services);
}

/* A VM that does not opt in, on a host with the module. */
FIXTURE(stock_vm)
{
	struct kvm_vm *vm;
	struct kvm_vcpu *vcpu;
};

FIXTURE_SETUP(stock_vm)
{
	TEST_REQUIRE(kvm_has_cap(KVM_CAP_ARM_SDEI));
	self->vm = __sdei_vm_create(&self->vcpu, 1, false);
}

FIXTURE_TEARDOWN(stock_vm)
{
	kvm_vm_free(self->vm);
}

TEST_F(stock_vm, every_function_is_not_supported)
{
	u64 fn;

	for (fn = FN_FIRST; fn <= FN_LAST; fn++) {
		EXPECT_EQ(SDEI_NOT_SUPPORTED, call(self->vcpu, &hvc, fn));
		EXPECT_EQ(SDEI_NOT_SUPPORTED, call(self->vcpu, &smc, fn));
	}
}

TEST_F(stock_vm, no_register_is_listed_or_found)
{
	u64 val;

	EXPECT_FALSE(lists_sdei(self->vcpu));
	EXPECT_EQ(-1, __vcpu_get_reg(self->vcpu, KVM_REG_ARM_SDEI_PE, &val));
	EXPECT_EQ(ENOENT, errno);
	EXPECT_EQ(-1, __vcpu_set_reg(self->vcpu, KVM_REG_ARM_SDEI_PE, 1));
	EXPECT_EQ(ENOENT, errno);
}

TEST_F(stock_vm, bitmap_bit_is_neither_shown_nor_accepted)
{
	u64 bmap = sdei_get_reg(self->vcpu, KVM_REG_ARM_STD_BMAP);

	EXPECT_EQ(0, bmap & BMAP_BIT);
	EXPECT_EQ(-1, __vcpu_set_reg(self->vcpu, KVM_REG_ARM_STD_BMAP,
				     bmap | BMAP_BIT));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(bmap, sdei_get_reg(self->vcpu, KVM_REG_ARM_STD_BMAP));
}

TEST_F(stock_vm, vcpu_attributes_do_not_exist)
{
	u64 event = KVM_SDEI_EVENT_NORMAL(0);

	EXPECT_EQ(-1, __vcpu_has_device_attr(self->vcpu, KVM_ARM_VCPU_SDEI_CTRL,
					     KVM_ARM_VCPU_SDEI_RAISE));
	EXPECT_EQ(ENXIO, errno);
	EXPECT_EQ(-1, __sdei_raise(self->vcpu, event));
	EXPECT_EQ(ENXIO, errno);
}

TEST_F(stock_vm, has_no_services)
{
	struct kvm_smccc_services services = { .nr = 0 };

	EXPECT_EQ(0, get_services(self->vm, &services));
	EXPECT_EQ(0, services.nr);
}

TEST_F(stock_vm, capability_is_refused_after_the_first_vcpu)
{
	EXPECT_EQ(-1, __vm_enable_cap(self->vm, KVM_CAP_ARM_SDEI, 0));
	EXPECT_EQ(EBUSY, errno);
	EXPECT_EQ(SDEI_NOT_SUPPORTED, call(self->vcpu, &hvc, FN_FIRST));
}

/* A VM that has no vCPUs yet, as the capability requires. */
FIXTURE(capability)
{
	struct kvm_vm *vm;
};

FIXTURE_SETUP(capability)
{
	TEST_REQUIRE(kvm_has_cap(KVM_CAP_ARM_SDEI));
	self->vm = vm_create(1);
}

FIXTURE_TEARDOWN(capability)
{
	kvm_vm_free(self->vm);
}

/* VMMs have been built with this number. */
kvm_static_assert(KVM_SDEI_NR_EVENTS == 9);

TEST_F(capability, check_extension_is_the_number_of_events)
{
	EXPECT_EQ(KVM_SDEI_NR_EVENTS, kvm_check_cap(KVM_CAP_ARM_SDEI));
	EXPECT_EQ(KVM_SDEI_NR_EVENTS, vm_check_cap(self->vm, KVM_CAP_ARM_SDEI));
}

TEST_F(capability, flags_and_arguments_must_be_zero)
{
	struct kvm_enable_cap cap = { .cap = KVM_CAP_ARM_SDEI, .flags = 1 };
	struct kvm_smccc_services services = { .nr = 0 };
	int i;

	EXPECT_EQ(-1, __vm_ioctl(self->vm, KVM_ENABLE_CAP, &cap));
	EXPECT_EQ(EINVAL, errno);

	for (i = 0; i < ARRAY_SIZE(cap.args); i++) {
		cap = (struct kvm_enable_cap){ .cap = KVM_CAP_ARM_SDEI };
		cap.args[i] = 1ULL << 63;
		EXPECT_EQ(-1, __vm_ioctl(self->vm, KVM_ENABLE_CAP, &cap));
		EXPECT_EQ(EINVAL, errno);
	}

	/* The refused calls had no effect. */
	EXPECT_EQ(0, get_services(self->vm, &services));
	EXPECT_EQ(0, services.nr);
}

TEST_F(capability, twice_is_once)
{
	struct {
		struct kvm_smccc_services head;
		struct kvm_smccc_service_range range[2];
	} services = { .head.nr = 2 };

	EXPECT_EQ(0, __vm_enable_cap(self->vm, KVM_CAP_ARM_SDEI, 0));
	EXPECT_EQ(0, __vm_enable_cap(self->vm, KVM_CAP_ARM_SDEI, 0));
	EXPECT_EQ(0, get_services(self->vm, &services.head));
	EXPECT_EQ(1, services.head.nr);
}

/* A VM that has opted in. */
FIXTURE(sdei_vm)
{
	struct kvm_vm *vm;
	struct kvm_vcpu *vcpu;
};

FIXTURE_SETUP(sdei_vm)
{
	self->vm = sdei_vm_create(&self->vcpu, 1);
}

FIXTURE_TEARDOWN(sdei_vm)
{
	kvm_vm_free(self->vm);
}

TEST_F(sdei_vm, calls_are_answered_over_both_conduits)
{
	EXPECT_EQ(SDEI_VERSION_1_0, call(self->vcpu, &hvc, FN_FIRST));
	EXPECT_EQ(SDEI_VERSION_1_0, call(self->vcpu, &smc, FN_FIRST));
}

/* In SMCCC, W0 is the function ID. */
TEST_F(sdei_vm, upper_half_of_x0_is_ignored)
{
	EXPECT_EQ(SDEI_VERSION_1_0,
		  call(self->vcpu, &hvc, FN_FIRST | ~0ULL << 32));
}

TEST_F(sdei_vm, reserved_functions_are_not_supported)
{
	u64 fn;

	for (fn = FN_RESERVED; fn <= FN_LAST; fn++) {
		EXPECT_EQ(SDEI_NOT_SUPPORTED, call(self->vcpu, &hvc, fn));
		EXPECT_EQ(SDEI_NOT_SUPPORTED, call(self->vcpu, &smc, fn));
	}
}

TEST_F(sdei_vm, smc32_alias_is_not_supported)
{
	u64 fn;

	for (fn = FN_FIRST; fn <= FN_LAST; fn++)
		EXPECT_EQ(SDEI_NOT_SUPPORTED,
			  call(self->vcpu, &hvc, fn & ~(1ULL << 30)));
}

/* IDs next to the range, of a yielding call, and of another service. */
TEST_F(sdei_vm, neighbours_are_not_supported)
{
	EXPECT_EQ(SDEI_NOT_SUPPORTED, call(self->vcpu, &hvc, FN_FIRST - 1));
	EXPECT_EQ(SDEI_NOT_SUPPORTED, call(self->vcpu, &hvc, FN_LAST + 1));
	EXPECT_EQ(SDEI_NOT_SUPPORTED,
		  call(self->vcpu, &hvc, FN_FIRST & ~(1ULL << 31)));
	EXPECT_EQ(SDEI_NOT_SUPPORTED,
		  call(self->vcpu, &hvc, FN_FIRST ^ (1ULL << 24)));
}

/*
 * When an SMC traps, the PC is at the instruction; when an HVC traps, it is
 * behind it. The handler has to interrupt the guest behind the SMC as well.
 */
TEST_F(sdei_vm, mistake_02_event_and_completion_over_smc)
{
	struct kvm_vcpu *vcpu = self->vcpu;
	struct sdei_regs regs;

	sdei_register_enable(vcpu, KVM_SDEI_INDEX_SIGNALLED);
	ASSERT_EQ(0, sdei_call(vcpu, PE_UNMASK));

	sdei_call_prepare(vcpu, &regs, SDEI_1_0_FN_SDEI_EVENT_SIGNAL,
			  SDEI_ARGS(0, sdei_mpidr(vcpu)));
	sdei_call_regs(vcpu, sdei_smc, &regs);
	EXPECT_EQ(sdei_handler(0), regs.pc);
	EXPECT_EQ((u64)sdei_smc_done, regs.x[2]);
	EXPECT_EQ(0, sdei_call(vcpu, EVENT_CONTEXT, 0));

	sdei_call_prepare(vcpu, &regs, SDEI_1_0_FN_SDEI_EVENT_COMPLETE,
			  SDEI_ARGS());
	sdei_call_regs(vcpu, sdei_smc, &regs);
	EXPECT_EQ((u64)sdei_smc_done, regs.pc);
	EXPECT_EQ(0, regs.x[0]);
	EXPECT_EQ(0, regs.x[1]);
	EXPECT_EQ(sdei_mpidr(vcpu), regs.x[2]);

	/* Without a handler, COMPLETE returns an error. */
	EXPECT_EQ(SDEI_DENIED,
		  call(vcpu, &smc, SDEI_1_0_FN_SDEI_EVENT_COMPLETE));
}

TEST_F(sdei_vm, bitmap_bit_is_shown)
{
	EXPECT_EQ(BMAP_BIT, sdei_get_reg(self->vcpu, KVM_REG_ARM_STD_BMAP) &
			    BMAP_BIT);
	EXPECT_TRUE(lists_sdei(self->vcpu));
}

TEST_F(sdei_vm, bitmap_bit_cleared_denies_the_calls)
{
	u64 bmap = sdei_get_reg(self->vcpu, KVM_REG_ARM_STD_BMAP);
	u64 fn;

	EXPECT_EQ(0, __vcpu_set_reg(self->vcpu, KVM_REG_ARM_STD_BMAP,
				    bmap & ~BMAP_BIT));
	for (fn = FN_FIRST; fn <= FN_LAST; fn++) {
		EXPECT_EQ(SDEI_NOT_SUPPORTED, call(self->vcpu, &hvc, fn));
		EXPECT_EQ(SDEI_NOT_SUPPORTED, call(self->vcpu, &smc, fn));
	}
	EXPECT_EQ(bmap & ~BMAP_BIT,
		  sdei_get_reg(self->vcpu, KVM_REG_ARM_STD_BMAP));
}

TEST_F(sdei_vm, bitmap_bit_can_be_set_again_before_the_first_run)
{
	u64 bmap = sdei_get_reg(self->vcpu, KVM_REG_ARM_STD_BMAP);

	EXPECT_EQ(0, __vcpu_set_reg(self->vcpu, KVM_REG_ARM_STD_BMAP, 0));
	EXPECT_EQ(0, __vcpu_set_reg(self->vcpu, KVM_REG_ARM_STD_BMAP, bmap));
	EXPECT_EQ(SDEI_VERSION_1_0, call(self->vcpu, &hvc, FN_FIRST));
}

TEST_F(sdei_vm, bitmap_is_fixed_after_the_first_run)
{
	u64 bmap = sdei_get_reg(self->vcpu, KVM_REG_ARM_STD_BMAP);

	EXPECT_EQ(SDEI_VERSION_1_0, call(self->vcpu, &hvc, FN_FIRST));
	EXPECT_EQ(-1, __vcpu_set_reg(self->vcpu, KVM_REG_ARM_STD_BMAP,
				     bmap & ~BMAP_BIT));
	EXPECT_EQ(EBUSY, errno);
	/* A VMM may write the value that the register already has. */
	EXPECT_EQ(0, __vcpu_set_reg(self->vcpu, KVM_REG_ARM_STD_BMAP, bmap));
	EXPECT_EQ(SDEI_VERSION_1_0, call(self->vcpu, &hvc, FN_FIRST));
}

TEST_F(sdei_vm, services_list_the_range)
{
	struct {
		struct kvm_smccc_services head;
		struct kvm_smccc_service_range range[2];
	} services = { .head.nr = 2 };

	EXPECT_EQ(0, __kvm_has_device_attr(self->vm->fd, KVM_ARM_VM_SMCCC_CTRL,
					   KVM_ARM_VM_SMCCC_SERVICES));
	EXPECT_EQ(0, get_services(self->vm, &services.head));
	EXPECT_EQ(1, services.head.nr);
	EXPECT_EQ(FN_FIRST, services.range[0].base);
	EXPECT_EQ(FN_LAST - FN_FIRST + 1, services.range[0].nr_functions);
	EXPECT_EQ(0, services.range[1].base);

	/* The attribute can't be set. */
	EXPECT_EQ(-1, __kvm_device_attr_set(self->vm->fd, KVM_ARM_VM_SMCCC_CTRL,
					    KVM_ARM_VM_SMCCC_SERVICES,
					    &services));
	EXPECT_EQ(ENXIO, errno);
}

TEST_F(sdei_vm, services_say_how_much_room_they_need)
{
	struct {
		struct kvm_smccc_services head;
		struct kvm_smccc_service_range range;
	} services = { .head.nr = 0 };

	EXPECT_EQ(-1, get_services(self->vm, &services.head));
	EXPECT_EQ(E2BIG, errno);
	EXPECT_EQ(1, services.head.nr);
	EXPECT_EQ(0, services.range.base);

	services.head.pad = 1;
	EXPECT_EQ(-1, get_services(self->vm, &services.head));
	EXPECT_EQ(EINVAL, errno);
}

TEST_F(sdei_vm, filter_that_denies_wins)
{
	sdei_set_filter(self->vm, FN_FIRST, FN_LAST - FN_FIRST + 1,
			KVM_SMCCC_FILTER_DENY);
	EXPECT_EQ(SDEI_NOT_SUPPORTED, call(self->vcpu, &hvc, FN_FIRST));
	EXPECT_EQ(SDEI_NOT_SUPPORTED, call(self->vcpu, &smc, FN_FIRST));
}

TEST_F(sdei_vm, filter_for_one_function_leaves_the_others)
{
	sdei_set_filter(self->vm, SDEI_1_0_FN_SDEI_PE_MASK, 1,
			KVM_SMCCC_FILTER_DENY);
	EXPECT_EQ(SDEI_NOT_SUPPORTED, sdei_call(self->vcpu, PE_MASK));
	EXPECT_EQ(0, sdei_call(self->vcpu, PE_UNMASK));
}

static void check_forwarded(struct __test_metadata *_metadata,
			    struct kvm_vcpu *vcpu,
			    const struct conduit *conduit)
{
	struct kvm_run *run = vcpu->run;
	struct sdei_regs regs;

	sdei_call_set(vcpu, FN_FIRST, SDEI_ARGS(1, 2, 3, 4, 5));
	vcpu_set_reg(vcpu, ARM64_CORE_REG(regs.pc), (u64)conduit->insn);
	vcpu_run(vcpu);

	ASSERT_EQ(KVM_EXIT_HYPERCALL, run->exit_reason);
	EXPECT_EQ(FN_FIRST, run->hypercall.nr);
	EXPECT_EQ(conduit->exit_flags,
		  run->hypercall.flags & KVM_HYPERCALL_EXIT_SMC);

	/* The guest gets the result that the VMM writes. */
	vcpu_set_reg(vcpu, ARM64_CORE_REG(regs.regs[0]), 0x1234);
	sdei_run(vcpu, &regs);
	EXPECT_EQ(0x1234, regs.x[0]);
	EXPECT_EQ((u64)conduit->done, regs.pc);
}

TEST_F(sdei_vm, filter_that_forwards_wins)
{
	sdei_set_filter(self->vm, FN_FIRST, FN_LAST - FN_FIRST + 1,
			KVM_SMCCC_FILTER_FWD_TO_USER);
	check_forwarded(_metadata, self->vcpu, &hvc);
	check_forwarded(_metadata, self->vcpu, &smc);
}

TEST_HARNESS_MAIN
