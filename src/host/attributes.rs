// SPDX-License-Identifier: GPL-2.0

//! The operations of the service on device attributes of a vCPU, for its private
//! events, and of the VM, for shared ones. Any thread of the VMM may use them at
//! any time.

use super::bindings;
use super::vcpu::VcpuData;
use super::vm::VmData;
use crate::sdei::{self, Event, Peer, SharedEvent};
use core::ffi::{c_int, c_void};
use kernel::prelude::*;

/// The private event that user space names.
pub(super) fn event(number: u64) -> Result<Event> {
    u32::try_from(number)
        .ok()
        .and_then(Event::from_number)
        .ok_or(ENOENT)
}

/// The shared event that user space names.
pub(super) fn shared_event(number: u64) -> Result<SharedEvent> {
    u32::try_from(number)
        .ok()
        .and_then(SharedEvent::from_number)
        .ok_or(ENOENT)
}

/// KVM_ARM_VCPU_SDEI_STATE.
pub(super) fn state(vcpu: &VcpuData, event: Event) -> u64 {
    let port = vcpu.port();
    let registered = port.registered();
    [
        (registered, bindings::KVM_SDEI_STATE_REGISTERED),
        // The vCPU may be on its way from one state to another. An event that
        // is not registered is neither enabled nor pending.
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
pub(super) fn raise(vcpu: &VcpuData, event: Event) -> Result {
    if event.is_software_signalled() {
        // Only the guest itself raises this event.
        return Err(EPERM);
    }
    vcpu.port().raise(event).map_err(|_| EAGAIN)?;
    vcpu.counters().count_injection();
    vcpu.kick();
    Ok(())
}

/// KVM_ARM_VCPU_SDEI_WITHDRAW.
fn withdraw(vcpu: &VcpuData, event: Event) -> Result {
    if event.is_software_signalled() {
        return Err(EPERM);
    }
    vcpu.port().withdraw(event).then_some(()).ok_or(EAGAIN)
}

/// # Safety
///
/// For KVM to call, under the contract in `mod.rs`.
pub(super) unsafe extern "C" fn has_attr(_data: *mut c_void, attr: u64) -> c_int {
    match u32::try_from(attr) {
        Ok(
            bindings::KVM_ARM_VCPU_SDEI_RAISE
            | bindings::KVM_ARM_VCPU_SDEI_WITHDRAW
            | bindings::KVM_ARM_VCPU_SDEI_STATE,
        ) => 0,
        _ => ENXIO.to_errno(),
    }
}

/// # Safety
///
/// For KVM to call, under the contract in `mod.rs`.
pub(super) unsafe extern "C" fn get_attr(data: *mut c_void, attr: u64, value: *mut u64) -> c_int {
    if attr != u64::from(bindings::KVM_ARM_VCPU_SDEI_STATE) {
        return EPERM.to_errno();
    }
    // SAFETY: Contract 1.
    let vcpu = unsafe { VcpuData::shared(data) };
    // SAFETY: KVM passes the address of a variable of its own.
    let value = unsafe { &mut *value };
    match event(*value) {
        Ok(event) => {
            *value = state(vcpu, event);
            0
        }
        Err(error) => error.to_errno(),
    }
}

/// # Safety
///
/// For KVM to call, under the contract in `mod.rs`.
pub(super) unsafe extern "C" fn set_attr(data: *mut c_void, attr: u64, value: u64) -> c_int {
    // SAFETY: Contract 1.
    let vcpu = unsafe { VcpuData::shared(data) };
    let result = event(value).and_then(|event| match u32::try_from(attr) {
        Ok(bindings::KVM_ARM_VCPU_SDEI_RAISE) => raise(vcpu, event),
        Ok(bindings::KVM_ARM_VCPU_SDEI_WITHDRAW) => withdraw(vcpu, event),
        _ => Err(EPERM),
    });
    result.map_or_else(|error| error.to_errno(), |()| 0)
}

/// KVM_ARM_VM_SDEI_STATE.
pub(super) fn shared_state(vm: &VmData, event: SharedEvent) -> u64 {
    let port = vm.port();
    let registered = port.registered();
    [
        (registered, bindings::KVM_SDEI_STATE_REGISTERED),
        // As in `state`. A handler may still run for an event that is not
        // registered any more.
        (
            port.enabled().and(registered),
            bindings::KVM_SDEI_STATE_ENABLED,
        ),
        (port.running(), bindings::KVM_SDEI_STATE_RUNNING),
        (
            port.pending().and(registered),
            bindings::KVM_SDEI_STATE_PENDING,
        ),
    ]
    .into_iter()
    .filter(|(set, _)| set.contains(event))
    .fold(0, |bits, (_, bit)| bits | u64::from(bit))
}

/// KVM_ARM_VM_SDEI_RAISE.
pub(super) fn raise_shared(vm: &VmData, event: SharedEvent) -> Result {
    sdei::raise(vm, event).map_err(|_| EAGAIN)?;
    vm.count_injection();
    Ok(())
}

/// KVM_ARM_VM_SDEI_WITHDRAW.
fn withdraw_shared(vm: &VmData, event: SharedEvent) -> Result {
    vm.port().withdraw(event).then_some(()).ok_or(EAGAIN)
}

/// # Safety
///
/// For KVM to call, under the contract in `mod.rs`.
pub(super) unsafe extern "C" fn vm_has_attr(_data: *mut c_void, attr: u64) -> c_int {
    match u32::try_from(attr) {
        Ok(
            bindings::KVM_ARM_VM_SDEI_RAISE
            | bindings::KVM_ARM_VM_SDEI_WITHDRAW
            | bindings::KVM_ARM_VM_SDEI_STATE,
        ) => 0,
        _ => ENXIO.to_errno(),
    }
}

/// # Safety
///
/// For KVM to call, under the contract in `mod.rs`.
pub(super) unsafe extern "C" fn vm_get_attr(
    data: *mut c_void,
    attr: u64,
    value: *mut u64,
) -> c_int {
    if attr != u64::from(bindings::KVM_ARM_VM_SDEI_STATE) {
        return EPERM.to_errno();
    }
    // SAFETY: Contract 6.
    let vm = unsafe { VmData::shared_ref(data) };
    // SAFETY: KVM passes the address of a variable of its own.
    let value = unsafe { &mut *value };
    match shared_event(*value) {
        Ok(event) => {
            *value = shared_state(vm, event);
            0
        }
        Err(error) => error.to_errno(),
    }
}

/// # Safety
///
/// For KVM to call, under the contract in `mod.rs`.
pub(super) unsafe extern "C" fn vm_set_attr(data: *mut c_void, attr: u64, value: u64) -> c_int {
    // SAFETY: Contract 6.
    let vm = unsafe { VmData::shared_ref(data) };
    let result = shared_event(value).and_then(|event| match u32::try_from(attr) {
        Ok(bindings::KVM_ARM_VM_SDEI_RAISE) => raise_shared(vm, event),
        Ok(bindings::KVM_ARM_VM_SDEI_WITHDRAW) => withdraw_shared(vm, event),
        _ => Err(EPERM),
    });
    result.map_or_else(|error| error.to_errno(), |()| 0)
}
