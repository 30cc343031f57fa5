// SPDX-License-Identifier: GPL-2.0

//! The operations of the service, one function each, in the order of
//! `struct kvm_smccc_service`.

use super::bindings;
use super::vcpu::{has_aarch32_el0, Vcpu};
use crate::sdei::{Event, Function, Peer, PowerDown, Register, Regs};
use core::ffi::{c_int, c_uint, c_void};
use core::ptr::NonNull;
use kernel::prelude::*;

/// The service's description: constant, so that KVM may keep a pointer to it.
pub(super) struct Service(bindings::kvm_smccc_service);

// SAFETY: It is never written, and the name that it points to is static.
unsafe impl Sync for Service {}

impl Service {
    pub(super) fn get(&'static self) -> *const bindings::kvm_smccc_service {
        &self.0
    }
}

pub(super) static SERVICE: Service = Service(bindings::kvm_smccc_service {
    name: c"sdei".to_bytes_with_nul().as_ptr().cast(),
    base: bindings::KVM_SDEI_FN_BASE,
    nr_functions: bindings::KVM_SDEI_NR_FUNCTIONS,
    cap: bindings::KVM_CAP_ARM_SDEI,
    cap_value: bindings::KVM_SDEI_NR_EVENTS,
    bmap_reg: bindings::SDEI_BMAP_REG,
    bmap_bit: bindings::KVM_REG_ARM_STD_BIT_SDEI,
    attr_group: bindings::KVM_ARM_VCPU_SDEI_CTRL,
    auto_enable: Some(bindings::sdei_shim_auto_enable),
    vm_create: None,
    vm_destroy: None,
    vm_debugfs: Some(bindings::sdei_shim_vm_debugfs),
    vcpu_create: Some(vcpu_create),
    vcpu_destroy: Some(vcpu_destroy),
    vcpu_reset: Some(vcpu_reset),
    vcpu_power_down: Some(vcpu_power_down),
    call: Some(call),
    enter: Some(enter),
    runnable: Some(runnable),
    num_regs: Some(num_regs),
    reg_id: Some(reg_id),
    get_reg: Some(get_reg),
    set_reg: Some(set_reg),
    has_attr: Some(has_attr),
    get_attr: Some(get_attr),
    set_attr: Some(set_attr),
});

// The numbers of the header are those of the dispatcher.
const _: () = {
    assert!(bindings::KVM_SDEI_FN_BASE == Function::BASE);
    assert!(bindings::KVM_SDEI_NR_FUNCTIONS == Function::COUNT);
    assert!(bindings::KVM_SDEI_NR_EVENTS as usize == Event::COUNT);
};

/// The service, registered with KVM; unregistered when dropped.
pub(crate) struct Registration(());

impl Registration {
    pub(crate) fn new(module: &'static ThisModule) -> Result<Self> {
        // SAFETY: `SERVICE` is static, and `module` is the module that it is in.
        let ret =
            unsafe { bindings::kvm_smccc_service_register(SERVICE.get(), module.as_ptr().cast()) };
        kernel::error::to_result(ret)?;
        Ok(Registration(()))
    }
}

impl Drop for Registration {
    fn drop(&mut self) {
        // SAFETY: It was registered. By contract 5, no VM uses it when the
        // module goes.
        unsafe { bindings::kvm_smccc_service_unregister(SERVICE.get()) }
    }
}

/// An errno value for C.
pub(super) fn errno(error: Error) -> c_int {
    error.to_errno()
}

/// # Safety
///
/// For KVM to call, under the contract in `mod.rs`.
unsafe extern "C" fn vcpu_create(
    vcpu: *mut bindings::kvm_vcpu,
    _vm_data: *mut c_void,
) -> *mut c_void {
    let result = NonNull::new(vcpu)
        .ok_or(EINVAL)
        .and_then(|vcpu| Ok(KBox::new(Vcpu::new(vcpu), GFP_KERNEL_ACCOUNT)?));
    match result {
        Ok(data) => KBox::into_raw(data).cast(),
        // ERR_PTR()
        Err(error) => core::ptr::null_mut::<c_void>().wrapping_byte_offset(errno(error) as isize),
    }
}

/// # Safety
///
/// For KVM to call, under the contract in `mod.rs`.
unsafe extern "C" fn vcpu_destroy(data: *mut c_void) {
    // SAFETY: By contract 1, this is what `vcpu_create` made of a `KBox`, and
    // nobody uses it any more.
    drop(unsafe { KBox::from_raw(data.cast::<Vcpu>()) });
}

