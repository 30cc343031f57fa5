// SPDX-License-Identifier: GPL-2.0

//! The state machine of an event's handler: the tables of DEN0054 6.1, with a
//! column for each state and a row for each call or other cause. Each cell is
//! tried for every event.

mod support;

use support::*;

const STATES: [u64; 6] = [U, G, E, GR, ER, UP];

/// Tests one row. For each event and each state, `act` has to give the expected
/// answer, and leave the event in the expected state.
fn row<T: PartialEq + std::fmt::Debug>(
    act: impl Fn(&mut Cpu, u32) -> T,
    expected: [(T, u64); STATES.len()],
) {
    for (before, (answer, after)) in STATES.into_iter().zip(expected) {
        for number in EVENTS {
            let mut cpu = cpu();
            cpu.bring(number, before);
            let at = format!("event {number:#x} in state {before:#05b}");
            assert_eq!(act(&mut cpu, number), answer, "{at}");
            assert_eq!(cpu.status(number), after, "{at}");
            consistent(&cpu, number);
        }
    }
}

/// What other threads see in the port has to be the state of the CPU.
fn consistent(cpu: &Cpu, number: u32) {
    let status = cpu.status(number);
    let event = event(number);
    assert_eq!(cpu.port().registered().contains(event), status & 1 != 0);
    assert_eq!(cpu.port().enabled().contains(event), status & 2 != 0);
}

fn call(function: u32) -> impl Fn(&mut Cpu, u32) -> i64 {
    move |cpu, number| cpu.on(function, number)
}

fn register(cpu: &mut Cpu, number: u32) -> i64 {
    cpu.call(REGISTER, &[number.into(), entry(number), 0, 0, 0])
}

#[test]
#[rustfmt::skip]
fn register_unregister_enable_disable() {
    //                       U             G             E             GR              ER              UP
    row(register,         [( 0, G),      (-3, G),      (-3, E),      (-3, GR),       (-3, ER),       (-3, UP)]);
    row(call(UNREGISTER), [(-3, U),      ( 0, U),      ( 0, U),      (-5, UP),       (-5, UP),       (-5, UP)]);
    row(call(ENABLE),     [(-3, U),      ( 0, E),      ( 0, E),      ( 0, ER),       ( 0, ER),       (-3, UP)]);
    row(call(DISABLE),    [(-3, U),      ( 0, G),      ( 0, G),      ( 0, GR),       ( 0, GR),       (-3, UP)]);
}

/// In the specification these rows are for shared and bound events. There are
/// none here, so the calls fail before the state matters.
#[test]
#[rustfmt::skip]
fn routing_set_and_interrupt_release() {
    //                              U        G        E        GR        ER        UP
    row(call(ROUTING_SET),       [(-2, U), (-2, G), (-2, E), (-2, GR), (-2, ER), (-2, UP)]);
    row(call(INTERRUPT_RELEASE), [(-2, U), (-2, G), (-2, E), (-2, GR), (-2, ER), (-2, UP)]);
}

#[test]
#[rustfmt::skip]
fn resets() {
    //                          U        G        E        GR         ER         UP
    row(call(PRIVATE_RESET), [( 0, U), ( 0, U), ( 0, U), (-3, UP),  (-3, UP),  (-3, UP)]);
    // This affects only shared events, and all events are private.
    row(call(SHARED_RESET),  [( 0, U), ( 0, G), ( 0, E), ( 0, GR),  ( 0, ER),  ( 0, UP)]);
}

#[test]
#[rustfmt::skip]
fn status() {
    row(call(STATUS), [(0, U), (1, G), (3, E), (5, GR), (7, ER), (4, UP)]);
}

#[test]
fn get_info_is_the_same_in_every_state() {
    for info in [0, 1, 2] {
        for number in EVENTS {
            let arguments = [number.into(), info];
            let value = cpu().call(GET_INFO, &arguments);
            for state in STATES {
                let mut cpu = cpu();
                cpu.bring(number, state);
                assert_eq!(cpu.call(GET_INFO, &arguments), value);
                assert_eq!(cpu.status(number), state);
            }
        }
    }
}

#[test]
#[rustfmt::skip]
fn context() {
    /// Answers -3, or 1 if the call answered the value of x7.
    fn x7(cpu: &mut Cpu, _: u32) -> i64 {
        // The handler's own x7 is another value, which must not matter.
        let interrupted = std::mem::replace(&mut cpu.regs.saved[7], 0);
        match cpu.call(CONTEXT, &[7]) {
            value if value as u64 == interrupted => 1,
            other => other,
        }
    }
    row(x7, [(-3, U), (-3, G), (-3, E), (1, GR), (1, ER), (1, UP)]);
}

#[test]
#[rustfmt::skip]
fn completion() {
    /// Answers -3, or 1 if the call didn't return.
    fn complete(function: u32) -> impl Fn(&mut Cpu, u32) -> i64 {
        move |cpu, _| {
            let next = cpu.regs.pc + 4;
            let answer = cpu.call(function, &[0x8000]);
            if cpu.regs.pc == next { answer } else { 1 }
        }
    }
    for function in [COMPLETE, COMPLETE_AND_RESUME] {
        //                        U        G        E        GR      ER      UP
        row(complete(function), [(-3, U), (-3, G), (-3, E), (1, G), (1, E), (1, U)]);
    }
}

