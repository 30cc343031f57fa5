// SPDX-License-Identifier: GPL-2.0

//! The calls (DEN0054 5.1).

use super::table::{self, look_up, Row};
use super::{find, take_exception, Controls, Cpu, Regs, AFFINITY, EVENTS, KINDS};

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
/// function then calls [`Cpu::deliver`].
pub fn call(cpus: &mut [Cpu; 2], me: usize, id: u32, regs: &mut Regs, controls: Controls) {
    match id {
        Id::COMPLETE | Id::COMPLETE_AND_RESUME if cpus[me].innermost().is_some() => {
            complete(&mut cpus[me], id, regs, controls);
        }
        _ => regs.x[0] = result(cpus, me, id, regs) as u64,
    }
}

/// 5.1.6 and 5.1.7: the completions have no result, and restore what was
/// interrupted. After SDEI_EVENT_COMPLETE_AND_RESUME, it looks as if the
/// interrupted code had taken an exception to the given address.
fn complete(cpu: &mut Cpu, id: u32, regs: &mut Regs, controls: Controls) {
    let address = regs.x[1];
    let was = cpu.pop().expect("a handler runs").interrupted.in_guest();
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
fn result(cpus: &mut [Cpu; 2], me: usize, id: u32, regs: &Regs) -> i64 {
    let [_, x1, x2, x3, x4, ..] = regs.x;
    let event = find(x1);
    let cpu = &mut cpus[me];
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
            // All events are private.
            (Some(_), 0) => 0,
            // 0 means that the event can be signalled.
            (Some(event), 1) => i64::from(!KINDS[event].signalled),
            (Some(event), 2) => i64::from(KINDS[event].critical),
            // Routing is for shared events.
            _ => INVALID_PARAMETERS,
        },
        // Routing is for shared events, and there are none.
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
        Id::SIGNAL => signal(cpus, event, x2),
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
        Id::SHARED_RESET => SUCCESS,
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
