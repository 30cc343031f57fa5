// SPDX-License-Identifier: GPL-2.0

//! The part of a CPU's state that other threads may read and change.

use super::event::{Event, EventSet, Priority};
#[cfg(not(loom))]
use core::sync::atomic::{AtomicU64, Ordering};
#[cfg(loom)]
use loom::sync::atomic::{AtomicU64, Ordering};

/// The event has no handler on that CPU.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Unregistered;

/// What a CPU may have to do: private events to deliver, each with the bit that it
/// has in an [`EventSet`], and, for each priority, to look for shared events.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Agenda(u64);

/// One of the things on an [`Agenda`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Item {
    /// To deliver a private event.
    Deliver(Event),
    /// To look for shared events of this priority.
    Look(Priority),
}

impl Agenda {
    const LOOK_NORMAL: u64 = 1 << Event::COUNT;
    const LOOK_CRITICAL: u64 = Agenda::LOOK_NORMAL << 1;
    const LOOKS: u64 = Agenda::LOOK_NORMAL | Agenda::LOOK_CRITICAL;
    /// The CPU was given a shared event. Every CPU has to do something about that,
    /// whether or not it can take one.
    const GIVEN: u64 = Agenda::LOOK_NORMAL << 2;
    const SHARED: u64 = Agenda::LOOKS | Agenda::GIVEN;
    const ALL: u64 = EventSet::ALL.bits() | Agenda::SHARED;
    const CRITICAL: u64 = EventSet::CRITICAL.bits() | Agenda::LOOK_CRITICAL;

    /// What a CPU does that can take no event.
    pub(super) const UNABLE: Agenda = Agenda(Agenda::GIVEN);

    /// What a CPU does that can take these private events, and shared events of
    /// both priorities.
    pub(super) const fn of(events: EventSet) -> Agenda {
        Agenda(events.bits() | Agenda::SHARED)
    }

    /// The same while the handler of a normal event runs.
    pub(super) const fn of_critical(events: EventSet) -> Agenda {
        Agenda((events.bits() & Agenda::CRITICAL) | Agenda::LOOK_CRITICAL | Agenda::GIVEN)
    }

    const fn from_known_bits(bits: u64) -> Agenda {
        Agenda(bits & Agenda::ALL)
    }

    const fn look(priority: Priority) -> u64 {
        match priority {
            Priority::Normal => Agenda::LOOK_NORMAL,
            Priority::Critical => Agenda::LOOK_CRITICAL,
        }
    }

    /// The private events.
    pub(super) fn events(self) -> EventSet {
        EventSet::from_known_bits(self.0)
    }

    /// What is in both.
    pub(super) fn and(self, other: Agenda) -> Agenda {
        Agenda(self.0 & other.0)
    }

    /// Without this.
    pub(super) fn without(self, item: Item) -> Agenda {
        let bit = match item {
            Item::Deliver(event) => EventSet::of(event).bits(),
            Item::Look(priority) => Agenda::look(priority),
        };
        Agenda(self.0 & !bit)
    }

    /// Whether there is nothing to do.
    pub(super) fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Whether there is something to do with shared events.
    pub(super) fn is_about_shared(self) -> bool {
        self.0 & Agenda::SHARED != 0
    }

    /// Whether the CPU was given a shared event.
    pub(super) fn is_given(self) -> bool {
        self.0 & Agenda::GIVEN != 0
    }

    /// Whether the CPU has to look for shared events of this priority.
    pub(super) fn looks_for(self, priority: Priority) -> bool {
        self.0 & Agenda::look(priority) != 0
    }

