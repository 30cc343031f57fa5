// SPDX-License-Identifier: GPL-2.0

//! What each call answers (DEN0054 5.1). A row of a call is a condition on
//! which its answer depends. The rows have numbers in the order in which the
//! dispatcher has to check them: if two errors apply, the call answers that of
//! the first row. `state_machine.rs` tests how calls depend on the state of an
//! event.

mod support;

use sdei::Function;
use std::sync::atomic::Ordering::Relaxed;
use support::*;

/// Numbers that are not in the table of events: numbers next to those in the
/// table, with reserved bits, negative ones, and the one that Arm's test suite
/// takes for unknown.
const UNKNOWN: [u64; 10] = [
    1,
    0x0001_0000,
    0x4000_0000,
    0x4000_000f,
    0x4000_0014,
    0x4000_0024,
    0x4100_0010,
    0x8000_0000,
    0xc000_0010,
    0xffff_ffff,
];

#[test]
fn version_is_1_0_of_no_vendor() {
    assert_eq!(cpu().call(VERSION, &[]), 0x0001_0000_0000_0000);
}

#[test]
fn version_needs_no_registration_and_works_in_a_handler() {
    let mut cpu = cpu();
    cpu.start(NORMAL[0]);
    assert_eq!(cpu.call(VERSION, &[]), 0x0001_0000_0000_0000);
}

#[test]
fn reserved_functions_are_not_supported() {
    for function in 0xc400_0033..=0xc400_003f {
        assert_eq!(cpu().call(function, &[0; 5]), NOT_SUPPORTED);
        assert_eq!(Function::from_id(function), None);
    }
}

#[test]
fn the_32_bit_aliases_are_no_calls() {
    for function in 0x8400_0020..=0x8400_003f {
        assert_eq!(Function::from_id(function), None);
    }
    assert_eq!(Function::from_id(0xc400_001f), None);
    assert_eq!(Function::from_id(0xc400_0040), None);
}

#[test]
fn every_call_is_decoded() {
    assert_eq!((Function::BASE, Function::COUNT), (0xc400_0020, 0x20));
    for function in 0xc400_0020..=0xc400_0032 {
        assert!(Function::from_id(function).is_some());
    }
}

#[test]
fn unknown_events_are_invalid_everywhere() {
    let calls = [
        ENABLE,
        DISABLE,
        UNREGISTER,
        STATUS,
        GET_INFO,
        ROUTING_SET,
        INTERRUPT_RELEASE,
        SIGNAL,
    ];
    for number in UNKNOWN {
        for function in calls {
            let answer = cpu().call(function, &[number, 0, 0]);
            assert_eq!(answer, INVALID_PARAMETERS, "{function:#x} {number:#x}");
        }
        let answer = cpu().call(REGISTER, &[number, entry(0), 0, 0, 0]);
        assert_eq!(answer, INVALID_PARAMETERS, "{number:#x}");
    }
}

#[test]
fn event_numbers_are_the_low_half_of_the_register() {
    let mut cpu = cpu();
    cpu.register(EVENT_0);
    assert_eq!(cpu.call(ENABLE, &[0xdead_beef << 32]), SUCCESS);
    assert_eq!(cpu.status(EVENT_0), E);
}

#[test]
fn a_call_leaves_the_other_registers_alone() {
    for function in 0xc400_0020..=0xc400_003f {
        let mut cpu = cpu();
        let before = cpu.regs.clone();
        cpu.call(function, &[]);
        assert_eq!(cpu.regs.saved[1..], before.saved[1..], "{function:#x}");
        assert_eq!(cpu.regs.preserved, before.preserved);
        assert_eq!(cpu.regs.sp, before.sp);
        assert_eq!(cpu.regs.pc, before.pc + 4);
        assert_eq!(cpu.regs.pstate, before.pstate);
        assert_eq!(cpu.system.elr_el1.get(), 0xe1e1);
        assert_eq!(cpu.system.spsr_el1.get(), 0x5b5b);
    }
}

#[test]
fn register_row_1_no_entry_point() {
    let answer = cpu().call(REGISTER, &[0, 0, 0, 0, 0]);
    assert_eq!(answer, INVALID_PARAMETERS);
}

#[test]
fn register_row_1_entry_point_between_instructions() {
    for misaligned in 1..4 {
        let answer = cpu().call(REGISTER, &[0, entry(0) + misaligned, 0, 0, 0]);
        assert_eq!(answer, INVALID_PARAMETERS);
    }
}

