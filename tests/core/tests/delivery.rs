// SPDX-License-Identifier: GPL-2.0

//! When an event is delivered, and which one (DEN0054 4.3 and 6.5), and what
//! happens to events that have to wait.

mod support;

use std::sync::atomic::Ordering::Relaxed;
use support::*;

/// All combinations of the conditions on which delivery depends.
#[test]
fn delivered_exactly_when_all_conditions_hold() {
    for bits in 0..1 << 6 {
        let given = |n: u32| bits & (1 << n) != 0;
        let [critical, pending, enabled, masked] = [given(0), given(1), given(2), given(3)];
        let [normal_runs, critical_runs] = [given(4), given(5)];
        let number = if critical { CRITICAL[0] } else { NORMAL[0] };

        let mut cpu = cpu();
        if normal_runs {
            cpu.start(NORMAL[3]);
        }
        if critical_runs {
            cpu.start(CRITICAL[3]);
        }
        cpu.call(PE_MASK, &[]);
        cpu.register(number);
        if enabled {
            cpu.on(ENABLE, number);
        }
        if pending {
            cpu.port().raise(event(number)).unwrap();
        }
        if !masked {
            // If this enters the handler, x0 is the handler's and not the
            // result.
            cpu.call(PE_UNMASK, &[]);
        }
        cpu.enter();

        let blocked = critical_runs || normal_runs && !critical;
        let deliverable = pending && enabled && !masked && !blocked;
        assert_eq!(cpu.is_running(number), deliverable, "case {bits:#08b}");
        assert_eq!(cpu.is_pending(number), pending && !deliverable);
        assert_eq!(cpu.is_running(NORMAL[3]), normal_runs);
        assert_eq!(cpu.is_running(CRITICAL[3]), critical_runs);
    }
}

/// What other threads see before the CPU delivers anything.
#[test]
fn the_port_tells_what_would_be_delivered() {
    let mut cpu = cpu();
    cpu.prepare(NORMAL[0]);
    cpu.prepare(CRITICAL[0]);
    cpu.port().raise(event(NORMAL[0])).unwrap();
    assert!(cpu.port().deliverable().is_empty(), "masked");
    cpu.enter();
    cpu.call(PE_UNMASK, &[]);
    assert!(cpu.is_running(NORMAL[0]));
    cpu.port().raise(event(NORMAL[0])).unwrap();
    assert!(cpu.port().deliverable().is_empty(), "a handler runs");
    cpu.port().raise(event(CRITICAL[0])).unwrap();
    assert!(cpu.port().deliverable().contains(event(CRITICAL[0])));
    assert!(!cpu.port().deliverable().contains(event(NORMAL[0])));
}

/// A CPU with an event that is enabled and pending, but masked. Each test then
/// changes something.
fn waiting(number: u32) -> Cpu {
    let mut cpu = cpu();
    cpu.prepare(number);
    cpu.trigger(number);
    assert!(cpu.is_pending(number) && !cpu.is_running(number));
    cpu
}

#[test]
fn looked_at_again_after_a_trigger() {
    for number in EVENTS {
        let mut cpu = cpu();
        cpu.prepare(number);
        cpu.unmask();
        cpu.trigger(number);
        assert_eq!(cpu.status(number), ER);
    }
}

#[test]
fn looked_at_again_after_unmask() {
    for number in EVENTS {
        let mut cpu = waiting(number);
        cpu.call(PE_UNMASK, &[]);
        assert_eq!(cpu.status(number), ER);
    }
}

#[test]
fn looked_at_again_after_enable() {
    for number in EVENTS {
        let mut cpu = cpu();
        cpu.register(number);
        cpu.unmask();
        cpu.trigger(number);
        assert_eq!(cpu.status(number), G);
        cpu.on(ENABLE, number);
        assert_eq!(cpu.status(number), ER);
    }
}

