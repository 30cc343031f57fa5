// SPDX-License-Identifier: GPL-2.0

//! Each pseudo-register by itself: its number, what it shows, and which values
//! user space may write.

mod support;

use sdei::Register;
use support::registers::*;
use support::*;

#[test]
fn the_list_is_what_the_header_has() {
    let listed: Vec<u16> = (0..Register::COUNT)
        .map(|n| Register::nth_index(n).unwrap())
        .collect();
    assert_eq!(listed, all());
    assert!(listed.windows(2).all(|pair| pair[0] < pair[1]));
}

#[test]
fn the_list_ends() {
    for n in Register::COUNT..=u16::MAX {
        assert_eq!(Register::nth_index(n), None);
    }
}

#[test]
fn what_is_listed_exists_and_nothing_else() {
    let listed = all();
    let mut found = Vec::new();
    for index in 0..=u16::MAX {
        if let Some(register) = Register::from_index(index) {
            assert!(!found.contains(&register), "{register:?} twice");
            found.push(register);
        }
        assert_eq!(
            Register::from_index(index).is_some(),
            listed.contains(&index)
        );
    }
}

/// The header for user space has the same numbers.
#[test]
fn the_header_has_these_numbers() {
    let header = include_str!("../../../include/uapi/linux/kvm_sdei.h");
    let defined = |name: &str| {
        let value = header.lines().find_map(|line| {
            let define = line.strip_prefix("#define")?.trim_start();
            let value = define.strip_prefix(name)?;
            value.starts_with(char::is_whitespace).then(|| value.trim())
        });
        value.unwrap_or_else(|| panic!("no {name}"))
    };
    for (name, value) in [
        ("KVM_REG_ARM_SDEI_PE", "KVM_REG_ARM_SDEI(0x8000)"),
        ("KVM_REG_ARM_SDEI_PE_MASKED", "(1 << 0)"),
        ("KVM_REG_ARM_SDEI_PE_SUSPENDED", "(1 << 1)"),
        ("KVM_REG_ARM_SDEI_PENDING", "KVM_REG_ARM_SDEI(0x8001)"),
        (
            "KVM_REG_ARM_SDEI_ENTRY(i)",
            "KVM_REG_ARM_SDEI(0x8100 + 4 * (i))",
        ),
        (
            "KVM_REG_ARM_SDEI_ARGUMENT(i)",
            "KVM_REG_ARM_SDEI(0x8101 + 4 * (i))",
        ),
        (
            "KVM_REG_ARM_SDEI_STATUS(i)",
            "KVM_REG_ARM_SDEI(0x8102 + 4 * (i))",
        ),
        (
            "KVM_REG_ARM_SDEI_X(p, n)",
            "KVM_REG_ARM_SDEI(0x8200 + 32 * (p) + (n))",
        ),
        (
            "KVM_REG_ARM_SDEI_PC(p)",
            "KVM_REG_ARM_SDEI(0x8212 + 32 * (p))",
        ),
        (
            "KVM_REG_ARM_SDEI_PSTATE(p)",
            "KVM_REG_ARM_SDEI(0x8213 + 32 * (p))",
        ),
        ("KVM_SDEI_EVENT_SIGNALLED", "0x00000000"),
        ("KVM_SDEI_EVENT_NORMAL(n)", "(0x40000010 + (n))"),
        ("KVM_SDEI_EVENT_CRITICAL(n)", "(0x40000020 + (n))"),
        ("KVM_SDEI_INDEX_SIGNALLED", "0"),
        ("KVM_SDEI_INDEX_NORMAL(n)", "(1 + (n))"),
        ("KVM_SDEI_INDEX_CRITICAL(n)", "(5 + (n))"),
        ("KVM_SDEI_NR_EVENTS", "9"),
        (
            "KVM_REG_ARM_SDEI_SHARED_RUNNING",
            "KVM_REG_ARM_SDEI(0x8002)",
        ),
        (
            "KVM_REG_ARM_SDEI_SHARED_PENDING",
            "KVM_REG_ARM_SDEI(0x8300)",
        ),
        (
            "KVM_REG_ARM_SDEI_SHARED_ENTRY(i)",
            "KVM_REG_ARM_SDEI(0x8400 + 4 * (i))",
        ),
        (
            "KVM_REG_ARM_SDEI_SHARED_ARGUMENT(i)",
            "KVM_REG_ARM_SDEI(0x8401 + 4 * (i))",
        ),
        (
            "KVM_REG_ARM_SDEI_SHARED_STATUS(i)",
            "KVM_REG_ARM_SDEI(0x8402 + 4 * (i))",
        ),
        (
            "KVM_REG_ARM_SDEI_SHARED_ROUTING(i)",
            "KVM_REG_ARM_SDEI(0x8403 + 4 * (i))",
        ),
        ("KVM_REG_ARM_SDEI_ROUTING_PE", "(1ULL << 63)"),
        ("KVM_SDEI_EVENT_SHARED_NORMAL(n)", "(0x40000110 + (n))"),
        ("KVM_SDEI_EVENT_SHARED_CRITICAL(n)", "(0x40000120 + (n))"),
        ("KVM_SDEI_INDEX_SHARED_NORMAL(n)", "(n)"),
        ("KVM_SDEI_INDEX_SHARED_CRITICAL(n)", "(2 + (n))"),
        ("KVM_SDEI_NR_SHARED_EVENTS", "4"),
    ] {
        assert_eq!(defined(name), value, "{name}");
    }
}

