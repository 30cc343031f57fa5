// SPDX-License-Identifier: GPL-2.0

//! The pseudo-registers (Documentation/interface.rst, section 5), with the
//! indices of include/uapi/linux/kvm_sdei.h.

use super::table::{E, ER, G, GR, U, UP};
use super::{pstate, Context, Cpu, Event, Frame, Guest, Power};
use super::{ALL_EVENTS, EVENTS, KINDS, SHARED_EVENTS};

const PE: u16 = 0x8000;
const PENDING: u16 = 0x8001;
const EVENT: u16 = 0x8100;
const CONTEXT: u16 = 0x8200;
const SHARED_RUNNING: u16 = 0x8002;
const SHARED_PENDING: u16 = 0x8300;
const SHARED: u16 = 0x8400;

const SUSPENDED: u64 = 2;
const RUNNING: u64 = 4;

/// Bit 63 of the routing of a shared event: RM_PE.
const RM_PE: u64 = 1 << 63;
const AFFINITY_BITS: u64 = 0xff_00ff_ffff;

/// All registers of a CPU.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Image {
    pe: u64,
    pending: u64,
    /// Entry point, argument, status.
    events: [[u64; 3]; EVENTS],
    /// For a normal and for a critical handler: x0 to x17, PC, PSTATE.
    contexts: [[u64; 20]; 2],
    shared_running: u64,
    shared_pending: u64,
    /// Entry point, argument, status, routing.
    shared: [[u64; 4]; SHARED_EVENTS],
}

/// The shared events of a class, as bits.
fn class(critical: bool) -> u64 {
    (0..SHARED_EVENTS)
        .filter(|n| KINDS[EVENTS + n].critical == critical)
        .fold(0, |bits, n| bits | (1 << n))
}

impl Image {
    /// Takes the values that were read, in the order of [`Image::indices`].
    pub fn new(values: &[u64]) -> Image {
        let mut rest = values.iter().copied();
        let mut next = || rest.next().expect("a value for each register");
        let (pe, pending, shared_running) = (next(), next(), next());
        Image {
            pe,
            pending,
            shared_running,
            events: std::array::from_fn(|_| std::array::from_fn(|_| next())),
            contexts: std::array::from_fn(|_| std::array::from_fn(|_| next())),
            shared_pending: next(),
            shared: std::array::from_fn(|_| std::array::from_fn(|_| next())),
        }
    }

    /// The handler of this class that runs, as the index of its event.
    fn running(&self, critical: bool) -> Option<usize> {
        let runs = |&event: &usize| {
            KINDS[event].critical == critical
                && match event.checked_sub(EVENTS) {
                    None => self.events[event][2] & RUNNING != 0,
                    Some(n) => (self.shared_running >> n) & 1 != 0,
                }
        };
        (0..ALL_EVENTS).find(runs)
    }

    /// What user space can read of it: a context only while a handler of its
    /// priority runs.
    pub fn shown(&self) -> Image {
        let mut shown = self.clone();
        for (critical, context) in shown.contexts.iter_mut().enumerate() {
            if self.running(critical == 1).is_none() {
                *context = [0; 20];
            }
        }
        shown
    }

    /// The indices of all registers, in ascending order.
    pub fn indices() -> Vec<u16> {
        let events = (0..EVENTS as u16).flat_map(|e| (0..3).map(move |n| EVENT + 4 * e + n));
        let contexts = (0..2).flat_map(|p| (0..20).map(move |n| CONTEXT + 32 * p + n));
        let shared = (0..SHARED_EVENTS as u16 * 4).map(|n| SHARED + n);
        [PE, PENDING, SHARED_RUNNING]
            .into_iter()
            .chain(events)
            .chain(contexts)
            .chain([SHARED_PENDING])
            .chain(shared)
            .collect()
    }