#[test]
fn register_row_1_takes_any_other_entry_point() {
    for address in [4, 0xffff_ffff_ffff_fffc, 0x8000_0000_0000_0000] {
        assert_eq!(cpu().call(REGISTER, &[0, address, 0, 0, 0]), SUCCESS);
    }
}

#[test]
fn register_row_2_reserved_flags_and_relative_mode() {
    for bit in 1..64 {
        for routing in [0, 1] {
            let answer = cpu().call(REGISTER, &[0, entry(0), 0, (1 << bit) | routing, 0]);
            assert_eq!(answer, INVALID_PARAMETERS, "bit {bit}");
        }
    }
}

#[test]
fn register_rows_3_and_5_routing_of_a_private_event_is_ignored() {
    for affinity in [0, 0x8000_0000, 0xffff_ffff, u64::MAX] {
        for routing in [0, 1] {
            let arguments = [0, entry(0), 0, routing, affinity];
            assert_eq!(cpu().call(REGISTER, &arguments), SUCCESS);
        }
    }
}

#[test]
fn register_rows_1_2_and_4_come_before_row_6() {
    for number in EVENTS {
        let mut cpu = cpu();
        cpu.register(number);
        let number = u64::from(number);
        let bad_entry = cpu.call(REGISTER, &[number, 0, 0, 0, 0]);
        assert_eq!(bad_entry, INVALID_PARAMETERS);
        let bad_flags = cpu.call(REGISTER, &[number, entry(0), 0, 2, 0]);
        assert_eq!(bad_flags, INVALID_PARAMETERS);
        assert_eq!(cpu.call(REGISTER, &[number, entry(0), 0, 0, 0]), DENIED);
    }
}

#[test]
fn register_row_6_keeps_the_first_handler() {
    let mut cpu = cpu();
    cpu.register(NORMAL[1]);
    let other = [u64::from(NORMAL[1]), entry(0), 1, 0, 0];
    assert_eq!(cpu.call(REGISTER, &other), DENIED);
    assert_eq!(cpu.on(ENABLE, NORMAL[1]), SUCCESS);
    cpu.unmask();
    cpu.trigger(NORMAL[1]);
    assert_eq!(cpu.regs.pc, entry(NORMAL[1]));
    assert_eq!(cpu.regs.saved[1], argument(NORMAL[1]));
}

#[test]
fn register_row_9_does_not_enable() {
    for number in EVENTS {
        let mut cpu = cpu();
        cpu.register(number);
        assert_eq!(cpu.status(number), G);
    }
}

#[test]
fn registrations_are_private_to_a_cpu() {
    let mut guest = Guest::new(2);
    for number in EVENTS {
        guest.cpus[0].prepare(number);
        assert_eq!(guest.cpus[1].on(STATUS, number), 0);
        assert_eq!(guest.cpus[1].on(ENABLE, number), DENIED);
        guest.cpus[1].register(number);
        assert_eq!(guest.cpus[1].on(UNREGISTER, number), SUCCESS);
        assert_eq!(guest.cpus[0].on(STATUS, number), 3);
    }
}

#[test]
fn context_row_1_bad_index_in_a_handler_and_outside() {
    for index in [18, 19, 0x100, 0xffff_ffff] {
        let mut cpu = cpu();
        assert_eq!(cpu.call(CONTEXT, &[index]), INVALID_PARAMETERS);
        cpu.start(NORMAL[0]);
        assert_eq!(cpu.call(CONTEXT, &[index]), INVALID_PARAMETERS);
    }
}

#[test]
fn context_row_2_no_handler() {
    for index in 0..18 {
        assert_eq!(cpu().call(CONTEXT, &[index]), DENIED);
    }
}

#[test]
fn context_row_3_each_interrupted_register() {
    let mut cpu = cpu();
    cpu.prepare(NORMAL[0]);
    cpu.unmask();
    let interrupted = cpu.regs.saved;
    cpu.trigger(NORMAL[0]);
    for (index, value) in (0..).zip(interrupted) {
        assert_eq!(cpu.call(CONTEXT, &[index]) as u64, value);
    }
    // Only 32 bits of the argument count.
    assert_eq!(cpu.call(CONTEXT, &[5 | (1 << 32)]) as u64, interrupted[5]);
}

