// SPDX-License-Identifier: GPL-2.0

//! The static table of private events (DEN0054 4.4) and collections indexed by
//! event.

/// The two classes of events (DEN0054 4.3). A critical event preempts the
/// handler of a normal event; no other event preempts a handler.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Priority {
    /// Delivered when no handler runs.
    Normal,
    /// Delivered when no handler of a critical event runs.
    Critical,
}

/// Who raises an event.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Source {
    /// The guest, with SDEI_EVENT_SIGNAL.
    Guest,
    /// The VMM or the host.
    Host,
}

macro_rules! events {
    ($($(#[$doc:meta])* $name:ident = $number:literal, $priority:ident, $source:ident;)*) => {
        /// A private event: every CPU has its own registration, state and
        /// pending bit. `shared.rs` has the others.
        #[derive(Clone, Copy, PartialEq, Eq, Debug)]
        #[repr(u8)]
        pub enum Event {
            $($(#[$doc])* $name,)*
        }

        impl Event {
            /// Every event, in the order of their bits in an [`EventSet`].
            pub const ALL: [Event; Event::COUNT] = [$(Event::$name),*];

            /// How many events there are.
            pub const COUNT: usize = [$(Event::$name),*].len();

            /// The event with this index in [`Event::ALL`], if there is one.
            /// This compares the index with each event's instead of reading a
            /// table: user space may choose the index, and a CPU that
            /// speculates could read beyond the end of a table.
            pub const fn from_index(index: usize) -> Option<Event> {
                $(if index == Event::$name as usize {
                    return Some(Event::$name);
                })*
                None
            }

            /// The event with this number, if the table has one. The number
            /// is the low half of the argument register: DEN0054 has it as a
            /// 32-bit quantity.
            pub const fn from_number(number: u32) -> Option<Event> {
                match number {
                    $($number => Some(Event::$name),)*
                    _ => None,
                }
            }

            /// The number by which guest and VMM know the event. Bits 31 and
            /// 29:24 are clear. Bit 30 is set for all events but the one that
            /// DEN0054 itself defines.
            pub const fn number(self) -> u32 {
                match self {
                    $(Event::$name => $number,)*
                }
            }

            const fn listed_priority(self) -> Priority {
                match self {
                    $(Event::$name => Priority::$priority,)*
                }
            }

            const fn source(self) -> Source {
                match self {
                    $(Event::$name => Source::$source,)*
                }
            }
        }
    };
}

events! {
    /// The software-signalled event that every dispatcher has.
    SoftwareSignalled = 0x0000_0000, Normal, Guest;
    /// For the VMM to raise.
    Normal0 = 0x4000_0010, Normal, Host;
    /// For the VMM to raise.
    Normal1 = 0x4000_0011, Normal, Host;
    /// For the VMM to raise.
    Normal2 = 0x4000_0012, Normal, Host;
    /// For the VMM to raise.
    Normal3 = 0x4000_0013, Normal, Host;
    /// For the VMM to raise.
    Critical0 = 0x4000_0020, Critical, Host;
    /// For the VMM to raise.
    Critical1 = 0x4000_0021, Critical, Host;
    /// For the VMM to raise.
    Critical2 = 0x4000_0022, Critical, Host;
    /// For the VMM to raise.
    Critical3 = 0x4000_0023, Critical, Host;
}

const _: () = assert!(
    Event::COUNT + 3 <= u64::BITS as usize,
    "an Agenda is one word"
);

impl Event {
    /// The class of the event, fixed by the table.
    pub const fn priority(self) -> Priority {
        // A bit mask takes fewer instructions than a table.
        if EventSet::CRITICAL.contains(self) {
            Priority::Critical
        } else {
            Priority::Normal
        }
    }

    /// Whether SDEI_EVENT_SIGNAL may name the event (DEN0054 5.1.16).
    pub fn is_software_signalled(self) -> bool {
        self.source() == Source::Guest
    }

    const fn bit(self) -> u64 {
        1 << (self as u8)
    }
}

/// A set of events: bit n stands for `Event::ALL[n]`.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct EventSet(u64);

impl EventSet {
    /// No event.
    pub const EMPTY: EventSet = EventSet(0);

    /// Every event of the table.
    pub const ALL: EventSet = EventSet(u64::MAX >> (64 - Event::COUNT));

    /// The events of critical priority.
    pub const CRITICAL: EventSet = {
        let mut set = 0;
        let mut rest: &[Event] = &Event::ALL;
        while let [event, tail @ ..] = rest {
            if let Priority::Critical = event.listed_priority() {
                set |= event.bit();
            }
            rest = tail;
        }
        EventSet(set)
    };

    /// The set of one event.
    pub const fn of(event: Event) -> EventSet {
        EventSet(event.bit())
    }

    /// The set with these bits, unless one of them stands for no event.
    pub fn from_bits(bits: u64) -> Option<EventSet> {
        (bits & !EventSet::ALL.0 == 0).then_some(EventSet(bits))
    }

    /// The set as bits.
    pub const fn bits(self) -> u64 {
        self.0
    }

    pub(super) const fn from_known_bits(bits: u64) -> EventSet {
        EventSet(bits & EventSet::ALL.0)
    }

    /// Whether `event` is in the set.
    pub const fn contains(self, event: Event) -> bool {
        self.0 & event.bit() != 0
    }

    /// The set with `event`.
    pub fn with(self, event: Event) -> EventSet {
        EventSet(self.0 | event.bit())
    }

    /// The set without `event`.
    pub fn without(self, event: Event) -> EventSet {
        EventSet(self.0 & !event.bit())
    }

    /// What is in both sets.
    pub fn and(self, other: EventSet) -> EventSet {
        EventSet(self.0 & other.0)
    }

    /// Whether the set has no event.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The event of the set that is delivered first: a critical one if there is
    /// one, and of its class the one that is first in the table. DEN0054 leaves
    /// the choice within a class to the implementation.
    pub fn first(self) -> Option<Event> {
        let critical = self.and(EventSet::CRITICAL);
        let class = if critical.is_empty() { self } else { critical };
        Event::ALL.get(class.0.trailing_zeros() as usize).copied()
    }
}

/// One `T` for each event.
#[derive(Clone, Copy, Debug)]
pub(super) struct PerEvent<T>([T; Event::COUNT]);

impl<T: Copy> PerEvent<T> {
    pub(super) const fn all(value: T) -> Self {
        PerEvent([value; Event::COUNT])
    }

    #[expect(
        clippy::indexing_slicing,
        reason = "an Event is less than Event::COUNT, and the compiler knows"
    )]
    pub(super) fn get(&self, event: Event) -> T {
        self.0[event as usize]
    }

    #[expect(
        clippy::indexing_slicing,
        reason = "an Event is less than Event::COUNT, and the compiler knows"
    )]
    pub(super) fn get_mut(&mut self, event: Event) -> &mut T {
        &mut self.0[event as usize]
    }
}

/// One `T` for each priority.
#[derive(Clone, Copy, Debug)]
pub(super) struct PerPriority<T> {
    pub(super) normal: T,
    pub(super) critical: T,
}

impl<T> PerPriority<T> {
    pub(super) fn get(&self, priority: Priority) -> &T {
        match priority {
            Priority::Normal => &self.normal,
            Priority::Critical => &self.critical,
        }
    }

    pub(super) fn get_mut(&mut self, priority: Priority) -> &mut T {
        match priority {
            Priority::Normal => &mut self.normal,
            Priority::Critical => &mut self.critical,
        }
    }
}
