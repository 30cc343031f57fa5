// SPDX-License-Identifier: GPL-2.0

//! Shared events: those of which the guest as a whole has one instance (DEN0054
//! 4.4), and where they may be delivered.

use super::event::{Event, Priority};

macro_rules! shared_events {
    ($($(#[$doc:meta])* $name:ident = $number:literal, $priority:ident;)*) => {
        /// A shared event: one registration, one state and one pending bit for
        /// all CPUs. The VMM raises it.
        #[derive(Clone, Copy, PartialEq, Eq, Debug)]
        #[repr(u8)]
        pub enum SharedEvent {
            $($(#[$doc])* $name,)*
        }

        impl SharedEvent {
            /// Every event, in the order of their bits in a [`SharedSet`].
            pub const ALL: [SharedEvent; SharedEvent::COUNT] = [$(SharedEvent::$name),*];

            /// How many events there are.
            pub const COUNT: usize = [$(SharedEvent::$name),*].len();

            /// The event with this index in [`SharedEvent::ALL`], if there is
            /// one. As `Event::from_index`, this reads no table.
            pub const fn from_index(index: usize) -> Option<SharedEvent> {
                $(if index == SharedEvent::$name as usize {
                    return Some(SharedEvent::$name);
                })*
                None
            }

            /// The event with this number, if the table has one.
            pub const fn from_number(number: u32) -> Option<SharedEvent> {
                match number {
                    $($number => Some(SharedEvent::$name),)*
                    _ => None,
                }
            }

            /// The number by which guest and VMM know the event.
            pub const fn number(self) -> u32 {
                match self {
                    $(SharedEvent::$name => $number,)*
                }
            }

            /// The class of the event.
            pub const fn priority(self) -> Priority {
                match self {
                    $(SharedEvent::$name => Priority::$priority,)*
                }
            }
        }
    };
}

shared_events! {
    /// For the VMM to raise.
    Normal0 = 0x4000_0110, Normal;
    /// For the VMM to raise.
    Normal1 = 0x4000_0111, Normal;
    /// For the VMM to raise.
    Critical0 = 0x4000_0120, Critical;
    /// For the VMM to raise.
    Critical1 = 0x4000_0121, Critical;
}

/// A set of shared events: bit n stands for `SharedEvent::ALL[n]`.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct SharedSet(u64);

impl SharedSet {
    /// No event.
    pub const EMPTY: SharedSet = SharedSet(0);

    /// Every event of the table.
    pub const ALL: SharedSet = SharedSet(u64::MAX >> (64 - SharedEvent::COUNT));

    /// The events of critical priority.
    const CRITICAL: SharedSet = {
        let mut set = 0;
        let mut rest: &[SharedEvent] = &SharedEvent::ALL;
        while let [event, tail @ ..] = rest {
            if let Priority::Critical = event.priority() {
                set |= SharedSet::of(*event).0;
            }
            rest = tail;
        }
        SharedSet(set)
    };

    /// The set of one event.
    pub const fn of(event: SharedEvent) -> SharedSet {
        SharedSet(1 << (event as u8))
    }

    /// The set with these bits, unless one of them stands for no event.
    pub fn from_bits(bits: u64) -> Option<SharedSet> {
        (bits & !SharedSet::ALL.0 == 0).then_some(SharedSet(bits))
    }

    /// The set as bits.
    pub fn bits(self) -> u64 {
        self.0
    }

    pub(super) const fn from_known_bits(bits: u64) -> SharedSet {
        SharedSet(bits & SharedSet::ALL.0)
    }

    /// Whether `event` is in the set.
    pub const fn contains(self, event: SharedEvent) -> bool {
        self.0 & SharedSet::of(event).0 != 0
    }

    /// The set with `event`.
    pub fn with(self, event: SharedEvent) -> SharedSet {
        SharedSet(self.0 | SharedSet::of(event).0)
    }

    /// What is in both sets.
    pub fn and(self, other: SharedSet) -> SharedSet {
        SharedSet(self.0 & other.0)
    }

    /// What is in this set and not in the other.
    pub fn except(self, other: SharedSet) -> SharedSet {
        SharedSet(self.0 & !other.0)
    }

    /// The events of the set that have this priority.
    pub fn of_priority(self, priority: Priority) -> SharedSet {
        match priority {
            Priority::Normal => self.except(SharedSet::CRITICAL),
            Priority::Critical => self.and(SharedSet::CRITICAL),
        }
    }

    /// Whether the set has no event.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The events of the set, in the order in which they are delivered.
    pub fn iter(self) -> impl Iterator<Item = SharedEvent> {
        let mut rest = self;
        core::iter::from_fn(move || {
            let event = *SharedEvent::ALL.get(rest.0.trailing_zeros() as usize)?;
            rest = rest.except(SharedSet::of(event));
            Some(event)
        })
    }
}

/// An event of either kind.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum AnyEvent {
    /// An event of which each CPU has its own instance.
    Private(Event),
    /// An event of which there is one instance.
    Shared(SharedEvent),
}

impl AnyEvent {
    /// The number by which guest and VMM know the event.
    pub const fn number(self) -> u32 {
        match self {
            AnyEvent::Private(event) => event.number(),
            AnyEvent::Shared(event) => event.number(),
        }
    }

    /// The class of the event.
    pub const fn priority(self) -> Priority {
        match self {
            AnyEvent::Private(event) => event.priority(),
            AnyEvent::Shared(event) => event.priority(),
        }
    }
}

/// The fields Aff3 to Aff0 of MPIDR_EL1. Clients pass the whole register, whose
/// other bits don't count.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Affinity(u64);

impl Affinity {
    const FIELDS: u64 = 0xff_00ff_ffff;

    /// The affinity that MPIDR_EL1 of a CPU has.
    pub const fn of_mpidr(mpidr: u64) -> Affinity {
        Affinity(mpidr & Affinity::FIELDS)
    }

    /// The fields, at their places in MPIDR_EL1.
    pub const fn bits(self) -> u64 {
        self.0
    }
}

/// Which CPUs may take a shared event (DEN0054 5.1.2, 5.1.11).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Routing {
    /// RM_ANY: whichever can.
    Any,
    /// RM_PE: only this one.
    Pe(Affinity),
}

impl Routing {
    /// Bit 63 says RM_PE; an affinity has no such bit.
    const PE: u64 = 1 << 63;

    /// The routing as one word: 0 for RM_ANY.
    pub const fn to_word(self) -> u64 {
        match self {
            Routing::Any => 0,
            Routing::Pe(affinity) => Routing::PE | affinity.bits(),
        }
    }

    /// The routing that has this word, if one has.
    pub fn from_word(word: u64) -> Option<Routing> {
        let affinity = Affinity::of_mpidr(word);
        let routing = if word & Routing::PE != 0 {
            Routing::Pe(affinity)
        } else {
            Routing::Any
        };
        (routing.to_word() == word).then_some(routing)
    }
}

/// One `T` for each shared event.
#[derive(Clone, Copy, Default, Debug)]
pub(super) struct PerShared<T>([T; SharedEvent::COUNT]);

impl<T> PerShared<T> {
    pub(super) const fn new(all: [T; SharedEvent::COUNT]) -> Self {
        PerShared(all)
    }

    #[expect(
        clippy::indexing_slicing,
        reason = "a SharedEvent is less than SharedEvent::COUNT, and the compiler knows"
    )]
    pub(super) fn get(&self, event: SharedEvent) -> &T {
        &self.0[event as usize]
    }

    #[expect(
        clippy::indexing_slicing,
        reason = "a SharedEvent is less than SharedEvent::COUNT, and the compiler knows"
    )]
    pub(super) fn get_mut(&mut self, event: SharedEvent) -> &mut T {
        &mut self.0[event as usize]
    }
}
