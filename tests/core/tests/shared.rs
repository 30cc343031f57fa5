// SPDX-License-Identifier: GPL-2.0

//! Shared events: what the calls answer, row by row as in `calls.rs`, the state
//! machine of DEN0054 6.1 for the one instance that the guest has, and which CPU
//! takes an event.

mod support;

use sdei::PowerDown;
use std::sync::atomic::Ordering::Relaxed;
use support::registers::*;
use support::*;

const STATES: [u64; 6] = [U, G, E, GR, ER, UP];

impl Cpu {
    fn register_shared(&mut self, number: u32, mode: u64, affinity: u64) -> i64 {
        let arguments = [
            number.into(),
            entry(number),
            argument(number),
            mode,
            affinity,
        ];
        self.call(REGISTER, &arguments)
    }

    fn prepare_shared(&mut self, number: u32, mode: u64, affinity: u64) {
        assert_eq!(self.register_shared(number, mode, affinity), SUCCESS);
        assert_eq!(self.on(ENABLE, number), SUCCESS);
    }

    fn get_info(&mut self, number: u32, info: u64) -> i64 {
        self.call(GET_INFO, &[number.into(), info])
    }

    fn kicks(&self) -> u64 {
        self.seat().kicks.load(Relaxed)
    }
}

/// A guest whose CPUs have run.
fn guest(cpus: usize) -> Guest {
    let mut guest = Guest::new(cpus);
    guest.cpus.iter_mut().for_each(Cpu::enter);
    guest
}

/// A guest whose CPUs are unmasked.
fn unmasked(cpus: usize) -> Guest {
    let mut guest = guest(cpus);
    guest.cpus.iter_mut().for_each(Cpu::unmask);
    guest
}

impl Guest {
    /// Every CPU looks for what it has to do, as it does after a kick.
    fn enter_all(&mut self) {
        self.cpus.iter_mut().for_each(Cpu::enter);
    }

    /// The CPUs that run the handler.
    fn runners(&self, number: u32) -> Vec<usize> {
        (0..self.cpus.len())
            .filter(|&n| self.cpus[n].runs_shared(number))
            .collect()
    }

    /// Brings an event into a state. If its handler runs, it runs on CPU 0; CPU 1
    /// stays masked.
    fn bring(&mut self, number: u32, state: u64) {
        if state == U {
            return;
        }
        self.cpus[1].prepare_shared(number, RM_ANY, 0);
        if state & 0b100 != 0 {
            self.cpus[0].unmask();
            assert!(self.room().raise(number));
            self.enter_all();
            assert_eq!(self.runners(number), [0]);
        }
        match state {
            UP => assert_eq!(self.cpus[1].on(UNREGISTER, number), PENDING),
            G | GR => assert_eq!(self.cpus[1].on(DISABLE, number), SUCCESS),
            _ => {}
        }
        assert_eq!(self.cpus[1].shared_status(number), state);
    }
}

/// Tests one row: `act` on CPU 1 has to give the expected answer, and leave the
/// event in the expected state, which all CPUs see.
fn row(act: impl Fn(&mut Cpu, u32) -> i64, expected: [(i64, u64); STATES.len()]) {
    for (before, (answer, after)) in STATES.into_iter().zip(expected) {
        for number in SHARED {
            let mut guest = guest(2);
            guest.bring(number, before);
            let at = format!("event {number:#x} in state {before:#05b}");
            assert_eq!(act(&mut guest.cpus[1], number), answer, "{at}");
            for cpu in &mut guest.cpus {
                assert_eq!(cpu.shared_status(number), after, "{at}");
            }
            let port = &guest.room().shared;
            assert_eq!(port.registered().contains(shared(number)), after & 1 != 0);
            assert_eq!(port.enabled().contains(shared(number)), after & 2 != 0);
            assert_eq!(port.running().contains(shared(number)), after & 4 != 0);
        }
    }
}

fn call(function: u32) -> impl Fn(&mut Cpu, u32) -> i64 {
    move |cpu, number| cpu.on(function, number)
}