#[test]
fn looked_at_again_after_both_completions() {
    for function in [COMPLETE, COMPLETE_AND_RESUME] {
        for number in EVENTS {
            let mut cpu = cpu();
            cpu.start(number);
            cpu.trigger(number);
            assert!(cpu.is_pending(number));
            cpu.call(function, &[0x8000]);
            assert_eq!(cpu.status(number), ER);
            assert!(!cpu.is_pending(number));
        }
    }
}

#[test]
fn looked_at_again_after_signal_to_oneself() {
    let mut cpu = cpu();
    cpu.prepare(EVENT_0);
    cpu.unmask();
    cpu.call(SIGNAL, &[0, mpidr(0)]);
    assert_eq!(cpu.status(EVENT_0), ER);
}

#[test]
fn looked_at_again_after_a_refused_call() {
    let mut cpu = cpu();
    cpu.prepare(NORMAL[0]);
    cpu.unmask();
    cpu.port().raise(event(NORMAL[0])).unwrap();
    cpu.on(ENABLE, EVENT_0);
    assert_eq!(cpu.status(NORMAL[0]), ER);
    assert_eq!(cpu.call(CONTEXT, &[0]), DENIED);
}

/// An event is delivered even if the guest has interrupts masked, is in an
/// interrupt handler, or is at EL0 in AArch64 or AArch32.
#[test]
fn delivered_whatever_the_cpu_does() {
    const DAIF: u64 = 0xf << 6;
    for bits in [0b0000, 0b0100, 0b0101, 0b0101 | DAIF, 0x10, 0x10 | DAIF] {
        let mut cpu = cpu();
        cpu.prepare(NORMAL[0]);
        cpu.unmask();
        cpu.regs.pstate = pstate(bits);
        cpu.trigger(NORMAL[0]);
        assert_eq!(cpu.status(NORMAL[0]), ER);
    }
}

#[test]
fn masked_after_power_up_and_after_reset() {
    let mut cpu = waiting(NORMAL[0]);
    cpu.call(PE_UNMASK, &[]);
    assert!(!cpu.pe.is_masked());
    cpu.reset();
    assert!(cpu.pe.is_masked());
    cpu.prepare(NORMAL[0]);
    cpu.trigger(NORMAL[0]);
    assert_eq!(cpu.status(NORMAL[0]), E);
}

#[test]
fn masking_does_not_end_or_stop_a_handler() {
    let mut cpu = cpu();
    cpu.start(NORMAL[0]);
    assert_eq!(cpu.call(PE_MASK, &[]), 1);
    assert_eq!(cpu.status(NORMAL[0]), ER);
    assert_ne!(cpu.call(CONTEXT, &[0]), DENIED);
    cpu.call(COMPLETE, &[0]);
    assert_eq!(cpu.status(NORMAL[0]), E);
}

#[test]
fn a_handler_does_not_mask_and_its_mask_survives_it() {
    for function in [COMPLETE, COMPLETE_AND_RESUME] {
        let mut cpu = cpu();
        cpu.start(NORMAL[0]);
        assert_eq!(cpu.call(PE_MASK, &[]), 1);
        cpu.trigger(NORMAL[0]);
        cpu.call(function, &[0x8000]);
        assert_eq!(cpu.status(NORMAL[0]), E, "masked");
        assert!(cpu.is_pending(NORMAL[0]));
        assert_eq!(cpu.call(PE_MASK, &[]), 0);
    }
}

#[test]
fn an_unmask_in_a_handler_does_not_let_normal_events_in() {
    let mut cpu = cpu();
    cpu.start(NORMAL[0]);
    cpu.prepare(NORMAL[1]);
    cpu.call(PE_MASK, &[]);
    cpu.trigger(NORMAL[1]);
    cpu.unmask();
    assert!(!cpu.is_running(NORMAL[1]));
    cpu.call(COMPLETE, &[0]);
    assert!(cpu.is_running(NORMAL[1]));
}