/// # Safety
///
/// For KVM to call, under the contract in `mod.rs`.
unsafe extern "C" fn vcpu_reset(_vcpu: *mut bindings::kvm_vcpu, data: *mut c_void) {
    // SAFETY: Contracts 1 and 2.
    let (this, pe) = unsafe { Vcpu::owned(data) };
    pe.reset(this.port());
}

/// # Safety
///
/// For KVM to call, under the contract in `mod.rs`.
unsafe extern "C" fn vcpu_power_down(
    _vcpu: *mut bindings::kvm_vcpu,
    data: *mut c_void,
    psci_fn: u32,
) {
    let how = match psci_fn {
        bindings::SDEI_PSCI_CPU_OFF | bindings::SDEI_PSCI_0_1_CPU_OFF => PowerDown::Cpu,
        bindings::SDEI_PSCI_SYSTEM_SUSPEND | bindings::SDEI_PSCI_SYSTEM_SUSPEND_64 => {
            PowerDown::Suspend
        }
        _ => PowerDown::System,
    };
    // SAFETY: Contracts 1 and 2.
    let (this, pe) = unsafe { Vcpu::owned(data) };
    if pe.power_down(this.port(), how) {
        this.kick();
    }
}

/// # Safety
///
/// For KVM to call, under the contract in `mod.rs`.
unsafe extern "C" fn call(
    _vcpu: *mut bindings::kvm_vcpu,
    data: *mut c_void,
    regs: *mut bindings::user_pt_regs,
    function: u32,
) {
    // SAFETY: Contracts 1 and 2.
    let (this, pe) = unsafe { Vcpu::owned(data) };
    // SAFETY: Contract 3; the layouts are the same.
    let regs = unsafe { &mut *regs.cast::<Regs>() };
    this.counters().called();
    pe.call(this.port(), regs, this, function);
}

/// # Safety
///
/// For KVM to call, under the contract in `mod.rs`.
unsafe extern "C" fn enter(
    _vcpu: *mut bindings::kvm_vcpu,
    data: *mut c_void,
    regs: *mut bindings::user_pt_regs,
) {
    // SAFETY: Contracts 1 and 2.
    let (this, pe) = unsafe { Vcpu::owned(data) };
    // SAFETY: Contract 3; the layouts are the same.
    let regs = unsafe { &mut *regs.cast::<Regs>() };
    pe.run(this.port(), regs, this);
}

/// # Safety
///
/// For KVM to call, under the contract in `mod.rs`.
unsafe extern "C" fn runnable(_vcpu: *mut bindings::kvm_vcpu, data: *mut c_void) -> bool {
    // SAFETY: Contract 1.
    let this = unsafe { Vcpu::shared(data) };
    !this.port().deliverable().is_empty()
}

/// # Safety
///
/// For KVM to call, under the contract in `mod.rs`.
unsafe extern "C" fn num_regs(_vcpu: *mut bindings::kvm_vcpu, _data: *mut c_void) -> c_uint {
    c_uint::from(Register::COUNT)
}

/// # Safety
///
/// For KVM to call, under the contract in `mod.rs`.
unsafe extern "C" fn reg_id(_vcpu: *mut bindings::kvm_vcpu, _data: *mut c_void, n: c_uint) -> u64 {
    let index = u16::try_from(n).ok().and_then(Register::nth_index);
    bindings::SDEI_REG_BASE | u64::from(index.unwrap_or(0))
}

/// The register with this ID, if it is one of ours.
fn register(id: u64) -> Result<Register> {
    u16::try_from(id ^ bindings::SDEI_REG_BASE)
        .ok()
        .and_then(Register::from_index)
        .ok_or(ENOENT)
}

/// # Safety
///
/// For KVM to call, under the contract in `mod.rs`.
unsafe extern "C" fn get_reg(
    _vcpu: *mut bindings::kvm_vcpu,
    data: *mut c_void,
    id: u64,
    value: *mut u64,
) -> c_int {
    // SAFETY: Contracts 1 and 2.
    let (this, pe) = unsafe { Vcpu::owned(data) };
    match register(id) {
        Ok(register) => {
            // SAFETY: KVM passes the address of a variable of its own.
            unsafe { *value = pe.get_register(this.port(), register) };
            0
        }
        Err(error) => errno(error),
    }
}