#[test]
#[rustfmt::skip]
fn transitions() {
    let register = |cpu: &mut Cpu, number| cpu.register_shared(number, RM_ANY, 0);
    let routing_set = |cpu: &mut Cpu, number: u32| cpu.call(ROUTING_SET, &[number.into(), RM_PE, mpidr(1)]);
    //                           U         G         E         GR         ER         UP
    row(register,            [( 0, G),  (-3, G),  (-3, E),  (-3, GR),  (-3, ER),  (-3, UP)]);
    row(call(UNREGISTER),    [(-3, U),  ( 0, U),  ( 0, U),  (-5, UP),  (-5, UP),  (-5, UP)]);
    row(call(ENABLE),        [(-3, U),  ( 0, E),  ( 0, E),  ( 0, ER),  ( 0, ER),  (-3, UP)]);
    row(call(DISABLE),       [(-3, U),  ( 0, G),  ( 0, G),  ( 0, GR),  ( 0, GR),  (-3, UP)]);
    row(routing_set,         [(-3, U),  ( 0, G),  (-3, E),  (-3, GR),  (-3, ER),  (-3, UP)]);
    row(call(SHARED_RESET),  [( 0, U),  ( 0, U),  ( 0, U),  (-3, UP),  (-3, UP),  (-3, UP)]);
    row(call(PRIVATE_RESET), [( 0, U),  ( 0, G),  ( 0, E),  ( 0, GR),  ( 0, ER),  ( 0, UP)]);
    row(call(STATUS),        [( 0, U),  ( 1, G),  ( 3, E),  ( 5, GR),  ( 7, ER),  ( 4, UP)]);
    // Only for bound events; and event 0 is the only one to be signalled.
    row(call(INTERRUPT_RELEASE), [(-2, U), (-2, G), (-2, E), (-2, GR), (-2, ER), (-2, UP)]);
    row(call(SIGNAL),        [(-2, U),  (-2, G),  (-2, E),  (-2, GR),  (-2, ER),  (-2, UP)]);
}

/// Only the CPU that runs the handler can complete it, or ask what it interrupted.
#[test]
#[rustfmt::skip]
fn context_and_completion_on_another_cpu() {
    for function in [CONTEXT, COMPLETE, COMPLETE_AND_RESUME] {
        row(move |cpu, _| cpu.call(function, &[4]),
            [(-3, U), (-3, G), (-3, E), (-3, GR), (-3, ER), (-3, UP)]);
    }
}

#[test]
fn completion_on_the_cpu_that_runs_it() {
    for (before, after) in [(GR, G), (ER, E), (UP, U)] {
        for function in [COMPLETE, COMPLETE_AND_RESUME] {
            for number in SHARED {
                let mut guest = guest(2);
                guest.bring(number, before);
                assert_ne!(guest.cpus[0].call(CONTEXT, &[5]), DENIED);
                guest.cpus[0].call(function, &[0x8000]);
                assert_eq!(guest.cpus[1].shared_status(number), after);
                assert_eq!(guest.cpus[0].call(COMPLETE, &[0]), DENIED);
            }
        }
    }
}

/// The answers to SDEI_EVENT_GET_INFO, by state. 3 and 4 are the routing.
#[test]
#[rustfmt::skip]
fn get_info() {
    let info = |info| move |cpu: &mut Cpu, number| cpu.get_info(number, info);
    row(info(0), [(1, U), (1, G), (1, E), (1, GR), (1, ER), (1, UP)]);
    row(info(1), [(1, U), (1, G), (1, E), (1, GR), (1, ER), (1, UP)]);
    row(info(3), [(-3, U), (0, G), (0, E), (0, GR), (0, ER), (-3, UP)]);
    row(info(4), [(-3, U), (-2, G), (-2, E), (-2, GR), (-2, ER), (-3, UP)]);
    row(info(5), [(-2, U), (-2, G), (-2, E), (-2, GR), (-2, ER), (-2, UP)]);
    for number in SHARED {
        let critical = i64::from(SHARED_CRITICAL.contains(&number));
        assert_eq!(cpu().get_info(number, 2), critical);
    }
}

#[test]
fn get_info_rows_5_and_6_tell_the_routing() {
    let mut guest = guest(18);
    for number in SHARED {
        let cpu = &mut guest.cpus[3];
        assert_eq!(
            cpu.register_shared(number, RM_PE, mpidr(17) | 0xc100_0000),
            SUCCESS
        );
        assert_eq!(guest.cpus[0].get_info(number, 3), 1);
        assert_eq!(guest.cpus[0].get_info(number, 4), mpidr(17) as i64);
        let any = [number.into(), RM_ANY, mpidr(5)];
        assert_eq!(guest.cpus[1].call(ROUTING_SET, &any), SUCCESS);
        assert_eq!(guest.cpus[0].get_info(number, 3), 0);
        assert_eq!(guest.cpus[0].get_info(number, 4), INVALID_PARAMETERS);
    }
}

