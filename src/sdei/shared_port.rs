// SPDX-License-Identifier: GPL-2.0

//! The part of a guest's shared events that every thread may use without a lock.

use super::event::Priority;
use super::port::Unregistered;
use super::shared::{PerShared, Routing, SharedEvent, SharedSet};
#[cfg(not(loom))]
use core::sync::atomic::{fence, AtomicU64, Ordering};
#[cfg(loom)]
use loom::sync::atomic::{fence, AtomicU64, Ordering};

/// What every thread may use of a guest's shared events: which of them are
/// pending, and copies of what the [`Bank`](super::Bank) has. All but the pending
/// bits is written under the lock of the bank.
///
/// # Protocol
///
/// Each CPU has a *look bit* for each priority in its [`Port`](super::Port). It
/// says that the CPU has to look for shared events of this priority when it can
/// take one. One more bit says that the CPU was *given* an event that it could
/// take. For each event that is pending and enabled, and whose handler does not
/// run, one of these two holds:
///
/// - a CPU that may take it, and can take it now, has its look bit set and is
///   kicked;
/// - all CPUs that may take it have their look bits set, so that the first that
///   can take it will look.
///
/// `route` in `routing.rs` establishes this. It is called after each step that
/// makes an event pending or enabled, or ends its handler, and by a CPU that was
/// given an event but can't take it any more.
///
/// Steps of two threads that each write one word and then read the other's, such
/// as to raise an event and to change its routing, have a full barrier between
/// the two. So one of the threads sees what the other wrote.
#[derive(Default)]
pub struct SharedPort {
    /// Triggers that were accepted and not yet delivered.
    pending: AtomicU64,
    /// Events with a handler.
    registered: AtomicU64,
    /// Events with an enabled handler.
    enabled: AtomicU64,
    /// Events whose handler runs.
    running: AtomicU64,
    /// Where each event may be delivered.
    routings: PerShared<AtomicU64>,
}

impl SharedPort {
    /// The port of a guest that has not registered a shared event.
    pub fn new() -> SharedPort {
        SharedPort::default()
    }

    /// Makes `event` pending, if it is registered. [`raise`](super::raise) also
    /// sees to it that a CPU takes it.
    pub(super) fn set_pending(&self, event: SharedEvent) -> Result<(), Unregistered> {
        // Acquire, as for a private event: see `Port::raise`.
        if !self.registered().contains(event) {
            return Err(Unregistered);
        }
        self.pending
            .fetch_or(SharedSet::of(event).bits(), Ordering::Release);
        Ok(())
    }

    /// Takes back a trigger that was not delivered yet. Any thread may call
    /// this. Returns whether there was one.
    pub fn withdraw(&self, event: SharedEvent) -> bool {
        self.clear(event)
    }

    /// Events with a handler.
    pub fn registered(&self) -> SharedSet {
        SharedSet::from_known_bits(self.registered.load(Ordering::Acquire))
    }

    /// Events with an enabled handler.
    pub fn enabled(&self) -> SharedSet {
        SharedSet::from_known_bits(self.enabled.load(Ordering::Relaxed))
    }

    /// Events whose handler runs on some CPU.
    pub fn running(&self) -> SharedSet {
        SharedSet::from_known_bits(self.running.load(Ordering::Relaxed))
    }

    /// Events that are pending.
    pub fn pending(&self) -> SharedSet {
        SharedSet::from_known_bits(self.pending.load(Ordering::Acquire))
    }

    /// Where the event may be delivered.
    pub fn routing(&self, event: SharedEvent) -> Routing {
        let word = self.routings.get(event).load(Ordering::Relaxed);
        Routing::from_word(word).unwrap_or(Routing::Any)
    }

    /// Events that a CPU would take if it could: they are pending and enabled,
    /// and their handlers don't run. For threads that don't hold the lock of the
    /// bank, the answer may be out of date.
    pub fn waiting(&self) -> SharedSet {
        self.pending().and(self.enabled()).except(self.running())
    }

    /// As [`SharedPort::waiting`], for one priority.
    pub(super) fn waiting_of(&self, priority: Priority) -> SharedSet {
        self.waiting().of_priority(priority)
    }

    /// Takes a trigger away. Returns whether there was one; of threads that call
    /// this at the same time, only one gets `true`.
    pub(super) fn clear(&self, event: SharedEvent) -> bool {
        let bit = SharedSet::of(event);
        let before = self.pending.fetch_and(!bit.bits(), Ordering::Acquire);
        SharedSet::from_known_bits(before).contains(event)
    }

    /// Makes events pending that user space has saved.
    pub(super) fn restore(&self, events: SharedSet) {
        self.pending.fetch_or(events.bits(), Ordering::Release);
    }

    /// Tells all threads what the bank has. For the thread that holds its lock.
    pub(super) fn publish(&self, registered: SharedSet, enabled: SharedSet, running: SharedSet) {
        self.running.store(running.bits(), Ordering::Relaxed);
        self.enabled.store(enabled.bits(), Ordering::Relaxed);
        self.registered.store(registered.bits(), Ordering::Release);
    }

    /// The same for the routing of an event.
    pub(super) fn publish_routing(&self, event: SharedEvent, routing: Routing) {
        let word = self.routings.get(event);
        word.store(routing.to_word(), Ordering::Relaxed);
    }

    /// The full barrier between what a thread wrote and what it reads next.
    pub(super) fn barrier() {
        fence(Ordering::SeqCst);
    }
}