/// # Safety
///
/// For KVM to call, under the contract in `mod.rs`.
unsafe extern "C" fn set_reg(
    _vcpu: *mut bindings::kvm_vcpu,
    data: *mut c_void,
    id: u64,
    value: u64,
) -> c_int {
    // SAFETY: Contracts 1 and 2.
    let (this, pe) = unsafe { Vcpu::owned(data) };
    let result = register(id).and_then(|register| {
        pe.set_register(this.port(), register, value, has_aarch32_el0())
            .map_err(|_| EINVAL)
    });
    match result {
        Ok(()) => {
            // It may have made something deliverable.
            this.kick();
            0
        }
        Err(error) => errno(error),
    }
}

/// # Safety
///
/// For KVM to call, under the contract in `mod.rs`.
unsafe extern "C" fn has_attr(
    _vcpu: *mut bindings::kvm_vcpu,
    _data: *mut c_void,
    attr: u64,
) -> c_int {
    match u32::try_from(attr) {
        Ok(
            bindings::KVM_ARM_VCPU_SDEI_RAISE
            | bindings::KVM_ARM_VCPU_SDEI_WITHDRAW
            | bindings::KVM_ARM_VCPU_SDEI_STATE,
        ) => 0,
        _ => errno(ENXIO),
    }
}

/// The event that user space names.
pub(super) fn event(number: u64) -> Result<Event> {
    u32::try_from(number)
        .ok()
        .and_then(Event::from_number)
        .ok_or(ENOENT)
}

/// # Safety
///
/// For KVM to call, under the contract in `mod.rs`.
unsafe extern "C" fn get_attr(
    _vcpu: *mut bindings::kvm_vcpu,
    data: *mut c_void,
    attr: u64,
    value: *mut u64,
) -> c_int {
    if attr != u64::from(bindings::KVM_ARM_VCPU_SDEI_STATE) {
        return errno(EPERM);
    }
    // SAFETY: Contract 1.
    let this = unsafe { Vcpu::shared(data) };
    // SAFETY: KVM passes the address of a variable of its own.
    let value = unsafe { &mut *value };
    match event(*value) {
        Ok(event) => {
            *value = state(this, event);
            0
        }
        Err(error) => errno(error),
    }
}

/// KVM_ARM_VCPU_SDEI_STATE.
pub(super) fn state(vcpu: &Vcpu, event: Event) -> u64 {
    let port = vcpu.port();
    let registered = port.registered();
    [
        (registered, bindings::KVM_SDEI_STATE_REGISTERED),
        // The vCPU may be on its way from one state to another.
        (
            port.enabled().and(registered),
            bindings::KVM_SDEI_STATE_ENABLED,
        ),
        (
            port.pending().and(registered),
            bindings::KVM_SDEI_STATE_PENDING,
        ),
    ]
    .into_iter()
    .filter(|(set, _)| set.contains(event))
    .fold(0, |bits, (_, bit)| bits | u64::from(bit))
}

/// Raises an event from outside of the guest: KVM_ARM_VCPU_SDEI_RAISE.
pub(super) fn raise(vcpu: &Vcpu, event: Event) -> Result {
    if event.is_software_signalled() {
        // The guest's own, to raise and to lose.
        return Err(EPERM);
    }
    vcpu.port().raise(event).map_err(|_| EAGAIN)?;
    vcpu.counters().injected();
    vcpu.kick();
    Ok(())
}

/// KVM_ARM_VCPU_SDEI_WITHDRAW.
fn withdraw(vcpu: &Vcpu, event: Event) -> Result {
    if event.is_software_signalled() {
        return Err(EPERM);
    }
    vcpu.port().withdraw(event).then_some(()).ok_or(EAGAIN)
}

/// # Safety
///
/// For KVM to call, under the contract in `mod.rs`.
unsafe extern "C" fn set_attr(
    _vcpu: *mut bindings::kvm_vcpu,
    data: *mut c_void,
    attr: u64,
    value: u64,
) -> c_int {
    // SAFETY: Contract 1.
    let this = unsafe { Vcpu::shared(data) };
    let result = event(value).and_then(|event| match u32::try_from(attr) {
        Ok(bindings::KVM_ARM_VCPU_SDEI_RAISE) => raise(this, event),
        Ok(bindings::KVM_ARM_VCPU_SDEI_WITHDRAW) => withdraw(this, event),
        _ => Err(EPERM),
    });
    result.map_or_else(errno, |()| 0)
}
