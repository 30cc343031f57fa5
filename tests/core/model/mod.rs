// SPDX-License-Identifier: GPL-2.0

//! SDEI a second time: a model to compare the dispatcher with.
//!
//! It was written from the specification (DEN0054, by its sections) and from
//! the decisions of Documentation/design.rst, not from `src/sdei/`. It is slow
//! and dull on purpose: plain data, one table for the handler states, one
//! function for each rule, and nothing that the dispatcher could share.
//!
//! A guest has two CPUs. What the specification leaves without meaning is not
//! part of a CPU: the entry point of an event without a handler, the context of
//! a priority whose handler does not run. User space sees it nevertheless, so an
//! [`Image`] has it.

mod call;
mod image;
mod pstate;
mod table;

pub use call::{call, Id};
pub use image::Image;
pub use pstate::{take_exception, Controls};
pub use table::*;

/// What is fixed for an event (DEN0054 4.3, 4.4).
pub struct Kind {
    pub number: u32,
    pub critical: bool,
    /// SDEI_EVENT_SIGNAL may name it.
    pub signalled: bool,
}

const fn of_vmm(number: u32, critical: bool) -> Kind {
    Kind {
        number,
        critical,
        signalled: false,
    }
}

/// The events: the one that DEN0054 defines, and those of the VMM
/// (Documentation/interface.rst).
pub const KINDS: [Kind; 9] = [
    Kind {
        number: 0,
        critical: false,
        signalled: true,
    },
    of_vmm(0x4000_0010, false),
    of_vmm(0x4000_0011, false),
    of_vmm(0x4000_0012, false),
    of_vmm(0x4000_0013, false),
    of_vmm(0x4000_0020, true),
    of_vmm(0x4000_0021, true),
    of_vmm(0x4000_0022, true),
    of_vmm(0x4000_0023, true),
];

/// How many events there are. In an array of them, an event is its index.
pub const EVENTS: usize = KINDS.len();

/// The event with this number, of 32 bits in the specification.
pub fn find(number: u64) -> Option<usize> {
    KINDS.iter().position(|kind| kind.number == number as u32)
}

/// The affinity of each CPU.
pub const AFFINITY: [u64; 2] = [0x00_0000_0000, 0x01_0000_0002];

/// An event on one CPU.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Event {
    /// As SDEI_EVENT_STATUS has it (DEN0054 6.1).
    pub status: u8,
    /// A trigger waits. One bit, never a count (5.1.16.1).
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
            for value in self.x.iter_mut().chain([&mut self.pc]) {
                *value %= 1 << 32;
            }
        }
        self
    }
}

/// A handler that runs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Frame {
    pub event: usize,
    pub interrupted: Context,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Power {
    On,
    Off,
    /// It called SYSTEM_SUSPEND and has not run since.
    Suspended,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Cpu {
    pub power: Power,
    pub masked: bool,
    pub events: [Event; EVENTS],
    /// The handlers that run, the innermost last (DEN0054 5.2.1, depth 2).
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
    SystemOff,
    SystemSuspend,
}

impl Cpu {
    /// After power-up: masked, nothing registered (DEN0054 6.5.1).
    pub fn cold() -> Cpu {
        Cpu {
            power: Power::On,
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

    /// The innermost handler ends, and its event is in the state that it has
    /// then.
    fn pop(&mut self) -> Option<Frame> {
        let frame = if self.stack[1].is_some() {
            self.stack[1].take()
        } else {
            self.stack[0].take()
        }?;
        let event = &mut self.events[frame.event];
        event.status = table::completed(event.status);
        Some(frame)
    }

    /// The rule of DEN0054 4.3.2, apart from whether a trigger waits.
    pub fn may_deliver(&self, event: usize) -> bool {
        let runs = |frame: &Option<Frame>| frame.is_some();
        let runs_critical =
            |frame: &Option<Frame>| frame.is_some_and(|frame| KINDS[frame.event].critical);
        let blocked = if KINDS[event].critical {
            self.stack.iter().any(runs_critical)
        } else {
            self.stack.iter().any(runs)
        };
        self.events[event].status == E && !self.masked && !blocked
    }

    /// What would be delivered if the CPU ran now: critical ones first, and
    /// within a class the order of the table, which is the dispatcher's choice.
    pub fn deliverable(&self) -> Option<usize> {
        let waits = |&event: &usize| self.events[event].pending && self.may_deliver(event);
        let critical = |&event: &usize| KINDS[event].critical;
        let of_class = |class: bool| (0..EVENTS).filter(move |event| critical(event) == class);
        of_class(true).chain(of_class(false)).find(waits)
    }

    /// The CPU is about to run the guest.
    pub fn deliver(&mut self, regs: &mut Regs, controls: Controls) {
        if self.power == Power::Suspended {
            // Its registers were set instead of the CPU being reset.
            self.reset();
        }
        let Some(event) = self.deliverable() else {
            return;
        };
        let mut x = [0; 18];
        x.copy_from_slice(&regs.x[..18]);
        let interrupted = Context {
            x,
            pc: regs.pc,
            pstate: regs.pstate,
        };
        self.push(Frame { event, interrupted });
        self.events[event].pending = false;
        self.events[event].status = ER;

        regs.x[0] = u64::from(KINDS[event].number);
        regs.x[1] = self.events[event].argument;
        regs.x[2] = interrupted.pc;
        regs.x[3] = interrupted.pstate;
        regs.pc = self.events[event].entry;
        regs.pstate = take_exception(interrupted.pstate, controls);
    }

    /// Somebody raises an event. Returns whether there is a handler to raise it
    /// for; one that is masked or disabled gets it later.
    pub fn raise(&mut self, event: usize) -> bool {
        let registered = self.events[event].status & G != 0;
        if registered {
            self.events[event].pending = true;
        }
        registered
    }

    /// The VMM takes a trigger back. Returns whether there was one.
    pub fn withdraw(&mut self, event: usize) -> bool {
        std::mem::replace(&mut self.events[event].pending, false)
    }

    /// Handlers are completed, to go nowhere (DEN0054 6.5.4).
    fn end_handlers(&mut self) {
        while self.pop().is_some() {}
    }

    pub fn power_call(&mut self, call: PowerCall) {
        self.end_handlers();
        match call {
            PowerCall::CpuOff => {
                *self = Cpu::cold();
                self.power = Power::Off;
            }
            // The state is reset with the CPUs, if it comes to that.
            PowerCall::SystemOff => self.power = Power::On,
            PowerCall::SystemSuspend => self.power = Power::Suspended,
        }
    }

    /// The CPU is reset. One that suspended the system keeps its registrations
    /// and triggers, and is masked (DEN0054 6.5.2); any other starts anew. None
    /// runs a handler then, even if user space has said so of one that was
    /// suspended.
    pub fn reset(&mut self) {
        if self.power == Power::Suspended {
            self.end_handlers();
            self.masked = true;
            self.power = Power::On;
        } else {
            *self = Cpu::cold();
        }
    }
}
