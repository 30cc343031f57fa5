// SPDX-License-Identifier: GPL-2.0

//! What the dispatcher keeps for a CPU (a PE, in the specification's words).

use super::event::{Event, EventSet, PerEvent, PerPriority, Priority};
use super::port::Agenda;
use super::regs::Context;
use super::shared::{AnyEvent, SharedEvent, SharedSet};
use super::state::{Registration, State};

/// What a client registered for an event.
#[derive(Clone, Copy, Default, Debug)]
pub(super) struct Handler {
    /// Where the handler starts, in the guest's own address space: an
    /// instruction, or 0 if nothing was registered yet.
    pub(super) entry: u64,
    /// What the handler gets in x1.
    pub(super) argument: u64,
}

impl Handler {
    /// Whether `entry` can be the address of an instruction.
    pub(super) fn is_aligned(entry: u64) -> bool {
        entry % 4 == 0
    }
}

/// The handler of one priority: which event it runs for, and what it
/// interrupted.
#[derive(Clone, Copy, Debug)]
struct Frame {
    /// The event whose handler runs.
    event: Option<AnyEvent>,
    /// The state to which the CPU returns when the handler completes. It has no
    /// meaning while no handler runs.
    context: Context,
}

/// The SDEI state of one CPU, apart from what its [`Port`](super::Port) holds.
/// Only the thread that has the CPU to itself has access, by way of a
/// [`Cpu`](super::Cpu).
///
/// # Invariants
///
/// - `enabled` is part of `registered`.
/// - A frame's event has the frame's priority.
pub struct Pe {
    masked: bool,
    /// The CPU suspended the system and has not run since. The next reset
    /// resumes the CPU; it does not start it anew.
    suspended: bool,
    /// The CPU was reset and has not run since.
    cold: bool,
    registered: EventSet,
    enabled: EventSet,
    handlers: PerEvent<Handler>,
    frames: PerPriority<Frame>,
}

impl Default for Pe {
    fn default() -> Pe {
        Pe::new()
    }
}

impl Pe {
    /// A CPU after power-up: masked, nothing registered, no handler running
    /// (DEN0054 6.5.1).
    pub const fn new() -> Pe {
        const IDLE: Frame = Frame {
            event: None,
            context: Context::ZERO,
        };
        const UNSET: Handler = Handler {
            entry: 0,
            argument: 0,
        };
        Pe {
            masked: true,
            suspended: false,
            cold: true,
            registered: EventSet::EMPTY,
            enabled: EventSet::EMPTY,
            handlers: PerEvent::all(UNSET),
            frames: PerPriority {
                normal: IDLE,
                critical: IDLE,
            },
        }
    }

    /// Whether SDEI_PE_MASK is in force.
    pub fn is_masked(&self) -> bool {
        self.masked
    }

    /// Masks or unmasks. Returns whether the CPU was masked before.
    pub(super) fn set_masked(&mut self, masked: bool) -> bool {
        core::mem::replace(&mut self.masked, masked)
    }

    /// Whether the CPU suspended the system and has not run since.
    pub(super) fn is_suspended(&self) -> bool {
        self.suspended
    }

    pub(super) fn set_suspended(&mut self, suspended: bool) {
        self.suspended = suspended;
    }

    /// Whether the CPU was reset and has not run since.
    pub(super) fn is_cold(&self) -> bool {
        self.cold
    }

    /// The CPU runs.
    pub(super) fn set_warm(&mut self) {
        self.cold = false;
    }

    /// Events that have a handler.
    pub(super) fn registered(&self) -> EventSet {
        self.registered
    }

    /// Events that have an enabled handler.
    pub(super) fn enabled(&self) -> EventSet {
        self.enabled
    }

    /// The state of an event on this CPU (DEN0054 6.1).
    pub fn state(&self, event: Event) -> State {
        let registration = if self.enabled.contains(event) {
            Registration::Enabled
        } else if self.registered.contains(event) {
            Registration::Disabled
        } else {
            Registration::Absent
        };
        let running = self.running(event.priority()) == Some(AnyEvent::Private(event));
        State::new(registration, running)
    }

    /// Changes the part of an event's state that does not say whether its
    /// handler runs.
    pub(super) fn set_registration(&mut self, event: Event, registration: Registration) {
        (self.registered, self.enabled) = match registration {
            Registration::Absent => (self.registered.without(event), self.enabled.without(event)),
            Registration::Disabled => (self.registered.with(event), self.enabled.without(event)),
            Registration::Enabled => (self.registered.with(event), self.enabled.with(event)),
        };
    }

    /// What a client registered for `event`; what it registered last if the
    /// event is not registered now.
    pub(super) fn handler(&self, event: Event) -> Handler {
        self.handlers.get(event)
    }

    /// The same, to be changed.
    pub(super) fn handler_mut(&mut self, event: Event) -> &mut Handler {
        self.handlers.get_mut(event)
    }

    /// The event whose handler of this priority runs.
    pub(super) fn running(&self, priority: Priority) -> Option<AnyEvent> {
        self.frames.get(priority).event
    }

    /// The shared event whose handler of this priority runs here, if one does.
    pub(super) fn running_shared(&self, priority: Priority) -> Option<SharedEvent> {
        match self.running(priority) {
            Some(AnyEvent::Shared(event)) => Some(event),
            _ => None,
        }
    }

    /// The shared events whose handlers run here.
    pub fn all_running_shared(&self) -> SharedSet {
        [Priority::Normal, Priority::Critical]
            .into_iter()
            .filter_map(|priority| self.running_shared(priority))
            .fold(SharedSet::EMPTY, SharedSet::with)
    }

    /// The priority of the handler that the CPU executes, if it executes one:
    /// critical if there is such a handler, as only that can have interrupted
    /// the other.
    pub(super) fn innermost(&self) -> Option<Priority> {
        if self.frames.critical.event.is_some() {
            Some(Priority::Critical)
        } else if self.frames.normal.event.is_some() {
            Some(Priority::Normal)
        } else {
            None
        }
    }

    /// What the handler of this priority interrupted. It has no meaning while
    /// no such handler runs.
    pub(super) fn context(&self, priority: Priority) -> &Context {
        &self.frames.get(priority).context
    }

    /// The same, to be changed.
    pub(super) fn context_mut(&mut self, priority: Priority) -> &mut Context {
        &mut self.frames.get_mut(priority).context
    }

    /// Notes that the handler of `event` runs. Returns the place for what it
    /// interrupts.
    #[inline(always)]
    pub(super) fn start_handler(&mut self, event: AnyEvent) -> &mut Context {
        let frame = self.frames.get_mut(event.priority());
        frame.event = Some(event);
        &mut frame.context
    }

    /// Notes that the handler of this priority ended, if one ran. Returns for
    /// which event it ran, and what it had interrupted.
    #[inline(always)]
    pub(super) fn end_handler(&mut self, priority: Priority) -> Option<(AnyEvent, &Context)> {
        let frame = self.frames.get_mut(priority);
        let event = frame.event.take()?;
        Some((event, &frame.context))
    }

    /// What the CPU would do if it were on its agenda (DEN0054 4.3.2), while the
    /// handler of priority `innermost` is the one that executes.
    pub(super) fn ready(&self, innermost: Option<Priority>) -> Agenda {
        if self.masked {
            return Agenda::UNABLE;
        }
        match innermost {
            None => Agenda::of(self.enabled),
            Some(Priority::Normal) => Agenda::of_critical(self.enabled),
            Some(Priority::Critical) => Agenda::UNABLE,
        }
    }
}
