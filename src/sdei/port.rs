// SPDX-License-Identifier: GPL-2.0

//! The part of a CPU's state that other threads may read and change.

use super::event::{Event, EventSet};
#[cfg(not(loom))]
use core::sync::atomic::{AtomicU64, Ordering};
#[cfg(loom)]
use loom::sync::atomic::{AtomicU64, Ordering};

/// The event has no handler on that CPU.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Unregistered;

/// The part of a CPU's state that every thread may use: its pending events, and
/// copies of what a thread that raises one has to know.
///
/// There is one pending bit per event and no counter: a trigger of an event that
/// is pending already merges with the earlier one (DEN0054 5.1.16.1).
///
/// # Protocol
///
/// A thread that raises an event first sets the pending bit and then kicks the
/// CPU. A CPU that was kicked looks for pending bits before it runs the guest
/// again. The kick orders these two, so the CPU finds the bit. The CPU also
/// looks after each change that it makes to `ready` itself, so it finds a bit
/// that was set when the event could not be delivered yet.
///
/// Only the CPU's own thread clears a pending bit in order to deliver the event,
/// so each trigger is delivered once.
///
/// A thread that raises an event while the CPU unregisters it may leave the
/// pending bit set. The event can't be delivered as it is not ready, and the
/// CPU clears the bit when it registers the event again.
#[derive(Default)]
pub struct Port {
    /// Triggers that were accepted and not yet delivered.
    pending: AtomicU64,
    /// Events with a handler; written by the CPU's own thread.
    registered: AtomicU64,
    /// Events with an enabled handler; written by the CPU's own thread.
    enabled: AtomicU64,
    /// Events that would be delivered now if they were pending; written by the
    /// CPU's own thread.
    ready: AtomicU64,
}

impl Port {
    /// The port of a CPU after power-up.
    pub fn new() -> Port {
        Port::default()
    }

    /// Makes `event` pending. Any thread may call this, and then has to kick the
    /// CPU. An event that is disabled, or whose CPU is masked, stays pending
    /// until it can be delivered.
    ///
    /// # Errors
    ///
    /// [`Unregistered`] if the event has no handler; nothing changes.
    pub fn raise(&self, event: Event) -> Result<(), Unregistered> {
        // Acquire pairs with the release in `publish`: a thread that finds the
        // event registered also finds that the pending bit of an earlier
        // registration is cleared. So the bit that it sets is for this one.
        if !self.registered().contains(event) {
            return Err(Unregistered);
        }
        // Release: the handler sees what this thread wrote before.
        self.pending
            .fetch_or(EventSet::of(event).bits(), Ordering::Release);
        Ok(())
    }

    /// Takes back a trigger that was not delivered yet. Any thread may call
    /// this. Returns whether there was one; if not, it was delivered already, or
    /// the event was never raised.
    pub fn withdraw(&self, event: Event) -> bool {
        self.clear(event)
    }

    /// Events with a handler. Any thread may ask; the CPU's own thread may
    /// change the answer at any time.
    pub fn registered(&self) -> EventSet {
        EventSet::from_known_bits(self.registered.load(Ordering::Acquire))
    }

    /// Events with an enabled handler. As [`Port::registered`].
    pub fn enabled(&self) -> EventSet {
        EventSet::from_known_bits(self.enabled.load(Ordering::Relaxed))
    }

    /// Events that are pending. As [`Port::registered`].
    pub fn pending(&self) -> EventSet {
        EventSet::from_known_bits(self.pending.load(Ordering::Acquire))
    }

    /// Events that would be delivered if they were pending: they are enabled,
    /// the CPU is not masked, and no handler runs that they can't preempt. As
    /// [`Port::registered`].
    pub fn ready(&self) -> EventSet {
        EventSet::from_known_bits(self.ready.load(Ordering::Relaxed))
    }

    /// Events that are pending and ready. The CPU's own thread can rely on the
    /// answer, apart from triggers that are raised or withdrawn meanwhile. For
    /// other threads it may be out of date.
    pub fn deliverable(&self) -> EventSet {
        self.pending().and(self.ready())
    }

    /// Takes a trigger away. The CPU's own thread does this when it delivers the
    /// event, or when the registration ends that the trigger was for. Any thread
    /// does this to withdraw the event. Returns whether there was a trigger; of
    /// threads that call this at the same time, only one gets `true`.
    pub(super) fn clear(&self, event: Event) -> bool {
        // Acquire pairs with the release in `raise`.
        let before = self
            .pending
            .fetch_and(!EventSet::of(event).bits(), Ordering::Acquire);
        EventSet::from_known_bits(before).contains(event)
    }

    /// Takes all triggers away. For the CPU's own thread, at reset.
    pub(super) fn clear_all(&self) {
        self.pending.store(0, Ordering::Relaxed);
    }

    /// Makes events pending that user space has saved. Events that are pending
    /// already stay pending, so a trigger that arrived after user space saved
    /// the state is not lost.
    pub(super) fn restore(&self, events: EventSet) {
        self.pending.fetch_or(events.bits(), Ordering::Release);
    }

    /// Tells other threads which events have a handler, and which of these are
    /// enabled. For the CPU's own thread.
    pub(super) fn publish(&self, registered: EventSet, enabled: EventSet) {
        self.enabled.store(enabled.bits(), Ordering::Relaxed);
        self.registered.store(registered.bits(), Ordering::Release);
    }

    /// Tells other threads which events the CPU would deliver. For the CPU's own
    /// thread.
    pub(super) fn publish_ready(&self, ready: EventSet) {
        self.ready.store(ready.bits(), Ordering::Relaxed);
    }
}
