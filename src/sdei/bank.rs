// SPDX-License-Identifier: GPL-2.0

//! What the dispatcher keeps for a guest's shared events.

use super::abi::Error;
use super::event::Priority;
use super::pe::Handler;
use super::shared::{Affinity, PerShared, Routing, SharedEvent, SharedSet};
use super::shared_port::SharedPort;
use super::state::{transition, Operation, Registration, State};

/// The shared events of a guest, apart from what their [`SharedPort`] holds. The
/// host keeps this behind a lock, which no call and no delivery of a private
/// event takes. Nobody kicks a CPU or waits while he holds the lock.
///
/// # Invariants
///
/// - `enabled` is part of `registered`.
/// - The events in `running` are those with a runner.
/// - The `SharedPort` of the guest has copies of this.
pub struct Bank {
    registered: SharedSet,
    enabled: SharedSet,
    handlers: PerShared<Handler>,
    routings: PerShared<Routing>,
    /// The CPU that runs the handler of an event. There is one instance of each
    /// handler in the whole guest (DEN0054 6.2.1).
    runners: PerShared<Option<u32>>,
    /// Events whose handler runs: those that have a runner.
    running: SharedSet,
    /// How many CPUs have run since their last reset.
    awake: u32,
}

impl Default for Bank {
    fn default() -> Bank {
        Bank::new()
    }
}

impl Bank {
    /// A guest that has registered no shared event.
    pub const fn new() -> Bank {
        const UNSET: Handler = Handler {
            entry: 0,
            argument: 0,
        };
        Bank {
            registered: SharedSet::EMPTY,
            enabled: SharedSet::EMPTY,
            handlers: PerShared::new([UNSET; SharedEvent::COUNT]),
            routings: PerShared::new([Routing::Any; SharedEvent::COUNT]),
            runners: PerShared::new([None; SharedEvent::COUNT]),
            running: SharedSet::EMPTY,
            awake: 0,
        }
    }

    fn registration(&self, event: SharedEvent) -> Registration {
        if self.enabled.contains(event) {
            Registration::Enabled
        } else if self.registered.contains(event) {
            Registration::Disabled
        } else {
            Registration::Absent
        }
    }

    /// The state of an event (DEN0054 6.1), which is the same on all CPUs.
    pub(super) fn state(&self, event: SharedEvent) -> State {
        State::new(self.registration(event), self.running.contains(event))
    }

    /// The same without what says whether the handler runs.
    pub(super) fn state_of_registration(&self, event: SharedEvent) -> State {
        State::new(self.registration(event), false)
    }

    /// Whether `event` has a handler.
    pub(super) fn is_registered(&self, event: SharedEvent) -> bool {
        self.registered.contains(event)
    }

    /// What a client registered for `event`; what it registered last if the event
    /// is not registered now.
    pub(super) fn handler(&self, event: SharedEvent) -> Handler {
        *self.handlers.get(event)
    }

    /// The same, to be changed.
    pub(super) fn handler_mut(&mut self, event: SharedEvent) -> &mut Handler {
        self.handlers.get_mut(event)
    }

    /// Where `event` may be delivered.
    pub(super) fn routing(&self, event: SharedEvent) -> Routing {
        *self.routings.get(event)
    }

    /// Changes where `event` may be delivered.
    pub(super) fn set_routing(&mut self, port: &SharedPort, event: SharedEvent, routing: Routing) {
        *self.routings.get_mut(event) = routing;
        port.publish_routing(event, routing);
    }

    /// Changes the part of an event's state that does not say whether its
    /// handler runs.
    pub(super) fn set_registration(
        &mut self,
        port: &SharedPort,
        event: SharedEvent,
        registration: Registration,
    ) {
        let one = SharedSet::of(event);
        (self.registered, self.enabled) = match registration {
            Registration::Absent => (self.registered.except(one), self.enabled.except(one)),
            Registration::Disabled => (self.registered.with(event), self.enabled.except(one)),
            Registration::Enabled => (self.registered.with(event), self.enabled.with(event)),
        };
        self.publish(port);
    }

    fn publish(&self, port: &SharedPort) {
        port.publish(self.registered, self.enabled, self.running);
    }

    /// Changes the registration of `event` by the table in `state.rs`, as
    /// `Cpu::operate` does for a private event.
    pub(super) fn operate(
        &mut self,
        port: &SharedPort,
        operation: Operation,
        event: SharedEvent,
    ) -> Result<(), Error> {
        let transition = transition(operation, self.state(event));
        if let Some(next) = transition.next {
            // As for a private event: what is left of an earlier registration
            // goes before others see the new one.
            if operation == Operation::Register {
                port.clear(event);
            }
            self.set_registration(port, event, next);
            if next == Registration::Absent {
                port.clear(event);
            }
        }
        transition.result
    }

    /// Takes the first event that waits, has this priority and may go to the CPU
    /// `cpu`, which `is_at` tells by its affinity. From now on its handler runs
    /// there.
    pub(super) fn claim(
        &mut self,
        port: &SharedPort,
        priority: Priority,
        cpu: u32,
        is_at: impl Fn(Affinity) -> bool,
    ) -> Option<(SharedEvent, Handler)> {
        let may_take = |&event: &SharedEvent| match self.routing(event) {
            Routing::Any => true,
            Routing::Pe(affinity) => is_at(affinity),
        };
        let event = port
            .waiting_of(priority)
            .iter()
            .filter(may_take)
            // The VMM may have withdrawn it since.
            .find(|&event| port.clear(event))?;
        self.start(port, event, cpu);
        Some((event, self.handler(event)))
    }

    /// Notes that the handler of `event` runs on `cpu`. If it ran on another CPU
    /// before, that one no longer counts: only user space that restores a guest
    /// does this.
    pub(super) fn start(&mut self, port: &SharedPort, event: SharedEvent, cpu: u32) {
        *self.runners.get_mut(event) = Some(cpu);
        self.running = self.running.with(event);
        self.publish(port);
    }

    /// Notes that the handler of `event` does not run on `cpu` any more.
    pub(super) fn end(&mut self, port: &SharedPort, event: SharedEvent, cpu: u32) {
        let runner = self.runners.get_mut(event);
        if *runner == Some(cpu) {
            *runner = None;
            self.running = self.running.except(SharedSet::of(event));
        }
        self.publish(port);
    }

    /// Whether a CPU has run since it was reset. If none has, user space is about
    /// to start the guest or to restore it.
    pub(super) fn is_live(&self) -> bool {
        self.awake != 0
    }

    /// A CPU runs for the first time since it was reset.
    pub(super) fn wake(&mut self) {
        self.awake = self.awake.saturating_add(1);
    }

    /// A CPU that has run was reset. When all are, the guest is reset: it forgets
    /// its shared events (DEN0054 6.5.1).
    pub(super) fn sleep(&mut self, port: &SharedPort) {
        self.awake = self.awake.saturating_sub(1);
        if self.awake == 0 {
            for event in SharedEvent::ALL {
                self.set_registration(port, event, Registration::Absent);
                self.set_routing(port, event, Routing::Any);
                *self.handler_mut(event) = Handler::default();
                port.clear(event);
            }
        }
    }
}
