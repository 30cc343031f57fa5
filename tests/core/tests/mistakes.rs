// SPDX-License-Identifier: GPL-2.0

//! What other implementations of SDEI got wrong, one test each.
//! `Documentation/mistakes.rst` lists all of these mistakes by their numbers.
//! `../mistakes/` has patches that make them, to show that each test can fail.
//!
//! This file leaves out the numbers that the dispatcher alone can't get wrong:
//!
//! - 28, and the second half of 20: they need bound interrupts, which the
//!   dispatcher does not have.
//! - 23: an exit that is not completed, or an exception to be injected, when an
//!   event is delivered. KVM sees to that: `selftests/delivery_test.c`.
//! - the first half of 24: whether a kick wakes a CPU. KVM sees to that, too:
//!   `selftests/smp_test.c` and `selftests/power_test.c`.
//! - 29: the VMM makes the firmware tables.
//!
//! Where a mistake could be made in KVM as well, a selftest has its number.

mod support;

use std::sync::atomic::Ordering::Relaxed;
use support::*;

/// A guest compares all 64 bits of x0 with negative constants.
#[test]
fn mistake_01_errors_of_32_bits() {
    let mut cpu = cpu();
    cpu.call(0xc400_003f, &[]);
    assert_eq!(cpu.regs.saved[0], 0xffff_ffff_ffff_ffff);
    cpu.on(ENABLE, 1);
    assert_eq!(cpu.regs.saved[0], 0xffff_ffff_ffff_fffe);
    cpu.call(COMPLETE, &[0]);
    assert_eq!(cpu.regs.saved[0], 0xffff_ffff_ffff_fffd);
    cpu.call(INTERRUPT_BIND, &[32]);
    assert_eq!(cpu.regs.saved[0], 0xffff_ffff_ffff_fff6);
    cpu.start(NORMAL[0]);
    cpu.on(UNREGISTER, NORMAL[0]);
    assert_eq!(cpu.regs.saved[0], 0xffff_ffff_ffff_fffb);
}

#[test]
fn mistake_02_an_answer_to_a_completion() {
    for function in [COMPLETE, COMPLETE_AND_RESUME] {
        let mut cpu = cpu();
        cpu.prepare(NORMAL[0]);
        cpu.unmask();
        cpu.regs.saved[..4].copy_from_slice(&[0xa0, 0xa1, 0xa2, 0xa3]);
        let pc = cpu.regs.pc;
        cpu.trigger(NORMAL[0]);
        cpu.call(function, &[0x8000]);
        assert_eq!(cpu.regs.saved[..4], [0xa0, 0xa1, 0xa2, 0xa3]);
        let resumed = function == COMPLETE_AND_RESUME;
        assert_eq!(cpu.regs.pc, if resumed { 0x8000 } else { pc });
    }
}

#[test]
fn mistake_03_other_x4_to_x17_in_the_handler() {
    let mut cpu = cpu();
    cpu.prepare(NORMAL[0]);
    cpu.unmask();
    cpu.regs.saved = std::array::from_fn(|n| 0xabc0 + n as u64);
    cpu.trigger(NORMAL[0]);
    for n in 4..18 {
        assert_eq!(cpu.regs.saved[n], 0xabc0 + n as u64);
    }
}

#[test]
fn mistake_04_exception_registers_written_on_delivery() {
    for number in EVENTS {
        let mut cpu = cpu();
        cpu.start(number);
        cpu.call(COMPLETE, &[0]);
        assert_eq!(cpu.system.elr_el1.get(), 0xe1e1);
        assert_eq!(cpu.system.spsr_el1.get(), 0x5b5b);
    }
}

