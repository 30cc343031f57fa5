// SPDX-License-Identifier: GPL-2.0

//! Everything that can happen to a guest.

use crate::guest::{handler, RESUME_AT};
use crate::model::{Id, PowerCall, AFFINITY, KINDS};
use std::fmt;

/// A call with its arguments.
pub struct Call {
    pub name: &'static str,
    pub id: u32,
    pub arguments: [u64; 5],
    /// The event that it is about, if it is about one.
    pub event: Option<usize>,
}

#[derive(Clone, Copy)]
pub enum What {
    /// The guest makes the nth call of [`calls`]. On a CPU that has something
    /// deliverable, this is a call that was under way when that came: the CPU
    /// was in the host already, and has executed no instruction since.
    Call(usize),
    /// The CPU is about to run the guest. All that a kick leads to.
    Deliver,
    /// The VMM, or for event 0 a CPU that this one doesn't know of, raises.
    Raise(usize),
    Withdraw(usize),
    /// KVM_ARM_VCPU_INIT, CPU_ON, or the end of a suspend.
    Reset,
    /// The VMM resets a CPU that was suspended, and says so.
    ColdReset,
    Power(PowerCall),
    /// Migration to a fresh CPU, registers written in ascending or descending
    /// order.
    Migrate {
        ascending: bool,
    },
    /// The VMM reads all registers and writes them back to the same CPU; the
    /// event is raised in between.
    WriteBack {
        ascending: bool,
        raise: usize,
    },
    /// The VMM writes the nth of [`crate::step::BAD_VALUES`].
    BadWrite(usize),
}

/// Something that happens to one CPU.
#[derive(Clone, Copy)]
pub struct Action {
    pub cpu: usize,
    pub what: What,
}

