// SPDX-License-Identifier: GPL-2.0

//! The service: the table of its operations, and its registration with KVM.

use super::{attributes, bindings, operations, registers, vm};
use crate::sdei::{Event, Function, SharedEvent};
use core::mem::size_of;
use kernel::prelude::*;

/// The service's description. It is constant, so KVM may keep a pointer to it.
struct Service(bindings::kvm_smccc_service);

impl Service {
    fn get(&'static self) -> *const bindings::kvm_smccc_service {
        &self.0
    }
}

static SERVICE: Service = Service(bindings::kvm_smccc_service {
    base: bindings::KVM_SDEI_FN_BASE,
    nr_functions: bindings::KVM_SDEI_NR_FUNCTIONS,
    cap: bindings::KVM_CAP_ARM_SDEI,
    cap_value: bindings::KVM_SDEI_NR_EVENTS,
    bmap_reg: bindings::SDEI_BMAP_REG,
    bmap_bit: bindings::KVM_REG_ARM_STD_BIT_SDEI,
    attr_group: bindings::KVM_ARM_VCPU_SDEI_CTRL,
    auto_enable: Some(bindings::sdei_shim_auto_enable),
    vm_create: Some(vm::vm_create),
    vm_destroy: Some(vm::vm_destroy),
    vcpu_create: Some(operations::vcpu_create),
    vcpu_destroy: Some(operations::vcpu_destroy),
    vcpu_reset: Some(operations::vcpu_reset),
    vcpu_power_down: Some(operations::vcpu_power_down),
    call: Some(operations::call),
    enter: Some(operations::enter),
    runnable: Some(operations::runnable),
    num_regs: Some(registers::num_regs),
    reg_id: Some(registers::reg_id),
    get_reg: Some(registers::get_reg),
    set_reg: Some(registers::set_reg),
    has_attr: Some(attributes::has_attr),
    get_attr: Some(attributes::get_attr),
    set_attr: Some(attributes::set_attr),
    vm_has_attr: Some(attributes::vm_has_attr),
    vm_get_attr: Some(attributes::vm_get_attr),
    vm_set_attr: Some(attributes::vm_set_attr),
});

// The numbers of the header are those of the dispatcher.
const _: () = {
    assert!(bindings::KVM_SDEI_FN_BASE == Function::BASE);
    assert!(bindings::KVM_SDEI_NR_FUNCTIONS == Function::COUNT);
    assert!(bindings::KVM_SDEI_NR_EVENTS as usize == Event::COUNT);
    assert!(bindings::KVM_SDEI_NR_SHARED_EVENTS as usize == SharedEvent::COUNT);
    // One number for the attributes of a vCPU and for those of the VM.
    assert!(bindings::KVM_ARM_VCPU_SDEI_CTRL == bindings::KVM_ARM_VM_SDEI_CTRL);
};

/// The administrator's file. It is removed when this is dropped.
struct Control(());

impl Control {
    fn new() -> Result<Self> {
        // SAFETY: It has no arguments, and this is called once, when the module
        // is loaded.
        kernel::error::to_result(unsafe { bindings::sdei_control_register() })?;
        Ok(Control(()))
    }
}

impl Drop for Control {
    fn drop(&mut self) {
        // SAFETY: It was registered. Nobody has the file open when the module
        // goes, because whoever opens it pins the module.
        unsafe { bindings::sdei_control_unregister() }
    }
}

/// The service, registered with KVM, and the administrator's file. Both are
/// withdrawn when this is dropped.
pub(crate) struct Registration {
    _control: Control,
}

impl Registration {
    /// Offers the service to the VMs that are created from now on.
    pub(crate) fn new(module: &'static ThisModule) -> Result<Self> {
        // Before the service, whose registration must be the last step that can
        // fail.
        let control = Control::new()?;
        let size = size_of::<bindings::kvm_smccc_service>();
        // SAFETY: `SERVICE` is static, `module` is the module that it is in, and
        // KVM refuses a size that is not the one that it knows.
        let ret = unsafe {
            bindings::__kvm_smccc_service_register(SERVICE.get(), size, module.as_ptr().cast())
        };
        kernel::error::to_result(ret)?;
        Ok(Registration { _control: control })
    }
}

impl Drop for Registration {
    fn drop(&mut self) {
        // SAFETY: It was registered. By contract 5, no VM uses it when the
        // module goes.
        unsafe { bindings::kvm_smccc_service_unregister(SERVICE.get()) }
    }
}
