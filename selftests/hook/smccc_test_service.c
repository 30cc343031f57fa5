// SPDX-License-Identifier: GPL-2.0
/*
 * SMCCC services that do next to nothing, for hook_test: they show that the
 * hook in KVM serves others than SDEI. Parameters say what they claim, so that
 * the test can claim what belongs to somebody else.
 */
#include <linux/atomic.h>
#include <linux/err.h>
#include <linux/kvm_host.h>
#include <linux/module.h>
#include <linux/slab.h>

#include <asm/kvm_emulate.h>

#include <kvm/arm_smccc_service.h>

#include "smccc_test_service.h"

/* One more than can be registered. */
#define MAX_SERVICES	(KVM_SMCCC_SERVICES_MAX + 1)

static unsigned int services = 1;
module_param(services, uint, 0);
MODULE_PARM_DESC(services, "How many services to register");

static unsigned int base = TEST_FN_BASE;
module_param(base, uint, 0);
static unsigned int nr_functions = TEST_NR_FUNCTIONS;
module_param(nr_functions, uint, 0);
static unsigned int cap = TEST_CAP;
module_param(cap, uint, 0);
static unsigned int cap_value = 1;
module_param(cap_value, uint, 0);
static unsigned long bmap_reg = KVM_REG_ARM_VENDOR_HYP_BMAP;
module_param(bmap_reg, ulong, 0);
static unsigned int bmap_bit = TEST_BMAP_BIT;
module_param(bmap_bit, uint, 0);
static unsigned int attr_group = TEST_ATTR_GROUP;
module_param(attr_group, uint, 0);
static bool without_call;
module_param(without_call, bool, 0);
static bool half_vm_attrs;
module_param(half_vm_attrs, bool, 0);
static unsigned int size = sizeof(struct kvm_smccc_service);
module_param(size, uint, 0444);
MODULE_PARM_DESC(size, "Size of struct kvm_smccc_service, as registration gets it");

static int vm_error;
module_param(vm_error, int, 0644);
MODULE_PARM_DESC(vm_error, "Error with which vm_create of the last service fails");
static int vcpu_error;
module_param(vcpu_error, int, 0644);
MODULE_PARM_DESC(vcpu_error, "Error with which vcpu_create of the last service fails");

/* What was created and has not been destroyed. */
static atomic_t vms, vcpus;

static int get_counter(char *buffer, const struct kernel_param *kp)
{
	return sysfs_emit(buffer, "%d\n", atomic_read(kp->arg));
}

static const struct kernel_param_ops counter_ops = { .get = get_counter };
module_param_cb(vms, &counter_ops, &vms, 0444);
module_param_cb(vcpus, &counter_ops, &vcpus, 0444);

struct test_service {
	struct kvm_smccc_service svc;
	unsigned int index;
};

static struct test_service test_services[MAX_SERVICES];

struct test_vm {
	unsigned int index;
	u64 value;
};

struct test_vcpu {
	struct kvm_vcpu *vcpu;
	unsigned int index;
	u64 value;
	atomic_t kicked;
	atomic_t entered;
};

static bool is_last(const struct test_service *service)
{
	return service->index == services - 1;
}

static void *test_vm_create(const struct kvm_smccc_service *svc,
			    struct kvm *kvm)
{
	struct test_service *service =
		container_of(svc, struct test_service, svc);
	struct test_vm *vm;

	if (vm_error && is_last(service))
		return ERR_PTR(-vm_error);

	vm = kzalloc(sizeof(*vm), GFP_KERNEL_ACCOUNT);
	if (!vm)
		return ERR_PTR(-ENOMEM);
	vm->index = service->index;
	atomic_inc(&vms);
	return vm;
}

static void test_vm_destroy(void *vm_data)
{
	kfree(vm_data);
	atomic_dec(&vms);
}

static void *test_vcpu_create(const struct kvm_smccc_service *svc,
			      struct kvm_vcpu *vcpu, void *vm_data)
{
	struct test_service *service =
		container_of(svc, struct test_service, svc);
	struct test_vm *vm = vm_data;
	struct test_vcpu *this;

	if (vcpu_error && is_last(service))
		return ERR_PTR(-vcpu_error);
	/* KVM must pass what this service returned, not another one. */
	if (vm->index != service->index)
		return ERR_PTR(-EUCLEAN);

	this = kzalloc(sizeof(*this), GFP_KERNEL_ACCOUNT);
	if (!this)
		return ERR_PTR(-ENOMEM);
	this->vcpu = vcpu;
	this->index = service->index;
	atomic_inc(&vcpus);
	return this;
}

static void test_vcpu_destroy(void *data)
{
	kfree(data);
	atomic_dec(&vcpus);
}

static void test_vcpu_reset(void *data)
{
	struct test_vcpu *this = data;

	this->value = 0;
}

