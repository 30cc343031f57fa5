// SPDX-License-Identifier: GPL-2.0

//! What an administrator sees of a VM, and does to it, through the file of
//! `control.c`. That calls the functions that this file exports.

use super::attributes::{event, raise, state};
use super::bindings;
use super::vcpu::VcpuData;
use crate::sdei::{Event, Peer};
use core::ffi::{c_int, c_void};
use kernel::prelude::*;

/// Calls `visit` for each vCPU of a VM.
///
/// # Safety
///
/// `kvm` is a VM that opted in to `service`, and the caller has a reference to
/// it during `'a`.
unsafe fn for_each_vcpu<'a, F: FnMut(&'a VcpuData)>(
    service: *const bindings::kvm_smccc_service,
    kvm: *mut bindings::kvm,
    mut visit: F,
) {
    /// # Safety
    ///
    /// For KVM to call, under the contract in `mod.rs`.
    unsafe extern "C" fn call<'a, F: FnMut(&'a VcpuData)>(data: *mut c_void, visit: *mut c_void) {
        // SAFETY: KVM passes what `vcpu_create` made for a vCPU that is alive
        // (contracts 1 and 4), and the `F` of `for_each_vcpu`.
        let (vcpu, visit) = unsafe { (VcpuData::shared(data), &mut *visit.cast::<F>()) };
        visit(vcpu);
    }
    let arg: *mut F = &mut visit;
    // SAFETY: As the caller promises, and `call` gets what it expects.
    unsafe {
        bindings::kvm_smccc_service_for_each(service, kvm, Some(call::<F>), arg.cast());
    }
}

/// Adds the counts of all vCPUs of a VM to `counts`.
///
/// # Safety
///
/// `kvm` is a VM that opted in to `service`, and the caller has a reference to
/// it. Nobody else uses `counts` meanwhile.
#[no_mangle]
unsafe extern "C" fn sdei_count(
    service: *const bindings::kvm_smccc_service,
    kvm: *mut bindings::kvm,
    counts: *mut bindings::sdei_counts,
) {
    // SAFETY: As the caller promises.
    let counts = unsafe { &mut *counts };
    let add = |vcpu: &VcpuData| {
        let counters = vcpu.counters();
        counts.calls = counts.calls.wrapping_add(counters.calls());
        counts.deliveries = counts.deliveries.wrapping_add(counters.deliveries());
        counts.injections = counts.injections.wrapping_add(counters.injections());
    };
    // SAFETY: As the caller promises.
    unsafe { for_each_vcpu(service, kvm, add) };
}

/// Writes a line for a vCPU.
///
/// # Safety
///
/// `seq` is a file that is being shown.
unsafe fn show(vcpu: &VcpuData, seq: *mut bindings::seq_file) {
    let ready = vcpu.port().ready();
    // SAFETY: As the caller promises.
    unsafe { bindings::sdei_shim_show_vcpu(seq, vcpu.id()) };
    for event in Event::ALL {
        let state = state(vcpu, event);
        if state & u64::from(bindings::KVM_SDEI_STATE_REGISTERED) != 0 {
            let enabled = state & u64::from(bindings::KVM_SDEI_STATE_ENABLED) != 0;
            let blocked = enabled && !ready.contains(event);
            // SAFETY: As above.
            unsafe { bindings::sdei_shim_show_event(seq, event.number(), state, blocked) };
        }
    }
    // SAFETY: As above.
    unsafe { bindings::sdei_shim_show_end(seq) };
}

/// Writes a line for each vCPU of a VM.
///
/// # Safety
///
/// `kvm` is a VM that opted in to `service`, and the caller has a reference to
/// it. `seq` is a file that is being shown.
#[no_mangle]
unsafe extern "C" fn sdei_show_vcpus(
    service: *const bindings::kvm_smccc_service,
    kvm: *mut bindings::kvm,
    seq: *mut bindings::seq_file,
) {
    // SAFETY: As the caller promises.
    unsafe { for_each_vcpu(service, kvm, |vcpu| show(vcpu, seq)) };
}

/// The search for the vCPU that an event is to be raised in.
struct Search<'a> {
    /// The ID of the vCPU, if the administrator has named one.
    id: Option<u32>,
    event: Event,
    /// The best vCPU so far, and how good it is.
    found: Option<(&'a VcpuData, Fitness)>,
}

/// How much sense it makes to raise an event in a vCPU, in rising order.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Fitness {
    /// The guest would not get it: it has not registered the event on this
    /// vCPU, or the vCPU is off.
    Useless,
    /// The guest would get it later.
    Registered,
    /// The guest would get it now.
    Ready,
}

impl Fitness {
    fn of(vcpu: &VcpuData, event: Event) -> Fitness {
        let port = vcpu.port();
        if vcpu.is_off() || !port.registered().contains(event) {
            Fitness::Useless
        } else if !port.ready().contains(event) {
            Fitness::Registered
        } else {
            Fitness::Ready
        }
    }
}

impl<'a> Search<'a> {
    fn consider(&mut self, vcpu: &'a VcpuData) {
        if self.id.is_some_and(|id| id != vcpu.id()) {
            return;
        }
        let fitness = Fitness::of(vcpu, self.event);
        match self.found {
            Some((_, best)) if best >= fitness => {}
            _ => self.found = Some((vcpu, fitness)),
        }
    }
}

/// Raises an event in the vCPU with this ID, or, if `vcpu` is no ID, in the vCPU
/// that is most likely to take the event.
///
/// # Safety
///
/// `kvm` is a VM that opted in to `service`, and the caller has a reference to
/// it.
#[no_mangle]
unsafe extern "C" fn sdei_inject(
    service: *const bindings::kvm_smccc_service,
    kvm: *mut bindings::kvm,
    vcpu: i64,
    number: u64,
) -> c_int {
    let result = event(number).and_then(|event| {
        let mut search = Search {
            // SDEI_ANY_VCPU is no ID.
            id: u32::try_from(vcpu).ok(),
            event,
            found: None,
        };
        // SAFETY: As the caller promises.
        unsafe { for_each_vcpu(service, kvm, |vcpu| search.consider(vcpu)) };
        match (search.id, search.found) {
            (_, None) => Err(ENOENT),
            // For event 0, `raise` returns EPERM, whatever the vCPU's state.
            (None, Some((_, Fitness::Useless))) if !event.is_software_signalled() => Err(EAGAIN),
            (_, Some((vcpu, _))) => raise(vcpu, event),
        }
    });
    result.map_or_else(|error| error.to_errno(), |()| 0)
}