#[test]
fn mistake_05_a_handler_with_the_interrupted_pstate() {
    const IL: u64 = 1 << 20;
    const SS: u64 = 1 << 21;
    const BTYPE: u64 = 3 << 10;
    const AARCH32_JUNK: u64 = 0x060f_fe30;
    for old in [EL1H | IL | SS | BTYPE, 0x10 | AARCH32_JUNK | IL | SS] {
        let mut cpu = cpu();
        cpu.prepare(NORMAL[0]);
        cpu.unmask();
        cpu.system.sctlr_el1 = SCTLR_SPAN;
        cpu.regs.pstate = pstate(old);
        cpu.trigger(NORMAL[0]);
        assert_eq!(cpu.regs.pstate.bits(), 0x3c5);
    }
}

#[test]
fn mistake_06_x18_to_x30_or_sp_restored() {
    for function in [COMPLETE, COMPLETE_AND_RESUME] {
        let mut cpu = cpu();
        cpu.start(NORMAL[0]);
        cpu.regs.preserved = std::array::from_fn(|n| 0xcc00 + n as u64);
        cpu.regs.sp = 0xcc;
        cpu.call(function, &[0]);
        assert_eq!(
            cpu.regs.preserved,
            std::array::from_fn(|n| 0xcc00 + n as u64)
        );
        assert_eq!(cpu.regs.sp, 0xcc);
    }
}

#[test]
fn mistake_07_pe_mask_that_answers_success_or_an_error() {
    let mut cpu = cpu();
    cpu.unmask();
    assert_eq!(cpu.call(PE_MASK, &[]), 1);
    assert_eq!(cpu.call(PE_MASK, &[]), 0);
    assert_eq!(cpu.call(PE_MASK, &[]), 0);
}

#[test]
fn mistake_08_signalled_the_wrong_way_round() {
    assert_eq!(cpu().call(GET_INFO, &[0, 1]), 0);
    assert_eq!(cpu().call(GET_INFO, &[NORMAL[0].into(), 1]), 1);
}

#[test]
fn mistake_09_status_of_bit_numbers_and_registered_while_unregistering() {
    let mut cpu = cpu();
    cpu.prepare(NORMAL[0]);
    assert_eq!(cpu.on(STATUS, NORMAL[0]), 3);
    cpu.unmask();
    cpu.trigger(NORMAL[0]);
    assert_eq!(cpu.on(STATUS, NORMAL[0]), 7);
    cpu.on(UNREGISTER, NORMAL[0]);
    assert_eq!(cpu.on(STATUS, NORMAL[0]), 4);
}

#[test]
fn mistake_10_unregister_in_the_handler_is_pending_and_needs_no_second_call() {
    let mut cpu = cpu();
    cpu.start(NORMAL[0]);
    assert_eq!(cpu.on(UNREGISTER, NORMAL[0]), PENDING);
    assert_eq!(cpu.on(UNREGISTER, NORMAL[0]), PENDING);
    cpu.call(COMPLETE, &[0]);
    assert_eq!(cpu.on(STATUS, NORMAL[0]), 0);
    assert_eq!(cpu.on(UNREGISTER, NORMAL[0]), DENIED);
    cpu.register(NORMAL[0]);
}

#[test]
fn mistake_11_a_reset_in_a_handler_is_denied() {
    for number in EVENTS {
        let mut cpu = cpu();
        cpu.start(number);
        assert_eq!(cpu.call(PRIVATE_RESET, &[]), DENIED);
        assert_eq!(cpu.call(PRIVATE_RESET, &[]), DENIED);
        cpu.call(COMPLETE, &[0]);
        assert_eq!(cpu.call(PRIVATE_RESET, &[]), SUCCESS);
    }
    for number in SHARED {
        let mut guest = shared_guest(2, number, RM_ANY, 0);
        guest.cpus[0].unmask();
        assert!(guest.room().raise(number));
        guest.cpus[0].enter();
        for cpu in &mut guest.cpus {
            assert_eq!(cpu.call(PRIVATE_RESET, &[]), SUCCESS);
            assert_eq!(cpu.call(SHARED_RESET, &[]), DENIED);
        }
        guest.cpus[0].call(COMPLETE, &[0]);
        assert_eq!(guest.cpus[1].call(SHARED_RESET, &[]), SUCCESS);
    }
}

