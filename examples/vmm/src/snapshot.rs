// SPDX-License-Identifier: GPL-2.0

//! A VM that doesn't run, in a file: for each vCPU its power state and its
//! registers, then the interrupt controller, then memory.
//!
//! Nothing here is about SDEI. Its state is registers in KVM_GET_REG_LIST, as
//! is whether the guest may call it (KVM_REG_ARM_STD_BMAP): a host without SDEI
//! refuses it, and with it the VM, instead of losing events.
//!
//! A VMM with more devices has more to save; one that injects SErrors takes
//! KVM_GET_VCPU_EVENTS along, too.
//!
//! The file is a sequence of lists, each a count and as many items of one or
//! three words, all of them 64-bit and little-endian; and memory as it is.

use crate::vm::{Vm, MEMORY, MEMORY_SIZE};
use crate::Result;
use kvm_bindings::{kvm_mp_state, RegList};
use kvm_ioctls::VcpuFd;
use std::fs::File;
use std::io::{Read, Write};
use vm_memory::{Bytes, GuestAddress};

/// As many registers as kvm-bindings can list.
const MAX_REGISTERS: usize = 500;

/// What no list has more of.
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

/// Into a VM that has not run: some registers can't be written later.
pub fn restore(vm: &Vm, path: &str) -> Result<()> {
    let mut file = File::open(path)?;
    let mut vcpus = Vec::new();
    for vcpu in &vm.vcpus {
        vcpus.push((vcpu, read(&mut file)?, read(&mut file)?));
    }
    let gic = read(&mut file)?;
    // The guest's clock goes on when it is written, so what takes long is first.
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

/// All registers of a vCPU: ID, and the value's lower and upper half.
fn registers(vcpu: &VcpuFd) -> Result<Vec<[u64; 3]>> {
    let mut list = RegList::new(MAX_REGISTERS)?;
    vcpu.get_reg_list(&mut list)?;
    list.as_slice()
        .iter()
        .map(|&id| {
            // The longest without SVE are the vector registers.
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
