// SPDX-License-Identifier: GPL-2.0

//! How a shared event gets to one of two vCPUs, in every interleaving with what
//! the guest does meanwhile: an event that was accepted is delivered once, to one
//! vCPU. If none looked for it, the test would deadlock or find no delivery.

mod kvm;

use kvm::{Guest, Machine, CRITICAL, ENABLE, PE_MASK, PE_UNMASK, REGISTER, ROUTING_SET};
use kvm::{SHARED, SHARED_RESET, UNREGISTER};
use loom::sync::Arc;
use loom::thread;
use sdei::{Event, SharedEvent};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// As in `protocol.rs`.
const PREEMPTIONS: usize = 3;

const RM_ANY: u64 = 0;
const RM_PE: u64 = 1;

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

impl Guest {
    fn register_shared(&mut self, mode: u64, affinity: u64) {
        self.call(REGISTER, &[SHARED, 1 << 41, 0, mode, affinity]);
    }
}

/// The VMM raises the event.
fn raise(machine: &Machine) -> bool {
    sdei::raise(machine, SharedEvent::Normal0).is_ok()
}

fn runs(machine: &Machine) -> bool {
    !machine.shared.running().is_empty()
}

fn is_pending(machine: &Machine) -> bool {
    !machine.shared.pending().is_empty()
}

/// Two vCPUs that have registered and enabled the event. Only the first `unmasked`
/// of them can take it.
fn guests(machine: &Arc<Machine>, unmasked: usize) -> [Guest; 2] {
    let mut guests = [0, 1].map(|id| Guest::of(machine, id, true));
    guests[0].register_shared(RM_ANY, 0);
    guests[0].call(ENABLE, &[SHARED]);
    for guest in &mut guests[..unmasked] {
        guest.call(PE_UNMASK, &[]);
    }
    guests
}

/// Both vCPUs wait in WFI, and one of them gets the event.
#[test]
fn a_trigger_meets_two_that_wait() {
    check(|| {
        let machine = Machine::new(2);
        let [mut a, mut b] = guests(&machine, 2);
        let other = thread::spawn(move || {
            a.run_into_wfi();
            a
        });
        assert!(raise(&machine));
        b.run_into_wfi();
        let mut a = other.join().unwrap();
        // If the kick came when both were blocked, one wakes.
        for guest in [&mut a, &mut b] {
            if !guest.runs_handler() && guest.host.port.has_work() {
                guest.run_into_wfi();
            }
        }
        assert!(a.runs_handler() != b.runs_handler());
        assert!(!is_pending(&machine));
    });
}

/// The first choice masks itself, and then waits in WFI.
#[test]
fn a_trigger_meets_a_mask() {
    check(|| {
        let machine = Machine::new(2);
        let [mut a, mut b] = guests(&machine, 2);
        let vmm = {
            let machine = machine.clone();
            thread::spawn(move || assert!(raise(&machine)))
        };
        a.call(PE_MASK, &[]);
        if !a.runs_handler() {
            a.run_into_wfi();
        }
        vmm.join().unwrap();
        if b.host.port.has_work() {
            b.run_into_wfi();
        }
        assert!(a.runs_handler() != b.runs_handler(), "lost, or twice");
    });
}

/// The first choice is turned off.
#[test]
fn a_trigger_meets_cpu_off() {
    check(|| {
        let machine = Machine::new(2);
        let [mut a, mut b] = guests(&machine, 2);
        let vmm = {
            let machine = machine.clone();
            thread::spawn(move || assert!(raise(&machine)))
        };
        a.power_off();
        vmm.join().unwrap();
        assert!(b.host.port.has_work(), "the other one is not told");
        b.run_into_wfi();
        assert!(b.runs_handler());
    });
}

/// The only vCPU that could take the event can't, and the other one becomes able
/// to at the same time.
#[test]
fn a_mask_meets_an_unmask() {
    check(|| {
        let machine = Machine::new(2);
        let [mut a, mut b] = guests(&machine, 1);
        assert!(raise(&machine));
        let other = thread::spawn(move || {
            b.call(PE_UNMASK, &[]);
            if !b.runs_handler() {
                b.run_into_wfi();
            }
            b
        });
        a.call(PE_MASK, &[]);
        if !a.runs_handler() {
            a.run_into_wfi();
        }
        let mut b = other.join().unwrap();
        if !b.runs_handler() && b.host.port.has_work() {
            b.run_into_wfi();
        }
        assert!(a.runs_handler() != b.runs_handler());
    });
}

