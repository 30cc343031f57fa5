// SPDX-License-Identifier: GPL-2.0

//! The interrupt controller: KVM's GICv3, without LPIs. KVM_GET_REG_LIST does
//! not list its registers, so this file has a list of those that have to be
//! saved.

use crate::vm::{CPUS, GICD, GICR};
use crate::Result;
use kvm_bindings::*;
use kvm_ioctls::{DeviceFd, VmFd};

/// The private interrupts, and one block of shared ones.
const INTERRUPTS: u64 = 64;

/// The ID of a register of the CPU interface, from the encoding of its MRS
/// instruction.
const fn icc(crn: u64, crm: u64, op2: u64) -> u64 {
    (3 << 14) | (crn << 7) | (crm << 3) | op2
}

const ICC_CTLR_EL1: u64 = icc(12, 12, 4);

/// Registers of the distributor: the offset, and how many bytes hold state.
/// Registers with bits for each interrupt begin after the private interrupts.
const DISTRIBUTOR: [(u64, u64); 9] = [
    (0x8, 4),      // GICD_IIDR: the behaviour of KVM, has to be first
    (0x0, 4),      // GICD_CTLR
    (0x84, 4),     // GICD_IGROUPR
    (0xc08, 8),    // GICD_ICFGR
    (0x420, 32),   // GICD_IPRIORITYR
    (0x6100, 256), // GICD_IROUTER
    (0x104, 4),    // GICD_ISENABLER
    (0x204, 4),    // GICD_ISPENDR
    (0x304, 4),    // GICD_ISACTIVER
];

/// The same for the redistributor of each CPU, which has the private
/// interrupts.
const REDISTRIBUTOR: [(u64, u64); 7] = [
    (0x0, 4),      // GICR_CTLR
    (0x10080, 4),  // GICR_IGROUPR0
    (0x10c04, 4),  // GICR_ICFGR1
    (0x10400, 32), // GICR_IPRIORITYR
    (0x10100, 4),  // GICR_ISENABLER0
    (0x10200, 4),  // GICR_ISPENDR0
    (0x10300, 4),  // GICR_ISACTIVER0
];

/// The registers of each CPU's interface, except the active priorities.
const CPU_INTERFACE: [u64; 7] = [
    icc(12, 12, 5), // ICC_SRE_EL1
    ICC_CTLR_EL1,
    icc(4, 6, 0),   // ICC_PMR_EL1
    icc(12, 8, 3),  // ICC_BPR0_EL1
    icc(12, 12, 3), // ICC_BPR1_EL1
    icc(12, 12, 6), // ICC_IGRPEN0_EL1
    icc(12, 12, 7), // ICC_IGRPEN1_EL1
];

pub struct Gic(DeviceFd);

impl Gic {
    /// Call this when the VM has all its vCPUs.
    pub fn new(vm: &VmFd) -> Result<Self> {
        let gic = Gic(vm.create_device(&mut kvm_create_device {
            type_: kvm_device_type_KVM_DEV_TYPE_ARM_VGIC_V3,
            ..Default::default()
        })?);

        let [dist, redist] = [KVM_VGIC_V3_ADDR_TYPE_DIST, KVM_VGIC_V3_ADDR_TYPE_REDIST];
        gic.set(KVM_DEV_ARM_VGIC_GRP_NR_IRQS, 0, INTERRUPTS)?;
        gic.set(KVM_DEV_ARM_VGIC_GRP_ADDR, dist.into(), GICD)?;
        gic.set(KVM_DEV_ARM_VGIC_GRP_ADDR, redist.into(), GICR)?;
        let init = KVM_DEV_ARM_VGIC_CTRL_INIT;
        gic.set(KVM_DEV_ARM_VGIC_GRP_CTRL, init.into(), 0)?;
        Ok(gic)
    }

    /// Returns group, attribute and value of each register that has state.
    pub fn save(&self) -> Result<Vec<[u64; 3]>> {
        let control = self.get(KVM_DEV_ARM_VGIC_GRP_CPU_SYSREGS, ICC_CTLR_EL1)?;
        let priority_bits = ((control >> 8) & 7) + 1;
        registers(priority_bits)
            .into_iter()
            .map(|(group, attr)| Ok([group.into(), attr, self.get(group, attr)?]))
            .collect()
    }

    pub fn restore(&self, state: &[[u64; 3]]) -> Result<()> {
        for &[group, attr, value] in state {
            self.set(group as u32, attr, value)
                .map_err(|error| format!("GIC register {group}/{attr:#x}: {error}"))?;
        }
        Ok(())
    }

    // Some of the values have 32 bits. These are the lower half of the u64,
    // because everything here is little-endian.

    fn get(&self, group: u32, attr: u64) -> Result<u64> {
        let mut value = 0;
        let mut attribute = attribute(group, attr, &raw mut value as u64);
        // SAFETY: KVM writes 32 or 64 bits to `value`, which outlives the call.
        unsafe { self.0.get_device_attr(&mut attribute) }?;
        Ok(value)
    }

    fn set(&self, group: u32, attr: u64, value: u64) -> Result<()> {
        let attribute = attribute(group, attr, &raw const value as u64);
        Ok(self.0.set_device_attr(&attribute)?)
    }
}

fn attribute(group: u32, attr: u64, addr: u64) -> kvm_device_attr {
    kvm_device_attr {
        group,
        attr,
        addr,
        flags: 0,
    }
}

/// Group and attribute of every register, in the order in which they have to be
/// restored.
fn registers(priority_bits: u64) -> Vec<(u32, u64)> {
    let mut list = Vec::new();
    for (first, bytes) in DISTRIBUTOR {
        let offsets = (first..first + bytes).step_by(4);
        list.extend(offsets.map(|offset| (KVM_DEV_ARM_VGIC_GRP_DIST_REGS, offset)));
    }
    list.push((KVM_DEV_ARM_VGIC_GRP_LEVEL_INFO, 32));

    for cpu in 0..CPUS as u64 {
        // vCPU n has the affinity 0.0.0.n, because there are no more than 16
        // vCPUs.
        let cpu = cpu << KVM_DEV_ARM_VGIC_V3_MPIDR_SHIFT;
        for (first, bytes) in REDISTRIBUTOR {
            let offsets = (first..first + bytes).step_by(4);
            list.extend(offsets.map(|offset| (KVM_DEV_ARM_VGIC_GRP_REDIST_REGS, cpu | offset)));
        }
        list.push((KVM_DEV_ARM_VGIC_GRP_LEVEL_INFO, cpu));

        // ICC_AP0R<n>_EL1 and ICC_AP1R<n>_EL1 have one bit for each priority.
        let active = (0..1 << priority_bits.saturating_sub(5))
            .flat_map(|n| [icc(12, 8, 4 + n), icc(12, 9, n)]);
        let interface = CPU_INTERFACE.into_iter().chain(active);
        list.extend(interface.map(|register| (KVM_DEV_ARM_VGIC_GRP_CPU_SYSREGS, cpu | register)));
    }
    list
}