#[test]
fn a_waiting_trigger_survives_mask_and_unmask() {
    let mut cpu = waiting(NORMAL[0]);
    cpu.call(PE_MASK, &[]);
    cpu.enter();
    assert!(cpu.is_pending(NORMAL[0]));
    cpu.call(PE_UNMASK, &[]);
    assert_eq!(cpu.status(NORMAL[0]), ER);
}

#[test]
fn a_waiting_trigger_survives_disable() {
    let mut cpu = waiting(NORMAL[0]);
    cpu.on(DISABLE, NORMAL[0]);
    cpu.unmask();
    assert!(cpu.is_pending(NORMAL[0]));
    cpu.on(ENABLE, NORMAL[0]);
    assert_eq!(cpu.status(NORMAL[0]), ER);
}

#[test]
fn a_waiting_trigger_goes_with_its_registration() {
    for (function, before) in [(UNREGISTER, E), (PRIVATE_RESET, E), (UNREGISTER, ER)] {
        let mut cpu = cpu();
        cpu.bring(EVENT_0, before);
        cpu.call(PE_MASK, &[]);
        cpu.trigger(EVENT_0);
        assert!(cpu.is_pending(EVENT_0));
        cpu.call(function, &[0]);
        assert!(!cpu.is_pending(EVENT_0));
        cpu.call(COMPLETE, &[0]);
        cpu.prepare(EVENT_0);
        cpu.unmask();
        assert_eq!(cpu.status(EVENT_0), E, "registered anew: nothing waits");
    }
}

#[test]
fn a_waiting_trigger_goes_with_the_reset_of_a_running_event() {
    let mut cpu = cpu();
    cpu.start(NORMAL[0]);
    cpu.trigger(NORMAL[0]);
    assert_eq!(cpu.call(PRIVATE_RESET, &[]), DENIED);
    assert!(!cpu.is_pending(NORMAL[0]));
}

#[test]
fn a_waiting_trigger_goes_with_power() {
    let mut cpu = waiting(NORMAL[0]);
    cpu.reset();
    assert!(cpu.port().pending().is_empty());
    cpu.prepare(NORMAL[0]);
    cpu.unmask();
    assert_eq!(cpu.status(NORMAL[0]), E);
}

#[test]
fn triggers_of_one_event_merge() {
    let mut cpu = cpu();
    cpu.prepare(EVENT_0);
    for _ in 0..5 {
        assert_eq!(cpu.call(SIGNAL, &[0, mpidr(0)]), SUCCESS);
    }
    cpu.call(PE_UNMASK, &[]);
    assert_eq!(cpu.status(EVENT_0), ER);
    cpu.call(COMPLETE, &[0]);
    assert_eq!(cpu.status(EVENT_0), E);
}

#[test]
fn triggers_of_all_events_are_kept_apart() {
    let mut cpu = cpu();
    for number in EVENTS {
        cpu.prepare(number);
        cpu.trigger(number);
    }
    cpu.call(PE_UNMASK, &[]);
    let mut delivered = Vec::new();
    for _ in EVENTS {
        let number = cpu.regs.saved[0] as u32;
        assert_eq!(cpu.status(number), ER);
        delivered.push(number);
        cpu.call(COMPLETE, &[0]);
    }
    assert_eq!(cpu.call(COMPLETE, &[0]), DENIED);
    assert!(delivered[..4]
        .iter()
        .all(|number| CRITICAL.contains(number)));
    delivered.sort_unstable();
    assert_eq!(delivered, EVENTS);
}

/// Each pair of events: while the handler of the first one runs, the second one
/// preempts it if, and only if, it is critical and the first is not.
#[test]
fn only_critical_preempts_and_only_normal_is_preempted() {
    for first in EVENTS {
        for second in EVENTS.into_iter().filter(|&second| second != first) {
            let mut cpu = cpu();
            cpu.start(first);
            cpu.prepare(second);
            cpu.trigger(second);
            let preempts = CRITICAL.contains(&second) && !CRITICAL.contains(&first);
            assert_eq!(cpu.is_running(second), preempts, "{first:#x} {second:#x}");
            assert_eq!(cpu.is_pending(second), !preempts);
            // If the second one had to wait, its handler runs when the first
            // one completes.
            cpu.call(COMPLETE, &[0]);
            assert_eq!(cpu.is_running(first), preempts);
            assert_eq!(cpu.is_running(second), !preempts);
        }
    }
}

