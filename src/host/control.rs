// SPDX-License-Identifier: GPL-2.0

//! What an administrator sees of a VM, and does to it, through the files of
//! `control.c`.

use super::bindings;
use super::service::{errno, event, raise, state, SERVICE};
use super::vcpu::Vcpu;
use crate::sdei::Event;
use core::ffi::{c_int, c_void};
use kernel::prelude::*;

/// # Safety
///
/// For KVM to call, under the contract in `mod.rs`.
unsafe extern "C" fn show(data: *mut c_void, seq: *mut c_void) {
    // SAFETY: KVM passes what `vcpu_create` made for a vCPU that is alive
    // (contracts 1 and 4).
    let vcpu = unsafe { Vcpu::shared(data) };
    let ready = vcpu.port().ready();
    let seq = seq.cast();
    // SAFETY: This is the file that `sdei_show_vcpus` was asked to write to.
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
/// `kvm` is a VM that opted in, and its vCPUs are not yet being taken down.
/// `seq` is a file in the middle of being shown.
#[no_mangle]
unsafe extern "C" fn sdei_show_vcpus(kvm: *mut bindings::kvm, seq: *mut bindings::seq_file) {
    // SAFETY: As the caller promises, and `show` gets what it expects.
    unsafe {
        bindings::kvm_smccc_service_for_each(SERVICE.get(), kvm, Some(show), seq.cast());
    }
}

/// The search for the vCPU that an event is to be raised in.
struct Search<'a> {
    /// That one, or any.
    id: Option<u32>,
    event: Event,
    /// The best so far, and how good it is.
    found: Option<(&'a Vcpu, Fitness)>,
}

/// How much sense it makes to raise an event in a vCPU, in rising order.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Fitness {
    Deaf,
    Registered,
    Ready,
}

impl Fitness {
    fn of(vcpu: &Vcpu, event: Event) -> Fitness {
        let port = vcpu.port();
        if !port.registered().contains(event) {
            Fitness::Deaf
        } else if !port.ready().contains(event) {
            Fitness::Registered
        } else {
            Fitness::Ready
        }
    }
}

/// # Safety
///
/// For KVM to call, under the contract in `mod.rs`.
unsafe extern "C" fn consider(data: *mut c_void, search: *mut c_void) {
    // SAFETY: KVM passes what `vcpu_create` made for a vCPU that is alive
    // (contracts 1 and 4), and the `Search` of `sdei_inject`.
    let (vcpu, search) = unsafe { (Vcpu::shared(data), &mut *search.cast::<Search<'_>>()) };
    if search.id.is_some_and(|id| id != vcpu.id()) {
        return;
    }
    let fitness = Fitness::of(vcpu, search.event);
    match search.found {
        Some((_, best)) if best >= fitness => {}
        _ => search.found = Some((vcpu, fitness)),
    }
}

/// Raises an event in a vCPU; in the one that is most likely to take it if the
/// caller does not name one.
///
/// # Safety
///
/// `kvm` is a VM that opted in, and its vCPUs are not taken down before this
/// returns.
#[no_mangle]
unsafe extern "C" fn sdei_inject(kvm: *mut bindings::kvm, vcpu: i64, number: u64) -> c_int {
    let result = event(number).and_then(|event| {
        let mut search = Search {
            // SDEI_ANY_VCPU is out of range.
            id: u32::try_from(vcpu).ok(),
            event,
            found: None,
        };
        let arg: *mut Search<'_> = &mut search;
        // SAFETY: As the caller promises, and `consider` gets what it expects.
        unsafe {
            bindings::kvm_smccc_service_for_each(SERVICE.get(), kvm, Some(consider), arg.cast());
        }
        let (vcpu, _) = search.found.ok_or(ENOENT)?;
        raise(vcpu, event)
    });
    result.map_or_else(errno, |()| 0)
}