    /// What comes first: critical events before normal ones, and within a
    /// priority private events in the order of their table, and then shared ones.
    pub(super) fn first(self) -> Option<Item> {
        let critical = EventSet::CRITICAL;
        let private = self.events();
        let of = |events: EventSet| events.first().map(Item::Deliver);
        let look = |priority| self.looks_for(priority).then_some(Item::Look(priority));
        of(private.and(critical))
            .or_else(|| look(Priority::Critical))
            .or_else(|| of(private))
            .or_else(|| look(Priority::Normal))
    }
}

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
///
/// [`SharedPort`](super::SharedPort) says what the look bits are for. They are in
/// the same words as the private events, so that a CPU that has nothing to do
/// with shared events pays nothing for them.
pub struct Port {
    /// Triggers that were accepted and not yet delivered, and the look bits.
    pending: AtomicU64,
    /// Events with a handler; written by the CPU's own thread.
    registered: AtomicU64,
    /// Events with an enabled handler; written by the CPU's own thread.
    enabled: AtomicU64,
    /// Events that would be delivered now if they were pending, and whether the
    /// CPU would take shared ones; written by the CPU's own thread.
    ready: AtomicU64,
}

impl Default for Port {
    fn default() -> Port {
        Port::new()
    }
}

impl Port {
    /// The port of a CPU after power-up. Its look bits are set: shared events may
    /// be pending since a time when this CPU could not be told.
    pub fn new() -> Port {
        Port {
            pending: AtomicU64::new(Agenda::LOOKS),
            registered: AtomicU64::new(0),
            enabled: AtomicU64::new(0),
            ready: AtomicU64::new(Agenda::UNABLE.0),
        }
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

    /// Whether the CPU would do something with its agenda if it ran: there is a
    /// private event to deliver, or it has to look for shared ones, or to leave
    /// to another CPU what it was given. As [`Port::deliverable`].
    pub fn has_work(&self) -> bool {
        !self.agenda().and(self.ready_agenda()).is_empty()
    }

    /// Whether the CPU would take a shared event of this priority now. As
    /// [`Port::registered`].
    pub fn can_take(&self, priority: Priority) -> bool {
        self.ready_agenda().looks_for(priority)
    }

    /// Whether the CPU has to look for shared events of this priority, now or when
    /// it is ready. As [`Port::registered`].
    pub fn looks_for(&self, priority: Priority) -> bool {
        self.agenda().looks_for(priority)
    }

    /// Whether the CPU was given a shared event and has not looked since. As
    /// [`Port::registered`].
    pub fn is_given(&self) -> bool {
        self.agenda().is_given()
    }

    /// What the CPU has to do, now or when it is ready.
    pub(super) fn agenda(&self) -> Agenda {
        Agenda::from_known_bits(self.pending.load(Ordering::Acquire))
    }

    /// What the CPU would do now.
    pub(super) fn ready_agenda(&self) -> Agenda {
        Agenda::from_known_bits(self.ready.load(Ordering::Relaxed))
    }

    /// Has the CPU look for shared events of this priority. Any thread may call
    /// this, and then has to kick the CPU if this returns true: the bit was not
    /// set before.
    pub(super) fn set_look(&self, priority: Priority) -> bool {
        let bit = Agenda::look(priority);
        // Whoever sets the bit kicks. A bit that is set already need not be
        // written, which would take the word away from the CPU that uses it.
        self.pending.load(Ordering::Relaxed) & bit == 0
            && self.pending.fetch_or(bit, Ordering::Release) & bit == 0
    }

    /// Gives the CPU a shared event of this priority, which it can take. Any thread
    /// may call this, and then has to kick the CPU.
    pub(super) fn give(&self, priority: Priority) {
        let bits = Agenda::look(priority) | Agenda::GIVEN;
        self.pending.fetch_or(bits, Ordering::Release);
    }

    /// The CPU does something about what it was given. For its own thread.
    pub(super) fn clear_given(&self) {
        self.pending.fetch_and(!Agenda::GIVEN, Ordering::Acquire);
    }

    /// The CPU looks for shared events of this priority. For its own thread.
    pub(super) fn clear_look(&self, priority: Priority) {
        let bit = Agenda::look(priority);
        self.pending.fetch_and(!bit, Ordering::Acquire);
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

    /// Takes all triggers of private events away. For the CPU's own thread, at
    /// reset.
    pub(super) fn clear_all(&self) {
        self.pending.fetch_and(Agenda::SHARED, Ordering::Relaxed);
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
    pub(super) fn publish_ready(&self, ready: Agenda) {
        self.ready.store(ready.0, Ordering::Relaxed);
    }
}
