// SPDX-License-Identifier: GPL-2.0

//! All pseudo-registers together. They can be restored in any order and to any
//! CPU, which then goes on like the saved CPU.

mod support;

use support::registers::*;
use support::*;

/// Ascending order, descending order, and a few random ones.
fn orders(saved: &[(u16, u64)]) -> Vec<Vec<(u16, u64)>> {
    let mut orders = vec![saved.to_vec(), saved.iter().rev().copied().collect()];
    let mut random = Lcg(7);
    for _ in 0..10 {
        let mut order = saved.to_vec();
        random.shuffle(&mut order);
        orders.push(order);
    }
    orders
}

fn restore(cpu: &mut Cpu, saved: &[(u16, u64)]) {
    for &(index, value) in saved {
        assert_eq!(cpu.set(index, value), Ok(()), "{index:#x} = {value:#x}");
    }
}

/// Copies the registers that KVM migrates, not the dispatcher.
fn copy_registers(from: &Cpu, to: &mut Cpu) {
    to.regs = from.regs.clone();
    to.system.elr_el1.set(from.system.elr_el1.get());
    to.system.spsr_el1.set(from.system.spsr_el1.get());
}

fn assert_same(one: &mut Cpu, other: &mut Cpu) {
    assert_eq!(one.regs, other.regs);
    assert_eq!(one.system.elr_el1, other.system.elr_el1);
    assert_eq!(one.system.spsr_el1, other.system.spsr_el1);
    assert_eq!(one.save(), other.save());
    assert_eq!(one.port().registered(), other.port().registered());
    assert_eq!(one.port().enabled(), other.port().enabled());
    assert_eq!(one.port().deliverable(), other.port().deliverable());
}

#[test]
fn restored_in_any_order_onto_a_new_cpu() {
    for saved in moments().iter_mut().map(Cpu::save) {
        for order in orders(&saved) {
            let mut copy = cpu();
            restore(&mut copy, &order);
            assert_eq!(copy.save(), saved);
        }
    }
}

/// A VMM that goes back to an earlier snapshot overwrites the state of a CPU.
/// Only pending events are added to those that are there.
#[test]
fn restored_in_any_order_onto_a_used_cpu() {
    for saved in moments().iter_mut().map(Cpu::save) {
        for order in orders(&saved) {
            for mut used in moments() {
                let pending = used.get(PENDING_SET);
                restore(&mut used, &order);
                for &(index, value) in &saved {
                    let added = if index == PENDING_SET { pending } else { 0 };
                    assert_eq!(used.get(index), value | added, "{index:#x}");
                }
            }
        }
    }
}

#[test]
fn written_back_to_itself_changes_nothing() {
    for mut cpu in moments() {
        let saved = cpu.save();
        for order in orders(&saved) {
            for (index, value) in order {
                assert_eq!(cpu.set(index, value), Ok(()));
                assert_eq!(cpu.save(), saved);
            }
        }
    }
}

#[test]
fn a_copy_goes_on_as_the_original() {
    for (i, mut original) in moments().into_iter().enumerate() {
        let order = &orders(&original.save())[i % 12];
        let mut copy = cpu();
        restore(&mut copy, order);
        copy_registers(&original, &mut copy);
        assert_same(&mut original, &mut copy);
        let mut both = |step: &dyn Fn(&mut Cpu) -> i64| {
            assert_eq!(step(&mut original), step(&mut copy));
            assert_same(&mut original, &mut copy);
        };
        both(&|cpu| {
            cpu.enter();
            0
        });
        for n in 0..18 {
            both(&|cpu| cpu.call(CONTEXT, &[n]));
        }
        both(&|cpu| cpu.call(PE_UNMASK, &[]));
        for number in EVENTS {
            both(&|cpu| cpu.on(STATUS, number));
            both(&|cpu| cpu.on(ENABLE, number));
        }
        both(&|cpu| cpu.call(COMPLETE, &[0]));
        both(&|cpu| cpu.call(COMPLETE_AND_RESUME, &[0x8280]));
        for _ in 0..12 {
            both(&|cpu| cpu.call(COMPLETE, &[0]));
        }
        for number in EVENTS {
            both(&|cpu| cpu.on(UNREGISTER, number));
        }
    }
}

