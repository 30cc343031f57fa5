// SPDX-License-Identifier: GPL-2.0

//! What threads other than a CPU's own may touch of it.

use super::event::{Event, EventSet};
#[cfg(not(loom))]
use core::sync::atomic::{AtomicU64, Ordering};
#[cfg(loom)]
use loom::sync::atomic::{AtomicU64, Ordering};

/// The event has no handler on that CPU.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Unregistered;

/// The side of a CPU that everybody sees: its pending events, and as much of
/// its state as it takes to raise one and to know whether that is of use.
///
/// One bit per event, never a count: triggers that meet an undelivered one
/// merge with it (DEN0054 5.1.16.1).
///
/// # Protocol
///
/// Whoever raises an event sets the pending bit first and kicks the CPU
/// afterwards; the CPU, kicked, looks for pending bits before it runs the
/// guest again. The kick orders the two, so no lookup can miss the bit. The CPU
/// also looks after each change that it makes to `ready` itself, so a bit that
/// was set without being deliverable is found when it becomes so.
///
/// Only the CPU's own thread clears a pending bit to deliver it, which is why
/// it is delivered once.
///
/// Who raises an event while it is being unregistered may leave its bit behind.
/// That bit is never ready, and gone when the event is registered again.
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

    /// Makes `event` pending. Any thread may; the caller then kicks the CPU.
    ///
    /// # Errors
    ///
    /// [`Unregistered`] if there is nobody to deliver it to. An event that is
    /// masked or disabled stays pending until it is not.
    pub fn raise(&self, event: Event) -> Result<(), Unregistered> {
        // Acquire pairs with the release in `publish`: who finds an event
        // registered finds the pending bit of an earlier registration cleared,
        // and sets it for this one.
        if !self.registered().contains(event) {
            return Err(Unregistered);
        }
        // Release: what the signaller wrote before is visible to the handler.
        self.pending
            .fetch_or(EventSet::of(event).bits(), Ordering::Release);
        Ok(())
    }

    /// Takes back an undelivered trigger. Any thread may. Returns whether there
    /// was one; if not, it has been delivered, or never was.
    pub fn withdraw(&self, event: Event) -> bool {
        self.clear(event)
    }

    /// Events with a handler. Any thread may ask; the answer may be old by the
    /// time it arrives.
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

    /// Events that nothing stands in the way of: enabled, not masked, and no
    /// handler runs that they could not preempt. As [`Port::registered`].
    pub fn ready(&self) -> EventSet {
        EventSet::from_known_bits(self.ready.load(Ordering::Relaxed))
    }

    /// Events that would divert the CPU if it ran now. Exact for the CPU's own
    /// thread; a good guess for all others.
    pub fn deliverable(&self) -> EventSet {
        self.pending().and(self.ready())
    }

    /// Consumes a trigger: the CPU's own thread, because it is delivered or
    /// because the registration it was for is gone, and any thread, because it is
    /// withdrawn. Returns whether it was there, which only one is told.
    pub(super) fn clear(&self, event: Event) -> bool {
        // Acquire pairs with the release in `raise`.
        let before = self
            .pending
            .fetch_and(!EventSet::of(event).bits(), Ordering::Acquire);
        EventSet::from_known_bits(before).contains(event)
    }

    /// For the CPU's own thread, at reset.
    pub(super) fn clear_all(&self) {
        self.pending.store(0, Ordering::Relaxed);
    }

    /// Adds triggers that come from a migration. They add to what is there:
    /// a trigger that arrived since the state was saved is not lost.
    pub(super) fn restore(&self, events: EventSet) {
        self.pending.fetch_or(events.bits(), Ordering::Release);
    }

    /// For the CPU's own thread: says which registrations there are.
    pub(super) fn publish(&self, registered: EventSet, enabled: EventSet) {
        self.enabled.store(enabled.bits(), Ordering::Relaxed);
        self.registered.store(registered.bits(), Ordering::Release);
    }

    /// For the CPU's own thread: says what it would deliver.
    pub(super) fn publish_ready(&self, ready: EventSet) {
        self.ready.store(ready.bits(), Ordering::Relaxed);
    }
}

/// Another CPU of the same guest, or the same one: its port, and a way to make
/// it look there.
pub trait Peer {
    /// The CPU's port.
    fn port(&self) -> &Port;

    /// Makes the CPU look for pending events before it next runs the guest. If
    /// it runs it now, it leaves it for that; if it waits in WFI or WFE and
    /// there is something deliverable, it wakes; if it is powered off it
    /// stays so.
    fn kick(&self);
}
