// SPDX-License-Identifier: GPL-2.0

//! Triggers that come from other threads: none is lost, and none is delivered
//! twice, whatever the CPU's own thread does at the same time.

mod support;

use std::hint::spin_loop;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use std::sync::Barrier;
use std::thread;
use std::time::{Duration, Instant};
use support::*;

const ROUNDS: u64 = 20_000;

/// Counts the threads that still raise events. A thread holds this as long as
/// it does.
struct Busy<'a>(&'a AtomicU64);

/// A thread whose assertion fails drops this as well: otherwise the other
/// threads would never end.
impl Drop for Busy<'_> {
    fn drop(&mut self) {
        // A thread that sees the lower count also sees what this thread raised.
        self.0.fetch_sub(1, Release);
    }
}

/// Delivers events and completes their handlers until nobody raises events any
/// more and none is left.
fn run(cpu: &mut Cpu, busy: &AtomicU64, mut handler: impl FnMut(&mut Cpu)) {
    // More handlers than any test here has triggers.
    let mut handlers = 0..1_000_000;
    loop {
        // Read this before looking for events: what was raised before the last
        // thread ended is then found.
        let last = busy.load(Acquire) == 0;
        cpu.enter();
        while EVENTS.into_iter().any(|number| cpu.is_running(number)) {
            handlers.next().expect("handlers come to an end");
            handler(cpu);
            cpu.call(COMPLETE, &[0]);
        }
        if last {
            break;
        }
        thread::yield_now();
    }
}

/// Each thread writes a number before it raises the event. If the last trigger
/// were lost, no handler would see the last number.
#[test]
fn no_trigger_is_lost_and_none_is_invented() {
    const RAISERS: usize = 3;
    for number in [EVENT_0, NORMAL[1], CRITICAL[3]] {
        let mut cpu = cpu();
        cpu.prepare(number);
        cpu.unmask();
        let room = cpu.system.room.clone();
        let tickets: [AtomicU64; RAISERS] = Default::default();
        let busy = AtomicU64::new(RAISERS as u64);
        let mut seen = [0; RAISERS];
        let mut runs = 0;

        thread::scope(|scope| {
            for ticket in &tickets {
                scope.spawn(|| {
                    let _busy = Busy(&busy);
                    for n in 1..=ROUNDS {
                        ticket.store(n, Relaxed);
                        room.seats[0].port.raise(event(number)).unwrap();
                    }
                });
            }
            run(&mut cpu, &busy, |_| {
                runs += 1;
                seen = std::array::from_fn(|i| tickets[i].load(Relaxed));
            });
        });

        assert_eq!(seen, [ROUNDS; RAISERS]);
        assert!((1..=ROUNDS * RAISERS as u64).contains(&runs));
        assert!(cpu.port().pending().is_empty());
    }
}

/// One thread raises an event, withdraws it, and so on. Each trigger is either
/// delivered or withdrawn, so the counts have to match exactly.
#[test]
fn each_trigger_is_delivered_or_withdrawn() {
    let mut cpu = cpu();
    cpu.prepare(NORMAL[0]);
    cpu.unmask();
    let room = cpu.system.room.clone();
    let busy = AtomicU64::new(1);
    let mut raised = 0;
    let mut withdrawn = 0;
    let mut delivered = 0;
    thread::scope(|scope| {
        scope.spawn(|| {
            let _busy = Busy(&busy);
            let port = &room.seats[0].port;
            // Go on until both happened often, so that they probably met at
            // every moment. If the threads share one CPU, this may never be the
            // case.
            while withdrawn.min(raised - withdrawn) < ROUNDS && raised < 20 * ROUNDS {
                raised += 1;
                port.raise(event(NORMAL[0])).unwrap();
                for _ in 0..raised % 32 {
                    spin_loop();
                }
                withdrawn += u64::from(port.withdraw(event(NORMAL[0])));
            }
        });
        let mut finished = false;
        while !finished {
            finished = busy.load(Acquire) == 0;
            // Only deliver, so that a delivery is under way most of the time.
            cpu.host().run();
            if cpu.is_running(NORMAL[0]) {
                delivered += 1;
                cpu.call(COMPLETE, &[0]);
            }
        }
    });
    // SDEI_EVENT_COMPLETE also delivers: a handler may still run.
    delivered += u64::from(cpu.is_running(NORMAL[0]));
    assert_eq!(delivered + withdrawn, raised);
}