/// A guest can make the CPU speculate past the check of the index. The
/// dispatcher then has to read with the masked index.
#[test]
fn context_masks_its_index_against_speculation() {
    let mut cpu = cpu();
    cpu.prepare(NORMAL[0]);
    cpu.unmask();
    cpu.regs.saved[0] = 0xa0;
    cpu.regs.saved[5] = 0xa5;
    cpu.trigger(NORMAL[0]);
    assert_eq!(cpu.call(CONTEXT, &[5]), 0xa5);
    SPECULATES.set(true);
    assert_eq!(cpu.call(CONTEXT, &[5]), 0xa0);
}

#[test]
fn complete_row_1_no_handler_and_the_guest_goes_on() {
    for function in [COMPLETE, COMPLETE_AND_RESUME] {
        for argument in [0, 1, 2, u64::MAX] {
            let mut cpu = cpu();
            let before = cpu.regs.clone();
            assert_eq!(cpu.call(function, &[argument]), DENIED);
            assert_eq!(cpu.regs.pc, before.pc + 4);
            assert_eq!(cpu.regs.pstate, before.pstate);
            assert_eq!(cpu.regs.saved[2..], before.saved[2..]);
        }
    }
}

#[test]
fn complete_row_2_whatever_the_status() {
    for status in [0, 1, 2, 0xffff_ffff, u64::MAX] {
        let mut cpu = cpu();
        cpu.prepare(NORMAL[0]);
        cpu.unmask();
        let interrupted = cpu.regs.clone();
        cpu.trigger(NORMAL[0]);
        cpu.call(COMPLETE, &[status]);
        assert_eq!(cpu.regs, interrupted);
        assert_eq!(cpu.status(NORMAL[0]), E);
    }
}

#[test]
fn complete_and_resume_row_2_any_address() {
    for address in [0, 1, entry(0), u64::MAX] {
        let mut cpu = cpu();
        cpu.start(NORMAL[0]);
        cpu.call(COMPLETE_AND_RESUME, &[address]);
        assert_eq!(cpu.regs.pc, address);
        assert_eq!(cpu.status(NORMAL[0]), E);
    }
}

#[test]
fn get_info_row_2_all_events_are_private() {
    for number in EVENTS {
        assert_eq!(cpu().call(GET_INFO, &[number.into(), 0]), 0);
    }
}

#[test]
fn get_info_row_3_only_event_0_can_be_signalled() {
    for number in EVENTS {
        let cannot = i64::from(number != EVENT_0);
        assert_eq!(cpu().call(GET_INFO, &[number.into(), 1]), cannot);
    }
}

#[test]
fn get_info_row_4_priority() {
    for number in EVENTS {
        let critical = i64::from(CRITICAL.contains(&number));
        assert_eq!(cpu().call(GET_INFO, &[number.into(), 2]), critical);
    }
}

#[test]
fn get_info_rows_5_and_6_private_events_have_no_routing() {
    for number in EVENTS {
        for info in [3, 4] {
            let mut cpu = cpu();
            let arguments = [number.into(), info];
            assert_eq!(cpu.call(GET_INFO, &arguments), INVALID_PARAMETERS);
            cpu.register(number);
            assert_eq!(cpu.call(GET_INFO, &arguments), INVALID_PARAMETERS);
        }
    }
}

#[test]
fn get_info_row_7_other_infos() {
    for info in [5, 6, 0x100, 0xffff_ffff] {
        assert_eq!(cpu().call(GET_INFO, &[0, info]), INVALID_PARAMETERS);
    }
    // Only 32 bits of the argument count.
    assert_eq!(
        cpu().call(GET_INFO, &[CRITICAL[0].into(), 2 | (1 << 32)]),
        1
    );
}

#[test]
fn routing_set_rows_1_to_4_is_never_for_a_private_event() {
    for number in EVENTS {
        for mode in [0, 1, 2, 1 << 63] {
            for affinity in [0, 0xffff_ffff] {
                let mut cpu = cpu();
                let arguments = [number.into(), mode, affinity];
                assert_eq!(cpu.call(ROUTING_SET, &arguments), INVALID_PARAMETERS);
                cpu.register(number);
                assert_eq!(cpu.call(ROUTING_SET, &arguments), INVALID_PARAMETERS);
                assert_eq!(cpu.status(number), G);
            }
        }
    }
}