#[test]
fn register_rows_1_to_4_come_before_row_6() {
    for number in SHARED {
        let mut guest = guest(2);
        guest.bring(number, G);
        let cpu = &mut guest.cpus[0];
        let mut with = |entry, flags, affinity| {
            cpu.call(REGISTER, &[number.into(), entry, 0, flags, affinity])
        };
        let good = entry(number);
        assert_eq!(with(0, 0, 0), INVALID_PARAMETERS);
        assert_eq!(with(good + 2, 0, 0), INVALID_PARAMETERS);
        for bit in 1..64 {
            assert_eq!(with(good, 1 << bit, 0), INVALID_PARAMETERS);
        }
        assert_eq!(with(good, RM_PE, 0xffff_ffff), INVALID_PARAMETERS);
        assert_eq!(with(good, RM_PE, mpidr(2)), INVALID_PARAMETERS);
        assert_eq!(with(good, RM_ANY, 0xffff_ffff), DENIED);
        assert_eq!(with(good, RM_PE, mpidr(1)), DENIED);
    }
}

#[test]
fn register_row_3_a_cpu_that_is_off_can_be_named() {
    let mut guest = guest(2);
    guest.cpus[1].host().power_down(PowerDown::Cpu);
    let answer = guest.cpus[0].register_shared(SHARED[0], RM_PE, mpidr(1));
    assert_eq!(answer, SUCCESS);
}

#[test]
fn routing_set_rows_1_to_4() {
    let mut guest = guest(2);
    guest.cpus[0].register_shared(SHARED[0], RM_ANY, 0);
    guest.cpus[0].register(NORMAL[0]);
    let mut set = |number: u32, mode, affinity| {
        guest.cpus[1].call(ROUTING_SET, &[number.into(), mode, affinity])
    };
    for mode in (1..64).map(|bit| 1 << bit) {
        assert_eq!(set(SHARED[0], mode, mpidr(0)), INVALID_PARAMETERS);
    }
    assert_eq!(set(SHARED[0], RM_PE, mpidr(2)), INVALID_PARAMETERS);
    // A bad routing comes before the state.
    assert_eq!(set(SHARED[1], RM_PE, mpidr(2)), INVALID_PARAMETERS);
    assert_eq!(set(0x1_0000, RM_ANY, 0), INVALID_PARAMETERS);
    assert_eq!(set(NORMAL[0], RM_ANY, 0), INVALID_PARAMETERS);
    assert_eq!(set(SHARED[1], RM_ANY, 0), DENIED);
    assert_eq!(set(SHARED[0], RM_PE, mpidr(1) | 0xc100_0000), SUCCESS);
}

#[test]
fn a_handler_gets_what_was_registered() {
    for number in SHARED {
        let mut guest = unmasked(2);
        guest.cpus[1].prepare_shared(number, RM_PE, mpidr(0));
        assert!(guest.room().raise(number));
        let before = guest.cpus[0].regs.clone();
        guest.enter_all();
        let cpu = &mut guest.cpus[0];
        assert_eq!(cpu.regs.pc, entry(number));
        let x = cpu.regs.saved;
        assert_eq!(x[..3], [number.into(), argument(number), before.pc]);
        assert_eq!(x[4..], before.saved[4..]);
        cpu.call(COMPLETE, &[0]);
        assert_eq!(cpu.regs, before);
    }
}

#[test]
fn a_trigger_by_state() {
    // Whether it is accepted, and whether it is pending afterwards.
    let expected = [
        (U, false, false),
        (G, true, true),
        (E, true, false),
        (GR, true, true),
        (ER, true, true),
        (UP, false, false),
    ];
    for number in SHARED {
        for (state, accepted, pending) in expected {
            let mut guest = guest(2);
            guest.bring(number, state);
            guest.cpus[0].unmask();
            assert_eq!(guest.room().raise(number), accepted, "{state:#b}");
            guest.enter_all();
            assert_eq!(guest.room().is_pending(number), pending, "{state:#b}");
        }
    }
}