#[test]
fn a_normal_event_waits_for_both_handlers() {
    let mut cpu = cpu();
    cpu.start(NORMAL[0]);
    cpu.start(CRITICAL[0]);
    cpu.prepare(NORMAL[1]);
    cpu.trigger(NORMAL[1]);
    cpu.call(COMPLETE, &[0]);
    assert!(cpu.is_running(NORMAL[0]) && !cpu.is_running(NORMAL[1]));
    cpu.call(COMPLETE, &[0]);
    assert!(!cpu.is_running(NORMAL[0]) && cpu.is_running(NORMAL[1]));
}

#[test]
fn a_critical_event_waits_for_the_critical_one_only() {
    let mut cpu = cpu();
    cpu.start(NORMAL[0]);
    cpu.start(CRITICAL[0]);
    cpu.prepare(CRITICAL[1]);
    cpu.trigger(CRITICAL[1]);
    assert!(!cpu.is_running(CRITICAL[1]));
    cpu.call(COMPLETE, &[0]);
    assert!(cpu.is_running(CRITICAL[1]));
    assert!(cpu.is_running(NORMAL[0]), "interrupted again");
}

#[test]
fn withdrawn_in_time_is_not_delivered() {
    let mut cpu = waiting(NORMAL[0]);
    assert!(cpu.port().withdraw(event(NORMAL[0])));
    assert!(!cpu.port().withdraw(event(NORMAL[0])));
    cpu.unmask();
    assert_eq!(cpu.status(NORMAL[0]), E);
}

#[test]
fn withdrawn_too_late_is_nothing() {
    let mut cpu = waiting(NORMAL[0]);
    cpu.call(PE_UNMASK, &[]);
    assert!(!cpu.port().withdraw(event(NORMAL[0])));
    assert_eq!(cpu.status(NORMAL[0]), ER);
}

#[test]
fn withdraw_is_for_one_event() {
    let mut cpu = waiting(NORMAL[0]);
    cpu.prepare(NORMAL[1]);
    cpu.trigger(NORMAL[1]);
    assert!(cpu.port().withdraw(event(NORMAL[0])));
    assert!(!cpu.port().withdraw(event(NORMAL[0])));
    cpu.call(PE_UNMASK, &[]);
    assert!(cpu.is_running(NORMAL[1]) && !cpu.is_running(NORMAL[0]));
}

#[test]
fn raise_without_a_handler_is_refused() {
    for number in EVENTS {
        let mut cpu = cpu();
        assert_eq!(cpu.port().raise(event(number)), Err(sdei::Unregistered));
        cpu.register(number);
        assert_eq!(cpu.port().raise(event(number)), Ok(()));
        cpu.on(UNREGISTER, number);
        assert_eq!(cpu.port().raise(event(number)), Err(sdei::Unregistered));
        assert!(cpu.port().pending().is_empty());
    }
}

#[test]
fn a_signal_kicks_the_other_cpu_when_the_bit_is_set() {
    let mut guest = Guest::new(2);
    guest.cpus[1].prepare(EVENT_0);
    guest.cpus[0].call(SIGNAL, &[0, mpidr(1)]);
    let seat = guest.cpus[1].seat();
    assert_eq!(seat.kicks.load(Relaxed), 1);
    assert_eq!(seat.pending_at_kick.load(Relaxed), 1);
    // The event is pending already, but the sender can't know whether the CPU
    // has seen this, so it kicks again.
    guest.cpus[0].call(SIGNAL, &[0, mpidr(1)]);
    assert_eq!(guest.cpus[1].seat().kicks.load(Relaxed), 2);
}