/// A guest lives through many random steps. A copy of it migrates now and then.
/// After each step both have the same state.
#[test]
fn a_migrated_guest_lives_as_one_that_stays() {
    let mut random = Lcg(2024);
    let mut stays = cpu();
    let mut moves = cpu();
    for step in 0..20_000 {
        if step % 10 == 0 {
            let mut saved = moves.save();
            random.shuffle(&mut saved);
            let mut next = cpu();
            copy_registers(&moves, &mut next);
            restore(&mut next, &saved);
            moves = next;
        }
        let number = EVENTS[(random.next() % 9) as usize];
        let event = event(number);
        let what = random.next() % 14;
        let modes = [0b0000, 0b0100, 0b0101, 0x10, 0x8000_0010];
        let mode = modes[(random.next() % 5) as usize];
        for cpu in [&mut stays, &mut moves] {
            match what {
                0 | 1 => cpu.call(REGISTER, &[number.into(), entry(number), step, 0]),
                2..=4 => cpu.on(ENABLE, number),
                5 => cpu.on(DISABLE, number),
                6 => cpu.on(UNREGISTER, number),
                7 => cpu.call(PE_MASK, &[]),
                8 | 9 => cpu.call(PE_UNMASK, &[]),
                10 => cpu.call(COMPLETE_AND_RESUME, &[0x8280]),
                11 => cpu.call(COMPLETE, &[0]),
                _ => {
                    cpu.regs.pstate = pstate(mode);
                    let _ = cpu.port().raise(event);
                    if what == 13 {
                        cpu.enter();
                    }
                    0
                }
            };
        }
        assert_same(&mut stays, &mut moves);
    }
}

#[test]
fn an_event_between_save_and_write_back_is_not_lost() {
    let mut cpu = cpu();
    cpu.prepare(EVENT_0);
    cpu.unmask();
    for order in orders(&cpu.save()) {
        cpu.port().raise(event(EVENT_0)).unwrap();
        restore(&mut cpu, &order);
        cpu.enter();
        assert_eq!(cpu.status(EVENT_0), ER);
        cpu.call(COMPLETE, &[0]);
    }
}

#[test]
fn a_restored_trigger_is_delivered() {
    for number in EVENTS {
        let mut original = cpu();
        original.prepare(number);
        original.unmask();
        original.port().raise(event(number)).unwrap();
        for order in orders(&original.save()) {
            let mut copy = cpu();
            restore(&mut copy, &order);
            copy.enter();
            assert_eq!(copy.status(number), ER);
            assert_eq!(copy.regs.pc, entry(number));
            assert_eq!(copy.regs.saved[1], argument(number));
            copy.call(COMPLETE, &[0]);
            assert_eq!(copy.status(number), E, "once");
        }
    }
}

/// User space may write an event as pending that the guest has not registered.
/// When the guest registers it, the event is no longer pending.
#[test]
fn a_restored_trigger_without_a_handler_goes_at_register() {
    let mut cpu = cpu();
    cpu.unmask();
    assert_eq!(cpu.set(PENDING_SET, 0b10), Ok(()));
    cpu.enter();
    cpu.prepare(NORMAL[0]);
    assert_eq!(cpu.status(NORMAL[0]), E);
}

#[test]
fn a_reset_clears_all_registers() {
    let cold = cpu().save();
    for mut cpu in moments() {
        // The first reset may end a suspend, and keep the registrations.
        cpu.reset();
        cpu.reset();
        assert_eq!(cpu.save(), cold);
    }
}