#[test]
fn a_handler_runs_on_one_cpu_at_a_time() {
    let mut guest = unmasked(4);
    guest.cpus[0].prepare_shared(SHARED_NORMAL[0], RM_ANY, 0);
    let mut runs = 0;
    for _ in 0..10 {
        assert!(guest.room().raise(SHARED_NORMAL[0]));
        guest.enter_all();
        let runners = guest.runners(SHARED_NORMAL[0]);
        assert_eq!(runners.len(), 1);
        // While it runs, triggers merge.
        assert!(guest.room().raise(SHARED_NORMAL[0]));
        assert!(guest.room().raise(SHARED_NORMAL[0]));
        guest.enter_all();
        assert_eq!(guest.runners(SHARED_NORMAL[0]), runners);
        for _ in 0..2 {
            let [n] = guest.runners(SHARED_NORMAL[0])[..] else {
                panic!("one CPU runs it");
            };
            guest.cpus[n].call(COMPLETE, &[0]);
            guest.enter_all();
            runs += 1;
        }
        assert_eq!(guest.runners(SHARED_NORMAL[0]), []);
    }
    assert_eq!(runs, 20);
}

/// Two events of one priority run on two CPUs.
#[test]
fn two_events_run_on_two_cpus() {
    let mut guest = unmasked(2);
    for number in SHARED_NORMAL {
        guest.cpus[0].prepare_shared(number, RM_ANY, 0);
    }
    for number in SHARED_NORMAL {
        assert!(guest.room().raise(number));
    }
    guest.enter_all();
    let [a, b] = SHARED_NORMAL.map(|number| guest.runners(number));
    assert_eq!([a.len(), b.len()], [1, 1]);
    assert_ne!(a, b);
}

#[test]
fn rm_any_goes_to_a_cpu_that_can_take_it() {
    for number in SHARED {
        for able in 0..4 {
            let mut guest = guest(4);
            guest.cpus[(able + 1) % 4].prepare_shared(number, RM_ANY, 0);
            guest.cpus[able].unmask();
            assert!(guest.room().raise(number));
            let kicked: Vec<_> = guest.cpus.iter().map(Cpu::kicks).collect();
            assert_eq!(kicked.iter().sum::<u64>(), kicked[able]);
            guest.enter_all();
            assert_eq!(guest.runners(number), [able]);
        }
    }
}

/// The VMM may keep a CPU from running that could take the event.
#[test]
fn rm_any_prefers_a_cpu_that_runs() {
    let mut guest = unmasked(3);
    for n in [0, 1] {
        guest.cpus[n].seat().off.store(true, Relaxed);
    }
    guest.cpus[0].prepare_shared(SHARED[0], RM_ANY, 0);
    assert!(guest.room().raise(SHARED[0]));
    guest.cpus[2].enter();
    assert_eq!(guest.runners(SHARED[0]), [2]);
}

/// A CPU that was to take the event becomes unable to before it does.
#[test]
fn rm_any_goes_elsewhere_if_the_first_choice_can_not_take_it() {
    let ways: [fn(&mut Cpu); 6] = [
        |cpu| {
            cpu.call(PE_MASK, &[]);
        },
        |cpu| cpu.host().power_down(PowerDown::Cpu),
        |cpu| cpu.host().power_down(PowerDown::CpuSuspend),
        |cpu| cpu.reset(),
        // It enters the handler of another event.
        |cpu| cpu.trigger(CRITICAL[0]),
        |cpu| assert_eq!(cpu.set(PE, 1), Ok(())),
    ];
    for number in SHARED {
        for way in ways {
            let mut guest = unmasked(3);
            guest.cpus[0].prepare(CRITICAL[0]);
            guest.cpus[2].prepare_shared(number, RM_ANY, 0);
            assert!(guest.room().raise(number));
            assert!(guest.cpus[0].port().is_given(), "the first choice");
            way(&mut guest.cpus[0]);
            for n in [1, 2, 0] {
                guest.cpus[n].enter();
            }
            assert_eq!(guest.runners(number), [1]);
        }
    }
}

#[test]
fn rm_any_waits_for_the_first_that_can() {
    for number in SHARED {
        for first in 0..3 {
            let mut guest = guest(3);
            guest.cpus[0].prepare_shared(number, RM_ANY, 0);
            assert!(guest.room().raise(number));
            guest.enter_all();
            assert_eq!(guest.runners(number), []);
            assert!(guest.room().is_pending(number));
            // The call itself enters the handler.
            guest.cpus[first].call(PE_UNMASK, &[]);
            assert_eq!(guest.runners(number), [first]);
        }
    }
}