/// Each register shows the state that its name in the header says.
#[test]
fn registers_show_the_state() {
    let mut cpu = cpu();
    assert_eq!(cpu.get(PE), 1);
    for (i, number) in (0..).zip(EVENTS) {
        assert_eq!(cpu.get(status_of(i)), U);
        cpu.register(number);
        assert_eq!(cpu.get(entry_of(i)), entry(number));
        assert_eq!(cpu.get(argument_of(i)), argument(number));
        assert_eq!(cpu.get(status_of(i)), G);
        cpu.on(ENABLE, number);
        assert_eq!(cpu.get(status_of(i)), E);
        cpu.trigger(number);
        assert_eq!(cpu.get(PENDING_SET), (2 << i) - 1);
        cpu.on(DISABLE, number);
    }
    cpu.unmask();
    assert_eq!(cpu.get(PE), 0);
    // Event 3 is a normal one, event 6 critical.
    for (priority, event) in [(0, 3), (1, 6)] {
        let next = cpu.regs.pc + 4;
        cpu.regs.saved[17] = 0x1717 + u64::from(event);
        let before = cpu.regs.pstate.bits();
        cpu.on(ENABLE, EVENTS[usize::from(event)]);
        assert_eq!(cpu.get(status_of(event)), ER);
        assert_eq!(cpu.get(x(priority, 0)), 0, "what ENABLE answered");
        assert_eq!(cpu.get(x(priority, 17)), 0x1717 + u64::from(event));
        assert_eq!(cpu.get(pc(priority)), next);
        assert_eq!(cpu.get(pstate_of(priority)), before);
    }
}

#[test]
fn pending_is_write_one_to_set() {
    let mut cpu = cpu();
    cpu.prepare(NORMAL[0]);
    cpu.trigger(NORMAL[0]);
    assert_eq!(cpu.set(PENDING_SET, 0), Ok(()));
    assert_eq!(cpu.get(PENDING_SET), 0b10);
    assert_eq!(cpu.set(PENDING_SET, 0b100), Ok(()));
    assert_eq!(cpu.get(PENDING_SET), 0b110);
    assert_eq!(cpu.set(PENDING_SET, 0x1ff), Ok(()));
    assert_eq!(cpu.get(PENDING_SET), 0x1ff);
}

/// Checks that these values are refused in every state of a CPU, and that
/// nothing changes then.
fn refused(index: u16, values: &[u64]) {
    for mut cpu in moments() {
        let before = cpu.save();
        for &value in values {
            let answer = cpu.set(index, value);
            assert_eq!(answer, Err(sdei::RegisterError), "{index:#x} = {value:#x}");
        }
        assert_eq!(cpu.save(), before);
    }
}

fn bits(range: std::ops::Range<u32>) -> Vec<u64> {
    range.map(|bit| 1 << bit).collect()
}

#[test]
fn pe_has_two_bits() {
    refused(PE, &bits(2..64));
    refused(PE, &[7, u64::MAX]);
}

#[test]
fn pending_has_a_bit_for_each_event() {
    refused(PENDING_SET, &bits(9..64));
    refused(PENDING_SET, &[0x3ff, u64::MAX]);
}

#[test]
fn entries_are_aligned() {
    for event in 0..9 {
        refused(entry_of(event), &[1, 2, 3, 0x8001, u64::MAX]);
    }
}

#[test]
fn states_are_those_of_the_specification() {
    for event in 0..9 {
        refused(status_of(event), &[0b010, 0b110]);
        refused(status_of(event), &bits(3..64));
        refused(status_of(event), &[E | 8, ER | (1 << 63), u64::MAX]);
    }
}

/// Modes of EL2 and EL3, modes that do not exist, AArch32 above EL0, and RES0
/// bits.
#[test]
fn pstates_are_those_of_a_guest() {
    for priority in 0..2 {
        let el1h_and_el0t = [0b0101, 0b0000];
        let modes: Vec<u64> = (0..0x20)
            .filter(|mode| ![0b0000, 0b0100, 0b0101, 0b1_0000].contains(mode))
            .collect();
        refused(pstate_of(priority), &modes);
        for mode in el1h_and_el0t {
            // Bits 5, 14 to 19, 26, 27, and 37 and above.
            let res0 = [1 << 5, 1 << 14, 1 << 19, 1 << 26, 1 << 27, 1 << 37, 1 << 63];
            refused(pstate_of(priority), &res0.map(|bit| bit | mode));
        }
        refused(pstate_of(priority), &[0x10 | (1 << 34), 0x10 | (1 << 63)]);
    }
}

