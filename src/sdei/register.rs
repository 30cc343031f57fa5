// SPDX-License-Identifier: GPL-2.0

//! The numbers of the pseudo-registers, which are those of
//! include/uapi/linux/kvm_sdei.h.

use super::event::{Event, Priority};
use super::regs::SAVED_GPRS;
use super::shared::SharedEvent;

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

/// A part of what is kept for a shared event.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SharedPart {
    /// Where the handler starts.
    Entry,
    /// The argument of the handler.
    Argument,
    /// Whether the event is registered and enabled, as SDEI_EVENT_STATUS has it.
    /// Which CPU runs the handler is in [`Register::SharedRunning`] of that CPU.
    Status,
    /// Which CPUs may take the event.
    Routing,
}

/// A pseudo-register. Those that follow [`Register::Context`] are of the guest as
/// a whole: each CPU has them, with the same values.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Register {
    /// Bit 0: the CPU is masked. Bit 1: it suspended the system.
    PeState,
    /// The set of pending events. A bit that is written as one is set, a bit
    /// that is written as zero stays as it is: user space writes back what it
    /// read a while ago, and events may have come in between.
    Pending,
    /// The set of shared events whose handlers run on this CPU.
    SharedRunning,
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
    /// The set of shared events that are pending. As [`Register::Pending`], a bit
    /// that is written as zero stays as it is.
    SharedPending,
    /// What is kept for a shared event.
    Shared(SharedEvent, SharedPart),
}

const PE_STATE: u16 = 0x8000;
const PENDING: u16 = 0x8001;
const SHARED_RUNNING: u16 = 0x8002;
const EVENTS: u16 = 0x8100;
const CONTEXTS: u16 = 0x8200;
const SHARED_PENDING: u16 = 0x8300;
const SHARED_EVENTS: u16 = 0x8400;

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
/// Registers of a shared event: also the routing.
const SHARED_LEN: u16 = 4;

/// The index of a part of the `i`th event or context.
fn at(base: u16, stride: u16, i: u16, part: u16) -> u16 {
    base.wrapping_add(i.wrapping_mul(stride)).wrapping_add(part)
}

impl Register {
    /// The number of registers of a CPU.
    pub const COUNT: u16 = Register::BEFORE_SHARED + 1 + SharedEvent::COUNT as u16 * SHARED_LEN;

    const BEFORE_CONTEXTS: u16 = 3 + Event::COUNT as u16 * EVENT_LEN;
    const BEFORE_SHARED: u16 = Register::BEFORE_CONTEXTS + 2 * CONTEXT_LEN;

    /// The index of the `n`th register, in ascending order of indices.
    pub fn nth_index(n: u16) -> Option<u16> {
        if n >= Register::COUNT {
            return None;
        }
        Some(match n {
            0 => PE_STATE,
            1 => PENDING,
            2 => SHARED_RUNNING,
            3..Register::BEFORE_CONTEXTS => {
                let n = n.wrapping_sub(3);
                at(EVENTS, EVENT_STRIDE, n / EVENT_LEN, n % EVENT_LEN)
            }
            Register::BEFORE_CONTEXTS..Register::BEFORE_SHARED => {
                let n = n.wrapping_sub(Register::BEFORE_CONTEXTS);
                at(CONTEXTS, CONTEXT_STRIDE, n / CONTEXT_LEN, n % CONTEXT_LEN)
            }
            Register::BEFORE_SHARED => SHARED_PENDING,
            _ => {
                let n = n.wrapping_sub(Register::BEFORE_SHARED).wrapping_sub(1);
                at(SHARED_EVENTS, EVENT_STRIDE, n / SHARED_LEN, n % SHARED_LEN)
            }
        })
    }

    /// The register with this index: the low 16 bits of its ID.
    pub fn from_index(index: u16) -> Option<Register> {
        match index {
            PE_STATE => Some(Register::PeState),
            PENDING => Some(Register::Pending),
            SHARED_RUNNING => Some(Register::SharedRunning),
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
            CONTEXTS..SHARED_PENDING => {
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
            SHARED_PENDING => Some(Register::SharedPending),
            SHARED_EVENTS.. => {
                let offset = index.wrapping_sub(SHARED_EVENTS);
                let event = SharedEvent::from_index(usize::from(offset / EVENT_STRIDE))?;
                let part = match offset % EVENT_STRIDE {
                    0 => SharedPart::Entry,
                    1 => SharedPart::Argument,
                    2 => SharedPart::Status,
                    _ => SharedPart::Routing,
                };
                Some(Register::Shared(event, part))
            }
            _ => None,
        }
    }
}