#[test]
fn rm_any_is_taken_when_a_handler_completes() {
    let mut guest = unmasked(2);
    for cpu in &mut guest.cpus {
        cpu.prepare(NORMAL[0]);
        cpu.trigger(NORMAL[0]);
    }
    guest.cpus[0].prepare_shared(SHARED_NORMAL[0], RM_ANY, 0);
    assert!(guest.room().raise(SHARED_NORMAL[0]));
    guest.enter_all();
    assert_eq!(guest.runners(SHARED_NORMAL[0]), []);
    guest.cpus[1].call(COMPLETE, &[0]);
    assert_eq!(guest.runners(SHARED_NORMAL[0]), [1]);
    guest.cpus[0].call(COMPLETE, &[0]);
    guest.enter_all();
    assert_eq!(guest.runners(SHARED_NORMAL[0]), [1]);
}

#[test]
fn rm_pe_is_for_that_cpu_only() {
    for number in SHARED {
        let mut guest = unmasked(3);
        guest.cpus[0].prepare_shared(number, RM_PE, mpidr(1));
        guest.cpus[1].call(PE_MASK, &[]);
        let before: Vec<_> = guest.cpus.iter().map(Cpu::kicks).collect();
        assert!(guest.room().raise(number));
        assert_eq!(guest.cpus[0].kicks(), before[0]);
        assert_eq!(guest.cpus[2].kicks(), before[2]);
        assert!(!guest.cpus[1].port().has_work(), "nobody is woken");
        guest.enter_all();
        assert_eq!(guest.runners(number), []);
        guest.cpus[1].call(PE_UNMASK, &[]);
        assert_eq!(guest.runners(number), [1]);
    }
}

#[test]
fn rm_pe_waits_for_a_cpu_that_is_off() {
    let mut guest = unmasked(2);
    guest.cpus[0].prepare_shared(SHARED[0], RM_PE, mpidr(1));
    guest.cpus[1].host().power_down(PowerDown::Cpu);
    assert!(guest.room().raise(SHARED[0]));
    assert!(!guest.cpus[1].port().has_work(), "it is not turned on");
    // CPU_ON.
    guest.cpus[1].reset();
    guest.cpus[1].enter();
    assert_eq!(guest.runners(SHARED[0]), []);
    guest.cpus[1].call(PE_UNMASK, &[]);
    assert_eq!(guest.runners(SHARED[0]), [1]);
}

#[test]
fn a_trigger_moves_with_the_routing() {
    let mut guest = unmasked(3);
    let cpu = &mut guest.cpus[0];
    cpu.register_shared(SHARED[0], RM_PE, mpidr(1));
    assert!(guest.room().raise(SHARED[0]));
    guest.enter_all();
    let arguments = [SHARED[0].into(), RM_PE, mpidr(2)];
    assert_eq!(guest.cpus[0].call(ROUTING_SET, &arguments), SUCCESS);
    guest.cpus[0].on(ENABLE, SHARED[0]);
    guest.enter_all();
    assert_eq!(guest.runners(SHARED[0]), [2]);
}

#[test]
fn a_critical_event_preempts_and_a_normal_one_does_not() {
    for (number, preempts) in [(SHARED_NORMAL[0], false), (SHARED_CRITICAL[0], true)] {
        let mut guest = unmasked(1);
        guest.cpus[0].prepare_shared(number, RM_ANY, 0);
        guest.cpus[0].start(NORMAL[0]);
        assert!(guest.room().raise(number));
        guest.enter_all();
        assert_eq!(!guest.runners(number).is_empty(), preempts);
        guest.cpus[0].call(COMPLETE, &[0]);
        assert_eq!(guest.cpus[0].is_running(NORMAL[0]), preempts);
        assert_eq!(!guest.runners(number).is_empty(), !preempts);
    }
}

/// Of one class, private events come first; this is the dispatcher's choice.
#[test]
fn private_events_of_a_class_come_first() {
    let mut guest = guest(1);
    let cpu = &mut guest.cpus[0];
    for number in [SHARED_NORMAL[0], SHARED_CRITICAL[0]] {
        cpu.prepare_shared(number, RM_ANY, 0);
    }
    for number in [NORMAL[0], CRITICAL[0]] {
        cpu.prepare(number);
        cpu.port().raise(event(number)).unwrap();
    }
    for number in [SHARED_NORMAL[0], SHARED_CRITICAL[0]] {
        assert!(guest.room().raise(number));
    }
    let cpu = &mut guest.cpus[0];
    cpu.call(PE_UNMASK, &[]);
    assert!(cpu.is_running(CRITICAL[0]));
    cpu.call(COMPLETE, &[0]);
    assert!(cpu.runs_shared(SHARED_CRITICAL[0]));
    cpu.call(COMPLETE, &[0]);
    assert!(cpu.is_running(NORMAL[0]));
    cpu.call(COMPLETE, &[0]);
    assert!(cpu.runs_shared(SHARED_NORMAL[0]));
}

