// SPDX-License-Identifier: GPL-2.0

//! The calls that a guest makes, and the bad values that a VMM writes.

use crate::driver::model::{Id, AFFINITY, KINDS};
use crate::driver::Call;
use crate::guest::{handler, CRITICAL, EVENTS, NORMAL, RESUME_AT, SIGNALLED};

/// Indices of registers, and values that these can't have, so that writing them
/// is refused.
pub const BAD_VALUES: [(u16, u64); 15] = [
    (0x8000, 1 << 2),
    (0x8001, (1 << 9) | 1),
    (0x8100 + 4 * SIGNALLED as u16, 0x402),
    (0x8102 + 4 * CRITICAL as u16, 2),
    (0x8102 + 4 * NORMAL as u16, 6),
    (0x8102 + 4 * NORMAL as u16, 8),
    // EL2, and AArch32 above EL0.
    (0x8213, 9),
    (0x8233, 0x13),
    // This register does not exist.
    (0x8103, 0),
    // Two normal handlers at once.
    (0x8002, 0b0011),
    (0x8002, 1 << 4),
    (0x8300, 1 << 4),
    (0x8400, 2),
    // A state with a handler that runs; an affinity without RM_PE.
    (0x8402, 7),
    (0x8403, 1),
];

/// All interesting calls of a CPU, about these shared events and all private
/// ones.
pub fn calls(me: usize, shared: &[usize]) -> Vec<Call> {
    let mut calls = Vec::new();
    let mut add = |name, id, arguments: &[u64]| {
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
        });
    };

    // A number has 32 bits, so the dispatcher has to ignore bit 32.
    let unknown = [0x1_0000, 0x8000_0000, 0x4000_0030, 0xffff_ffff];

    for event in EVENTS {
        let number = u64::from(KINDS[event].number);
        for variant in [0, 1] {
            let [entry, argument] = handler(event, variant);
            // The flag of variant 1 is RM_PE, with an affinity that no CPU has.
            let routing = [variant, 0xffff_ffff];
            let arguments = [number, entry, argument, routing[0], routing[1]];
            add("REGISTER", Id::REGISTER, &arguments);
        }
        let entry = handler(event, 0)[0];
        for (bad_entry, flags) in [(0, 0), (entry + 2, 0), (entry, 2), (entry, 1 << 63)] {
            let arguments = [number, bad_entry, 0, flags, 0];
            add("REGISTER (bad)", Id::REGISTER, &arguments);
        }
        add("ENABLE", Id::ENABLE, &[number | (1 << 32)]);
        add("DISABLE", Id::DISABLE, &[number]);
        add("UNREGISTER", Id::UNREGISTER, &[number]);
        add("STATUS", Id::STATUS, &[number | (1 << 63)]);
        for info in [0, 1, 2, 3, 4, 5, 1 << 32] {
            add("GET_INFO", Id::GET_INFO, &[number, info]);
        }
        for mode in [0, 1, 2] {
            add(
                "ROUTING_SET",
                Id::ROUTING_SET,
                &[number, mode, AFFINITY[me]],
            );
        }
        add("INTERRUPT_RELEASE", Id::INTERRUPT_RELEASE, &[number]);
        for target in [0, 1] {
            add("SIGNAL", Id::SIGNAL, &[number, AFFINITY[target]]);
        }
        add("SIGNAL (nobody)", Id::SIGNAL, &[number, 0x1_0000]);
    }
    for &event in shared {
        let number = u64::from(KINDS[event].number);
        let [entry, argument] = handler(event, 0);
        let routings = [
            [0, 0xffff_ffff],
            [1, AFFINITY[0] | 0xc100_0000],
            [1, AFFINITY[1]],
            [1, 0xffff_ffff],
            [2, AFFINITY[0]],
        ];
        for [mode, affinity] in routings {
            let arguments = [number, entry, argument, mode, affinity];
            add("REGISTER (shared)", Id::REGISTER, &arguments);
            let arguments = [number | (1 << 32), mode, affinity];
            add("ROUTING_SET (shared)", Id::ROUTING_SET, &arguments);
        }
        add("ENABLE (shared)", Id::ENABLE, &[number]);
        add("DISABLE (shared)", Id::DISABLE, &[number]);
        add("UNREGISTER (shared)", Id::UNREGISTER, &[number]);
        add("STATUS (shared)", Id::STATUS, &[number | (1 << 63)]);
        for info in 0..6 {
            add("GET_INFO (shared)", Id::GET_INFO, &[number, info]);
        }
        add("RELEASE (shared)", Id::INTERRUPT_RELEASE, &[number]);
        add("SIGNAL (shared)", Id::SIGNAL, &[number, AFFINITY[me]]);
    }
    // MPIDR_EL1 has bits that are not part of the affinity.
    add(
        "SIGNAL (MPIDR)",
        Id::SIGNAL,
        &[0, AFFINITY[1 - me] | 0xc100_0000],
    );
    for number in unknown {
        let entry = handler(0, 0)[0];
        add(
            "REGISTER (unknown)",
            Id::REGISTER,
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
        add(name, id, &[unknown[0], 0, AFFINITY[me]]);
    }
    for n in [0, 1, 2, 3, 9, 17, 18, 0x100, 1 << 31, 4 | (1 << 32)] {
        add("CONTEXT", Id::CONTEXT, &[n]);
    }
    for status in [0, 1] {
        add("COMPLETE", Id::COMPLETE, &[status]);
    }
    for address in [RESUME_AT, 0] {
        add("COMPLETE_AND_RESUME", Id::COMPLETE_AND_RESUME, &[address]);
    }
    for interrupt in [0, 15, 16, 32, 1020, 1056, 8192, 16 | (1 << 32)] {
        add("INTERRUPT_BIND", Id::INTERRUPT_BIND, &[interrupt]);
    }
    for feature in [0, 1, 0x10, 1 << 32] {
        add("FEATURES", Id::FEATURES, &[feature]);
    }
    add("VERSION", Id::VERSION, &[]);
    add("PE_MASK", Id::PE_MASK, &[]);
    add("PE_UNMASK", Id::PE_UNMASK, &[]);
    add("PRIVATE_RESET", Id::PRIVATE_RESET, &[]);
    add("SHARED_RESET", Id::SHARED_RESET, &[]);
    add("reserved", 0xc400_0033, &[]);
    add("reserved", 0xc400_003f, &[]);
    calls
}
