// SPDX-License-Identifier: GPL-2.0

//! A vCPU: what the module keeps for it, and how the dispatcher sees it.

use super::bindings;
use super::counters::Counters;
use super::trace;
use super::vm::VmData;
use crate::sdei::{AnyEvent, Cpu, EntryControls, PState, Pe, Peer, Port, Regs, Vcpu};
use core::cell::UnsafeCell;
use core::ffi::c_void;
use core::mem::{offset_of, size_of};
use core::ptr::NonNull;
use kernel::prelude::*;

/// What the module keeps for a vCPU: `data` in the operations of the service.
///
/// # Invariants
///
/// `vcpu` is the vCPU that this belongs to, `regs` are its core registers, and
/// `vm` is what is kept for its VM. `pe` is used only in operations that have the
/// vCPU to themselves.
pub(super) struct VcpuData {
    vcpu: NonNull<bindings::kvm_vcpu>,
    regs: NonNull<Regs>,
    vm: NonNull<VmData>,
    port: Port,
    counters: Counters,
    pe: UnsafeCell<Pe>,
}

const _: () = assert!(size_of::<VcpuData>() <= 1024, "the promised size");

// The layout of `Regs` is that of `struct user_pt_regs`.
const _: () = {
    assert!(size_of::<Regs>() == size_of::<bindings::user_pt_regs>());
    assert!(offset_of!(Regs, saved) == offset_of!(bindings::user_pt_regs, regs));
    assert!(offset_of!(Regs, sp) == offset_of!(bindings::user_pt_regs, sp));
    assert!(offset_of!(Regs, pc) == offset_of!(bindings::user_pt_regs, pc));
    assert!(offset_of!(Regs, pstate) == offset_of!(bindings::user_pt_regs, pstate));
};

const SCTLR_EL1_SPAN: u64 = 1 << 23;
const SCTLR_EL1_DSSBS: u64 = 1 << 44;

impl VcpuData {
    /// What to keep for a vCPU after power-up.
    ///
    /// # Safety
    ///
    /// `vcpu` is a vCPU that lives longer, and `vm_data` is what is kept for its
    /// VM.
    pub(super) unsafe fn new(
        vcpu: *mut bindings::kvm_vcpu,
        vm_data: *mut c_void,
    ) -> Result<VcpuData> {
        let vcpu = NonNull::new(vcpu).ok_or(EINVAL)?;
        // SAFETY: `vcpu` is alive, as the caller promises.
        let regs = unsafe { bindings::sdei_shim_regs(vcpu.as_ptr()) };
        // INVARIANT: As the caller promises, and as the shim returns them.
        Ok(VcpuData {
            vcpu,
            regs: NonNull::new(regs.cast()).ok_or(EINVAL)?,
            vm: NonNull::new(vm_data.cast()).ok_or(EINVAL)?,
            port: Port::new(),
            counters: Counters::new(),
            pe: UnsafeCell::new(Pe::new()),
        })
    }

    /// What is kept for the vCPU, for operations that may run at the same time
    /// as others.
    ///
    /// # Safety
    ///
    /// `data` is the argument of an operation that runs (contract 1).
    pub(super) unsafe fn shared<'a>(data: *mut c_void) -> &'a VcpuData {
        // SAFETY: By contract 1, `data` is a live `VcpuData`. It is only ever
        // used by shared reference.
        unsafe { &*data.cast::<VcpuData>() }
    }

    /// The dispatcher's context for the vCPU, for operations that have the vCPU
    /// to themselves.
    ///
    /// # Safety
    ///
    /// `data` is the argument of an operation that runs and that has the vCPU to
    /// itself (contracts 1 and 2). The operation calls this once.
    pub(super) unsafe fn cpu<'a>(data: *mut c_void) -> Cpu<'a, VcpuData> {
        // SAFETY: As the caller promises.
        let this = unsafe { VcpuData::shared(data) };
        // SAFETY: By contracts 2 and 3, nobody else uses `pe` or `regs` until
        // the operation ends, and it has no other reference to them. The layout
        // of the registers was checked above.
        unsafe { Cpu::new(&mut *this.pe.get(), this, &mut *this.regs.as_ptr()) }
    }

    pub(super) fn counters(&self) -> &Counters {
        &self.counters
    }

    /// The ID that KVM and the VMM have for the vCPU.
    pub(super) fn id(&self) -> u32 {
        // SAFETY: `vcpu` is alive, by contracts 1 and 4.
        unsafe { bindings::sdei_shim_vcpu_id(self.vcpu.as_ptr()) }
    }
}

impl Peer for VcpuData {
    fn port(&self) -> &Port {
        &self.port
    }

    fn kick(&self) {
        // SAFETY: `vcpu` is alive, by contracts 1 and 4.
        unsafe { bindings::kvm_smccc_service_kick(self.vcpu.as_ptr()) }
    }