#[test]
fn pe_mask_says_whether_that_changed_anything() {
    let mut cpu = cpu();
    assert_eq!(cpu.call(PE_MASK, &[]), 0, "masked since power-up");
    cpu.unmask();
    assert_eq!(cpu.call(PE_MASK, &[]), 1);
    assert_eq!(cpu.call(PE_MASK, &[]), 0);
}

#[test]
fn pe_unmask_is_always_0() {
    let mut cpu = cpu();
    for _ in 0..3 {
        assert_eq!(cpu.call(PE_UNMASK, &[]), 0);
    }
}

#[test]
fn masking_is_private_to_a_cpu() {
    let mut guest = Guest::new(2);
    guest.cpus[0].unmask();
    assert_eq!(guest.cpus[1].call(PE_MASK, &[]), 0);
    assert_eq!(guest.cpus[0].call(PE_MASK, &[]), 1);
}

#[test]
fn interrupt_bind_row_1_not_a_ppi_or_spi() {
    let sgis = 0..16;
    let special = 1020..1056;
    let between = 1120..4096;
    let beyond = [5120, 8191, 8192, 0x1_0000, 0xffff_ffff];
    for interrupt in sgis.chain(special).chain(between).chain(beyond) {
        let answer = cpu().call(INTERRUPT_BIND, &[interrupt]);
        assert_eq!(answer, INVALID_PARAMETERS, "{interrupt}");
    }
}

#[test]
fn interrupt_bind_row_4_no_slots() {
    for interrupt in [16, 31, 32, 1019, 1056, 1119, 4096, 5119, 40 | (1 << 32)] {
        let answer = cpu().call(INTERRUPT_BIND, &[interrupt]);
        assert_eq!(answer, OUT_OF_RESOURCE, "{interrupt}");
    }
}

#[test]
fn interrupt_release_row_2_no_event_is_dynamic() {
    for number in EVENTS {
        for state in [U, G, E, GR, ER, UP] {
            let mut cpu = cpu();
            cpu.bring(number, state);
            assert_eq!(cpu.on(INTERRUPT_RELEASE, number), INVALID_PARAMETERS);
            assert_eq!(cpu.status(number), state);
        }
    }
}

#[test]
fn signal_row_1_only_event_0() {
    for number in NORMAL.into_iter().chain(CRITICAL) {
        let mut cpu = cpu();
        cpu.prepare(number);
        let answer = cpu.call(SIGNAL, &[number.into(), mpidr(0)]);
        assert_eq!(answer, INVALID_PARAMETERS);
        assert!(!cpu.is_pending(number));
    }
}

#[test]
fn signal_row_2_no_such_cpu() {
    let mut guest = Guest::new(2);
    for cpu in &mut guest.cpus {
        cpu.prepare(EVENT_0);
    }
    for target in [2, 0x100, 0x1_0000, 1 << 32, 0xffff_ffff] {
        let answer = guest.cpus[0].call(SIGNAL, &[0, target]);
        assert_eq!(answer, INVALID_PARAMETERS, "{target:#x}");
    }
    assert!(guest.cpus.iter().all(|cpu| !cpu.is_pending(EVENT_0)));
}

/// `Documentation/design.rst` decides this: the signal is not lost.
#[test]
fn signal_row_3_a_masked_target_takes_it_later() {
    let mut guest = Guest::new(2);
    guest.cpus[1].prepare(EVENT_0);
    assert_eq!(guest.cpus[0].call(SIGNAL, &[0, mpidr(1)]), SUCCESS);
    guest.cpus[1].enter();
    assert_eq!(guest.cpus[1].status(EVENT_0), E);
    guest.cpus[1].call(PE_UNMASK, &[]);
    assert_eq!(guest.cpus[1].status(EVENT_0), ER);
}

/// `Documentation/design.rst` decides this: the signal is not lost.
#[test]
fn signal_row_4_a_disabled_target_takes_it_later() {
    let mut guest = Guest::new(2);
    guest.cpus[1].register(EVENT_0);
    guest.cpus[1].unmask();
    assert_eq!(guest.cpus[0].call(SIGNAL, &[0, mpidr(1)]), SUCCESS);
    guest.cpus[1].enter();
    assert_eq!(guest.cpus[1].status(EVENT_0), G);
    guest.cpus[1].on(ENABLE, EVENT_0);
    assert_eq!(guest.cpus[1].status(EVENT_0), ER);
}

