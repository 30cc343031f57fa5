// SPDX-License-Identifier: GPL-2.0

//! The pseudo-registers (Documentation/interface.rst, section 5), with the
//! indices of include/uapi/linux/kvm_sdei.h.

use super::table::{E, ER, G, GR, U, UP};
use super::{pstate, Context, Cpu, Event, Frame, Kind, Power, EVENTS, KINDS};

const PE: u16 = 0x8000;
const PENDING: u16 = 0x8001;
const EVENT: u16 = 0x8100;
const CONTEXT: u16 = 0x8200;

const SUSPENDED: u64 = 2;
const RUNNING: u64 = 4;

/// All registers of a CPU.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Image {
    pe: u64,
    pending: u64,
    /// Entry point, argument, status.
    events: [[u64; 3]; EVENTS],
    /// For a normal and for a critical handler: x0 to x17, PC, PSTATE.
    contexts: [[u64; 20]; 2],
}

impl Image {
    /// Takes the values that were read, in the order of [`Image::indices`].
    pub fn new(values: &[u64]) -> Image {
        let mut rest = values.iter().copied();
        let mut next = || rest.next().expect("a value for each register");
        Image {
            pe: next(),
            pending: next(),
            events: std::array::from_fn(|_| std::array::from_fn(|_| next())),
            contexts: std::array::from_fn(|_| std::array::from_fn(|_| next())),
        }
    }

    /// What user space can read of it: a context only while a handler of its
    /// priority runs.
    pub fn shown(&self) -> Image {
        let mut shown = self.clone();
        for (critical, context) in shown.contexts.iter_mut().enumerate() {
            let runs = |(event, kind): (&[u64; 3], Kind)| {
                usize::from(kind.critical) == critical && event[2] & RUNNING != 0
            };
            if !self.events.iter().zip(KINDS).any(runs) {
                *context = [0; 20];
            }
        }
        shown
    }

    /// The indices of all registers, in ascending order.
    pub fn indices() -> Vec<u16> {
        let events = (0..EVENTS as u16).flat_map(|e| (0..3).map(move |n| EVENT + 4 * e + n));
        let contexts = (0..2).flat_map(|p| (0..20).map(move |n| CONTEXT + 32 * p + n));
        [PE, PENDING]
            .into_iter()
            .chain(events)
            .chain(contexts)
            .collect()
    }

    /// User space writes a register. Returns whether the write is accepted. If
    /// not, nothing changes.
    pub fn write(&mut self, index: u16, value: u64) -> bool {
        let event = (index.wrapping_sub(EVENT) / 4) as usize;
        let context = (index.wrapping_sub(CONTEXT) / 32) as usize;
        match index {
            PE if value <= 3 => self.pe = value,
            // An event that became pending since user space read this stays
            // pending.
            PENDING if value >> EVENTS == 0 => self.pending |= value,
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
        self.events[event][2] = status;
    }

    /// The model of the CPU that has these registers.
    pub fn cpu(&self, before: Power) -> Cpu {
        let runs = |event: &usize| self.events[*event][2] & RUNNING != 0;
        let frame = |critical: bool| {
            let event = (0..EVENTS)
                .filter(runs)
                .find(|&event| KINDS[event].critical == critical)?;
            let context = &self.contexts[usize::from(critical)];
            let interrupted = Context {
                x: std::array::from_fn(|n| context[n]),
                pc: context[18],
                pstate: context[19],
            };
            Some(Frame { event, interrupted })
        };
        let mut frames = [frame(false), frame(true)].into_iter().flatten();
        Cpu {
            power: match before {
                _ if self.pe & SUSPENDED != 0 => Power::Suspended,
                Power::Suspended => Power::On,
                other => other,
            },
            masked: self.pe & 1 != 0,
            events: std::array::from_fn(|event| Event {
                status: self.events[event][2] as u8,
                pending: (self.pending >> event) & 1 != 0,
                entry: self.events[event][0],
                argument: self.events[event][1],
            }),
            stack: [frames.next(), frames.next()],
        }
    }
}
