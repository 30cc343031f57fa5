// SPDX-License-Identifier: GPL-2.0

//! All that a VMM has to know of SDEI. Saving and restoring is not here, since
//! it takes nothing: see `snapshot.rs`.
//!
//! The numbers are those of `include/uapi/linux/kvm_sdei.h`.

use crate::Result;
use kvm_bindings::{kvm_device_attr, kvm_enable_cap};
use kvm_ioctls::{VcpuFd, VmFd};
use libc::EAGAIN;
use vm_fdt::FdtWriter;

const KVM_CAP_ARM_SDEI: u32 = 0x5344_4549;
const KVM_ARM_VCPU_SDEI_CTRL: u32 = 0x5344_4549;
const KVM_ARM_VCPU_SDEI_RAISE: u64 = 0;

/// `KVM_SDEI_EVENT_NORMAL(0)`, for the command `nmi`. What an event means is
/// agreed upon with the guest, in a firmware table or, as here, by hand.
pub const NMI: u64 = 0x4000_0010;

/// Gives the VM SDEI firmware, before its first vCPU. Says whether it has it:
/// without the module in the host kernel, a VM runs as ever.
pub fn enable(vm: &VmFd) -> Result<bool> {
    if vm.check_extension_raw(KVM_CAP_ARM_SDEI.into()) <= 0 {
        return Ok(false);
    }
    vm.enable_cap(&kvm_enable_cap {
        cap: KVM_CAP_ARM_SDEI,
        ..Default::default()
    })?;
    Ok(true)
}

/// Tells the guest, in the root node of its device tree.
pub fn describe(fdt: &mut FdtWriter) -> Result<()> {
    let firmware = fdt.begin_node("firmware")?;
    let sdei = fdt.begin_node("sdei")?;
    fdt.property_string("compatible", "arm,sdei-1.0")?;
    fdt.property_string("method", "hvc")?;
    fdt.end_node(sdei)?;
    fdt.end_node(firmware)?;
    Ok(())
}

/// Raises an event on a vCPU, running or not. Says whether the guest will get
/// it: if it has not registered the event, the caller may do something else.
pub fn raise(vcpu: &VcpuFd, event: u64) -> Result<bool> {
    match vcpu.set_device_attr(&kvm_device_attr {
        group: KVM_ARM_VCPU_SDEI_CTRL,
        attr: KVM_ARM_VCPU_SDEI_RAISE,
        addr: &raw const event as u64,
        flags: 0,
    }) {
        Ok(()) => Ok(true),
        Err(error) if error.errno() == EAGAIN => Ok(false),
        Err(error) => Err(error.into()),
    }
}