/// If several threads withdraw a trigger at once, one of them gets it.
#[test]
fn a_trigger_is_withdrawn_once() {
    const THREADS: usize = 4;
    let mut cpu = cpu();
    cpu.prepare(CRITICAL[0]);
    let port = cpu.port();
    let barrier = Barrier::new(THREADS);
    let withdrawn = AtomicU64::new(0);
    const TURNS: u64 = 500;
    thread::scope(|scope| {
        for thread in 0..THREADS {
            let (barrier, withdrawn) = (&barrier, &withdrawn);
            scope.spawn(move || {
                for _ in 0..TURNS {
                    if thread == 0 {
                        // If this failed, nobody could withdraw it, and the sum
                        // at the end would be wrong.
                        let _ = port.raise(event(CRITICAL[0]));
                    }
                    barrier.wait();
                    let mine = port.withdraw(event(CRITICAL[0]));
                    withdrawn.fetch_add(u64::from(mine), Relaxed);
                    barrier.wait();
                }
            });
        }
    });
    assert_eq!(withdrawn.into_inner(), TURNS);
}

/// Events are bits of one word. Changing one must not change another.
#[test]
fn events_do_not_disturb_each_other() {
    let mut cpu = cpu();
    for number in EVENTS {
        cpu.prepare(number);
    }
    let port = cpu.port();
    let start = Barrier::new(EVENTS.len());
    thread::scope(|scope| {
        for number in EVENTS {
            let start = &start;
            scope.spawn(move || {
                start.wait();
                for _ in 0..5 * ROUNDS {
                    port.raise(event(number)).unwrap();
                    assert!(port.withdraw(event(number)), "nobody else did");
                    assert!(!port.pending().contains(event(number)));
                }
            });
        }
    });
    assert!(port.pending().is_empty());
}

/// All CPUs signal all others and handle what they get, at the same time.
#[test]
fn cpus_signal_each_other() {
    const CPUS: usize = 4;
    const TURNS: u64 = ROUNDS / 10;
    let mut guest = Guest::new(CPUS);
    for cpu in &mut guest.cpus {
        cpu.prepare(EVENT_0);
    }
    let tickets: [AtomicU64; CPUS] = Default::default();
    let busy = AtomicU64::new(CPUS as u64);
    thread::scope(|scope| {
        for cpu in &mut guest.cpus {
            let (tickets, busy) = (&tickets, &busy);
            scope.spawn(move || {
                let signals = Busy(busy);
                let own = cpu.system.n;
                let mut seen = [0; CPUS];
                for n in 1..=TURNS {
                    tickets[own].store(n, Relaxed);
                    cpu.call(PE_MASK, &[]);
                    for target in (0..CPUS).filter(|&target| target != own) {
                        // The CPU is masked, so x0 is the result and not the
                        // handler's x0.
                        let answer = cpu.call(SIGNAL, &[0, mpidr(target)]);
                        assert_eq!(answer, SUCCESS);
                    }
                    cpu.call(PE_UNMASK, &[]);
                    // The next handler may start at once. Then the next turn,
                    // or `run`, completes it.
                    if cpu.is_running(EVENT_0) {
                        seen = std::array::from_fn(|i| tickets[i].load(Relaxed));
                        cpu.call(COMPLETE, &[0]);
                    }
                }
                drop(signals);
                run(cpu, busy, |_| {
                    seen = std::array::from_fn(|i| tickets[i].load(Relaxed));
                });
                for other in (0..CPUS).filter(|&other| other != own) {
                    assert_eq!(seen[other], TURNS);
                }
            });
        }
    });
}

/// While other threads raise an event, the CPU registers it again and again,
/// each time with another handler. Only the current handler runs, and only
/// while it is registered.
#[test]
fn registering_anew_while_others_raise() {
    let mut cpu = cpu();
    cpu.unmask();
    let room = cpu.system.room.clone();
    let busy = AtomicU64::new(1);
    let mut runs = 0;
    let started = Instant::now();
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while busy.load(Relaxed) != 0 {
                    // This fails while the event is not registered.
                    let _ = room.seats[0].port.raise(event(NORMAL[0]));
                }
            });
        }
        let _busy = Busy(&busy);
        for generation in 1..=ROUNDS / 4 {
            let arguments = [NORMAL[0].into(), generation * 4, generation, 0, 0];
            assert_eq!(cpu.call(REGISTER, &arguments), SUCCESS);
            cpu.on(ENABLE, NORMAL[0]);
            // On a busy machine, wait until the other threads get time to raise
            // events.
            while generation % 64 == 0
                && !cpu.is_pending(NORMAL[0])
                && started.elapsed() < Duration::from_secs(60)
            {
                thread::yield_now();
            }
            cpu.enter();
            if cpu.is_running(NORMAL[0]) {
                runs += 1;
                assert_eq!(cpu.regs.pc, generation * 4);
                assert_eq!(cpu.regs.saved[1], generation);
                assert_eq!(cpu.on(UNREGISTER, NORMAL[0]), PENDING);
                cpu.call(COMPLETE, &[0]);
            } else {
                assert_eq!(cpu.on(UNREGISTER, NORMAL[0]), SUCCESS);
            }
            cpu.enter();
            assert_eq!(cpu.status(NORMAL[0]), U);
        }
    });
    assert!(runs > 0);
}
