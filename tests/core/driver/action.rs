// SPDX-License-Identifier: GPL-2.0

//! The steps: everything that can happen to a guest.

use super::model::{self, Id, PowerCall};
use std::fmt;

/// A call with its arguments, x1 to x5.
#[derive(Clone, Copy)]
pub struct Call {
    /// For messages only.
    pub name: &'static str,
    pub id: u32,
    pub arguments: [u64; 5],
}

/// The order in which a VMM writes the registers.
#[derive(Clone, Copy, Debug)]
pub enum Order {
    Ascending,
    Descending,
    /// The permutation with this number.
    Shuffled(u64),
}

#[derive(Clone, Copy)]
pub enum What {
    /// The guest makes a call. If the CPU has a deliverable event at this
    /// moment, the event became pending while the call was on its way: the CPU
    /// had already left the guest, and has executed no instruction since.
    Call(Call),
    /// The host is about to run the guest. Every kick leads to this.
    Deliver,
    /// The VMM raises the event, which may be a shared one. For event 0: a CPU
    /// signals it that is neither of the two.
    Raise(usize),
    Withdraw(usize),
    /// The CPU is reset by KVM_ARM_VCPU_INIT or CPU_ON. This also ends a
    /// suspend.
    Reset,
    /// The VMM resets a CPU that was suspended, and clears the bit that says so
    /// before.
    ColdReset,
    Power(PowerCall),
    /// The guest migrates: both CPUs, and what they share.
    Migrate(Order),
    /// The VMM reads all registers and writes them back to the same CPU. In
    /// between it raises the event.
    WriteBack {
        order: Order,
        raise: usize,
    },
    /// The VMM writes a register, which may not exist or may refuse the value.
    Write {
        index: u16,
        value: u64,
    },
}

/// A step of one CPU.
#[derive(Clone, Copy)]
pub struct Action {
    pub cpu: usize,
    pub what: What,
}

impl Call {
    /// The event that the first argument names, if this call has such an
    /// argument.
    pub fn event(&self) -> Option<usize> {
        let about_one = [
            Id::REGISTER,
            Id::ENABLE,
            Id::DISABLE,
            Id::UNREGISTER,
            Id::STATUS,
            Id::GET_INFO,
            Id::ROUTING_SET,
            Id::INTERRUPT_RELEASE,
            Id::SIGNAL,
        ];
        let number = about_one.contains(&self.id).then_some(self.arguments[0])?;
        model::find(number)
    }
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [x1, x2, x3, x4, x5] = self.arguments;
        write!(
            f,
            "{} ({:#x}) {x1:#x} {x2:#x} {x3:#x} {x4:#x} {x5:#x}",
            self.name, self.id
        )
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CPU {} ", self.cpu)?;
        match &self.what {
            What::Call(call) => write!(f, "calls {call}"),
            What::Deliver => write!(f, "enters the guest"),
            What::Raise(event) => write!(f, "has event {event} raised"),
            What::Withdraw(event) => write!(f, "has event {event} withdrawn"),
            What::Reset => write!(f, "is reset"),
            What::ColdReset => write!(f, "is told that it isn't suspended, and reset"),
            What::Power(call) => write!(f, "calls PSCI's {call:?}"),
            What::Migrate(order) => write!(f, "migrates ({order:?})"),
            What::WriteBack { order, raise } => write!(
                f,
                "has its registers read, event {raise} raised, and the registers \
                 written ({order:?})"
            ),
            What::Write { index, value } => {
                write!(f, "has register {index:#x} written as {value:#x}")
            }
        }
    }
}