/// A guest whose CPUs have run, and that has registered and enabled a shared
/// event.
fn shared_guest(cpus: usize, number: u32, mode: u64, affinity: u64) -> Guest {
    let mut guest = Guest::new(cpus);
    guest.cpus.iter_mut().for_each(Cpu::enter);
    let cpu = &mut guest.cpus[0];
    let arguments = [number.into(), entry(number), 0, mode, affinity];
    assert_eq!(cpu.call(REGISTER, &arguments), SUCCESS);
    assert_eq!(cpu.on(ENABLE, number), SUCCESS);
    guest
}

/// Linux gives up SDEI if the answer is an error.
#[test]
fn mistake_12_shared_reset_not_supported() {
    assert_eq!(cpu().call(SHARED_RESET, &[]), SUCCESS);
}

#[test]
fn mistake_13_not_masked_and_cleared_at_power_up() {
    let mut cpu = cpu();
    assert_eq!(cpu.call(PE_MASK, &[]), 0);
    cpu.start(NORMAL[0]);
    cpu.start(CRITICAL[0]);
    cpu.prepare(EVENT_0);
    cpu.trigger(EVENT_0);
    cpu.reset();
    assert_eq!(cpu.call(PE_MASK, &[]), 0);
    for number in EVENTS {
        assert_eq!(cpu.on(STATUS, number), 0);
    }
    assert_eq!(cpu.call(CONTEXT, &[0]), DENIED);

    let mut guest = shared_guest(2, SHARED[0], RM_ANY, 0);
    guest.cpus.iter_mut().for_each(Cpu::reset);
    assert_eq!(guest.cpus[1].on(STATUS, SHARED[0]), 0);
}

#[test]
fn mistake_14_enable_and_disable_only_once() {
    let mut cpu = cpu();
    cpu.register(NORMAL[0]);
    for function in [DISABLE, DISABLE, ENABLE, ENABLE, DISABLE, DISABLE] {
        assert_eq!(cpu.on(function, NORMAL[0]), SUCCESS);
    }
}

#[test]
fn mistake_15_not_looked_at_again_or_too_early() {
    // After ENABLE.
    let mut cpu = cpu();
    cpu.register(NORMAL[0]);
    cpu.unmask();
    cpu.trigger(NORMAL[0]);
    cpu.on(ENABLE, NORMAL[0]);
    assert_eq!(cpu.regs.pc, entry(NORMAL[0]));
    assert_eq!(cpu.call(CONTEXT, &[0]), SUCCESS);
    // After COMPLETE.
    cpu.trigger(NORMAL[0]);
    cpu.call(COMPLETE, &[0]);
    assert_eq!(cpu.regs.pc, entry(NORMAL[0]));
    assert_eq!(cpu.call(CONTEXT, &[0]), SUCCESS);
    // After UNMASK.
    cpu.call(PE_MASK, &[]);
    cpu.call(COMPLETE, &[0]);
    cpu.trigger(NORMAL[0]);
    cpu.regs.saved[0] = 0xbad;
    cpu.call(PE_UNMASK, &[]);
    assert_eq!(cpu.regs.pc, entry(NORMAL[0]));
    assert_eq!(cpu.call(CONTEXT, &[0]), SUCCESS);
}

#[test]
fn mistake_16_triggers_counted() {
    let mut cpu = cpu();
    cpu.start(EVENT_0);
    for _ in 0..100 {
        assert_eq!(cpu.call(SIGNAL, &[0, mpidr(0)]), SUCCESS);
    }
    cpu.call(COMPLETE, &[0]);
    assert_eq!(cpu.status(EVENT_0), ER);
    cpu.call(COMPLETE, &[0]);
    assert_eq!(cpu.status(EVENT_0), E);
}

