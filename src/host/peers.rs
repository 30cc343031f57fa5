// SPDX-License-Identifier: GPL-2.0

//! The vCPUs of a VM, and how the dispatcher sees the VM.

use super::bindings;
use super::vcpu::VcpuData;
use super::vm::VmData;
use crate::sdei::{Affinity, Bank, SharedPort, Vm};
use core::ffi::c_void;

impl VmData {
    /// Calls `visit` for each vCPU of the VM.
    pub(super) fn for_each_vcpu<'a, F: FnMut(&'a VcpuData)>(&'a self, mut visit: F) {
        /// # Safety
        ///
        /// For KVM to call, under the contract in `mod.rs`.
        unsafe extern "C" fn call<'a, F: FnMut(&'a VcpuData)>(
            data: *mut c_void,
            visit: *mut c_void,
        ) {
            // SAFETY: KVM passes what `vcpu_create` made for a vCPU that is alive
            // (contracts 1 and 4), and the `F` of `for_each_vcpu`.
            let (vcpu, visit) = unsafe { (VcpuData::shared(data), &mut *visit.cast::<F>()) };
            visit(vcpu);
        }
        let arg: *mut F = &mut visit;
        // SAFETY: By contract 6 the VM is alive, and `call` gets what it expects.
        unsafe {
            bindings::kvm_smccc_service_for_each(
                self.service(),
                self.kvm(),
                Some(call::<F>),
                arg.cast(),
            );
        }
    }
}

impl Vm for VmData {
    type Peer<'a> = &'a VcpuData;

    fn shared(&self) -> &SharedPort {
        self.port()
    }

    fn with_bank<R>(&self, what: impl FnOnce(&mut Bank) -> R) -> R {
        what(&mut self.bank().lock())
    }

    fn cpu_at(&self, affinity: Affinity) -> Option<&VcpuData> {
        // SAFETY: By contract 6 the VM is alive.
        let any = unsafe { bindings::sdei_shim_first_vcpu(self.kvm()) };
        if any.is_null() {
            return None;
        }
        let mpidr = affinity.bits();
        // SAFETY: `any` is a vCPU of the VM, and stands for the VM here.
        let data = unsafe { bindings::kvm_smccc_service_find_peer(self.service(), any, mpidr) };
        // SAFETY: This is the `data` of a vCPU of the VM, or null. By contract 4
        // it lives as long as the VM.
        unsafe { data.cast::<VcpuData>().as_ref() }
    }

    /// Begins with the vCPU that took the last shared event: if that can take
    /// this one as well, the others need not be asked.
    fn any_cpu(&self, mut test: impl FnMut(&&VcpuData) -> bool) -> bool {
        // SAFETY: This is the `data` of a vCPU of the VM that has run, or null. By
        // contract 4 it lives as long as the VM.
        let taker = unsafe { self.taker().cast::<VcpuData>().as_ref() };
        let mut found = taker.is_some_and(|vcpu| test(&vcpu));
        if found {
            return true;
        }
        self.for_each_vcpu(|vcpu| {
            if !found {
                found = test(&vcpu);
            }
        });
        found
    }
}