/// The routing changes from a vCPU that never runs to the caller's own.
#[test]
fn a_trigger_meets_routing_set() {
    check(|| {
        let machine = Machine::new(2);
        let mut a = Guest::of(&machine, 0, true);
        a.register_shared(RM_PE, 1);
        a.call(PE_UNMASK, &[]);
        let vmm = {
            let machine = machine.clone();
            thread::spawn(move || assert!(raise(&machine)))
        };
        a.call(ROUTING_SET, &[SHARED, RM_PE, 0]);
        a.call(ENABLE, &[SHARED]);
        if !a.runs_handler() {
            a.run_into_wfi();
        }
        vmm.join().unwrap();
        if !a.runs_handler() && a.host.port.has_work() {
            a.run_into_wfi();
        }
        assert!(a.runs_handler());
    });
}

/// The event is unregistered and registered again. A trigger is for one of the
/// two registrations, or is refused.
#[test]
fn a_trigger_meets_unregister_and_reset() {
    for function in [UNREGISTER, SHARED_RESET] {
        check(move || {
            let machine = Machine::new(2);
            let [mut a, _] = guests(&machine, 0);
            let vmm = {
                let machine = machine.clone();
                thread::spawn(move || raise(&machine))
            };
            a.call(function, &[SHARED]);
            let left = is_pending(&machine);
            a.register_shared(RM_ANY, 0);
            a.call(ENABLE, &[SHARED]);
            a.call(PE_UNMASK, &[]);
            let accepted = vmm.join().unwrap();
            if !a.runs_handler() && a.host.port.has_work() {
                a.run_into_wfi();
            }
            assert!(accepted || !a.runs_handler(), "nobody raised it");
            assert!(accepted || !left, "nobody raised it");
            // Nothing waits that nobody takes.
            assert!(a.runs_handler() || !is_pending(&machine));
        });
    }
}

/// A handler completes while the event is raised again: it runs again, on one
/// vCPU.
#[test]
fn a_trigger_meets_a_completion() {
    check(|| {
        let machine = Machine::new(2);
        let [mut a, mut b] = guests(&machine, 1);
        assert!(raise(&machine));
        a.run_into_wfi();
        assert!(a.runs_handler() && runs(&machine));
        b.call(PE_UNMASK, &[]);
        let vmm = {
            let machine = machine.clone();
            thread::spawn(move || assert!(raise(&machine)))
        };
        a.call(kvm::COMPLETE, &[0]);
        vmm.join().unwrap();
        for guest in [&mut a, &mut b] {
            if !guest.runs_handler() && guest.host.port.has_work() {
                guest.run_into_wfi();
            }
        }
        assert!(a.runs_handler() != b.runs_handler());
    });
}

/// User space restores the guest, with the event pending, while another of its
/// threads raises the event.
#[test]
fn a_trigger_meets_a_migration() {
    check(|| {
        let machine = Machine::new(1);
        let mut a = Guest::of(&machine, 0, true);
        a.set(0x8402, 1);
        let vmm = {
            let machine = machine.clone();
            thread::spawn(move || assert!(raise(&machine)))
        };
        a.set(0x8400, 1 << 41);
        a.set(0x8402, 3);
        a.set(0x8300, 1);
        a.set(0x8000, 0);
        a.run_into_wfi();
        vmm.join().unwrap();
        assert!(a.runs_handler());
    });
}

/// A private event that stops a vCPU blocks the shared one there, which then goes
/// to the other.
#[test]
fn a_trigger_meets_the_handler_of_another_event() {
    check(|| {
        let machine = Machine::new(2);
        let [mut a, mut b] = guests(&machine, 2);
        a.prepare(CRITICAL);
        let vmm = {
            let machine = machine.clone();
            thread::spawn(move || assert!(raise(&machine)))
        };
        a.host.port.raise(Event::Critical0).unwrap();
        a.host.kick();
        a.run_into_wfi();
        vmm.join().unwrap();
        assert!(a.runs_handler());
        if runs(&machine) {
            return;
        }
        // What a kick has asked for, the vCPU does before it runs the handler.
        a.enter();
        assert!(b.host.port.has_work(), "the other one is not told");
        b.run_into_wfi();
        assert!(b.runs_handler());
    });
}
