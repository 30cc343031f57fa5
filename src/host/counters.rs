// SPDX-License-Identifier: GPL-2.0

//! Statistics of a vCPU, and their sum over a VM, which is what user space sees.

use super::bindings;
use super::service::SERVICE;
use super::vcpu::Vcpu;
use core::ffi::c_void;
use core::sync::atomic::{AtomicU64, Ordering};

/// What happened to a vCPU since it was created.
pub(super) struct Counters {
    calls: AtomicU64,
    deliveries: AtomicU64,
    injections: AtomicU64,
}

/// Adds one to a counter that only one thread writes.
fn count(counter: &AtomicU64) {
    counter.store(
        counter.load(Ordering::Relaxed).wrapping_add(1),
        Ordering::Relaxed,
    );
}

impl Counters {
    pub(super) const fn new() -> Counters {
        Counters {
            calls: AtomicU64::new(0),
            deliveries: AtomicU64::new(0),
            injections: AtomicU64::new(0),
        }
    }

    /// The guest made a call. For the vCPU's own thread.
    pub(super) fn called(&self) {
        count(&self.calls);
    }

    /// A handler was entered. For the vCPU's own thread.
    pub(super) fn delivered(&self) {
        count(&self.deliveries);
    }

    /// The VMM or the administrator raised an event. For any thread.
    pub(super) fn injected(&self) {
        self.injections.fetch_add(1, Ordering::Relaxed);
    }
}

/// A sum in the making.
struct Sum {
    which: bindings::sdei_counter,
    total: u64,
}

/// # Safety
///
/// For KVM to call, under the contract in `mod.rs`.
unsafe extern "C" fn add(data: *mut c_void, sum: *mut c_void) {
    // SAFETY: KVM passes what `vcpu_create` made for a vCPU that is alive
    // (contracts 1 and 4), and the `Sum` of `sdei_total`.
    let (vcpu, sum) = unsafe { (Vcpu::shared(data), &mut *sum.cast::<Sum>()) };
    let counters = vcpu.counters();
    let counter = match sum.which {
        bindings::SDEI_CALLS => &counters.calls,
        bindings::SDEI_DELIVERIES => &counters.deliveries,
        bindings::SDEI_INJECTIONS => &counters.injections,
        _ => return,
    };
    sum.total = sum.total.wrapping_add(counter.load(Ordering::Relaxed));
}

/// The sum of a counter over the vCPUs of a VM.
///
/// # Safety
///
/// `kvm` is a VM that opted in, and is not yet being taken down: its debugfs
/// folder is there.
#[no_mangle]
unsafe extern "C" fn sdei_total(kvm: *mut bindings::kvm, which: bindings::sdei_counter) -> u64 {
    let mut sum = Sum { which, total: 0 };
    let arg: *mut Sum = &mut sum;
    // SAFETY: As the caller promises, and `add` gets what it expects.
    unsafe {
        bindings::kvm_smccc_service_for_each(SERVICE.get(), kvm, Some(add), arg.cast());
    }
    sum.total
}
