// SPDX-License-Identifier: GPL-2.0

//! The virtual machine: its memory, vCPUs and interrupt controller, and how to
//! start a guest.

use crate::fdt::device_tree;
use crate::gic::Gic;
use crate::{sdei, Result};
use kvm_bindings::*;
use kvm_ioctls::{Kvm, VcpuFd};
use linux_loader::loader::{pe::PE, KernelLoader};
use std::fs::{self, File};
use std::os::fd::AsRawFd;
use std::{io, mem};
use vm_memory::{Bytes, GuestAddress, GuestMemory, GuestMemoryMmap};

/// All VMs are the same, so that a saved VM fits into a new one.
pub const CPUS: usize = 2;
pub const MEMORY: u64 = 0x4000_0000;
pub const MEMORY_SIZE: usize = 128 << 20;
pub const GICD: u64 = 0x0800_0000;
pub const GICD_SIZE: u64 = 0x1_0000;
pub const GICR: u64 = 0x080a_0000;
pub const GICR_SIZE: u64 = 0x2_0000 * CPUS as u64;
pub const UART: u64 = 0x0900_0000;
pub const UART_SIZE: u64 = 0x1000;

/// The kernel is at the start of memory. These are above it.
const INITRD: u64 = MEMORY + (64 << 20);
const DEVICE_TREE: u64 = MEMORY + (120 << 20);

/// IDs of two registers that the boot protocol sets.
const X0: u64 = KVM_REG_ARM64 | KVM_REG_SIZE_U64 | KVM_REG_ARM_CORE as u64;
const PC: u64 = X0 + 32 * 8 / 4;

pub struct Vm {
    pub vcpus: Vec<VcpuFd>,
    pub gic: Gic,
    has_sdei: bool,
    pub memory: GuestMemoryMmap,
}

impl Vm {
    /// Makes a VM with empty memory and with vCPUs as after a reset. For each
    /// vCPU it also returns what a thread needs to run it.
    ///
    /// `VcpuFd::run` borrows its `VcpuFd` exclusively as long as the vCPU runs,
    /// which is nearly always. But the VMM has to raise events meanwhile. So
    /// each vCPU has two handles: one for its thread, and one for everything
    /// else.
    pub fn new() -> Result<(Self, Vec<VcpuFd>)> {
        let memory = GuestMemoryMmap::from_ranges(&[(GuestAddress(MEMORY), MEMORY_SIZE)])?;
        let fd = Kvm::new()?.create_vm()?;
        let region = kvm_userspace_memory_region {
            guest_phys_addr: MEMORY,
            memory_size: MEMORY_SIZE as u64,
            userspace_addr: memory.get_host_address(GuestAddress(MEMORY))? as u64,
            ..Default::default()
        };
        // The threads may run the guest until the process ends.
        mem::forget(memory.clone());
        // SAFETY: The region is `memory`, which is never unmapped from now on.
        // The VMM reads and writes it only by volatile accesses.
        unsafe { fd.set_user_memory_region(region) }?;

        // This has to come before the first vCPU is created.
        let has_sdei = sdei::enable(&fd)?;

        let mut runners = Vec::new();
        let mut vcpus = Vec::new();
        for index in 0..CPUS {
            let runner = fd.create_vcpu(index as u64)?;
            let mut init = kvm_vcpu_init::default();
            fd.get_preferred_target(&mut init)?;
            init.features[0] |= 1 << KVM_ARM_VCPU_PSCI_0_2;
            if index > 0 {
                init.features[0] |= 1 << KVM_ARM_VCPU_POWER_OFF;
            }
            runner.vcpu_init(&init)?;
            // SAFETY: This is an open file descriptor.
            let second = unsafe { libc::dup(runner.as_raw_fd()) };
            if second < 0 {
                return Err(io::Error::last_os_error().into());
            }
            // SAFETY: `second` is the file descriptor of a vCPU, and nothing
            // else uses it.
            vcpus.push(unsafe { fd.create_vcpu_from_rawfd(second) }?);
            runners.push(runner);
        }
        let gic = Gic::new(&fd)?;
        let vm = Vm {
            vcpus,
            gic,
            has_sdei,
            memory,
        };
        Ok((vm, runners))
    }

    /// Loads a kernel, and sets the registers with which it starts.
    pub fn load(&self, kernel: &str, initrd: &str, bootargs: &str) -> Result<()> {
        let mut kernel = File::open(kernel)?;
        PE::load(&self.memory, Some(GuestAddress(MEMORY)), &mut kernel, None)?;
        let initrd = fs::read(initrd)?;
        self.memory.write_slice(&initrd, GuestAddress(INITRD))?;
        let initrd = INITRD..INITRD + initrd.len() as u64;
        let tree = device_tree(bootargs, initrd, self.has_sdei)?;
        self.memory.write_slice(&tree, GuestAddress(DEVICE_TREE))?;
        self.vcpus[0].set_one_reg(PC, &MEMORY.to_le_bytes())?;
        self.vcpus[0].set_one_reg(X0, &DEVICE_TREE.to_le_bytes())?;
        Ok(())
    }
}
