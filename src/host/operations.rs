// SPDX-License-Identifier: GPL-2.0

//! The operations of the service by which KVM tells of a vCPU's life and of its
//! guest's calls, in the order of `struct kvm_smccc_service`.

use super::bindings;
use super::vcpu::VcpuData;
use crate::sdei::{Peer, PowerDown};
use core::ffi::c_void;
use kernel::prelude::*;

/// # Safety
///
/// For KVM to call, under the contract in `mod.rs`.
pub(super) unsafe extern "C" fn vcpu_create(
    _service: *const bindings::kvm_smccc_service,
    vcpu: *mut bindings::kvm_vcpu,
    vm_data: *mut c_void,
) -> *mut c_void {
    // SAFETY: KVM passes the vCPU, which outlives its data, and what `vm_create`
    // returned for its VM.
    let data = unsafe { VcpuData::new(vcpu, vm_data) };
    match data.and_then(|data| Ok(KBox::new(data, GFP_KERNEL_ACCOUNT)?)) {
        Ok(data) => KBox::into_raw(data).cast(),
        // ERR_PTR()
        Err(error) => {
            core::ptr::null_mut::<c_void>().wrapping_byte_offset(error.to_errno() as isize)
        }
    }
}

/// # Safety
///
/// For KVM to call, under the contract in `mod.rs`.
pub(super) unsafe extern "C" fn vcpu_destroy(data: *mut c_void) {
    // SAFETY: By contract 1, this is what `vcpu_create` made of a `KBox`, and
    // nobody uses it any more.
    drop(unsafe { KBox::from_raw(data.cast::<VcpuData>()) });
}

/// # Safety
///
/// For KVM to call, under the contract in `mod.rs`.
pub(super) unsafe extern "C" fn vcpu_reset(data: *mut c_void) {
    // SAFETY: Contracts 1 and 2.
    unsafe { VcpuData::cpu(data) }.reset();
}

/// # Safety
///
/// For KVM to call, under the contract in `mod.rs`.
pub(super) unsafe extern "C" fn vcpu_power_down(data: *mut c_void, psci_fn: u32) {
    let how = match psci_fn {
        bindings::SDEI_PSCI_CPU_OFF | bindings::SDEI_PSCI_0_1_CPU_OFF => PowerDown::Cpu,
        bindings::SDEI_PSCI_SYSTEM_SUSPEND | bindings::SDEI_PSCI_SYSTEM_SUSPEND_64 => {
            PowerDown::Suspend
        }
        bindings::SDEI_PSCI_CPU_SUSPEND | bindings::SDEI_PSCI_CPU_SUSPEND_64 => {
            PowerDown::CpuSuspend
        }
        _ => PowerDown::System,
    };
    // SAFETY: Contracts 1 and 2.
    unsafe { VcpuData::cpu(data) }.power_down(how);
}

/// # Safety
///
/// For KVM to call, under the contract in `mod.rs`.
pub(super) unsafe extern "C" fn call(data: *mut c_void, function: u32) {
    // SAFETY: Contract 1.
    unsafe { VcpuData::shared(data) }.counters().count_call();
    // SAFETY: Contracts 1 and 2.
    unsafe { VcpuData::cpu(data) }.call(function);
}

/// # Safety
///
/// For KVM to call, under the contract in `mod.rs`.
pub(super) unsafe extern "C" fn enter(data: *mut c_void) {
    // SAFETY: Contracts 1 and 2.
    unsafe { VcpuData::cpu(data) }.run();
}

/// # Safety
///
/// For KVM to call, under the contract in `mod.rs`.
pub(super) unsafe extern "C" fn runnable(data: *mut c_void) -> bool {
    // SAFETY: Contract 1.
    let port = unsafe { VcpuData::shared(data) }.port();
    port.has_work()
}