    /// User space writes a register. Returns whether the write is accepted. If
    /// not, nothing changes. What belongs to the guest does not change either if
    /// the guest is `live`: a CPU has run since its last reset.
    pub fn write(&mut self, index: u16, value: u64, live: bool) -> bool {
        let event = (index.wrapping_sub(EVENT) / 4) as usize;
        let context = (index.wrapping_sub(CONTEXT) / 32) as usize;
        let shared = (index.wrapping_sub(SHARED) / 4) as usize;
        match index {
            PE if value <= 3 => self.pe = value,
            // An event that became pending since user space read this stays
            // pending.
            PENDING if value >> EVENTS == 0 => self.pending |= value,
            SHARED_RUNNING if value >> SHARED_EVENTS == 0 => {
                let classes = [false, true].map(|critical| value & class(critical));
                if classes.iter().any(|bits| bits.count_ones() > 1) {
                    return false;
                }
                for (event, kind) in self.events.iter_mut().zip(KINDS) {
                    if classes[usize::from(kind.critical)] != 0 {
                        event[2] &= !RUNNING;
                    }
                }
                self.shared_running = value;
            }
            SHARED_PENDING if value >> SHARED_EVENTS == 0 => {
                self.shared_pending |= if live { 0 } else { value };
            }
            SHARED.. if shared < SHARED_EVENTS => {
                let part = usize::from(index % 4);
                let valid = match part {
                    0 => value % 4 == 0,
                    1 => true,
                    2 => [U, G, E].map(u64::from).contains(&value),
                    _ => value == 0 || value & !AFFINITY_BITS == RM_PE,
                };
                if valid && !live {
                    self.shared[shared][part] = value;
                }
                return valid;
            }
            EVENT.. if event < EVENTS => match (index % 4, value) {
                (0, _) if value % 4 == 0 => self.events[event][0] = value,
                (1, _) => self.events[event][1] = value,
                (2, 0..8) if [U, G, E, GR, ER, UP].contains(&(value as u8)) => {
                    self.set_status(event, value);
                }
                _ => return false,
            },
            CONTEXT.. if context < 2 => match index % 32 {
                n @ 0..19 => self.contexts[context][n as usize] = value,
                19 if pstate::possible(value) => self.contexts[context][19] = value,
                _ => return false,
            },
            _ => return false,
        }
        true
    }

    /// At most one handler runs per priority.
    fn set_status(&mut self, event: usize, status: u64) {
        for (other, kind) in self.events.iter_mut().zip(KINDS) {
            if status & RUNNING != 0 && kind.critical == KINDS[event].critical {
                other[2] &= !RUNNING;
            }
        }
        if status & RUNNING != 0 {
            self.shared_running &= !class(KINDS[event].critical);
        }
        self.events[event][2] = status;
    }

    /// Gives CPU `me` of the guest these registers.
    pub fn apply(&self, guest: &mut Guest, me: usize) {
        let before = guest.cpus[me];
        let frame = |critical: bool| {
            let event = self.running(critical)?;
            let context = &self.contexts[usize::from(critical)];
            let interrupted = Context {
                x: std::array::from_fn(|n| context[n]),
                pc: context[18],
                pstate: context[19],
            };
            Some(Frame { event, interrupted })
        };
        let mut frames = [frame(false), frame(true)].into_iter().flatten();
        let after = Cpu {
            power: match before.power {
                _ if self.pe & SUSPENDED != 0 => Power::Suspended,
                Power::Suspended => Power::On,
                other => other,
            },
            cold: before.cold,
            masked: self.pe & 1 != 0,
            events: std::array::from_fn(|event| Event {
                status: self.events[event][2] as u8,
                pending: (self.pending >> event) & 1 != 0,
                entry: self.events[event][0],
                argument: self.events[event][1],
            }),
            stack: [frames.next(), frames.next()],
        };
        guest.cpus[me] = after;
        let shared = |cpu: &Cpu| {
            let frames = cpu.stack.iter().flatten();
            let events = frames.map(|frame| frame.event);
            events.filter(|&event| event >= EVENTS).collect::<Vec<_>>()
        };
        for event in shared(&after) {
            // It runs here now, wherever it ran before.
            if !shared(&before).contains(&event) {
                guest.shared[event - EVENTS].runner = Some(me);
            }
        }
        for event in shared(&before) {
            if !shared(&after).contains(&event) {
                guest.ended(me, event);
            }
        }
        for (n, event) in guest.shared.iter_mut().enumerate() {
            let [entry, argument, status, routing] = self.shared[n];
            event.pending = (self.shared_pending >> n) & 1 != 0;
            (event.entry, event.argument) = (entry, argument);
            event.registration = status as u8;
            event.routing = (routing != 0).then_some(routing & AFFINITY_BITS);
        }
    }
}
