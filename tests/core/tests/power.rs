// SPDX-License-Identifier: GPL-2.0

//! Powering down, resets and suspends: DEN0054 6.5.

mod support;

use sdei::{Pe, PowerDown};
use std::sync::atomic::Ordering::Relaxed;
use support::registers::*;
use support::*;

impl Cpu {
    /// Returns whether the CPU was kicked, so that it has a look at its events
    /// should it go on without a reset.
    fn power_down(&mut self, how: PowerDown) -> bool {
        let before = self.seat().kicks.load(Relaxed);
        self.host().power_down(how);
        self.seat().kicks.load(Relaxed) != before
    }
}

/// A CPU with two nested handlers, an event that is registered, and an event
/// that is pending.
fn busy() -> Cpu {
    let mut cpu = cpu();
    cpu.start(NORMAL[0]);
    cpu.start(CRITICAL[0]);
    cpu.register(NORMAL[1]);
    cpu.prepare(NORMAL[2]);
    cpu.trigger(NORMAL[2]);
    cpu
}

fn assert_cold(cpu: &mut Cpu) {
    assert_eq!(cpu.save(), support::cpu().save());
    assert!(cpu.port().registered().is_empty());
    assert!(cpu.port().enabled().is_empty());
    assert!(cpu.port().deliverable().is_empty());
    assert_eq!(cpu.call(COMPLETE, &[0]), DENIED);
    assert_eq!(cpu.call(PE_MASK, &[]), 0);
}

#[test]
fn a_cpu_starts_cold() {
    let mut cpu = busy();
    cpu.pe = Pe::default();
    cpu.reset();
    assert_cold(&mut cpu);
    cpu.pe = Pe::default();
    assert_cold(&mut cpu);
}

#[test]
fn a_reset_is_a_cold_start() {
    let mut cpu = busy();
    cpu.reset();
    assert_cold(&mut cpu);
}

#[test]
fn a_cpu_that_is_off_takes_no_events() {
    let mut cpu = busy();
    cpu.power_down(PowerDown::Cpu);
    for number in EVENTS {
        assert!(cpu.port().raise(event(number)).is_err());
    }
    cpu.reset();
    assert_cold(&mut cpu);
}

#[test]
fn every_power_down_completes_the_handlers() {
    for how in [PowerDown::Cpu, PowerDown::System, PowerDown::Suspend] {
        let mut cpu = busy();
        cpu.on(UNREGISTER, NORMAL[0]);
        cpu.power_down(how);
        assert_eq!(cpu.status(NORMAL[0]), U);
        assert!(EVENTS.iter().all(|&number| !cpu.is_running(number)));
    }
}

#[test]
fn a_suspend_keeps_registrations_and_triggers_and_masks() {
    let mut cpu = busy();
    cpu.power_down(PowerDown::Suspend);
    cpu.port().raise(event(NORMAL[1])).unwrap();
    cpu.reset();
    assert!(cpu.pe.is_masked());
    assert_eq!(cpu.status(NORMAL[0]), E);
    assert_eq!(cpu.status(CRITICAL[0]), E);
    assert_eq!(cpu.status(NORMAL[1]), G);
    assert_eq!(cpu.status(NORMAL[2]), E);
    assert!(cpu.is_pending(NORMAL[1]) && cpu.is_pending(NORMAL[2]));
    cpu.enter();
    assert_eq!(cpu.status(NORMAL[2]), E, "masked");
    cpu.call(PE_UNMASK, &[]);
    assert_eq!(cpu.status(NORMAL[2]), ER);
    assert_eq!(cpu.regs.pc, entry(NORMAL[2]));
}

/// Only the first reset after a suspend ends the suspend.
#[test]
fn the_second_reset_is_a_cold_start() {
    let mut cpu = busy();
    cpu.power_down(PowerDown::Suspend);
    cpu.reset();
    cpu.reset();
    assert_cold(&mut cpu);
}

/// User space may resume a CPU by its registers, or refuse to suspend it. Then
/// the CPU is masked, as after a reset. The host has to call `run` before the
/// guest runs, so that the dispatcher knows of this.
#[test]
fn a_cpu_that_runs_on_is_not_suspended() {
    let mut cpu = busy();
    assert!(cpu.power_down(PowerDown::Suspend));
    cpu.enter();
    assert!(cpu.pe.is_masked());
    assert_eq!(cpu.status(NORMAL[2]), E, "masked");
    cpu.call(PE_UNMASK, &[]);
    assert_eq!(cpu.status(NORMAL[2]), ER);
    cpu.reset();
    assert_cold(&mut cpu);
}

/// If user space ignores another call that powers down the system, the CPU goes
/// on and is not masked.
#[test]
fn a_cpu_that_did_not_power_down_the_system_is_not_masked() {
    let mut cpu = busy();
    assert!(cpu.power_down(PowerDown::System));
    cpu.enter();
    assert_eq!(cpu.status(NORMAL[2]), ER);
}

#[test]
fn a_suspended_cpu_that_goes_off_is_off() {
    let mut cpu = busy();
    cpu.power_down(PowerDown::Suspend);
    cpu.power_down(PowerDown::Cpu);
    // This is so before the reset that turns the CPU on.
    assert_cold(&mut cpu);
}

/// A CPU is suspended, migrates, and resumes at the destination.
#[test]
fn a_suspend_migrates() {
    let mut cpu = busy();
    cpu.power_down(PowerDown::Suspend);
    assert_eq!(cpu.get(PE), 0b10);
    let mut copy = support::cpu();
    for (index, value) in cpu.save() {
        assert_eq!(copy.set(index, value), Ok(()));
    }
    cpu.reset();
    copy.reset();
    assert_eq!(copy.save(), cpu.save());
    assert_eq!(copy.status(NORMAL[2]), E);
}