/// Linux has one stack for each priority: a second handler of the same priority
/// would overwrite the stack of the first.
#[test]
fn mistake_17_preemption_within_a_priority() {
    for (first, second) in [(NORMAL[0], NORMAL[1]), (CRITICAL[0], CRITICAL[1])] {
        let mut cpu = cpu();
        cpu.start(first);
        cpu.prepare(second);
        let before = cpu.regs.clone();
        cpu.trigger(second);
        assert_eq!(cpu.regs, before);
    }
}

/// An event that any CPU may take goes to one that can, and to one only.
#[test]
fn mistake_18_an_event_for_any_cpu_pinned_to_one() {
    for able in 0..3 {
        let mut guest = shared_guest(3, SHARED[0], RM_ANY, 0);
        assert!(guest.room().raise(SHARED[0]));
        guest.cpus[able].call(PE_UNMASK, &[]);
        assert!(guest.cpus[able].runs_shared(SHARED[0]));
    }
    let mut guest = shared_guest(3, SHARED[0], RM_ANY, 0);
    guest.cpus.iter_mut().for_each(Cpu::unmask);
    assert!(guest.room().raise(SHARED[0]));
    guest.cpus[0].call(PE_MASK, &[]);
    guest.cpus[1].enter();
    assert!(guest.cpus[1].runs_shared(SHARED[0]));
    assert!(guest.room().raise(SHARED[0]));
    guest.cpus[2].enter();
    assert!(!guest.cpus[2].runs_shared(SHARED[0]));

    let mut guest = shared_guest(2, SHARED[0], RM_PE, mpidr(1));
    assert!(guest.room().raise(SHARED[0]));
    guest.cpus[0].unmask();
    assert!(!guest.cpus[0].runs_shared(SHARED[0]));
}

/// Clients pass MPIDR_EL1 as it is, with its bits RES1, U and MT. The host
/// decides in [`sdei::Vcpu::peer`] which bits are the affinity. The dispatcher
/// must not refuse the call because of the other bits.
#[test]
fn mistake_19_affinity_with_the_other_bits_of_mpidr() {
    let mut guest = Guest::new(18);
    for target in [1, 17] {
        guest.cpus[target].prepare(EVENT_0);
        for other in [1 << 31, 1 << 30, 1 << 24, 0xc100_0000] {
            let answer = guest.cpus[0].call(SIGNAL, &[0, mpidr(target) | other]);
            assert_eq!(answer, SUCCESS);
        }
        assert!(guest.cpus[target].is_pending(EVENT_0));
    }
}

#[test]
fn mistake_20_bind_without_a_bound() {
    let mut random = Lcg(20);
    for _ in 0..10_000 {
        let answer = cpu().call(INTERRUPT_BIND, &[random.next()]);
        assert!([INVALID_PARAMETERS, OUT_OF_RESOURCE].contains(&answer));
    }
    for interrupt in [u32::MAX.into(), i32::MIN as u32 as u64, u64::MAX] {
        let answer = cpu().call(INTERRUPT_BIND, &[interrupt]);
        assert_eq!(answer, INVALID_PARAMETERS);
    }
}

#[test]
fn mistake_21_no_status_after_a_reset() {
    let mut cpu = cpu();
    for number in EVENTS {
        cpu.prepare(number);
    }
    cpu.call(PRIVATE_RESET, &[]);
    cpu.call(SHARED_RESET, &[]);
    for number in EVENTS {
        assert_eq!(cpu.on(STATUS, number), 0);
    }
}

#[test]
fn mistake_22_context_of_now_or_of_the_outer_handler() {
    let mut cpu = cpu();
    assert_eq!(cpu.call(CONTEXT, &[18]), INVALID_PARAMETERS);
    assert_eq!(cpu.call(CONTEXT, &[17]), DENIED);
    cpu.prepare(NORMAL[0]);
    cpu.prepare(CRITICAL[0]);
    cpu.unmask();
    cpu.regs.saved[5] = 0xa;
    cpu.trigger(NORMAL[0]);
    cpu.regs.saved[5] = 0xb;
    cpu.trigger(CRITICAL[0]);
    cpu.regs.saved[5] = 0xc;
    assert_eq!(cpu.call(CONTEXT, &[5]), 0xb);
    cpu.call(COMPLETE, &[0]);
    assert_eq!(cpu.call(CONTEXT, &[5]), 0xa);
}

