// SPDX-License-Identifier: GPL-2.0

//! The pseudo-registers through which user space saves and restores the state
//! of a CPU, and of the guest's shared events. Documentation/interface.rst has
//! them in full.

use super::bank::Bank;
use super::cpu::Cpu;
use super::event::{Event, EventSet, Priority};
use super::outside::Vcpu;
use super::pe::Handler;
use super::pstate::PState;
use super::register::{ContextPart, Register, SharedPart};
use super::regs::SAVED_GPRS;
use super::shared::{AnyEvent, Routing, SharedEvent, SharedSet};
use super::shared_port::SharedPort;
use super::state::{Registration, State};

/// The value can't be part of any state of a CPU, and was not stored.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RegisterError;

const PE_STATE_MASKED: u64 = 1 << 0;
const PE_STATE_SUSPENDED: u64 = 1 << 1;

impl<V: Vcpu> Cpu<'_, V> {
    /// Reads a register.
    pub fn get_register(&self, register: Register) -> u64 {
        match register {
            Register::PeState => {
                let masked = (self.pe.is_masked(), PE_STATE_MASKED);
                let suspended = (self.pe.is_suspended(), PE_STATE_SUSPENDED);
                [masked, suspended]
                    .into_iter()
                    .filter(|(set, _)| *set)
                    .fold(0, |bits, (_, bit)| bits | bit)
            }
            Register::Pending => self.vcpu.port().pending().bits(),
            Register::SharedRunning => self.pe.all_running_shared().bits(),
            Register::SharedPending => self.with_bank(|_, port| port.pending().bits()),
            Register::Shared(event, part) => self.with_bank(|bank, _| match part {
                SharedPart::Entry => bank.handler(event).entry,
                SharedPart::Argument => bank.handler(event).argument,
                SharedPart::Status => bank.state_of_registration(event).status(),
                SharedPart::Routing => bank.routing(event).to_word(),
            }),
            Register::Entry(event) => self.pe.handler(event).entry,
            Register::Argument(event) => self.pe.handler(event).argument,
            Register::Status(event) => self.pe.state(event).status(),
            // The context of a handler that has completed is no part of the
            // CPU's state, and another host might refuse its PSTATE.
            Register::Context(priority, _) if self.pe.running(priority).is_none() => 0,
            Register::Context(priority, part) => {
                let context = self.pe.context(priority);
                match part {
                    ContextPart::Gpr(n) => {
                        let n = V::array_index_nospec(usize::from(n), SAVED_GPRS);
                        context.gprs.get(n).copied().unwrap_or(0)
                    }
                    ContextPart::Pc => context.pc,
                    ContextPart::PState => context.pstate.bits(),
                }
            }
        }
    }

    /// Writes a register. Registers can be written in any order; a value that
    /// was read is always accepted. The CPU is kicked, as the write may have made
    /// an event deliverable.
    ///
    /// A register of the guest as a whole can be written while no CPU has run
    /// since its last reset. Later, a write changes nothing: user space writes
    /// back to one CPU what it read before, and must not undo what other CPUs have
    /// done since.
    ///
    /// # Errors
    ///
    /// [`RegisterError`] for a value that is never read; nothing changes.
    pub fn set_register(&mut self, register: Register, value: u64) -> Result<(), RegisterError> {
        match register {
            Register::PeState => {
                if value & !(PE_STATE_MASKED | PE_STATE_SUSPENDED) != 0 {
                    return Err(RegisterError);
                }
                self.pe.set_suspended(value & PE_STATE_SUSPENDED != 0);
                self.set_masked(value & PE_STATE_MASKED != 0);
            }
            Register::Pending => {
                let events = EventSet::from_bits(value).ok_or(RegisterError)?;
                self.vcpu.port().restore(events);
            }
            Register::Entry(event) => {
                if !Handler::is_aligned(value) {
                    return Err(RegisterError);
                }
                self.pe.handler_mut(event).entry = value;
            }
            Register::Argument(event) => self.pe.handler_mut(event).argument = value,
            Register::Status(event) => self.set_status(event, value)?,
            Register::SharedRunning => self.set_shared_running(value)?,
            Register::SharedPending => {
                let events = SharedSet::from_bits(value).ok_or(RegisterError)?;
                self.restore_shared(|_, port| port.restore(events));
            }
            Register::Shared(event, part) => self.set_shared(event, part, value)?,
            Register::Context(priority, part) => {
                let context = self.pe.context_mut(priority);
                match part {
                    ContextPart::Gpr(n) => {
                        let n = V::array_index_nospec(usize::from(n), SAVED_GPRS);
                        *context.gprs.get_mut(n).ok_or(RegisterError)? = value;
                    }
                    ContextPart::Pc => context.pc = value,
                    ContextPart::PState => {
                        context.pstate = PState::from_user(value, self.vcpu.has_aarch32_el0())
                            .ok_or(RegisterError)?;
                    }
                }
            }
        }
        // The write may have made the CPU unable to take a shared event.
        self.leave_shared();
        self.vcpu.kick();
        Ok(())
    }

    /// Writes the state of an event. One handler runs per priority: an event
    /// that is written as running takes the place of the one that ran, whose own
    /// status user space has written or will write as well.
    fn set_status(&mut self, event: Event, value: u64) -> Result<(), RegisterError> {
        let state = State::from_status(value).ok_or(RegisterError)?;
        let (priority, one) = (event.priority(), AnyEvent::Private(event));
        self.pe.set_registration(event, state.registration());
        if state.is_running() {
            self.replace_handler(priority, Some(one));
        } else if self.pe.running(priority) == Some(one) {
            self.replace_handler(priority, None);
        }
        self.publish();
        Ok(())
    }

    /// Writes which shared events have handlers that run here. An event that ran
    /// on another CPU no longer does: user space has written or will write that
    /// CPU's register as well.
    fn set_shared_running(&mut self, value: u64) -> Result<(), RegisterError> {
        let events = SharedSet::from_bits(value).ok_or(RegisterError)?;
        let of = |priority| events.of_priority(priority).iter();
        let priorities = [Priority::Normal, Priority::Critical];
        if priorities
            .into_iter()
            .any(|priority| of(priority).nth(1).is_some())
        {
            return Err(RegisterError);
        }
        for priority in priorities {
            match of(priority).next() {
                Some(event) => self.replace_handler(priority, Some(AnyEvent::Shared(event))),
                None if self.pe.running_shared(priority).is_some() => {
                    self.replace_handler(priority, None);
                }
                None => {}
            }
        }
        self.publish();
        Ok(())
    }

    /// Has the handler of `event` run, or none, in the place of the one of this
    /// priority that ran. Keeps the context.
    fn replace_handler(&mut self, priority: Priority, event: Option<AnyEvent>) {
        let before = self.pe.running(priority);
        if before == event {
            return;
        }
        match event {
            Some(event) => {
                self.pe.start_handler(event);
            }
            None => {
                self.pe.end_handler(priority);
            }
        }
        if let Some(AnyEvent::Shared(event)) = event {
            self.with_bank(|bank, port| bank.start(port, event, self.vcpu.id()));
        }
        if let Some(AnyEvent::Shared(event)) = before {
            self.shared_handler_ended(event);
        }
    }

    /// Writes what is kept for a shared event.
    fn set_shared(
        &mut self,
        event: SharedEvent,
        part: SharedPart,
        value: u64,
    ) -> Result<(), RegisterError> {
        match part {
            SharedPart::Entry if Handler::is_aligned(value) => {
                self.restore_shared(|bank, _| bank.handler_mut(event).entry = value);
            }
            SharedPart::Argument => {
                self.restore_shared(|bank, _| bank.handler_mut(event).argument = value);
            }
            SharedPart::Status => {
                let registration = registration(value).ok_or(RegisterError)?;
                self.restore_shared(|bank, port| bank.set_registration(port, event, registration));
            }
            SharedPart::Routing => {
                let routing = Routing::from_word(value).ok_or(RegisterError)?;
                self.restore_shared(|bank, port| bank.set_routing(port, event, routing));
            }
            SharedPart::Entry => return Err(RegisterError),
        }
        Ok(())
    }

    /// Changes the bank, unless a CPU has run since its last reset.
    fn restore_shared(&mut self, change: impl FnOnce(&mut Bank, &SharedPort)) {
        self.with_bank(|bank, port| {
            if !bank.is_live() {
                change(bank, port);
            }
        });
        SharedEvent::ALL
            .into_iter()
            .for_each(|event| self.reroute(event));
    }
}

/// The registration that this status stands for, if no handler runs in it.
fn registration(status: u64) -> Option<Registration> {
    let state = State::from_status(status)?;
    (!state.is_running()).then(|| state.registration())
}
