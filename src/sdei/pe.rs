// SPDX-License-Identifier: GPL-2.0

//! What the dispatcher keeps for a CPU (a PE, in the specification's words).

use super::event::{Event, EventSet, PerEvent, PerPriority, Priority};
use super::port::Port;
use super::regs::Context;
use super::state::{transition, Operation, Registration, State};
use super::Error;

/// What a client registered for an event.
#[derive(Clone, Copy, Default, Debug)]
pub(super) struct Handler {
    /// Where the handler starts, in the guest's own address space: an
    /// instruction, or 0 if nothing was registered yet.
    pub(super) entry: u64,
    /// What it gets in x1.
    pub(super) argument: u64,
}

impl Handler {
    pub(super) fn is_aligned(entry: u64) -> bool {
        entry % 4 == 0
    }
}

/// The handler of one priority: which event it runs for, and what it
/// interrupted.
#[derive(Clone, Copy, Debug)]
pub(super) struct Frame {
    /// The event whose handler runs.
    pub(super) event: Option<Event>,
    /// What completing it goes back to; of no meaning if none runs.
    pub(super) context: Context,
}

/// What a CPU powers down.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum PowerDown {
    /// Itself: PSCI CPU_OFF.
    Cpu,
    /// The system: PSCI SYSTEM_OFF, SYSTEM_RESET and SYSTEM_RESET2.
    System,
    /// The system, to be resumed: PSCI SYSTEM_SUSPEND.
    Suspend,
}

/// The SDEI state of one CPU, apart from what its [`Port`] holds. Only the
/// thread that runs the CPU, or that has it to itself, has access.
///
/// # Invariants
///
/// - `enabled` is part of `registered`.
/// - A frame's event has the frame's priority.
/// - Outside of this module's and its siblings' functions, the port's copies
///   are those of [`Pe::publish`].
pub struct Pe {
    masked: bool,
    /// The CPU suspended the system and has not run since: a reset is the way
    /// back, not a new start.
    suspended: bool,
    registered: EventSet,
    enabled: EventSet,
    pub(super) handlers: PerEvent<Handler>,
    pub(super) frames: PerPriority<Frame>,
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
            registered: EventSet::EMPTY,
            enabled: EventSet::EMPTY,
            handlers: PerEvent::all(UNSET),
            frames: PerPriority {
                normal: IDLE,
                critical: IDLE,
            },
        }
    }

    /// The CPU is reset: back to the state after power-up, and triggers are
    /// dropped. If it wakes from a suspend by that, it keeps its registrations
    /// and what is pending, and is masked (DEN0054 6.5.2).
    pub fn reset(&mut self, port: &Port) {
        if self.suspended {
            self.wake(port);
        } else {
            *self = Pe::new();
            self.publish(port);
            port.clear_all();
        }
    }

    /// The CPU makes a PSCI call that powers it, or the system, down. Handlers
    /// that run are completed by that (DEN0054 6.5.4), to go nowhere.
    ///
    /// Returns whether the CPU has to come by [`Pe::run`] should it run again
    /// without a reset.
    pub fn power_down(&mut self, port: &Port, how: PowerDown) -> bool {
        match how {
            // No event is for a CPU that is off, and a reset turns it on.
            PowerDown::Cpu => {
                self.suspended = false;
                self.reset(port);
                false
            }
            PowerDown::System | PowerDown::Suspend => {
                self.end_handlers();
                self.suspended = how == PowerDown::Suspend;
                self.publish(port);
                true
            }
        }
    }

    /// The CPU comes back from a suspend: masked, and in no handler (DEN0054
    /// 6.5.2).
    #[cold]
    pub(super) fn wake(&mut self, port: &Port) {
        self.suspended = false;
        self.masked = true;
        self.end_handlers();
        self.publish(port);
    }

    pub(super) fn is_suspended(&self) -> bool {
        self.suspended
    }

    pub(super) fn set_suspended(&mut self, suspended: bool) {
        self.suspended = suspended;
    }

    fn end_handlers(&mut self) {
        self.frames.normal.event = None;
        self.frames.critical.event = None;
    }

    /// Whether SDEI_PE_MASK is in force.
    pub fn is_masked(&self) -> bool {
        self.masked
    }

    /// The state of an event on this CPU.
    pub fn state(&self, event: Event) -> State {
        let registration = if self.enabled.contains(event) {
            Registration::Enabled
        } else if self.registered.contains(event) {
            Registration::Disabled
        } else {
            Registration::Absent
        };
        State::new(registration, self.is_running(event))
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

    fn is_running(&self, event: Event) -> bool {
        self.frames.get(event.priority()).event == Some(event)
    }

    /// Changes the registration of `event` by the table in `state.rs`. What
    /// loses its registration loses its pending trigger.
    pub(super) fn operate(
        &mut self,
        port: &Port,
        operation: Operation,
        event: Event,
    ) -> Result<(), Error> {
        let transition = transition(operation, self.state(event));
        if let Some(next) = transition.next {
            // Before others see a new registration, so that none of theirs is
            // cleared with those of the old one.
            if operation == Operation::Register {
                port.clear(event);
            }
            self.set_registration(event, next);
            self.publish(port);
            if next == Registration::Absent {
                port.clear(event);
            }
        }
        transition.result
    }

    pub(super) fn set_registration(&mut self, event: Event, registration: Registration) {
        (self.registered, self.enabled) = match registration {
            Registration::Absent => (self.registered.without(event), self.enabled.without(event)),
            Registration::Disabled => (self.registered.with(event), self.enabled.without(event)),
            Registration::Enabled => (self.registered.with(event), self.enabled.with(event)),
        };
    }

    /// Masks or unmasks the CPU. Returns whether it was masked.
    pub(super) fn set_masked(&mut self, port: &Port, masked: bool) -> bool {
        let before = self.masked;
        self.masked = masked;
        self.publish_ready(port, self.innermost());
        before
    }

    /// The events that may be delivered now (DEN0054 4.3.2, apart from whether
    /// they are pending), while the handler of this priority is the innermost.
    fn ready(&self, innermost: Option<Priority>) -> EventSet {
        if self.masked {
            return EventSet::EMPTY;
        }
        match innermost {
            None => self.enabled,
            Some(Priority::Normal) => self.enabled.and(EventSet::CRITICAL),
            Some(Priority::Critical) => EventSet::EMPTY,
        }
    }

    /// Tells the other threads, after a change of mask or handlers.
    pub(super) fn publish_ready(&self, port: &Port, innermost: Option<Priority>) {
        port.publish_ready(self.ready(innermost));
    }

    /// Tells the other threads, after any change.
    pub(super) fn publish(&self, port: &Port) {
        port.publish_ready(self.ready(self.innermost()));
        port.publish(self.registered, self.enabled);
    }
}
