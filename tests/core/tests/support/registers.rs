// SPDX-License-Identifier: GPL-2.0

//! The indices of the pseudo-registers, as in include/uapi/linux/kvm_sdei.h,
//! and CPUs in all kinds of states to save.

use super::*;

pub const PE: u16 = 0x8000;
pub const PENDING_SET: u16 = 0x8001;
pub const SHARED_RUNNING: u16 = 0x8002;
pub const SHARED_PENDING: u16 = 0x8300;

pub fn entry_of(event: u16) -> u16 {
    0x8100 + 4 * event
}

pub fn argument_of(event: u16) -> u16 {
    0x8101 + 4 * event
}

pub fn status_of(event: u16) -> u16 {
    0x8102 + 4 * event
}

pub fn x(priority: u16, n: u16) -> u16 {
    0x8200 + 32 * priority + n
}

pub fn pc(priority: u16) -> u16 {
    0x8212 + 32 * priority
}

pub fn pstate_of(priority: u16) -> u16 {
    0x8213 + 32 * priority
}

pub fn shared_entry_of(event: u16) -> u16 {
    0x8400 + 4 * event
}

pub fn shared_argument_of(event: u16) -> u16 {
    0x8401 + 4 * event
}

pub fn shared_status_of(event: u16) -> u16 {
    0x8402 + 4 * event
}

pub fn routing_of(event: u16) -> u16 {
    0x8403 + 4 * event
}

/// The registers of the guest as a whole.
pub fn of_guest() -> Vec<u16> {
    let parts = [
        shared_entry_of,
        shared_argument_of,
        shared_status_of,
        routing_of,
    ];
    let events = (0..4).flat_map(|event| parts.map(|part| part(event)));
    [SHARED_PENDING].into_iter().chain(events).collect()
}

pub fn all() -> Vec<u16> {
    let mut all = vec![PE, PENDING_SET, SHARED_RUNNING];
    for event in 0..9 {
        all.extend([entry_of(event), argument_of(event), status_of(event)]);
    }
    for priority in 0..2 {
        all.extend((0..18).map(|n| x(priority, n)));
        all.extend([pc(priority), pstate_of(priority)]);
    }
    all.extend(of_guest());
    all
}

/// CPUs in every kind of state that differs in what has to be saved.
pub fn moments() -> Vec<Cpu> {
    let mut moments = vec![cpu()];
    let mut add = |steps: &dyn Fn(&mut Cpu)| {
        let mut cpu = cpu();
        steps(&mut cpu);
        moments.push(cpu);
    };
    add(&|cpu| cpu.unmask());
    for number in [EVENT_0, NORMAL[2], CRITICAL[3]] {
        for state in [G, E, GR, ER, UP] {
            add(&|cpu| cpu.bring(number, state));
        }
        // A pending event that waits for SDEI_PE_UNMASK, for SDEI_EVENT_ENABLE,
        // and for a completion.
        add(&|cpu| {
            cpu.prepare(number);
            cpu.trigger(number);
        });
        add(&|cpu| {
            cpu.register(number);
            cpu.unmask();
            cpu.trigger(number);
        });
        add(&|cpu| {
            cpu.start(number);
            cpu.trigger(number);
        });
        // A pending event that is ready: the CPU has not yet looked for it.
        add(&|cpu| {
            cpu.prepare(number);
            cpu.unmask();
            cpu.port().raise(event(number)).unwrap();
        });
    }
    // Two nested handlers that interrupted AArch32, with all other events
    // pending.
    add(&|cpu| {
        cpu.regs.pstate = pstate(0xf000_0030);
        cpu.start(NORMAL[1]);
        cpu.regs.saved[9] = 0x9999;
        cpu.start(CRITICAL[1]);
        cpu.regs.saved[9] = 0x1999;
        for number in EVENTS {
            if cpu.status(number) == U {
                cpu.prepare(number);
            }
            cpu.trigger(number);
        }
    });
    // A suspended CPU with a pending event.
    add(&|cpu| {
        cpu.start(NORMAL[0]);
        cpu.trigger(NORMAL[0]);
        cpu.host().power_down(sdei::PowerDown::Suspend);
    });
    // Two nested handlers whose events are to be unregistered, on a masked CPU.
    add(&|cpu| {
        cpu.start(NORMAL[0]);
        cpu.start(CRITICAL[0]);
        cpu.call(PRIVATE_RESET, &[]);
        cpu.call(PE_MASK, &[]);
    });
    moments
}
