// SPDX-License-Identifier: GPL-2.0

//! What an administrator sees of a VM, and does to it, through the file of
//! `control.c`. That calls the functions that this file exports.

use super::attributes::{event, raise, raise_shared, shared_event, shared_state, state};
use super::bindings;
use super::vcpu::VcpuData;
use super::vm::VmData;
use crate::sdei::{Event, Peer, SharedEvent};
use core::ffi::{c_int, c_void};
use kernel::prelude::*;

/// Adds the counts of all vCPUs of a VM to `counts`.
///
/// # Safety
///
/// `vm_data` is what is kept for a VM, and the caller has a reference to the VM.
/// Nobody else uses `counts` meanwhile.
#[no_mangle]
unsafe extern "C" fn sdei_count(vm_data: *mut c_void, counts: *mut bindings::sdei_counts) {
    // SAFETY: As the caller promises.
    let vm = unsafe { VmData::shared_ref(vm_data) };
    // SAFETY: As the caller promises.
    let counts = unsafe { &mut *counts };
    counts.injections = vm.injections();
    vm.for_each_vcpu(|vcpu| {
        let counters = vcpu.counters();
        counts.calls = counts.calls.wrapping_add(counters.calls());
        counts.deliveries = counts.deliveries.wrapping_add(counters.deliveries());
        counts.injections = counts.injections.wrapping_add(counters.injections());
    });
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

/// Writes a line for the shared events, if the guest has registered one.
///
/// # Safety
///
/// `seq` is a file that is being shown.
unsafe fn show_shared(vm: &VmData, seq: *mut bindings::seq_file) {
    if vm.port().registered().is_empty() {
        return;
    }
    // SAFETY: As the caller promises.
    unsafe { bindings::sdei_shim_show_shared(seq) };
    for event in SharedEvent::ALL {
        let state = shared_state(vm, event);
        if state & u64::from(bindings::KVM_SDEI_STATE_REGISTERED) != 0 {
            // SAFETY: As above.
            unsafe { bindings::sdei_shim_show_event(seq, event.number(), state, false) };
        }
    }
    // SAFETY: As above.
    unsafe { bindings::sdei_shim_show_end(seq) };
}

/// Writes the lines of a VM's vCPUs and of its shared events.
///
/// # Safety
///
/// `vm_data` is what is kept for a VM, and the caller has a reference to the VM.
/// `seq` is a file that is being shown.
#[no_mangle]
unsafe extern "C" fn sdei_show_events(vm_data: *mut c_void, seq: *mut bindings::seq_file) {
    // SAFETY: As the caller promises.
    let vm = unsafe { VmData::shared_ref(vm_data) };
    // SAFETY: As the caller promises.
    vm.for_each_vcpu(|vcpu| unsafe { show(vcpu, seq) });
    // SAFETY: As the caller promises.
    unsafe { show_shared(vm, seq) };
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

/// Raises a private event in the vCPU with this ID, or, if there is no ID, in the
/// vCPU that is most likely to take the event.
fn inject(vm: &VmData, id: Option<u32>, event: Event) -> Result {
    let mut search = Search {
        id,
        event,
        found: None,
    };
    vm.for_each_vcpu(|vcpu| search.consider(vcpu));
    match (search.id, search.found) {
        (_, None) => Err(ENOENT),
        // For event 0, `raise` returns EPERM, whatever the vCPU's state.
        (None, Some((_, Fitness::Useless))) if !event.is_software_signalled() => Err(EAGAIN),
        (_, Some((vcpu, _))) => raise(vcpu, event),
    }
}

/// Raises an event in the vCPU with this ID. If `vcpu` is no ID, raises a private
/// event in some vCPU, and a shared one in the VM.
///
/// # Safety
///
/// `vm_data` is what is kept for a VM, and the caller has a reference to the VM.
#[no_mangle]
unsafe extern "C" fn sdei_inject(vm_data: *mut c_void, vcpu: i64, number: u64) -> c_int {
    // SAFETY: As the caller promises.
    let vm = unsafe { VmData::shared_ref(vm_data) };
    // SDEI_ANY_VCPU is no ID.
    let result = match (u32::try_from(vcpu).ok(), shared_event(number)) {
        (None, Ok(event)) => raise_shared(vm, event),
        (id, _) => event(number).and_then(|event| inject(vm, id, event)),
    };
    result.map_or_else(|error| error.to_errno(), |()| 0)
}