#[test]
fn aarch32_only_for_guests_that_have_it() {
    let mut cpu = cpu();
    cpu.start(NORMAL[0]);
    let before = cpu.get(pstate_of(0));
    cpu.system.aarch32_el0 = false;
    for value in [0x10, 0x30, 0xf000_0010] {
        assert_eq!(cpu.set(pstate_of(0), value), Err(sdei::RegisterError));
        assert_eq!(cpu.get(pstate_of(0)), before);
    }
    assert_eq!(cpu.set(pstate_of(0), 0x3c5), Ok(()));
    cpu.system.aarch32_el0 = true;
    for value in [0x10, 0x30, 0xf000_0010] {
        assert_eq!(cpu.set(pstate_of(0), value), Ok(()));
        assert_eq!(cpu.get(pstate_of(0)), value);
    }
}

/// A normal and a critical handler run.
fn nested() -> Cpu {
    let mut cpu = cpu();
    cpu.start(NORMAL[0]);
    cpu.start(CRITICAL[0]);
    cpu
}

fn context(priority: u16) -> impl Iterator<Item = u16> {
    let registers = (0..18).map(move |n| x(priority, n));
    registers.chain([pc(priority), pstate_of(priority)])
}

/// What a handler leaves behind is not part of the state: a host without
/// AArch32 must not be asked to take the AArch32 PSTATE of a handler that
/// completed long ago.
#[test]
fn a_context_reads_as_zero_while_no_handler_runs() {
    let mut cpu = nested();
    assert_eq!(cpu.set(pstate_of(1), 0xf000_0010), Ok(()));
    for number in [CRITICAL[0], NORMAL[0]] {
        let priority = u16::from(number == CRITICAL[0]);
        assert_ne!(cpu.get(pc(priority)), 0);
        cpu.call(COMPLETE, &[0]);
        assert!(!cpu.is_running(number));
        assert!(context(priority).all(|index| cpu.get(index) == 0));
    }
}

#[test]
fn a_context_may_be_written_before_the_handler_is_said_to_run() {
    for priority in 0..2 {
        let mut cpu = cpu();
        for index in context(priority) {
            assert_eq!(cpu.set(index, 0x345), Ok(()));
            assert_eq!(cpu.get(index), 0);
        }
        let event = if priority == 0 { 1 } else { 5 };
        assert_eq!(cpu.set(status_of(event), ER), Ok(()));
        assert!(context(priority).all(|index| cpu.get(index) == 0x345));
    }
}

/// A VMM chooses an index as well.
#[test]
fn a_context_masks_its_index_against_speculation() {
    let mut cpu = nested();
    cpu.set(x(0, 0), 0xa0).unwrap();
    cpu.set(x(0, 5), 0xa5).unwrap();
    SPECULATES.set(true);
    assert_eq!(cpu.get(x(0, 5)), 0xa0);
    cpu.set(x(0, 5), 0xb5).unwrap();
    SPECULATES.set(false);
    assert_eq!(cpu.get(x(0, 0)), 0xb5);
    assert_eq!(cpu.get(x(0, 5)), 0xa5);
}

/// These registers may hold any value, because the guest may.
#[test]
fn guest_values_are_not_checked() {
    let mut free = Vec::new();
    free.extend((0..9).map(argument_of));
    for priority in 0..2 {
        free.extend((0..18).map(|n| x(priority, n)));
        free.push(pc(priority));
    }
    for index in free {
        let mut cpu = nested();
        for value in [0, 1, 0xffff_0000_1234_5679, u64::MAX] {
            assert_eq!(cpu.set(index, value), Ok(()));
            assert_eq!(cpu.get(index), value);
        }
    }
}

/// A write of one register changes no other register.
#[test]
fn registers_are_apart() {
    for (index, old) in nested().save() {
        let mut cpu = nested();
        // Registers of the guest can be written before a CPU runs.
        cpu.system.room = Room::new(1);
        let before = cpu.save();
        let value = match index {
            PE => 1,
            0x8200.. if index & 0x1f == 0x13 => 0x3c5,
            0x8100..0x8200 if index & 3 == 2 && old == ER => GR,
            0x8100..0x8200 if index & 3 == 2 => G,
            SHARED_RUNNING => continue,
            SHARED_PENDING => 1,
            0x8400.. if index & 3 == 2 => E,
            0x8400.. if index & 3 == 3 => 1 << 63,
            _ => 0x40,
        };
        assert_ne!(value, old);
        assert_eq!(cpu.set(index, value), Ok(()));
        for (other, old) in before {
            let expected = if other == index { value } else { old };
            assert_eq!(cpu.get(other), expected, "{other:#x} after {index:#x}");
        }
    }
}
