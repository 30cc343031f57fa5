// SPDX-License-Identifier: GPL-2.0

//! All that a VMM has to know of SDEI, except saving and restoring:
//! `snapshot.rs` does this without knowing SDEI.
//!
//! The constants are those of `include/uapi/linux/kvm_sdei.h`.

use crate::Result;
use kvm_bindings::{kvm_device_attr, kvm_enable_cap};
use kvm_ioctls::{VcpuFd, VmFd};
use libc::EAGAIN;
use vm_fdt::FdtWriter;

const KVM_CAP_ARM_SDEI: u32 = 0x5344_4549;
const KVM_ARM_VCPU_SDEI_CTRL: u32 = 0x5344_4549;
const KVM_ARM_VCPU_SDEI_RAISE: u64 = 0;

/// `KVM_SDEI_EVENT_NORMAL(0)`, for the command `nmi`. VMM and guest have to
/// agree on what an event means: in a firmware table, or by hand, as here.
pub const NMI: u64 = 0x4000_0010;

/// Gives the VM SDEI firmware. Call this before the first vCPU is created.
/// Returns whether the VM has SDEI: if the host has no module, it runs without.
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

/// Tells the guest about SDEI, below the root node of its device tree.
pub fn describe(fdt: &mut FdtWriter) -> Result<()> {
    let firmware = fdt.begin_node("firmware")?;
    let sdei = fdt.begin_node("sdei")?;
    fdt.property_string("compatible", "arm,sdei-1.0")?;
    fdt.property_string("method", "hvc")?;
    fdt.end_node(sdei)?;
    fdt.end_node(firmware)?;
    Ok(())
}

/// Raises an event on a vCPU, which may be running. Returns whether the guest
/// has registered the event. If not, the caller may do something else.
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
