// SPDX-License-Identifier: GPL-2.0

//! The operations of the service on pseudo-registers.

use super::bindings;
use super::vcpu::VcpuData;
use crate::sdei::Register;
use core::ffi::{c_int, c_uint, c_void};
use kernel::prelude::*;

/// # Safety
///
/// For KVM to call, under the contract in `mod.rs`.
pub(super) unsafe extern "C" fn num_regs(_data: *mut c_void) -> c_uint {
    c_uint::from(Register::COUNT)
}

/// # Safety
///
/// For KVM to call, under the contract in `mod.rs`.
pub(super) unsafe extern "C" fn reg_id(_data: *mut c_void, n: c_uint) -> u64 {
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
pub(super) unsafe extern "C" fn get_reg(data: *mut c_void, id: u64, value: *mut u64) -> c_int {
    match register(id) {
        Ok(register) => {
            // SAFETY: Contracts 1 and 2.
            let read = unsafe { VcpuData::cpu(data) }.get_register(register);
            // SAFETY: KVM passes the address of a variable of its own.
            unsafe { *value = read };
            0
        }
        Err(error) => error.to_errno(),
    }
}

/// # Safety
///
/// For KVM to call, under the contract in `mod.rs`.
pub(super) unsafe extern "C" fn set_reg(data: *mut c_void, id: u64, value: u64) -> c_int {
    let result = register(id).and_then(|register| {
        // SAFETY: Contracts 1 and 2.
        let mut cpu = unsafe { VcpuData::cpu(data) };
        cpu.set_register(register, value).map_err(|_| EINVAL)
    });
    result.map_or_else(|error| error.to_errno(), |()| 0)
}
