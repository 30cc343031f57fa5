// SPDX-License-Identifier: GPL-2.0

//! Saves a VM that doesn't run to a file, and restores it: for each vCPU its
//! power state and its registers, then the interrupt controller, then memory.
//!
//! Nothing here is about SDEI. All of its state is in registers that
//! KVM_GET_REG_LIST lists. So is the bit that lets the guest call it
//! (KVM_REG_ARM_STD_BMAP): a host without SDEI refuses this register, so it
//! refuses the VM, and no event is lost.
//!
//! A VMM with more devices has to save more. A VMM that injects SErrors also
//! has to save KVM_GET_VCPU_EVENTS.
//!
//! The file is a sequence of lists, and then the memory as it is. A list is a
//! count and as many items, each of one or three words. All words have 64 bits
//! and are little-endian.

use crate::vm::{Vm, MEMORY, MEMORY_SIZE};
use crate::Result;
use kvm_bindings::{kvm_mp_state, RegList};
use kvm_ioctls::VcpuFd;
use std::fs::File;
use std::io::{Read, Write};
use vm_memory::{Bytes, GuestAddress};

/// The number of registers that kvm-bindings can list.
const MAX_REGISTERS: usize = 500;

/// No list has more items than this.
const MAX_ITEMS: u64 = 1 << 16;

pub fn save(vm: &Vm, path: &str) -> Result<()> {
    let mut file = File::create(path)?;
    for vcpu in &vm.vcpus {
        write(&mut file, &[[vcpu.get_mp_state()?.mp_state.into()]])?;
        write(&mut file, &registers(vcpu)?)?;
    }
    write(&mut file, &vm.gic.save()?)?;
    vm.memory
        .write_all_volatile_to(GuestAddress(MEMORY), &mut file, MEMORY_SIZE)?;
    Ok(file.sync_all()?)
}

/// Restores into a VM that has not run, because some registers can't be written
/// later.
pub fn restore(vm: &Vm, path: &str) -> Result<()> {
    let mut file = File::open(path)?;
    let mut vcpus = Vec::new();
    for vcpu in &vm.vcpus {
        vcpus.push((vcpu, read(&mut file)?, read(&mut file)?));
    }
    let gic = read(&mut file)?;
    // The guest's clock starts when its register is written. So read the
    // memory, which takes long, before that.
    vm.memory
        .read_exact_volatile_from(GuestAddress(MEMORY), &mut file, MEMORY_SIZE)?;

    for (vcpu, power_state, registers) in vcpus {
        for [mp_state] in power_state {
            let mp_state = mp_state as u32;
            vcpu.set_mp_state(kvm_mp_state { mp_state })?;
        }
        for [id, low, high] in registers {
            let value = (u128::from(high) << 64) | u128::from(low);
            vcpu.set_one_reg(id, &value.to_le_bytes())
                .map_err(|error| format!("register {id:#x} = {value:#x}: {error}"))?;
        }
    }
    vm.gic.restore(&gic)
}

/// All registers of a vCPU: the ID, and the lower and upper half of the value.
fn registers(vcpu: &VcpuFd) -> Result<Vec<[u64; 3]>> {
    let mut list = RegList::new(MAX_REGISTERS)?;
    vcpu.get_reg_list(&mut list)?;
    list.as_slice()
        .iter()
        .map(|&id| {
            // Without SVE, the vector registers are the longest.
            let mut bytes = [0; 16];
            vcpu.get_one_reg(id, &mut bytes)?;
            let value = u128::from_le_bytes(bytes);
            Ok([id, value as u64, (value >> 64) as u64])
        })
        .collect()
}

fn write<const N: usize>(file: &mut File, items: &[[u64; N]]) -> Result<()> {
    let words = items.as_flattened().iter();
    let bytes: Vec<[u8; 8]> = words.map(|word| word.to_le_bytes()).collect();
    file.write_all(&(items.len() as u64).to_le_bytes())?;
    Ok(file.write_all(bytes.as_flattened())?)
}

fn read<const N: usize>(file: &mut File) -> Result<Vec<[u64; N]>> {
    let mut count = [0; 8];
    file.read_exact(&mut count)?;
    let count = u64::from_le_bytes(count);
    if count > MAX_ITEMS {
        return Err("this is not a saved VM".into());
    }
    let mut items = vec![[[0; 8]; N]; count as usize];
    file.read_exact(items.as_flattened_mut().as_flattened_mut())?;
    let items = items.into_iter();
    Ok(items.map(|words| words.map(u64::from_le_bytes)).collect())
}
