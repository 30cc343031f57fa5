// SPDX-License-Identifier: GPL-2.0

//! A second description of SDEI: a model to compare the dispatcher with.
//!
//! It was written from the sections of DEN0054 and from the decisions in
//! Documentation/design.rst, not from `src/sdei/`. It is slow and simple on
//! purpose: plain data, one table for the states of a handler, one function for
//! each rule, and no code that the dispatcher uses as well.
//!
//! A guest has two CPUs. A CPU contains nothing that has no meaning in the
//! specification, such as the entry point of an event that is not registered,
//! or the context of a priority whose handler does not run. User space can read
//! and write these nevertheless, so an [`Image`] contains them.

mod call;
mod image;
mod pstate;
mod table;

pub use call::{call, Id};
pub use image::Image;
pub use pstate::{take_exception, Controls};
pub use table::*;

/// What never changes for an event (DEN0054 4.3, 4.4).
pub struct Kind {
    pub number: u32,
    pub critical: bool,
    /// SDEI_EVENT_SIGNAL may signal it.
    pub signalled: bool,
}

const fn of_vmm(number: u32, critical: bool) -> Kind {
    Kind {
        number,
        critical,
        signalled: false,
    }
}

/// The events: the one that DEN0054 defines, and those that the VMM raises
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

/// The number of events. The index of an event in an array stands for the
/// event.
pub const EVENTS: usize = KINDS.len();

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
    SystemOff,
    SystemSuspend,
}

impl Cpu {
    /// The state after power-up: masked, no event registered (DEN0054 6.5.1).
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

    /// Ends the innermost handler, and gives its event the state that it has
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

    /// Whether the event is ready: the rule of DEN0054 4.3.2, without regard to
    /// whether the event is pending.
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

    /// The event that would be delivered if the CPU ran now: a critical one
    /// first, and within a priority the first in the table. The latter is the
    /// dispatcher's choice.
    pub fn deliverable(&self) -> Option<usize> {
        let waits = |&event: &usize| self.events[event].pending && self.may_deliver(event);
        let critical = |&event: &usize| KINDS[event].critical;
        let of_class = |class: bool| (0..EVENTS).filter(move |event| critical(event) == class);
        of_class(true).chain(of_class(false)).find(waits)
    }

    /// The host is about to run the guest.
    pub fn deliver(&mut self, regs: &mut Regs, controls: Controls) {
        if self.power == Power::Suspended {
            // User space has set the registers to resume with, and has not
            // reset the CPU.
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

    /// Completes the handlers that run, without going back to what they
    /// interrupted (DEN0054 6.5.4).
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
            // If user space resets the CPUs then, this resets their state.
            PowerCall::SystemOff => self.power = Power::On,
            PowerCall::SystemSuspend => self.power = Power::Suspended,
        }
    }

    /// Resets the CPU. A CPU that suspended the system keeps its registrations
    /// and its pending events, and is masked (DEN0054 6.5.2). Any other CPU
    /// gets the state after power-up. No handler runs afterwards, even if user
    /// space wrote for a suspended CPU that one does.
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