#[test]
fn what_is_withdrawn_is_not_delivered() {
    let mut guest = unmasked(2);
    guest.cpus[0].prepare_shared(SHARED[0], RM_ANY, 0);
    assert!(guest.room().raise(SHARED[0]));
    assert!(guest.room().shared.withdraw(shared(SHARED[0])));
    assert!(!guest.room().shared.withdraw(shared(SHARED[0])));
    guest.enter_all();
    assert_eq!(guest.runners(SHARED[0]), []);
}

#[test]
fn unregister_and_reset_drop_a_trigger() {
    for function in [UNREGISTER, SHARED_RESET] {
        let mut guest = guest(2);
        guest.cpus[0].prepare_shared(SHARED[0], RM_ANY, 0);
        assert!(guest.room().raise(SHARED[0]));
        assert_eq!(guest.cpus[1].on(function, SHARED[0]), SUCCESS);
        guest.cpus[1].prepare_shared(SHARED[0], RM_ANY, 0);
        guest.cpus[1].unmask();
        assert_eq!(guest.runners(SHARED[0]), []);
    }
}

/// Events without a running handler are reset although the answer is DENIED.
#[test]
fn shared_reset_goes_on_after_an_event_that_runs() {
    let mut guest = guest(2);
    guest.cpus[1].prepare_shared(SHARED_CRITICAL[1], RM_ANY, 0);
    guest.bring(SHARED_NORMAL[0], ER);
    assert_eq!(guest.cpus[1].call(SHARED_RESET, &[]), DENIED);
    assert_eq!(guest.cpus[1].shared_status(SHARED_CRITICAL[1]), U);
    assert_eq!(guest.cpus[1].shared_status(SHARED_NORMAL[0]), UP);
    guest.cpus[0].call(COMPLETE, &[0]);
    assert_eq!(guest.cpus[1].call(SHARED_RESET, &[]), SUCCESS);
}

/// The CPU that runs the handler goes away: the handler is completed, and the
/// next trigger goes to another CPU.
#[test]
fn a_handler_ends_with_its_cpu() {
    let ways: [fn(&mut Cpu); 4] = [
        |cpu| cpu.host().power_down(PowerDown::Cpu),
        |cpu| cpu.host().power_down(PowerDown::System),
        |cpu| {
            cpu.host().power_down(PowerDown::Suspend);
            cpu.enter();
        },
        |cpu| cpu.reset(),
    ];
    for number in SHARED {
        for way in ways {
            let mut guest = unmasked(2);
            guest.cpus[1].prepare_shared(number, RM_ANY, 0);
            assert!(guest.room().raise(number));
            guest.cpus[0].enter();
            assert_eq!(guest.runners(number), [0]);
            assert!(guest.room().raise(number));
            way(&mut guest.cpus[0]);
            assert!(guest.runners(number).is_empty());
            guest.cpus[1].enter();
            guest.cpus[0].enter();
            assert_eq!(guest.runners(number).len(), 1);
        }
    }
}

/// CPU_SUSPEND that asks for a power-down leaves its CPU masked (6.5.2.2.2), and
/// keeps all else.
#[test]
fn cpu_suspend_masks() {
    let mut guest = unmasked(1);
    let cpu = &mut guest.cpus[0];
    cpu.prepare(NORMAL[0]);
    cpu.prepare_shared(SHARED[0], RM_ANY, 0);
    cpu.host().power_down(PowerDown::CpuSuspend);
    assert_eq!(cpu.call(PE_MASK, &[]), 0);
    assert_eq!(cpu.status(NORMAL[0]), E);
    assert_eq!(cpu.shared_status(SHARED[0]), E);
}