#[test]
fn signal_row_4_an_unregistered_target_refuses() {
    let mut guest = Guest::new(2);
    // The caller's own registration must not matter.
    guest.cpus[0].prepare(EVENT_0);
    let answer = guest.cpus[0].call(SIGNAL, &[0, mpidr(1)]);
    assert_eq!(answer, INVALID_PARAMETERS);
    assert!(!guest.cpus[0].is_pending(EVENT_0));
    assert!(!guest.cpus[1].is_pending(EVENT_0));
    assert_eq!(guest.cpus[1].seat().kicks.load(Relaxed), 0);
}

#[test]
fn signal_row_5_reaches_the_target_and_nobody_else() {
    let mut guest = Guest::new(20);
    for cpu in &mut guest.cpus {
        cpu.prepare(EVENT_0);
        cpu.unmask();
    }
    for target in 1..20 {
        assert_eq!(guest.cpus[0].call(SIGNAL, &[0, mpidr(target)]), SUCCESS);
        for cpu in &mut guest.cpus {
            cpu.enter();
            assert_eq!(cpu.is_running(EVENT_0), cpu.system.n == target);
        }
        guest.cpus[target].call(COMPLETE, &[0]);
    }
}

#[test]
fn signal_row_5_to_oneself_runs_the_handler_at_once() {
    let mut cpu = cpu();
    cpu.prepare(EVENT_0);
    cpu.unmask();
    cpu.call(SIGNAL, &[0, mpidr(0)]);
    assert_eq!(cpu.regs.pc, entry(EVENT_0));
    assert_eq!(cpu.call(CONTEXT, &[0]), SUCCESS, "the interrupted x0");
}

#[test]
fn features_of_a_dispatcher_without_slots() {
    assert_eq!(cpu().call(FEATURES, &[0]), 0);
    assert_eq!(cpu().call(FEATURES, &[1 << 32]), 0, "a 32-bit argument");
    for feature in [1, 2, 0x10, 0xffff_ffff] {
        assert_eq!(cpu().call(FEATURES, &[feature]), INVALID_PARAMETERS);
    }
}

#[test]
fn private_reset_drops_everything_of_the_caller_only() {
    let mut guest = Guest::new(2);
    for number in EVENTS {
        guest.cpus[0].prepare(number);
        guest.cpus[1].prepare(number);
    }
    assert_eq!(guest.cpus[0].call(PRIVATE_RESET, &[]), SUCCESS);
    for number in EVENTS {
        assert_eq!(guest.cpus[0].status(number), U);
        assert_eq!(guest.cpus[1].status(number), E);
    }
}

#[test]
fn private_reset_leaves_the_mask() {
    let mut cpu = cpu();
    cpu.call(PRIVATE_RESET, &[]);
    assert_eq!(cpu.call(PE_MASK, &[]), 0);
    cpu.unmask();
    cpu.call(PRIVATE_RESET, &[]);
    assert_eq!(cpu.call(PE_MASK, &[]), 1);
}

#[test]
fn private_reset_in_a_handler_drops_the_others_all_the_same() {
    // In the table of events, the others are before and after the running one.
    for running in EVENTS {
        let mut cpu = cpu();
        cpu.start(running);
        for number in EVENTS.into_iter().filter(|&number| number != running) {
            cpu.prepare(number);
        }
        assert_eq!(cpu.call(PRIVATE_RESET, &[]), DENIED);
        for number in EVENTS {
            let expected = if number == running { UP } else { U };
            assert_eq!(cpu.status(number), expected);
        }
        cpu.call(COMPLETE, &[0]);
        assert_eq!(cpu.status(running), U);
    }
}

#[test]
fn shared_reset_has_nothing_to_do_and_says_so() {
    let mut cpu = cpu();
    assert_eq!(cpu.call(SHARED_RESET, &[]), SUCCESS);
    cpu.prepare(NORMAL[0]);
    assert_eq!(cpu.call(SHARED_RESET, &[]), SUCCESS);
    assert_eq!(cpu.status(NORMAL[0]), E);
    cpu.start(CRITICAL[0]);
    // Only a handler of a shared event makes it answer DENIED.
    assert_eq!(cpu.call(SHARED_RESET, &[]), SUCCESS);
    assert_eq!(cpu.status(CRITICAL[0]), ER);
}
