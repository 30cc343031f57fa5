// SPDX-License-Identifier: GPL-2.0

//! Turns bytes into steps. Every sequence of bytes stands for some step, and
//! more values stand for those steps that are likely to find something.

use crate::driver::model::{
    Controls, Id, Image, PowerCall, Regs, AFFINITY, ALL_EVENTS, EVENTS, KINDS, SHARED_EVENTS,
};
use crate::driver::{Action, Call, Order, What};

/// The number of bytes of a step: one for the kind of step, one for the CPU
/// (bit 0), four for choices, eight for a number, and two from which all
/// registers are made.
pub const RECORD: usize = 16;

const NAMES: [&str; 19] = [
    "VERSION",
    "REGISTER",
    "ENABLE",
    "DISABLE",
    "CONTEXT",
    "COMPLETE",
    "COMPLETE_AND_RESUME",
    "UNREGISTER",
    "STATUS",
    "GET_INFO",
    "ROUTING_SET",
    "PE_MASK",
    "PE_UNMASK",
    "INTERRUPT_BIND",
    "INTERRUPT_RELEASE",
    "SIGNAL",
    "FEATURES",
    "PRIVATE_RESET",
    "SHARED_RESET",
];

struct Record {
    what: u8,
    cpu: usize,
    choices: [u8; 4],
    number: u64,
    seed: u64,
}

/// Numbers that look random.
fn scramble(n: u64) -> u64 {
    let n = n.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let n = (n ^ (n >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    n ^ (n >> 31)
}

/// Turns a record into a step and the registers of the CPU in this step.
pub fn step(record: &[u8]) -> (Action, Regs, Controls) {
    let byte = |n: usize| record.get(n).copied().unwrap_or(0);
    let record = Record {
        what: byte(0),
        cpu: usize::from(byte(1) & 1),
        choices: std::array::from_fn(|n| byte(2 + n)),
        number: (6..14).fold(0, |number, n| (number << 8) | u64::from(byte(n))),
        seed: (u64::from(byte(14)) << 8) | u64::from(byte(15)),
    };
    let action = Action {
        cpu: record.cpu,
        what: record.what(),
    };
    (action, record.regs(), record.controls())
}

impl Record {
    fn what(&self) -> What {
        let [a, b, ..] = self.choices;
        let event = usize::from(b) % ALL_EVENTS;
        match self.what % 16 {
            0..=6 => What::Call(self.call(Id::VERSION + u32::from(a) % 19)),
            7 => What::Call(self.call(Id::VERSION + u32::from(a) % 32)),
            8 => What::Deliver,
            9 | 10 => What::Raise(event),
            11 => What::Withdraw(event),
            12 => self.write(),
            13 => What::Migrate(self.order()),
            14 => What::WriteBack {
                order: self.order(),
                raise: event,
            },
            _ => match a % 8 {
                0 => What::Reset,
                1 => What::ColdReset,
                2 => What::Power(PowerCall::CpuOff),
                3 => What::Power(PowerCall::SystemOff),
                4 => What::Power(PowerCall::SystemSuspend),
                5 => What::Power(PowerCall::CpuSuspend),
                // KVM passes only function IDs of the range, so these never
                // arrive in the module. The dispatcher has to refuse them all
                // the same.
                _ => What::Call(self.call(self.number as u32)),
            },
        }
    }

    fn call(&self, id: u32) -> Call {
        let [_, b, c, d] = self.choices;
        let any = self.number;
        let known = match b % 32 {
            b @ 0..=12 => u64::from(KINDS[usize::from(b)].number),
            b @ 13..=15 => u64::from(KINDS[[0, 1, 5][usize::from(b) - 13]].number),
            b @ 16..=27 => u64::from(KINDS[EVENTS + usize::from(b) % SHARED_EVENTS].number),
            // Only 32 bits count.
            b @ 28..=29 => u64::from(KINDS[usize::from(b) - 28].number) | (any << 32),
            _ => any,
        };
        // Mostly a small number.
        let number = if c & 3 == 0 { any } else { u64::from(d) };
        let target = match c % 8 {
            0 => any,
            // With the bits of MPIDR_EL1 that are not part of the affinity.
            c @ 1..=2 => AFFINITY[usize::from(c) - 1] | 0xc100_0000,
            c => AFFINITY[usize::from(c & 1)],
        };
        let arguments = match id {
            Id::REGISTER => {
                let entry = if c & 7 == 0 { any } else { (any << 2) | 0x1000 };
                let flags = if d & 3 == 0 {
                    u64::from(d)
                } else {
                    u64::from(d & 1)
                };
                [known, entry, scramble(any), flags, target]
            }
            Id::SIGNAL => [known, target, any, any, any],
            Id::ENABLE | Id::DISABLE | Id::UNREGISTER | Id::STATUS | Id::INTERRUPT_RELEASE => {
                [known, any, any, any, any]
            }
            Id::GET_INFO => [known, number, target, any, any],
            Id::ROUTING_SET => {
                let mode = if d & 3 == 0 {
                    number
                } else {
                    u64::from((d >> 2) & 1)
                };
                [known, mode, target, any, any]
            }
            _ => [number, any, any, any, any],
        };
        let name = usize::try_from(id.wrapping_sub(Id::VERSION));
        Call {
            name: name.map_or("", |n| NAMES.get(n).copied().unwrap_or("reserved")),
            id,
            arguments,
        }
    }

    fn write(&self) -> What {
        let [a, b, c, d] = self.choices;
        let registers = Image::indices();
        What::Write {
            index: match a {
                0..=127 => match registers.get(usize::from(a)) {
                    Some(&index) => index,
                    None => u16::from_be_bytes([b | 0x80, a]),
                },
                128..=159 => registers[0],
                160..=191 => registers[1],
                // The status of an event.
                // What is kept for shared events.
                192..=223 => registers[registers.len() - 1 - usize::from(b) % 17],
                224..=231 => registers[2],
                _ => registers[5 + 3 * (usize::from(b) % EVENTS)],
            },
            value: match c % 4 {
                0 => self.number,
                1 => self.number & !3,
                2 => self.regs().pstate,
                _ => u64::from(d % 8),
            },
        }
    }

    fn order(&self) -> Order {
        match self.choices[0] % 4 {
            0 => Order::Ascending,
            1 => Order::Descending,
            _ => Order::Shuffled(self.number),
        }
    }

    fn regs(&self) -> Regs {
        let random = |n: u64| scramble((self.seed << 8) | n);
        Regs {
            x: std::array::from_fn(|n| random(n as u64)),
            sp: random(31),
            pc: random(32),
            pstate: match random(33) % 4 {
                0 => random(34) & 0xffff_ffe0 | 0x10,
                mode => random(34) & 0x1f_f3f0_3fc0 | [0, 4, 5][mode as usize - 1],
            },
            elr_el1: random(35),
            spsr_el1: random(36),
        }
    }

    fn controls(&self) -> Controls {
        let random = scramble(self.seed);
        Controls {
            span: random & 1 != 0,
            dssbs: random & 2 != 0,
            mte: random & 4 != 0,
        }
    }
}
