// SPDX-License-Identifier: GPL-2.0

//! A second description of SDEI: a model to compare the dispatcher with.
//!
//! It was written from the sections of DEN0054 and from the decisions in
//! Documentation/design.rst, not from `src/sdei/`. It is slow and simple on
//! purpose: plain data, one table for the states of a handler, one function for
//! each rule, and no code that the dispatcher uses as well.
//!
//! A guest has two CPUs, and shared events. A CPU contains nothing that has no meaning in the
//! specification, such as the entry point of an event that is not registered,
//! or the context of a priority whose handler does not run. User space can read
//! and write these nevertheless, so an [`Image`] contains them.

mod call;
mod image;
mod pstate;
mod shared;
mod table;

pub use call::{call, Id};
pub use image::Image;
pub use pstate::{take_exception, Controls};
pub use shared::{Guest, Shared};
pub use table::*;

/// What never changes for an event (DEN0054 4.3, 4.4).
pub struct Kind {
    pub number: u32,
    pub critical: bool,
    /// SDEI_EVENT_SIGNAL may signal it.
    pub signalled: bool,
    /// There is one instance of it, and not one for each CPU.
    pub shared: bool,
}

const fn of_vmm(number: u32, critical: bool) -> Kind {
    Kind {
        number,
        critical,
        signalled: false,
        shared: false,
    }
}

const fn shared(number: u32, critical: bool) -> Kind {
    Kind {
        shared: true,
        ..of_vmm(number, critical)
    }
}

/// The events: the one that DEN0054 defines, and those that the VMM raises
/// (Documentation/interface.rst). The private ones come first.
pub const KINDS: [Kind; ALL_EVENTS] = [
    Kind {
        signalled: true,
        ..of_vmm(0, false)
    },
    of_vmm(0x4000_0010, false),
    of_vmm(0x4000_0011, false),
    of_vmm(0x4000_0012, false),
    of_vmm(0x4000_0013, false),
    of_vmm(0x4000_0020, true),
    of_vmm(0x4000_0021, true),
    of_vmm(0x4000_0022, true),
    of_vmm(0x4000_0023, true),
    shared(0x4000_0110, false),
    shared(0x4000_0111, false),
    shared(0x4000_0120, true),
    shared(0x4000_0121, true),
];

/// The number of private events. The index of an event in an array stands for
/// the event.
pub const EVENTS: usize = 9;

/// The number of shared events.
pub const SHARED_EVENTS: usize = 4;

/// The number of all events.
pub const ALL_EVENTS: usize = EVENTS + SHARED_EVENTS;

/// The event with this number. In the specification, a number has 32 bits.
pub fn find(number: u64) -> Option<usize> {
    KINDS.iter().position(|kind| kind.number == number as u32)
}

/// The affinity of each CPU.
pub const AFFINITY: [u64; 2] = [0x00_0000_0000, 0x01_0000_0002];

/// An event on one CPU.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Event {
    /// What SDEI_EVENT_STATUS answers (DEN0054 6.1).
    pub status: u8,
    /// The event is pending. This is one bit, never a count (5.1.16.1).
    pub pending: bool,
    pub entry: u64,
    pub argument: u64,
}

/// What a handler interrupted (DEN0054 5.2).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Context {
    pub x: [u64; 18],
    pub pc: u64,
    pub pstate: u64,
}

impl Context {
    /// What is left of it when the guest goes on with it, or asks for it: in
    /// AArch32 registers have 32 bits. User space may have written more.
    pub fn in_guest(mut self) -> Context {
        if self.pstate & 0x10 != 0 {
            for value in self.x[..15].iter_mut().chain([&mut self.pc]) {
                *value %= 1 << 32;
            }
        }
        self
    }
}

/// A handler that is running.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Frame {
    pub event: usize,
    pub interrupted: Context,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Power {
    On,
    Off,
    /// The CPU called SYSTEM_SUSPEND and has not run since.
    Suspended,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Cpu {
    pub power: Power,
    /// The CPU was reset and has not run since.
    pub cold: bool,
    pub masked: bool,
    pub events: [Event; EVENTS],
    /// The handlers that are running, the innermost one last (DEN0054 5.2.1;
    /// there are at most two).
    pub stack: [Option<Frame>; 2],
}

/// The registers of a CPU that runs the guest.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Regs {
    pub x: [u64; 31],
    pub sp: u64,
    pub pc: u64,
    pub pstate: u64,
    pub elr_el1: u64,
    pub spsr_el1: u64,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum PowerCall {
    CpuOff,
    /// CPU_SUSPEND that asks for a power-down.
    CpuSuspend,
    SystemOff,
    SystemSuspend,
}

impl Cpu {
    /// The state after power-up: masked, no event registered (DEN0054 6.5.1).
    pub fn cold() -> Cpu {
        Cpu {
            power: Power::On,
            cold: true,
            masked: true,
            events: [Event {
                status: U,
                pending: false,
                entry: 0,
                argument: 0,
            }; EVENTS],
            stack: [None; 2],
        }
    }

    /// The innermost handler.
    pub fn innermost(&self) -> Option<Frame> {
        self.stack[1].or(self.stack[0])
    }

    fn push(&mut self, frame: Frame) {
        if self.stack[0].is_none() {
            self.stack[0] = Some(frame);
        } else {
            self.stack[1] = Some(frame);
        }
    }

    /// Removes the innermost handler.
    fn pop(&mut self) -> Option<Frame> {
        if self.stack[1].is_some() {
            self.stack[1].take()
        } else {
            self.stack[0].take()
        }
    }

    /// Whether the mask and the handlers that run allow an event of this class:
    /// the rule of DEN0054 4.3.2.
    pub fn may_take(&self, critical: bool) -> bool {
        let runs = |frame: &Option<Frame>| frame.is_some();
        let runs_critical =
            |frame: &Option<Frame>| frame.is_some_and(|frame| KINDS[frame.event].critical);
        let blocked = if critical {
            self.stack.iter().any(runs_critical)
        } else {
            self.stack.iter().any(runs)
        };
        !self.masked && !blocked
    }

    /// Whether the private event is ready, without regard to whether it is
    /// pending.
    pub fn may_deliver(&self, event: usize) -> bool {
        self.events[event].status == E && self.may_take(KINDS[event].critical)
    }

    /// The private event that would be delivered if the CPU ran now: a critical
    /// one first, and within a priority the first in the table. The latter is the
    /// dispatcher's choice.
    pub fn deliverable(&self) -> Option<usize> {
        self.deliverable_of(true)
            .or_else(|| self.deliverable_of(false))
    }

    fn deliverable_of(&self, critical: bool) -> Option<usize> {
        let waits = |&event: &usize| self.events[event].pending && self.may_deliver(event);
        (0..EVENTS)
            .filter(|&event| KINDS[event].critical == critical)
            .find(waits)
    }

    /// Another thread raises an event. Returns whether the guest registered it.
    /// If the CPU is masked or the event disabled, it is delivered later.
    pub fn raise(&mut self, event: usize) -> bool {
        let registered = self.events[event].status & G != 0;
        if registered {
            self.events[event].pending = true;
        }
        registered
    }

    /// The VMM withdraws an event. Returns whether it was pending.
    pub fn withdraw(&mut self, event: usize) -> bool {
        std::mem::replace(&mut self.events[event].pending, false)
    }
}