    fn is_off(&self) -> bool {
        // SAFETY: `vcpu` is alive, by contracts 1 and 4.
        unsafe { bindings::sdei_shim_vcpu_is_off(self.vcpu.as_ptr()) }
    }
}

impl Peer for &VcpuData {
    fn port(&self) -> &Port {
        &self.port
    }

    fn kick(&self) {
        VcpuData::kick(self);
    }

    fn is_off(&self) -> bool {
        VcpuData::is_off(self)
    }
}

/// Only the dispatcher uses this, by a [`Cpu`]: so in operations that have the
/// vCPU to themselves.
impl Vcpu for VcpuData {
    type Peer<'a> = &'a VcpuData;
    type Vm = VmData;

    fn vm(&self) -> &VmData {
        // SAFETY: By contract 6, what is kept for the VM outlives what is kept for
        // its vCPUs.
        unsafe { self.vm.as_ref() }
    }

    fn id(&self) -> u32 {
        VcpuData::id(self)
    }

    fn has_affinity(&self, mpidr: u64) -> bool {
        // SAFETY: As in `entry_controls`.
        unsafe { bindings::sdei_shim_has_affinity(self.vcpu.as_ptr(), mpidr) }
    }

    fn peer(&self, mpidr: u64) -> Option<&VcpuData> {
        let service = self.vm().service();
        // SAFETY: `vcpu` is alive, by contracts 1 and 4, and its VM opted in to
        // `service`.
        let data =
            unsafe { bindings::kvm_smccc_service_find_peer(service, self.vcpu.as_ptr(), mpidr) };
        // SAFETY: This is the `data` of a vCPU of the same VM, or null. By
        // contract 4 it lives as long as the operation that uses `self`.
        unsafe { data.cast::<VcpuData>().as_ref() }
    }

    fn entry_controls(&self) -> EntryControls {
        // SAFETY: `vcpu` is alive, by contracts 1 and 4, and this thread has it
        // to itself.
        let controls = unsafe { bindings::sdei_shim_entry_controls(self.vcpu.as_ptr()) };
        EntryControls {
            span: controls.sctlr_el1 & SCTLR_EL1_SPAN != 0,
            dssbs: controls.sctlr_el1 & SCTLR_EL1_DSSBS != 0,
            mte: controls.mte,
        }
    }

    fn set_exception_return(&self, elr: u64, spsr: PState) {
        // SAFETY: As in `entry_controls`.
        unsafe {
            bindings::sdei_shim_set_exception_return(self.vcpu.as_ptr(), elr, spsr.bits());
        }
    }

    fn has_aarch32_el0(&self) -> bool {
        // SAFETY: It has no arguments, and reads what the kernel found at boot.
        unsafe { bindings::sdei_shim_has_aarch32_el0() }
    }

    fn array_index_nospec(index: usize, size: usize) -> usize {
        let mask: usize;
        // What array_index_mask_nospec() of the kernel does. Here as well, since
        // a call of a C function takes more instructions than all the rest of
        // SDEI_EVENT_CONTEXT.
        //
        // SAFETY: It computes a number from two numbers: all ones if `index` is
        // less than `size`, else zero.
        unsafe {
            core::arch::asm!(
                "cmp {index}, {size}",
                "sbc {mask}, xzr, xzr",
                "csdb",
                index = in(reg) index,
                size = in(reg) size,
                mask = lateout(reg) mask,
                options(pure, nomem, nostack),
            );
        }
        index & mask
    }

    fn on_call(&self, id: u32, regs: &Regs) {
        if trace::is_on() {
            let [result, argument, ..] = regs.saved;
            let (vcpu, result) = (self.vcpu.as_ptr(), result as i64);
            // SAFETY: `vcpu` is alive, by contracts 1 and 4.
            unsafe { bindings::sdei_trace_call(vcpu, id, argument, regs.pc, result) }
        }
    }

    fn on_delivery(&self, event: AnyEvent, pc: u64) {
        self.counters.count_delivery();
        if let AnyEvent::Shared(_) = event {
            let this: *const VcpuData = self;
            self.vm().set_taker(this.cast_mut().cast());
        }
        if trace::is_on() {
            // SAFETY: `vcpu` is alive, by contracts 1 and 4.
            unsafe { bindings::sdei_trace_deliver(self.vcpu.as_ptr(), event.number(), pc) }
        }
    }

    fn on_completion(&self, event: AnyEvent, pc: u64) {
        if trace::is_on() {
            // SAFETY: `vcpu` is alive, by contracts 1 and 4.
            unsafe { bindings::sdei_trace_complete(self.vcpu.as_ptr(), event.number(), pc) }
        }
    }
}
