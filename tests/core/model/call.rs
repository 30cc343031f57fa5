// SPDX-License-Identifier: GPL-2.0

//! The calls (DEN0054 5.1).

use super::table::{self, look_up, Row};
use super::{find, take_exception, Controls, Cpu, Guest, Regs, AFFINITY, EVENTS, KINDS};

pub const SUCCESS: i64 = 0;
pub const NOT_SUPPORTED: i64 = -1;
pub const INVALID_PARAMETERS: i64 = -2;
pub const DENIED: i64 = -3;
pub const PENDING: i64 = -5;
pub const OUT_OF_RESOURCE: i64 = -10;

/// The function IDs.
pub struct Id;

impl Id {
    pub const VERSION: u32 = 0xc400_0020;
    pub const REGISTER: u32 = 0xc400_0021;
    pub const ENABLE: u32 = 0xc400_0022;
    pub const DISABLE: u32 = 0xc400_0023;
    pub const CONTEXT: u32 = 0xc400_0024;
    pub const COMPLETE: u32 = 0xc400_0025;
    pub const COMPLETE_AND_RESUME: u32 = 0xc400_0026;
    pub const UNREGISTER: u32 = 0xc400_0027;
    pub const STATUS: u32 = 0xc400_0028;
    pub const GET_INFO: u32 = 0xc400_0029;
    pub const ROUTING_SET: u32 = 0xc400_002a;
    pub const PE_MASK: u32 = 0xc400_002b;
    pub const PE_UNMASK: u32 = 0xc400_002c;
    pub const INTERRUPT_BIND: u32 = 0xc400_002d;
    pub const INTERRUPT_RELEASE: u32 = 0xc400_002e;
    pub const SIGNAL: u32 = 0xc400_002f;
    pub const FEATURES: u32 = 0xc400_0030;
    pub const PRIVATE_RESET: u32 = 0xc400_0031;
    pub const SHARED_RESET: u32 = 0xc400_0032;
}

/// CPU `me` makes the call `id` with its arguments in `regs`. The result goes
/// into `regs`. If the call made an event deliverable, the caller of this
/// function then calls [`Guest::deliver`].
pub fn call(guest: &mut Guest, me: usize, id: u32, regs: &mut Regs, controls: Controls) {
    match id {
        Id::COMPLETE | Id::COMPLETE_AND_RESUME if guest.cpus[me].innermost().is_some() => {
            complete(guest, me, id, regs, controls);
        }
        _ => regs.x[0] = result(guest, me, id, regs) as u64,
    }
}

/// 5.1.6 and 5.1.7: the completions have no result, and restore what was
/// interrupted. After SDEI_EVENT_COMPLETE_AND_RESUME, it looks as if the
/// interrupted code had taken an exception to the given address.
fn complete(guest: &mut Guest, me: usize, id: u32, regs: &mut Regs, controls: Controls) {
    let address = regs.x[1];
    let frame = guest.pop(me).expect("a handler runs");
    let was = frame.interrupted.in_guest();
    regs.x[..18].copy_from_slice(&was.x);
    regs.pc = was.pc;
    regs.pstate = was.pstate;
    if id == Id::COMPLETE_AND_RESUME {
        regs.elr_el1 = was.pc;
        regs.spsr_el1 = was.pstate;
        regs.pc = address;
        regs.pstate = take_exception(was.pstate, controls);
    }
}

/// All other calls.
fn result(guest: &mut Guest, me: usize, id: u32, regs: &Regs) -> i64 {
    let [_, x1, x2, x3, x4, x5, ..] = regs.x;
    let event = find(x1);
    if let Some(event) = event.filter(|&event| KINDS[event].shared) {
        if let Some(result) = about_shared(guest, event, id, [x2, x3, x4, x5]) {
            return result;
        }
    }
    let event = event.filter(|&event| !KINDS[event].shared);
    let cpu = &mut guest.cpus[me];
    match id {
        Id::VERSION => 1 << 48,
        Id::REGISTER => register(cpu, event, [x2, x3, x4]),
        Id::ENABLE => change(cpu, event, &table::ENABLE),
        Id::DISABLE => change(cpu, event, &table::DISABLE),
        Id::UNREGISTER => unregister(cpu, event),
        Id::CONTEXT => match (x1 as u32, cpu.innermost()) {
            (18.., _) => INVALID_PARAMETERS,
            (_, None) => DENIED,
            (n, Some(frame)) => frame.interrupted.in_guest().x[n as usize] as i64,
        },
        // No handler is running: otherwise `complete` was called.
        Id::COMPLETE | Id::COMPLETE_AND_RESUME => DENIED,
        Id::STATUS => match event {
            Some(event) => i64::from(cpu.events[event].status),
            None => INVALID_PARAMETERS,
        },
        Id::GET_INFO => match (event, x2 as u32) {
            (Some(_), 0) => 0,
            // 0 means that the event can be signalled.
            (Some(event), 1) => i64::from(!KINDS[event].signalled),
            (Some(event), 2) => i64::from(KINDS[event].critical),
            // Routing is for shared events.
            _ => INVALID_PARAMETERS,
        },
        // Routing is for shared events.
        Id::ROUTING_SET => INVALID_PARAMETERS,
        Id::PE_MASK => i64::from(!std::mem::replace(&mut cpu.masked, true)),
        Id::PE_UNMASK => {
            cpu.masked = false;
            SUCCESS
        }
        // There are no slots, and not every number is an interrupt that can be
        // bound.
        Id::INTERRUPT_BIND => match x1 as u32 {
            16..=1019 | 1056..=1119 | 4096..=5119 => OUT_OF_RESOURCE,
            _ => INVALID_PARAMETERS,
        },
        // No event is bound to an interrupt.
        Id::INTERRUPT_RELEASE => INVALID_PARAMETERS,
        Id::SIGNAL => signal(&mut guest.cpus, event, x2),
        // There are no slots. Relative mode is not offered.
        Id::FEATURES if x1 as u32 == 0 => 0,
        Id::FEATURES => INVALID_PARAMETERS,
        Id::PRIVATE_RESET => {
            let mut result = SUCCESS;
            for event in 0..EVENTS {
                if change(cpu, Some(event), &table::RESET) == DENIED {
                    result = DENIED;
                }
                cpu.events[event].pending = false;
            }
            result
        }
        Id::SHARED_RESET => {
            let mut result = SUCCESS;
            for event in EVENTS..EVENTS + guest.shared.len() {
                if change_shared(guest, event, &table::RESET) == DENIED {
                    result = DENIED;
                }
                guest.shared[event - EVENTS].pending = false;
            }
            result
        }
        _ => NOT_SUPPORTED,
    }
}

