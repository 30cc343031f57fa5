// SPDX-License-Identifier: GPL-2.0

//! A vCPU, as the dispatcher sees it.

use super::bindings;
use super::counters::Counters;
use super::service::SERVICE;
use crate::sdei::{EntryControls, Event, PState, Pe, Peer, Port, Regs};
use core::cell::UnsafeCell;
use core::ffi::c_void;
use core::mem::{offset_of, size_of};
use core::ptr::NonNull;
use core::sync::atomic::{AtomicI32, Ordering};

/// What the module keeps for a vCPU.
///
/// # Invariants
///
/// `vcpu` is the vCPU that this belongs to. `pe` is touched only in operations
/// that have the vCPU to themselves.
pub(super) struct Vcpu {
    vcpu: NonNull<bindings::kvm_vcpu>,
    port: Port,
    counters: Counters,
    pe: UnsafeCell<Pe>,
}

const _: () = assert!(size_of::<Vcpu>() <= 1024, "the promised size");

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

impl Vcpu {
    pub(super) fn new(vcpu: NonNull<bindings::kvm_vcpu>) -> Vcpu {
        Vcpu {
            vcpu,
            port: Port::new(),
            counters: Counters::new(),
            pe: UnsafeCell::new(Pe::new()),
        }
    }

    /// The vCPU whose `data` this is, for operations that run alongside others.
    ///
    /// # Safety
    ///
    /// `data` comes from an operation that is running (contract 1).
    pub(super) unsafe fn shared<'a>(data: *mut c_void) -> &'a Vcpu {
        // SAFETY: By contract 1, `data` is a live `Vcpu`. It is only ever used
        // by shared reference.
        unsafe { &*data.cast::<Vcpu>() }
    }

    /// The same, for operations that have the vCPU to themselves.
    ///
    /// # Safety
    ///
    /// As for [`Vcpu::shared`], and the operation is one of those (contract 2).
    pub(super) unsafe fn owned<'a>(data: *mut c_void) -> (&'a Vcpu, &'a mut Pe) {
        // SAFETY: As the caller promises.
        let this = unsafe { Vcpu::shared(data) };
        // SAFETY: By contract 2, nothing else uses `pe` until the operation
        // ends, and the operation asks for it once.
        (this, unsafe { &mut *this.pe.get() })
    }

    pub(super) fn port(&self) -> &Port {
        &self.port
    }

    pub(super) fn counters(&self) -> &Counters {
        &self.counters
    }

    /// What KVM and the VMM call it.
    pub(super) fn id(&self) -> u32 {
        // SAFETY: `vcpu` is alive, by contracts 1 and 4.
        unsafe { bindings::sdei_shim_vcpu_id(self.vcpu.as_ptr()) }
    }
}

/// Whether a guest can be in AArch32 at EL0.
pub(super) fn has_aarch32_el0() -> bool {
    // SAFETY: It asks for nothing, and reads what the kernel found at boot.
    unsafe { bindings::sdei_shim_has_aarch32_el0() }
}

/// Whether one of the tracepoints is on: looked at before it is worth a call.
fn traced() -> bool {
    // SAFETY: A C `int` that others write while we read it.
    let users = unsafe { AtomicI32::from_ptr(&raw mut bindings::sdei_trace_users) };
    users.load(Ordering::Relaxed) != 0
}

impl Peer for &Vcpu {
    fn port(&self) -> &Port {
        &self.port
    }

    fn kick(&self) {
        // SAFETY: `vcpu` is alive, by contracts 1 and 4.
        unsafe { bindings::kvm_smccc_service_kick(self.vcpu.as_ptr()) }
    }
}

impl crate::sdei::Vcpu for Vcpu {
    type Peer<'a> = &'a Vcpu;

    fn peer(&self, mpidr: u64) -> Option<&Vcpu> {
        // SAFETY: As in `entry_controls`.
        if unsafe { bindings::sdei_shim_has_mpidr(self.vcpu.as_ptr(), mpidr) } {
            return Some(self);
        }
        // SAFETY: `vcpu` is alive, by contracts 1 and 4.
        let data = unsafe {
            bindings::kvm_smccc_service_find_peer(SERVICE.get(), self.vcpu.as_ptr(), mpidr)
        };
        // SAFETY: This is the `data` of a vCPU of the same VM, or null; by
        // contract 4 it lives as long as the operation that `self` is from.
        unsafe { data.cast::<Vcpu>().as_ref() }
    }

    fn entry_controls(&self) -> EntryControls {
        let vcpu = self.vcpu.as_ptr();
        // SAFETY: `vcpu` is alive, by contracts 1 and 4, and the dispatcher asks
        // for this in operations that have the vCPU to themselves.
        let controls = unsafe { bindings::sdei_shim_entry_controls(vcpu) };
        EntryControls {
            span: controls.sctlr_el1 & SCTLR_EL1_SPAN != 0,
            dssbs: controls.sctlr_el1 & SCTLR_EL1_DSSBS != 0,
            mte: controls.mte,
        }
    }

    fn called(&self, id: u32, regs: &Regs) {
        if traced() {
            let [result, argument, ..] = regs.saved;
            // SAFETY: `vcpu` is alive, by contracts 1 and 4.
            unsafe {
                bindings::sdei_shim_trace_call(
                    self.vcpu.as_ptr(),
                    id,
                    argument,
                    regs.pc,
                    result as i64,
                );
            }
        }
    }

    fn delivered(&self, event: Event, pc: u64) {
        self.counters.delivered();
        if traced() {
            // SAFETY: `vcpu` is alive, by contracts 1 and 4.
            unsafe { bindings::sdei_shim_trace_deliver(self.vcpu.as_ptr(), event.number(), pc) }
        }
    }

    fn completed(&self, event: Event, pc: u64) {
        if traced() {
            // SAFETY: `vcpu` is alive, by contracts 1 and 4.
            unsafe { bindings::sdei_shim_trace_complete(self.vcpu.as_ptr(), event.number(), pc) }
        }
    }

    fn set_exception_return(&self, elr: u64, spsr: PState) {
        // SAFETY: As in `entry_controls`.
        unsafe {
            bindings::sdei_shim_set_exception_return(self.vcpu.as_ptr(), elr, spsr.bits());
        }
    }
}
