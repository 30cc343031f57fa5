// SPDX-License-Identifier: GPL-2.0

//! The guest as a whole: its CPUs, and the events that they share (DEN0054 4.2,
//! 6.2).

use super::table::{self, E, G, U};
use super::{
    take_exception, Context, Controls, Cpu, Frame, Power, PowerCall, Regs, AFFINITY, ALL_EVENTS,
    EVENTS, KINDS, SHARED_EVENTS,
};

/// A shared event.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Shared {
    /// What a client asked for: unregistered, registered or enabled.
    pub registration: u8,
    /// The CPU that runs the handler.
    pub runner: Option<usize>,
    pub pending: bool,
    pub entry: u64,
    pub argument: u64,
    /// The affinity that RM_PE names; none for RM_ANY.
    pub routing: Option<u64>,
}

impl Shared {
    const NEW: Shared = Shared {
        registration: U,
        runner: None,
        pending: false,
        entry: 0,
        argument: 0,
        routing: None,
    };

    /// What SDEI_EVENT_STATUS answers.
    pub fn status(&self) -> u8 {
        self.registration | if self.runner.is_some() { 0b100 } else { 0 }
    }

    /// Whether a CPU would get it that can take it.
    pub fn waits(&self) -> bool {
        self.pending && self.status() == E
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Guest {
    pub cpus: [Cpu; 2],
    pub shared: [Shared; SHARED_EVENTS],
}

impl Guest {
    pub fn cold() -> Guest {
        Guest {
            cpus: [Cpu::cold(); 2],
            shared: [Shared::NEW; SHARED_EVENTS],
        }
    }

    /// The guest came to a new host: no CPU has run there yet. What the registers
    /// don't say is as after power-up. If two CPUs are said to run the handler of
    /// one event, the one that was `written` last counts.
    pub fn moved(&mut self, written: &[usize]) {
        for &n in written {
            self.cpus[n].cold = true;
            for frame in self.cpus[n].stack.iter().flatten() {
                if let Some(event) = frame.event.checked_sub(EVENTS) {
                    self.shared[event].runner = Some(n);
                }
            }
        }
    }

    /// Whether a CPU has run since it was reset.
    pub fn is_live(&self) -> bool {
        self.cpus.iter().any(|cpu| !cpu.cold)
    }

    /// What SDEI_EVENT_STATUS answers on a CPU.
    pub fn status(&self, cpu: usize, event: usize) -> u8 {
        if event < EVENTS {
            self.cpus[cpu].events[event].status
        } else {
            self.shared[event - EVENTS].status()
        }
    }

    /// Whether the shared event may go to this CPU.
    pub fn may_go_to(&self, event: usize, cpu: usize) -> bool {
        let routing = self.shared[event - EVENTS].routing;
        routing.is_none_or(|affinity| affinity == AFFINITY[cpu])
    }

    /// Whether this CPU could be given the shared event now.
    pub fn could_take(&self, event: usize, cpu: usize) -> bool {
        self.shared[event - EVENTS].waits()
            && self.may_go_to(event, cpu)
            && self.cpus[cpu].may_take(KINDS[event].critical)
    }

    /// The first shared event of a class that this CPU could be given.
    fn shared_for(&self, cpu: usize, critical: bool) -> Option<usize> {
        (EVENTS..ALL_EVENTS)
            .filter(|&event| KINDS[event].critical == critical)
            .find(|&event| self.could_take(event, cpu))
    }

    /// What may happen if this CPU runs now. Which CPU gets a shared event that
    /// several could take is the dispatcher's choice, so this CPU may as well not
    /// get it.
    pub fn outcomes(&self, cpu: usize) -> Vec<Option<usize>> {
        let mut outcomes = Vec::new();
        for critical in [true, false] {
            let private = self.cpus[cpu].deliverable_of(critical);
            if private.is_some() {
                outcomes.push(private);
                return outcomes;
            }
            outcomes.extend(self.shared_for(cpu, critical).map(Some));
        }
        outcomes.push(None);
        outcomes
    }

    /// The CPU is about to run.
    pub fn enter(&mut self, me: usize) {
        if self.cpus[me].power == Power::Suspended {
            // User space has set the registers to resume with, and has not
            // reset the CPU.
            self.resume(me);
        }
        self.cpus[me].cold = false;
    }

    /// The CPU takes this event.
    pub fn deliver(&mut self, me: usize, event: usize, regs: &mut Regs, controls: Controls) {
        let mut x = [0; 18];
        x.copy_from_slice(&regs.x[..18]);
        let interrupted = Context {
            x,
            pc: regs.pc,
            pstate: regs.pstate,
        };
        self.cpus[me].push(Frame { event, interrupted });
        let (entry, argument) = if event < EVENTS {
            let event = &mut self.cpus[me].events[event];
            event.pending = false;
            event.status = table::ER;
            (event.entry, event.argument)
        } else {
            let event = &mut self.shared[event - EVENTS];
            event.pending = false;
            event.runner = Some(me);
            (event.entry, event.argument)
        };
        regs.x[0] = u64::from(KINDS[event].number);
        regs.x[1] = argument;
        regs.x[2] = interrupted.pc;
        regs.x[3] = interrupted.pstate;
        regs.pc = entry;
        regs.pstate = take_exception(interrupted.pstate, controls);
    }

    /// Ends the innermost handler, and gives its event the state that it has
    /// then.
    pub fn pop(&mut self, me: usize) -> Option<Frame> {
        let frame = self.cpus[me].pop()?;
        self.ended(me, frame.event);
        Some(frame)
    }

    /// The handler of the event does not run on this CPU any more.
    pub fn ended(&mut self, me: usize, event: usize) {
        if event < EVENTS {
            let event = &mut self.cpus[me].events[event];
            event.status = table::completed(event.status);
        } else {
            // User space may have written that it runs on the other CPU.
            let runner = &mut self.shared[event - EVENTS].runner;
            if *runner == Some(me) {
                *runner = None;
            }
        }
    }

    /// The VMM raises a shared event. Returns whether the guest registered it.
    pub fn raise(&mut self, event: usize) -> bool {
        let event = &mut self.shared[event - EVENTS];
        let registered = event.registration & G != 0;
        event.pending |= registered;
        registered
    }

    /// Completes the handlers that run, without going back to what they
    /// interrupted (DEN0054 6.5.4).
    fn end_handlers(&mut self, me: usize) {
        while self.pop(me).is_some() {}
    }

    /// The state after power-up. When all CPUs that have run are in it, the guest
    /// was reset, and forgets its shared events.
    fn power_up(&mut self, me: usize) {
        self.end_handlers(me);
        let was_live = self.is_live();
        self.cpus[me] = Cpu::cold();
        if was_live && !self.is_live() {
            for event in &mut self.shared {
                *event = Shared {
                    runner: event.runner,
                    ..Shared::NEW
                };
            }
        }
    }

    /// The CPU comes back from a suspend.
    fn resume(&mut self, me: usize) {
        self.end_handlers(me);
        self.cpus[me].masked = true;
        self.cpus[me].power = Power::On;
    }

    pub fn power_call(&mut self, me: usize, call: PowerCall) {
        if call != PowerCall::CpuSuspend {
            self.end_handlers(me);
        }
        match call {
            PowerCall::CpuOff => {
                self.power_up(me);
                self.cpus[me].power = Power::Off;
            }
            // The guest goes on as if it woke up (6.5.2.2.2).
            PowerCall::CpuSuspend => self.cpus[me].masked = true,
            // If user space resets the CPUs then, this resets their state.
            PowerCall::SystemOff => self.cpus[me].power = Power::On,
            PowerCall::SystemSuspend => self.cpus[me].power = Power::Suspended,
        }
    }

    /// Resets the CPU. A CPU that suspended the system keeps its registrations
    /// and its pending events, and is masked (DEN0054 6.5.2). Any other CPU
    /// gets the state after power-up. No handler runs afterwards, even if user
    /// space wrote for a suspended CPU that one does.
    pub fn reset(&mut self, me: usize) {
        if self.cpus[me].power == Power::Suspended {
            self.resume(me);
        } else {
            self.power_up(me);
        }
    }
}