/// A reset of one CPU, or CPU_OFF, concerns only that CPU. When all CPUs that ran
/// are reset, the guest is.
#[test]
fn a_reset_of_all_cpus_resets_the_shared_events() {
    let mut guest = Guest::new(3);
    for n in [0, 1] {
        guest.cpus[n].enter();
    }
    guest.cpus[0].prepare_shared(SHARED[0], RM_PE, mpidr(1));
    assert!(guest.room().raise(SHARED[0]));
    guest.cpus[1].host().power_down(PowerDown::Cpu);
    assert_eq!(guest.cpus[0].shared_status(SHARED[0]), E);
    guest.cpus[1].reset();
    guest.cpus[1].enter();
    guest.cpus[0].reset();
    assert_eq!(guest.cpus[1].shared_status(SHARED[0]), E);
    guest.cpus[1].reset();
    assert_eq!(guest.cpus[0].save(), cpu().save());
    assert!(!guest.room().raise(SHARED[0]));
}

#[test]
fn a_suspend_keeps_shared_events() {
    let mut guest = unmasked(1);
    let cpu = &mut guest.cpus[0];
    cpu.prepare_shared(SHARED[0], RM_ANY, 0);
    cpu.host().power_down(PowerDown::Suspend);
    cpu.reset();
    assert_eq!(cpu.shared_status(SHARED[0]), E);
    // The second one is a cold start.
    cpu.enter();
    cpu.reset();
    assert_eq!(cpu.shared_status(SHARED[0]), U);
}

/// What a VMM saves of all CPUs.
fn save(guest: &mut Guest) -> Vec<(usize, u16, u64)> {
    let all = guest.cpus.iter_mut().enumerate();
    let each = all.flat_map(|(n, cpu)| cpu.save().into_iter().map(move |(i, value)| (n, i, value)));
    each.collect()
}

/// Guests in every kind of state that differs in what has to be saved.
fn moments() -> Vec<Guest> {
    let mut moments = Vec::new();
    for number in SHARED {
        for state in STATES {
            for raised in [false, true] {
                let mut guest = guest(2);
                guest.bring(number, state);
                if raised {
                    guest.room().raise(number);
                }
                moments.push(guest);
            }
        }
        let mut guest = guest(2);
        guest.cpus[0].prepare_shared(number, RM_PE, mpidr(1));
        moments.push(guest);
    }
    // Nested handlers on both CPUs.
    let mut guest = unmasked(2);
    for (n, number) in [(0, SHARED_NORMAL[0]), (1, SHARED_NORMAL[1])] {
        guest.cpus[0].prepare_shared(number, RM_PE, mpidr(n));
    }
    for number in SHARED_NORMAL {
        guest.room().raise(number);
    }
    guest.enter_all();
    guest.cpus[1].prepare_shared(SHARED_CRITICAL[1], RM_PE, mpidr(1));
    guest.room().raise(SHARED_CRITICAL[1]);
    guest.enter_all();
    guest.cpus[0].start(CRITICAL[2]);
    moments.push(guest);
    moments
}

#[test]
fn restored_in_any_order() {
    let mut random = Lcg(11);
    for mut original in moments() {
        let saved = save(&mut original);
        for _ in 0..4 {
            let mut order = saved.clone();
            random.shuffle(&mut order);
            let mut copy = Guest::new(2);
            for (n, index, value) in order {
                assert_eq!(copy.cpus[n].set(index, value), Ok(()), "{index:#x}");
            }
            assert_eq!(save(&mut copy), saved);
            // The copy goes on as the original.
            for (a, b) in original.cpus.iter().zip(&mut copy.cpus) {
                b.regs = a.regs.clone();
            }
            for number in SHARED {
                assert_eq!(
                    copy.cpus[0].shared_status(number),
                    original.cpus[1].shared_status(number)
                );
            }
            for _ in 0..3 {
                for n in [0, 1] {
                    copy.cpus[n].enter();
                    copy.cpus[n].call(COMPLETE, &[0]);
                }
            }
            for number in SHARED {
                let running = copy.cpus[0].shared_status(number) & 4 != 0;
                assert_eq!(running, !copy.runners(number).is_empty());
            }
        }
    }
}

/// Another CPU changes shared events while a VMM has the registers of one CPU in
/// its hands. What it writes back must not undo that.
#[test]
fn written_back_late_changes_nothing() {
    let mut guest = unmasked(2);
    guest.cpus[1].prepare_shared(SHARED_NORMAL[0], RM_ANY, 0);
    guest.cpus[1].call(PE_MASK, &[]);
    guest.cpus[0].call(PE_MASK, &[]);
    assert!(guest.room().raise(SHARED_NORMAL[0]));
    let saved = guest.cpus[0].save();
    guest.cpus[1].call(PE_UNMASK, &[]);
    assert_eq!(guest.runners(SHARED_NORMAL[0]), [1]);
    guest.cpus[1].prepare_shared(SHARED_CRITICAL[0], RM_ANY, 0);
    let before = guest.cpus[1].save();
    for (index, value) in saved {
        assert_eq!(guest.cpus[0].set(index, value), Ok(()));
    }
    assert_eq!(guest.cpus[1].save(), before);
    guest.enter_all();
    guest.cpus[0].unmask();
    assert_eq!(guest.runners(SHARED_NORMAL[0]), [1], "delivered once");
    guest.cpus[1].call(COMPLETE, &[0]);
    assert_eq!(guest.cpus[1].shared_status(SHARED_NORMAL[0]), E);
}

