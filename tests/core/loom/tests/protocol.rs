// SPDX-License-Identifier: GPL-2.0

//! How a trigger gets to a vCPU, in every interleaving. No wake-up is lost, and
//! nothing is delivered twice. A lost wake-up shows as a deadlock, because the
//! vCPU then waits for ever for an event that was raised.
//!
//! loom tries every interleaving with up to [`PREEMPTIONS`] preemptions. This
//! is enough to find two steps of one side in a wrong order with two steps of
//! the other: that takes one or two preemptions.

mod kvm;

use kvm::{Guest, Host, CRITICAL, EVENT_0, NORMAL, PE_UNMASK, SIGNAL};
use loom::sync::atomic::{AtomicBool, Ordering::Relaxed};
use loom::sync::Arc;
use loom::thread;
use sdei::Event;
use std::sync::atomic::AtomicUsize;

const PREEMPTIONS: usize = 3;

fn check(test: impl Fn() + Sync + Send + 'static) {
    // This is not loom's type, because the counter is not part of the test.
    let interleavings = std::sync::Arc::new(AtomicUsize::new(0));
    let count = interleavings.clone();
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(PREEMPTIONS);
    builder.check(move || {
        count.fetch_add(1, Relaxed);
        test();
    });
    println!("{} interleavings", interleavings.load(Relaxed));
}

/// Each thread sets its ticket before it raises an event. The vCPU runs until
/// its handlers have seen all tickets.
type Tickets = Arc<[AtomicBool; 2]>;

fn tickets() -> Tickets {
    Arc::new([AtomicBool::new(false), AtomicBool::new(false)])
}

/// Does what the VMM's ioctl does.
fn inject(host: &Host, event: Event) {
    host.port.raise(event).expect("a handler");
    host.kick();
}

/// Two threads raise two different events. Each is delivered once.
fn signal_and_injection(waits: bool) {
    check(move || {
        let tickets = tickets();
        let mut target = Guest::new(waits);
        target.prepare(EVENT_0);
        target.prepare(CRITICAL);
        target.call(PE_UNMASK, &[]);

        let (host, ticket) = (target.host.clone(), tickets.clone());
        let signaller = thread::spawn(move || {
            let mut own = Guest::with_peer(host);
            ticket[0].store(true, Relaxed);
            own.call(SIGNAL, &[0, 0]);
        });
        let (host, ticket) = (target.host.clone(), tickets.clone());
        let vmm = thread::spawn(move || {
            ticket[1].store(true, Relaxed);
            inject(&host, Event::Critical0);
        });

        let (mut signals, mut injections) = (0, 0);
        target.run(|event| {
            if event == EVENT_0 {
                signals += 1;
                assert!(tickets[0].load(Relaxed), "what came before is not seen");
            } else {
                injections += 1;
                assert!(tickets[1].load(Relaxed), "what came before is not seen");
            }
            signals + injections == 2
        });
        signaller.join().unwrap();
        vmm.join().unwrap();
        assert_eq!((signals, injections), (1, 1));
        target.enter();
        assert!(!target.runs_handler(), "delivered twice");
    });
}

#[test]
fn events_reach_a_guest_that_runs() {
    signal_and_injection(false);
}

#[test]
fn events_reach_a_guest_that_waits() {
    signal_and_injection(true);
}

/// Two triggers of one event may be delivered once or twice. The handler that
/// runs last sees what both threads did.
#[test]
fn triggers_of_one_event_merge() {
    check(|| {
        let tickets = tickets();
        let mut target = Guest::new(true);
        target.prepare(NORMAL);
        target.call(PE_UNMASK, &[]);
        let raisers = [0, 1].map(|n| {
            let (host, ticket) = (target.host.clone(), tickets.clone());
            thread::spawn(move || {
                ticket[n].store(true, Relaxed);
                inject(&host, Event::Normal0);
            })
        });
        let mut runs = 0;
        target.run(|_| {
            runs += 1;
            tickets.iter().all(|ticket| ticket.load(Relaxed))
        });
        for raiser in raisers {
            raiser.join().unwrap();
        }
        target.enter();
        runs += u32::from(target.runs_handler());
        assert!(runs == 1 || runs == 2);
    });
}

/// An event is raised during SDEI_PE_UNMASK. It is delivered, whichever of the
/// two comes first.
#[test]
fn a_trigger_meets_an_unmask() {
    for waits in [false, true] {
        check(move || {
            let mut target = Guest::new(waits);
            target.prepare(NORMAL);
            let host = target.host.clone();
            let vmm = thread::spawn(move || inject(&host, Event::Normal0));
            target.call(PE_UNMASK, &[]);
            let mut runs = 0;
            target.run(|_| {
                runs += 1;
                true
            });
            vmm.join().unwrap();
            target.enter();
            assert!(!target.runs_handler(), "delivered twice");
            assert_eq!(runs, 1);
        });
    }
}

/// An event that is withdrawn was delivered, or is gone, but never both.
#[test]
fn a_trigger_is_delivered_or_withdrawn() {
    check(|| {
        let mut target = Guest::new(false);
        target.prepare(NORMAL);
        target.prepare(CRITICAL);
        target.call(PE_UNMASK, &[]);
        let host = target.host.clone();
        let vmm = thread::spawn(move || {
            inject(&host, Event::Normal0);
            let withdrawn = host.port.withdraw(Event::Normal0);
            // This tells the other thread that the test ends.
            inject(&host, Event::Critical0);
            withdrawn
        });
        let mut delivered = false;
        target.run(|event| {
            assert!(!(delivered && event == NORMAL), "delivered twice");
            delivered |= event == NORMAL;
            event == CRITICAL
        });
        let withdrawn = vmm.join().unwrap();
        assert!(delivered != withdrawn);
    });
}