/// The dispatcher's part of this mistake: it kicks the CPU only if it set a
/// pending bit, and only after it set the bit.
#[test]
fn mistake_24_a_kick_before_the_bit_or_for_nothing() {
    let mut guest = Guest::new(2);
    guest.cpus[0].call(SIGNAL, &[0, mpidr(1)]);
    assert_eq!(guest.cpus[1].seat().kicks.load(Relaxed), 0);
    guest.cpus[1].prepare(EVENT_0);
    guest.cpus[0].call(SIGNAL, &[0, mpidr(1)]);
    assert_eq!(guest.cpus[1].seat().kicks.load(Relaxed), 1);
    assert_eq!(guest.cpus[1].seat().pending_at_kick.load(Relaxed), 1);
}

/// Linux loops for ever after a completion that failed.
#[test]
fn mistake_25_a_completion_that_fails() {
    let calls: [fn(&mut Cpu) -> i64; 6] = [
        |cpu| cpu.call(VERSION, &[]),
        |cpu| cpu.call(PE_MASK, &[]),
        |cpu| cpu.on(DISABLE, EVENT_0),
        |cpu| cpu.on(UNREGISTER, EVENT_0),
        |cpu| cpu.call(PRIVATE_RESET, &[]),
        |cpu| cpu.call(SIGNAL, &[0, mpidr(0)]),
    ];
    for function in [COMPLETE, COMPLETE_AND_RESUME] {
        for argument in [0, 1, 3, u64::MAX] {
            for first in calls {
                let mut cpu = cpu();
                cpu.start(EVENT_0);
                first(&mut cpu);
                let next = cpu.regs.pc + 4;
                cpu.call(function, &[argument]);
                assert_ne!(cpu.regs.pc, next, "it returned");
            }
        }
    }
}

#[test]
fn mistake_26_version_1_1_or_relative_mode() {
    assert_eq!(cpu().call(VERSION, &[]) >> 32, 0x1_0000);
    assert_eq!(cpu().call(FEATURES, &[1]), INVALID_PARAMETERS);
    let relative = [0, entry(0), 0, 2, 0];
    assert_eq!(cpu().call(REGISTER, &relative), INVALID_PARAMETERS);
}

#[test]
fn mistake_27_a_mask_that_ends_with_the_handler() {
    for function in [COMPLETE, COMPLETE_AND_RESUME] {
        let mut cpu = cpu();
        cpu.start(NORMAL[0]);
        cpu.call(PE_MASK, &[]);
        cpu.call(function, &[0x8000]);
        assert_eq!(cpu.call(PE_MASK, &[]), 0);
    }
}

#[test]
fn mistake_30_a_trigger_that_outlives_its_registration() {
    for function in [UNREGISTER, PRIVATE_RESET] {
        let mut cpu = cpu();
        cpu.prepare(EVENT_0);
        cpu.trigger(EVENT_0);
        assert_eq!(cpu.call(function, &[0]), SUCCESS);
        cpu.prepare(EVENT_0);
        cpu.unmask();
        assert_eq!(cpu.status(EVENT_0), E);
    }
    for function in [UNREGISTER, SHARED_RESET] {
        let mut guest = shared_guest(1, SHARED[0], RM_ANY, 0);
        assert!(guest.room().raise(SHARED[0]));
        assert_eq!(guest.cpus[0].on(function, SHARED[0]), SUCCESS);
        let arguments = [SHARED[0].into(), entry(SHARED[0]), 0, 0, 0];
        assert_eq!(guest.cpus[0].call(REGISTER, &arguments), SUCCESS);
        assert_eq!(guest.cpus[0].on(ENABLE, SHARED[0]), SUCCESS);
        guest.cpus[0].unmask();
        assert!(!guest.cpus[0].runs_shared(SHARED[0]));
    }
}
