// SPDX-License-Identifier: GPL-2.0

//! The pseudo-registers through which user space saves and restores the state
//! of a CPU. Documentation/interface.rst has them in full; the numbers are
//! those of include/uapi/linux/kvm_sdei.h.

use super::cpu::Cpu;
use super::event::{Event, EventSet, Priority};
use super::outside::Vcpu;
use super::pe::Handler;
use super::pstate::PState;
use super::regs::SAVED_GPRS;
use super::state::State;

/// The value can't be part of any state of a CPU, and was not stored.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RegisterError;

/// A part of the context of a priority.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ContextPart {
    /// x0 to x17.
    Gpr(u8),
    /// PC.
    Pc,
    /// PSTATE.
    PState,
}

/// A pseudo-register.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Register {
    /// Bit 0: the CPU is masked. Bit 1: it suspended the system.
    PeState,
    /// The set of pending events. A bit that is written as one is set, a bit
    /// that is written as zero stays as it is: user space writes back what it
    /// read a while ago, and events may have come in between.
    Pending,
    /// Where the handler of an event starts.
    Entry(Event),
    /// The argument of the handler.
    Argument(Event),
    /// The state of the event, as SDEI_EVENT_STATUS has it.
    Status(Event),
    /// What the handler of a priority interrupted. Reads as zero while no such
    /// handler runs; what is written then is kept, and can be read once the
    /// state of an event says that its handler runs.
    Context(Priority, ContextPart),
}

const PE_STATE: u16 = 0x8000;
const PENDING: u16 = 0x8001;
const EVENTS: u16 = 0x8100;
const CONTEXTS: u16 = 0x8200;

/// Distance between the registers of two events.
const EVENT_STRIDE: u16 = 4;
/// Distance between the registers of two contexts.
const CONTEXT_STRIDE: u16 = 0x20;
/// Registers of a context: x0 to x17, PC, PSTATE.
const CONTEXT_PC: u16 = SAVED_GPRS as u16;
const CONTEXT_PSTATE: u16 = CONTEXT_PC + 1;
const CONTEXT_LEN: u16 = CONTEXT_PSTATE + 1;
/// Registers of an event: entry, argument, status.
const EVENT_LEN: u16 = 3;

const PE_STATE_MASKED: u64 = 1 << 0;
const PE_STATE_SUSPENDED: u64 = 1 << 1;

/// The index of a part of the `i`th event or context.
fn at(base: u16, stride: u16, i: u16, part: u16) -> u16 {
    base.wrapping_add(i.wrapping_mul(stride)).wrapping_add(part)
}

impl Register {
    /// The number of registers of a CPU.
    pub const COUNT: u16 = 2 + Event::COUNT as u16 * EVENT_LEN + 2 * CONTEXT_LEN;

    /// The index of the `n`th register, in ascending order of indices.
    pub fn nth_index(n: u16) -> Option<u16> {
        const EVENTS_LEN: u16 = Event::COUNT as u16 * EVENT_LEN;

        if n >= Register::COUNT {
            return None;
        }
        Some(match n {
            0 => PE_STATE,
            1 => PENDING,
            _ => match n.wrapping_sub(2) {
                n @ 0..EVENTS_LEN => at(EVENTS, EVENT_STRIDE, n / EVENT_LEN, n % EVENT_LEN),
                n => {
                    let n = n.wrapping_sub(EVENTS_LEN);
                    at(CONTEXTS, CONTEXT_STRIDE, n / CONTEXT_LEN, n % CONTEXT_LEN)
                }
            },
        })
    }

    /// The register with this index: the low 16 bits of its ID.
    pub fn from_index(index: u16) -> Option<Register> {
        match index {
            PE_STATE => Some(Register::PeState),
            PENDING => Some(Register::Pending),
            EVENTS..CONTEXTS => {
                let offset = index.wrapping_sub(EVENTS);
                let event = Event::from_index(usize::from(offset / EVENT_STRIDE))?;
                match offset % EVENT_STRIDE {
                    0 => Some(Register::Entry(event)),
                    1 => Some(Register::Argument(event)),
                    2 => Some(Register::Status(event)),
                    _ => None,
                }
            }
            CONTEXTS.. => {
                let offset = index.wrapping_sub(CONTEXTS);
                let priority = match offset / CONTEXT_STRIDE {
                    0 => Priority::Normal,
                    1 => Priority::Critical,
                    _ => return None,
                };
                let part = match offset % CONTEXT_STRIDE {
                    n @ 0..CONTEXT_PC => ContextPart::Gpr(n as u8),
                    CONTEXT_PC => ContextPart::Pc,
                    CONTEXT_PSTATE => ContextPart::PState,
                    _ => return None,
                };
                Some(Register::Context(priority, part))
            }
            _ => None,
        }
    }
}

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
        self.vcpu.kick();
        Ok(())
    }

    /// Writes the state of an event. One handler runs per priority: an event
    /// that is written as running takes the place of the one that ran, whose own
    /// status user space has written or will write as well.
    fn set_status(&mut self, event: Event, value: u64) -> Result<(), RegisterError> {
        let state = State::from_status(value).ok_or(RegisterError)?;
        let priority = event.priority();
        if state.is_running() {
            self.pe.start_handler(event);
        } else if self.pe.running(priority) == Some(event) {
            self.pe.end_handler(priority);
        }
        self.pe.set_registration(event, state.registration());
        self.publish();
        Ok(())
    }
}
