// SPDX-License-Identifier: GPL-2.0

//! Statistics of a vCPU.

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
    pub(super) fn count_call(&self) {
        count(&self.calls);
    }

    /// The vCPU entered a handler. For the vCPU's own thread.
    pub(super) fn count_delivery(&self) {
        count(&self.deliveries);
    }

    /// The VMM or the administrator raised an event. For any thread.
    pub(super) fn count_injection(&self) {
        self.injections.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn calls(&self) -> u64 {
        self.calls.load(Ordering::Relaxed)
    }

    pub(super) fn deliveries(&self) -> u64 {
        self.deliveries.load(Ordering::Relaxed)
    }

    pub(super) fn injections(&self) -> u64 {
        self.injections.load(Ordering::Relaxed)
    }
}