static void test_call(void *data, u32 fn)
{
	struct test_vcpu *this = data;
	struct user_pt_regs *regs = vcpu_gp_regs(this->vcpu);

	switch (fn - test_services[this->index].svc.base) {
	case TEST_FN_WHO:
		regs->regs[0] = TEST_WHO(this->index);
		break;
	case TEST_FN_VALUE:
		regs->regs[0] = this->value;
		break;
	default:
		regs->regs[0] = SMCCC_RET_NOT_SUPPORTED;
	}
}

static void test_enter(void *data)
{
	struct test_vcpu *this = data;

	if (atomic_xchg(&this->kicked, 0))
		atomic_inc(&this->entered);
}

static bool test_runnable(void *data)
{
	struct test_vcpu *this = data;

	return atomic_read(&this->kicked);
}

static unsigned int test_num_regs(void *data)
{
	return 1;
}

static u64 test_reg_id(void *data, unsigned int i)
{
	struct test_vcpu *this = data;

	return TEST_REG(this->index);
}

static int test_get_reg(void *data, u64 id, u64 *val)
{
	struct test_vcpu *this = data;

	if (id != TEST_REG(this->index))
		return -ENOENT;
	*val = this->value;
	return 0;
}

static int test_set_reg(void *data, u64 id, u64 val)
{
	struct test_vcpu *this = data;

	if (id != TEST_REG(this->index))
		return -ENOENT;
	this->value = val;
	return 0;
}

static int test_has_attr(void *data, u64 attr)
{
	return attr <= TEST_ATTR_ENTERED ? 0 : -ENXIO;
}

static int test_get_attr(void *data, u64 attr, u64 *val)
{
	struct test_vcpu *this = data;

	if (attr != TEST_ATTR_ENTERED)
		return -EPERM;
	*val = atomic_read(&this->entered);
	return 0;
}

static int test_set_attr(void *data, u64 attr, u64 val)
{
	struct test_vcpu *this = data;

	if (attr != TEST_ATTR_KICK)
		return -EPERM;
	atomic_set(&this->kicked, 1);
	kvm_smccc_service_kick(this->vcpu);
	return 0;
}

static int test_vm_has_attr(void *vm_data, u64 attr)
{
	return attr == TEST_ATTR_VM_VALUE ? 0 : -ENXIO;
}

static int test_vm_get_attr(void *vm_data, u64 attr, u64 *val)
{
	struct test_vm *vm = vm_data;

	*val = vm->value;
	return 0;
}

static int test_vm_set_attr(void *vm_data, u64 attr, u64 val)
{
	struct test_vm *vm = vm_data;

	vm->value = val + vm->index;
	return 0;
}

static void test_unregister(unsigned int n)
{
	while (n--)
		kvm_smccc_service_unregister(&test_services[n].svc);
}

static int test_register(struct test_service *service, unsigned int index)
{
	service->index = index;
	service->svc = (struct kvm_smccc_service){
		.base = base + index * nr_functions,
		.nr_functions = nr_functions,
		.cap = cap + index,
		.cap_value = cap_value,
		.bmap_reg = bmap_reg,
		.bmap_bit = bmap_bit + index,
		.attr_group = attr_group + index,
		.vm_create = test_vm_create,
		.vm_destroy = test_vm_destroy,
		.vcpu_create = test_vcpu_create,
		.vcpu_destroy = test_vcpu_destroy,
		.vcpu_reset = test_vcpu_reset,
		.call = without_call ? NULL : test_call,
		.enter = test_enter,
		.runnable = test_runnable,
		.num_regs = test_num_regs,
		.reg_id = test_reg_id,
		.get_reg = test_get_reg,
		.set_reg = test_set_reg,
		.has_attr = test_has_attr,
		.get_attr = test_get_attr,
		.set_attr = test_set_attr,
	};
	/* The last of several services has no attributes of the VM. */
	if (!index || index < services - 1) {
		service->svc.vm_has_attr = test_vm_has_attr;
		service->svc.vm_get_attr = test_vm_get_attr;
		service->svc.vm_set_attr =
			half_vm_attrs ? NULL : test_vm_set_attr;
	}

	return __kvm_smccc_service_register(&service->svc, size, THIS_MODULE);
}

/* No VM opts in until this has returned: only the test creates such VMs. */
static int __init test_init(void)
{
	unsigned int i;
	int ret;

	if (services > MAX_SERVICES)
		return -ERANGE;

	for (i = 0; i < services; i++) {
		ret = test_register(&test_services[i], i);
		if (ret) {
			test_unregister(i);
			return ret;
		}
	}

	return 0;
}
module_init(test_init);

static void __exit test_exit(void)
{
	WARN_ON(atomic_read(&vms) || atomic_read(&vcpus));
	test_unregister(services);
}
module_exit(test_exit);

MODULE_DESCRIPTION("SMCCC services for the test of KVM's hook for them");
MODULE_LICENSE("GPL");