/// An old module saved no register of shared events.
#[test]
fn a_state_without_shared_events_can_be_restored() {
    let mut original = guest(1);
    original.cpus[0].start(NORMAL[0]);
    let mut copy = Guest::new(1);
    for (index, value) in original.cpus[0].save() {
        if index != SHARED_RUNNING && index < SHARED_PENDING {
            assert_eq!(copy.cpus[0].set(index, value), Ok(()));
        }
    }
    assert_eq!(copy.cpus[0].save(), original.cpus[0].save());
}

#[test]
fn values_that_mean_nothing_are_refused() {
    for live in [false, true] {
        let mut guest = Guest::new(2);
        if live {
            guest = moments().pop().expect("there are some");
        }
        let before = save(&mut guest);
        let mut refused = |index, values: &[u64]| {
            for &value in values {
                for cpu in &mut guest.cpus {
                    assert_eq!(cpu.set(index, value), Err(sdei::RegisterError));
                }
                assert_eq!(save(&mut guest), before);
            }
        };
        refused(SHARED_RUNNING, &[0b0011, 0b1100, 0b1111, 1 << 4, u64::MAX]);
        refused(SHARED_PENDING, &[1 << 4, 1 << 63, u64::MAX]);
        for event in 0..4 {
            refused(shared_entry_of(event), &[1, 2, 3, u64::MAX]);
            refused(
                shared_status_of(event),
                &[2, 4, 5, 6, 7, 8, 1 << 63, u64::MAX],
            );
            let rm_pe = 1 << 63;
            refused(
                routing_of(event),
                &[1, mpidr(17), 1 << 62, rm_pe | (1 << 24)],
            );
            refused(
                routing_of(event),
                &[rm_pe | (1 << 31), rm_pe | (1 << 40), u64::MAX],
            );
        }
    }
}

/// A hostile VMM writes that two CPUs run the handler. The last one counts, and
/// nothing stays that nobody can complete.
#[test]
fn a_handler_that_is_written_as_running_twice() {
    for order in [[0, 1], [1, 0]] {
        let mut guest = guest(2);
        guest.bring(SHARED_NORMAL[0], E);
        for n in [0, 1] {
            assert_eq!(guest.cpus[n].set(SHARED_RUNNING, 1), Ok(()));
        }
        assert_eq!(guest.cpus[0].shared_status(SHARED_NORMAL[0]), ER);
        for n in order {
            guest.cpus[n].call(COMPLETE, &[0]);
        }
        assert_eq!(guest.cpus[0].shared_status(SHARED_NORMAL[0]), E);
    }
}

/// One handler runs per priority, whichever kind of event it is for.
#[test]
fn a_handler_that_is_written_takes_the_place_of_another() {
    let mut guest = guest(1);
    guest.bring_alone(SHARED_NORMAL[0]);
    let cpu = &mut guest.cpus[0];
    cpu.prepare(NORMAL[0]);
    assert_eq!(cpu.set(status_of(1), ER), Ok(()));
    assert_eq!(cpu.get(SHARED_RUNNING), 0);
    assert_eq!(cpu.shared_status(SHARED_NORMAL[0]), E);
    assert_eq!(cpu.set(SHARED_RUNNING, 1), Ok(()));
    assert_eq!(cpu.status(NORMAL[0]), E);
    assert_eq!(cpu.shared_status(SHARED_NORMAL[0]), ER);
    assert_eq!(cpu.set(SHARED_RUNNING, 0), Ok(()));
    assert_eq!(cpu.shared_status(SHARED_NORMAL[0]), E);
}

impl Guest {
    fn bring_alone(&mut self, number: u32) {
        self.cpus[0].prepare_shared(number, RM_ANY, 0);
        self.cpus[0].unmask();
        assert!(self.room().raise(number));
        self.enter_all();
        assert_eq!(self.runners(number), [0]);
    }
}
