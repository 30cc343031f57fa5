// SPDX-License-Identifier: GPL-2.0

//! The values in the registers of a CPU when the guest runs, and the numbers
//! that it passes. There are few enough to explore all of them, and they differ
//! enough to be told apart.

use crate::driver::model::{
    Controls, Cpu, Frame, Guest, Power, Regs, Shared, AFFINITY, E, ER, G, GR, KINDS, U, UP,
};
use sdei::{Port, Priority};

pub const SIGNALLED: usize = 0;
pub const NORMAL: usize = 1;
pub const CRITICAL: usize = 5;

/// The events of the exploration: the one that can be signalled, and one event
/// of each priority that the VMM raises.
pub const EVENTS: [usize; 3] = [SIGNALLED, NORMAL, CRITICAL];

pub const SHARED_NORMAL: usize = 9;
pub const SHARED_CRITICAL: usize = 11;

/// The address for SDEI_EVENT_COMPLETE_AND_RESUME.
pub const RESUME_AT: u64 = 0xffff_8000_0001_0280;

/// The two CPUs have different settings, so that each field of PSTATE takes
/// both values.
pub const CONTROLS: [Controls; 2] = [
    Controls {
        span: false,
        dssbs: true,
        mte: false,
    },
    Controls {
        span: true,
        dssbs: false,
        mte: true,
    },
];

/// PSTATE, by CPU and by what the CPU executes: no handler, the handler of one
/// of the three events, or a critical handler over a normal one. These are
/// AArch32 EL0, AArch64 EL0 and EL1, with all combinations of PAN and DIT, and
/// with flags that must not reach a handler (SS, IL, BTYPE, UAO, and the bits
/// that AArch32 has in their place).
const PSTATES: [[u64; 5]; 2] = [
    [
        0x0000_0000_a2b5_fdf0,
        0x0000_0000_6040_03c5,
        0x0000_0010_1180_0005,
        0x0000_0000_8100_13c5,
        0x0000_0000_2030_0004,
    ],
    [
        0x0000_0010_5130_1c04,
        0x0000_0000_8000_03c5,
        0x0000_0000_4140_0c00,
        0x0000_0000_1000_03c5,
        0x0000_0000_f250_0345,
    ],
];

fn level(cpu: &Cpu) -> usize {
    match cpu.stack {
        [None, _] => 0,
        [Some(frame), None] if frame.event == SIGNALLED => 1,
        [Some(frame), None] if !KINDS[frame.event].critical => 2,
        [Some(_), None] => 3,
        [Some(_), Some(_)] => 4,
    }
}

/// The guest's registers. The guest writes all of them between two steps, so
/// one value for each place in the program is enough.
pub fn registers(n: usize, cpu: &Cpu) -> Regs {
    let level = level(cpu);
    let tag = ((n as u64 + 1) << 60) | ((level as u64) << 56) | 0x00c0_ffee_0000_0000;
    Regs {
        x: std::array::from_fn(|register| tag | 0x100 | register as u64),
        sp: tag | 0x2000,
        pc: 0x4000_0000 | ((n as u64) << 20) | ((level as u64) << 12),
        pstate: PSTATES[n][level],
        elr_el1: tag | 0x3000,
        spsr_el1: tag | 0x4000,
    }
}

/// The handler that a guest registers for an event. There are two variants.
pub fn handler(event: usize, variant: u64) -> [u64; 2] {
    let number = u64::from(KINDS[event].number);
    [
        0xffff_8000_0000_0400 + (number << 4) + variant * 0x800,
        0xa0a0_0000_0000_0000 | (variant << 40) | number,
    ]
}

/// Where an interrupted context comes from: between two instructions, at the
/// end of a call, or after SDEI_EVENT_COMPLETE_AND_RESUME.
fn class(frame: Option<Frame>) -> u64 {
    match frame.map(|frame| frame.interrupted.pc) {
        None => 0,
        Some(RESUME_AT) => 2,
        Some(pc) => (pc >> 2) & 1,
    }
}

/// A number for the state of a CPU. Two states with the same number differ only
/// in the contents of interrupted contexts, and in the variant of the handlers.
/// With `detail`, the number also tells apart the [`class`] of each context and
/// the variants.
///
/// If the guest has shared events, the number also says whether the CPU has run
/// since its reset, and has to look for shared events. Without them, neither makes
/// a difference.
pub fn key(cpu: &Cpu, port: &Port, detail: bool, shares: bool) -> u64 {
    let mut key = match cpu.power {
        Power::On => 0,
        Power::Off => 1,
        Power::Suspended => 2,
    };
    key = (key << 1) | u64::from(cpu.masked);
    key = (key << 1) | u64::from(shares && cpu.cold);
    // The model does not have these.
    for priority in [Priority::Normal, Priority::Critical] {
        key = (key << 1) | u64::from(shares && port.looks_for(priority));
    }
    key = (key << 1) | u64::from(shares && port.is_given());
    for n in EVENTS {
        let event = &cpu.events[n];
        let column = match event.status {
            U => 0,
            G => 1,
            E => 2,
            GR => 3,
            ER => 4,
            UP => 5,
            other => panic!("no such state: {other}"),
        };
        let has_handler = event.status & G != 0;
        let variant = detail && has_handler && event.entry != handler(n, 0)[0];
        key = (key << 5) | (column << 2) | (u64::from(event.pending) << 1) | u64::from(variant);
    }
    // The states of the private events say which handlers run, and the frames
    // say it of the shared ones. They also say in which order, because only a
    // critical handler can interrupt another one.
    for frame in cpu.stack {
        key = (key << 2) | if detail { class(frame) } else { 0 };
        let shared = frame.map_or(0, |frame| frame.event.saturating_sub(NR_PRIVATE - 1));
        key = (key << 3) | shared as u64;
    }
    key
}

const NR_PRIVATE: usize = 9;

/// A number for the state of the shared events, in the same sense, and for how
/// many CPUs have run, which the dispatcher counts. All this makes a difference
/// only if the guest has shared events.
pub fn shared_key(guest: &Guest, shares: bool) -> u64 {
    if !shares {
        return 0;
    }
    let routing = |event: &Shared| match event.routing {
        None => 0,
        Some(affinity) => 1 + u64::from(affinity == AFFINITY[1]),
    };
    let column = |event: &Shared| match event.registration {
        U => 0,
        G => 1,
        E => 2,
        other => panic!("no such state: {other}"),
    };
    let warm = guest.cpus.iter().filter(|cpu| !cpu.cold).count();
    guest.shared.iter().fold(warm as u64, |key, event| {
        let key = (key << 2) | column(event);
        let key = (key << 2) | event.runner.map_or(0, |cpu| 1 + cpu as u64);
        let has_handler = event.registration & G != 0;
        let key = (key << 2) | if has_handler { routing(event) } else { 0 };
        (key << 1) | u64::from(event.pending)
    })
}