/// 5.1.2: first refuses an entry point where no instruction can be, and
/// reserved flags. Ignores the routing, which has no meaning for a private
/// event.
fn register(cpu: &mut Cpu, event: Option<usize>, [entry, argument, flags]: [u64; 3]) -> i64 {
    if entry == 0 || entry % 4 != 0 || flags > 1 {
        return INVALID_PARAMETERS;
    }
    let result = change(cpu, event, &table::REGISTER);
    if result == SUCCESS {
        let event = event.expect("it was registered");
        cpu.events[event].entry = entry;
        cpu.events[event].argument = argument;
        // User space may have written the event as pending before.
        cpu.events[event].pending = false;
    }
    result
}

/// 5.1.8. An event that is unregistered is no longer pending.
fn unregister(cpu: &mut Cpu, event: Option<usize>) -> i64 {
    let result = change(cpu, event, &table::UNREGISTER);
    if let (SUCCESS | PENDING, Some(event)) = (result, event) {
        cpu.events[event].pending = false;
    }
    result
}

/// Changes the state of an event as this row of the table says.
fn change(cpu: &mut Cpu, event: Option<usize>, row: &Row) -> i64 {
    let Some(event) = event else {
        return INVALID_PARAMETERS;
    };
    let (result, status) = look_up(row, cpu.events[event].status);
    cpu.events[event].status = status;
    result
}

/// 5.1.16. If the target is masked, or disabled the event, the event is
/// delivered later.
fn signal(cpus: &mut [Cpu; 2], event: Option<usize>, target: u64) -> i64 {
    let Some(event) = event else {
        return INVALID_PARAMETERS;
    };
    // Only Aff3 to Aff0 count.
    let target = target & 0xff_00ff_ffff;
    let target = AFFINITY.iter().position(|&affinity| affinity == target);
    match target {
        Some(target) if KINDS[event].signalled => {
            let (result, _) = look_up(&table::SIGNAL, cpus[target].events[event].status);
            cpus[target].events[event].pending |= result == SUCCESS;
            result
        }
        _ => INVALID_PARAMETERS,
    }
}

/// The calls about one event, for a shared one. None for those that are not for
/// shared events, and have the same answer for an event that does not exist.
fn about_shared(guest: &mut Guest, event: usize, id: u32, arguments: [u64; 4]) -> Option<i64> {
    let [x2, x3, x4, x5] = arguments;
    let index = event - EVENTS;
    let was = guest.shared[index];
    Some(match id {
        Id::REGISTER => {
            if x2 == 0 || x2 % 4 != 0 || x4 > 1 {
                return Some(INVALID_PARAMETERS);
            }
            let Some(routing) = routing(x4, x5) else {
                return Some(INVALID_PARAMETERS);
            };
            let result = change_shared(guest, event, &table::REGISTER);
            if result == SUCCESS {
                let event = &mut guest.shared[index];
                (event.entry, event.argument) = (x2, x3);
                event.routing = routing;
                event.pending = false;
            }
            result
        }
        Id::ENABLE => change_shared(guest, event, &table::ENABLE),
        Id::DISABLE => change_shared(guest, event, &table::DISABLE),
        Id::UNREGISTER => {
            let result = change_shared(guest, event, &table::UNREGISTER);
            if result != DENIED {
                guest.shared[index].pending = false;
            }
            result
        }
        Id::STATUS => i64::from(was.status()),
        Id::GET_INFO => match (x2 as u32, was.registration, was.routing) {
            (0, ..) => 1,
            (1, ..) => 1,
            (2, ..) => i64::from(KINDS[event].critical),
            (3 | 4, table::U, _) => DENIED,
            (3, _, routing) => i64::from(routing.is_some()),
            (4, _, Some(affinity)) => affinity as i64,
            _ => INVALID_PARAMETERS,
        },
        Id::ROUTING_SET => match (routing(x2, x3), was.status()) {
            (None, _) => INVALID_PARAMETERS,
            (Some(routing), table::G) => {
                guest.shared[index].routing = routing;
                SUCCESS
            }
            _ => DENIED,
        },
        _ => return None,
    })
}

/// The routing that a mode and an affinity ask for: the affinity for RM_PE, none
/// for RM_ANY. RM_PE has to name a CPU.
fn routing(mode: u64, affinity: u64) -> Option<Option<u64>> {
    let affinity = affinity & 0xff_00ff_ffff;
    match mode {
        0 => Some(None),
        1 if AFFINITY.contains(&affinity) => Some(Some(affinity)),
        _ => None,
    }
}

/// Changes the state of a shared event as this row of the table says.
fn change_shared(guest: &mut Guest, event: usize, row: &Row) -> i64 {
    let event = &mut guest.shared[event - EVENTS];
    let (result, status) = look_up(row, event.status());
    event.registration = status & table::E;
    result
}