#[test]
#[rustfmt::skip]
fn calls_that_never_depend_on_the_state() {
    /// Answers 1 if a CPU without any registration answers the same.
    fn as_always(function: u32) -> impl Fn(&mut Cpu, u32) -> i64 {
        move |running, _| {
            let mut idle = cpu();
            idle.unmask();
            running.unmask();
            i64::from(running.call(function, &[32]) == idle.call(function, &[32]))
        }
    }
    for function in [VERSION, FEATURES, PE_MASK, PE_UNMASK, INTERRUPT_BIND] {
        row(as_always(function), [(1, U), (1, G), (1, E), (1, GR), (1, ER), (1, UP)]);
    }
}

/// Caller and target are two CPUs, and only the target's state matters. If the
/// target disabled the event, it stays pending (`Documentation/design.rst`).
#[test]
fn signal() {
    let expected = [
        (U, INVALID_PARAMETERS),
        (G, SUCCESS),
        (E, SUCCESS),
        (GR, SUCCESS),
        (ER, SUCCESS),
        (UP, INVALID_PARAMETERS),
    ];
    for (state, answer) in expected {
        let mut guest = Guest::new(2);
        guest.cpus[1].bring(EVENT_0, state);
        assert_eq!(guest.cpus[0].call(SIGNAL, &[0, mpidr(1)]), answer);
        assert_eq!(guest.cpus[1].is_pending(EVENT_0), answer == SUCCESS);
        assert_eq!(guest.cpus[1].status(EVENT_0), state);
    }
}

/// SDEI_EVENT_CONTEXT and the completions act on the handler that runs,
/// whichever event it is for. They fail only if no handler runs.
#[test]
fn context_and_completion_are_for_whatever_handler_runs() {
    for function in [COMPLETE, COMPLETE_AND_RESUME] {
        for state in [U, G, E] {
            let mut cpu = cpu();
            cpu.bring(NORMAL[0], state);
            cpu.start(NORMAL[1]);
            assert_ne!(cpu.call(CONTEXT, &[0]), DENIED);
            cpu.call(function, &[0x8000]);
            assert_eq!(cpu.status(NORMAL[0]), state);
            assert_eq!(cpu.status(NORMAL[1]), E);
        }
    }
}

#[test]
#[rustfmt::skip]
fn trigger() {
    /// Whether the trigger was accepted, and whether the event is still pending
    /// after the CPU looked for pending events.
    fn trigger(cpu: &mut Cpu, number: u32) -> (bool, bool) {
        cpu.unmask();
        let accepted = cpu.port().raise(event(number)).is_ok();
        cpu.enter();
        (accepted, cpu.is_pending(number))
    }
    const DROPPED: (bool, bool) = (false, false);
    const KEPT: (bool, bool) = (true, true);
    const DISPATCHED: (bool, bool) = (true, false);
    //             U             G          E                 GR          ER          UP
    row(trigger, [(DROPPED, U), (KEPT, G), (DISPATCHED, ER), (KEPT, GR), (KEPT, ER), (DROPPED, UP)]);
}

#[test]
#[rustfmt::skip]
fn completion_with_a_trigger_waiting() {
    /// Whether the event is pending after the completion.
    fn complete(cpu: &mut Cpu, number: u32) -> bool {
        cpu.unmask();
        let _ = cpu.port().raise(event(number));
        cpu.call(COMPLETE, &[0]);
        cpu.is_pending(number)
    }
    //              U           G          E            GR         ER           UP
    row(complete, [(false, U), (true, G), (false, ER), (true, G), (false, ER), (false, U)]);
}

#[test]
#[rustfmt::skip]
fn masked() {
    /// Whether the event is pending after the CPU looked for it.
    fn trigger_masked(cpu: &mut Cpu, number: u32) -> bool {
        cpu.call(PE_MASK, &[]);
        let _ = cpu.port().raise(event(number));
        cpu.enter();
        cpu.is_pending(number)
    }
    //                    U           G          E          GR          ER          UP
    row(trigger_masked, [(false, U), (true, G), (true, E), (true, GR), (true, ER), (false, UP)]);
}

/// CPU_OFF, CPU_ON and a reset of the guest do the same to private events.
#[test]
#[rustfmt::skip]
fn power() {
    /// Whether the CPU is masked, the event is pending, and no handler runs.
    fn reset(cpu: &mut Cpu, number: u32) -> (bool, bool, bool) {
        let _ = cpu.port().raise(event(number));
        cpu.reset();
        (cpu.pe.is_masked(), cpu.is_pending(number), cpu.call(COMPLETE, &[0]) == DENIED)
    }
    const COLD: (bool, bool, bool) = (true, false, true);
    row(reset, [(COLD, U); STATES.len()]);
}

/// The values 2 and 6 of the status mean nothing. No sequence of calls leads to
/// them.
#[test]
fn impossible_states_are_never_seen() {
    let calls = [
        REGISTER,
        UNREGISTER,
        ENABLE,
        DISABLE,
        COMPLETE,
        PRIVATE_RESET,
    ];
    let mut random = Lcg(1);
    let mut cpu = cpu();
    cpu.unmask();
    for _ in 0..20_000 {
        let number = EVENTS[(random.next() % 9) as usize];
        match random.next() % 8 {
            0 => register(&mut cpu, number),
            n @ 1..=6 => cpu.on(calls[n as usize - 1], number),
            _ => {
                let _ = cpu.port().raise(event(number));
                cpu.enter();
                0
            }
        };
        let mut running = [0; 2];
        for number in EVENTS {
            assert!(STATES.contains(&cpu.status(number)));
            consistent(&cpu, number);
            let critical = usize::from(CRITICAL.contains(&number));
            running[critical] += usize::from(cpu.is_running(number));
        }
        assert!(
            running[0] <= 1 && running[1] <= 1,
            "one handler per priority"
        );
    }
}