/// All calls of a CPU that are worth a try.
pub fn calls(me: usize) -> Vec<Call> {
    let mut calls = Vec::new();
    let mut add = |name, id, event: Option<usize>, arguments: &[u64]| {
        let mut all = [
            0xdead_0001,
            0xdead_0002,
            0xdead_0003,
            0xdead_0004,
            0xdead_0005,
        ];
        all[..arguments.len()].copy_from_slice(arguments);
        calls.push(Call {
            name,
            id,
            arguments: all,
            event,
        });
    };

    // A number is 32 bits wide, so bit 32 is nothing.
    let numbers = [0, 1, 2].map(|event| u64::from(KINDS[event].number));
    let unknown = [0x1_0000, 0x8000_0000, 0x4000_0030, 0xffff_ffff];

    for (event, number) in numbers.into_iter().enumerate() {
        let about = Some(event);
        for variant in [0, 1] {
            let [entry, argument] = handler(event, variant);
            // The flag is RM_PE, with an affinity of nobody.
            let routing = [variant, 0xffff_ffff];
            let arguments = [number, entry, argument, routing[0], routing[1]];
            add("REGISTER", Id::REGISTER, about, &arguments);
        }
        let entry = handler(event, 0)[0];
        for (bad_entry, flags) in [(0, 0), (entry + 2, 0), (entry, 2), (entry, 1 << 63)] {
            let arguments = [number, bad_entry, 0, flags, 0];
            add("REGISTER (bad)", Id::REGISTER, about, &arguments);
        }
        add("ENABLE", Id::ENABLE, about, &[number | (1 << 32)]);
        add("DISABLE", Id::DISABLE, about, &[number]);
        add("UNREGISTER", Id::UNREGISTER, about, &[number]);
        add("STATUS", Id::STATUS, about, &[number | (1 << 63)]);
        for info in [0, 1, 2, 3, 4, 5, 1 << 32] {
            add("GET_INFO", Id::GET_INFO, about, &[number, info]);
        }
        for mode in [0, 1, 2] {
            add(
                "ROUTING_SET",
                Id::ROUTING_SET,
                about,
                &[number, mode, AFFINITY[me]],
            );
        }
        add("INTERRUPT_RELEASE", Id::INTERRUPT_RELEASE, about, &[number]);
        for target in [0, 1] {
            add("SIGNAL", Id::SIGNAL, about, &[number, AFFINITY[target]]);
        }
        add("SIGNAL (nobody)", Id::SIGNAL, about, &[number, 0x1_0000]);
    }
    // MPIDR_EL1 has bits that are no part of the affinity.
    add(
        "SIGNAL (MPIDR)",
        Id::SIGNAL,
        Some(0),
        &[0, AFFINITY[1 - me] | 0xc100_0000],
    );
    for number in unknown {
        let entry = handler(0, 0)[0];
        add(
            "REGISTER (unknown)",
            Id::REGISTER,
            None,
            &[number, entry, 0, 0, 0],
        );
    }
    for (name, id) in [
        ("ENABLE (unknown)", Id::ENABLE),
        ("DISABLE (unknown)", Id::DISABLE),
        ("UNREGISTER (unknown)", Id::UNREGISTER),
        ("STATUS (unknown)", Id::STATUS),
        ("GET_INFO (unknown)", Id::GET_INFO),
        ("ROUTING_SET (unknown)", Id::ROUTING_SET),
        ("INTERRUPT_RELEASE (unknown)", Id::INTERRUPT_RELEASE),
        ("SIGNAL (unknown)", Id::SIGNAL),
    ] {
        add(name, id, None, &[unknown[0], 0, AFFINITY[me]]);
    }
    for n in [0, 1, 2, 3, 9, 17, 18, 0x100, 1 << 31, 4 | (1 << 32)] {
        add("CONTEXT", Id::CONTEXT, None, &[n]);
    }
    for status in [0, 1] {
        add("COMPLETE", Id::COMPLETE, None, &[status]);
    }
    for address in [RESUME_AT, 0] {
        add(
            "COMPLETE_AND_RESUME",
            Id::COMPLETE_AND_RESUME,
            None,
            &[address],
        );
    }
    for interrupt in [0, 15, 16, 32, 1020, 1056, 8192, 16 | (1 << 32)] {
        add("INTERRUPT_BIND", Id::INTERRUPT_BIND, None, &[interrupt]);
    }
    for feature in [0, 1, 0x10, 1 << 32] {
        add("FEATURES", Id::FEATURES, None, &[feature]);
    }
    add("VERSION", Id::VERSION, None, &[]);
    add("PE_MASK", Id::PE_MASK, None, &[]);
    add("PE_UNMASK", Id::PE_UNMASK, None, &[]);
    add("PRIVATE_RESET", Id::PRIVATE_RESET, None, &[]);
    add("SHARED_RESET", Id::SHARED_RESET, None, &[]);
    add("reserved", 0xc400_0033, None, &[]);
    add("reserved", 0xc400_003f, None, &[]);
    calls
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [x1, x2, x3, x4, x5] = self.arguments;
        write!(f, "{} {x1:#x} {x2:#x} {x3:#x} {x4:#x} {x5:#x}", self.name)
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CPU {} ", self.cpu)?;
        match &self.what {
            What::Call(n) => write!(f, "calls {}", &calls(self.cpu)[*n]),
            What::Deliver => write!(f, "enters the guest"),
            What::Raise(event) => write!(f, "has event {event} raised"),
            What::Withdraw(event) => write!(f, "has event {event} withdrawn"),
            What::Reset => write!(f, "is reset"),
            What::ColdReset => write!(f, "is told that it isn't suspended, and reset"),
            What::Power(call) => write!(f, "calls PSCI's {call:?}"),
            What::Migrate { ascending } => write!(f, "migrates (ascending: {ascending})"),
            What::WriteBack { ascending, raise } => write!(
                f,
                "has its registers read, event {raise} raised, and the registers \
                 written (ascending: {ascending})"
            ),
            What::BadWrite(n) => write!(f, "has bad value {n} written to a register"),
        }
    }
}
