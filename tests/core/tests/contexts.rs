// SPDX-License-Identifier: GPL-2.0

//! The registers of a CPU when a handler is entered and when it is left:
//! DEN0054 5.2, and PSTATE bit by bit.

mod support;

use support::registers::*;
use support::*;

// PSTATE in the layout of SPSR_EL1.
const NZCV: u64 = 0xf << 28;
const UINJ: u64 = 1 << 36;
const PACM: u64 = 1 << 35;
const EXLOCK: u64 = 1 << 34;
const PPEND: u64 = 1 << 33;
const PM: u64 = 1 << 32;
const TCO: u64 = 1 << 25;
const DIT: u64 = 1 << 24;
const UAO: u64 = 1 << 23;
const PAN: u64 = 1 << 22;
const SS: u64 = 1 << 21;
const IL: u64 = 1 << 20;
const ALLINT: u64 = 1 << 13;
const SSBS: u64 = 1 << 12;
const BTYPE: u64 = 3 << 10;
const DAIF: u64 = 0xf << 6;
const EL0T: u64 = 0b0000;
const EL1T: u64 = 0b0100;
const AARCH32_EL0: u64 = 0b1_0000;

/// All fields that an AArch64 PSTATE can have beside its mode.
const AARCH64: u64 = UINJ
    | PACM
    | EXLOCK
    | PPEND
    | PM
    | NZCV
    | TCO
    | DIT
    | UAO
    | PAN
    | SS
    | IL
    | ALLINT
    | SSBS
    | BTYPE
    | DAIF;

/// The same for AArch32: N, Z, C, V, Q, IT, J or DIT, SSBS, PAN, SS, IL, GE, E,
/// A, I, F and T, and the fields above them.
const AARCH32: u64 = 0xffff_ffe0 | UINJ | PPEND;

/// A CPU on which event 0x4000_0010 is ready.
fn prepared() -> Cpu {
    let mut cpu = cpu();
    cpu.prepare(NORMAL[0]);
    cpu.unmask();
    // Overwrite the result of the last call.
    cpu.regs.saved[0] = 0x1111_0000_0000_0000;
    cpu
}

/// The eight combinations of SCTLR_EL1.SPAN, SCTLR_EL1.DSSBS and MTE2.
fn controls() -> impl Iterator<Item = (u64, bool)> {
    [0, SCTLR_SPAN, SCTLR_DSSBS, SCTLR_SPAN | SCTLR_DSSBS]
        .into_iter()
        .flat_map(|sctlr| [(sctlr, false), (sctlr, true)])
}

/// PSTATE of a handler that interrupted `old`, field by field. No guest on KVM
/// has FEAT_NMI, FEAT_GCS, FEAT_EBEP or FEAT_PAuth_LR: the fields of these
/// features are zero.
fn exception(old: u64, sctlr: u64, mte: bool) -> u64 {
    let mut new = 0b0101;
    new |= DAIF;
    new |= old & NZCV;
    new |= if mte { TCO } else { 0 };
    new |= old & DIT;
    new |= if sctlr & SCTLR_SPAN == 0 {
        PAN
    } else {
        old & PAN
    };
    new |= if sctlr & SCTLR_DSSBS != 0 { SSBS } else { 0 };
    new
}

/// Enters a handler that interrupts `old`, and returns PSTATE in the handler.
fn enter_from(old: u64, sctlr: u64, mte: bool) -> u64 {
    let mut cpu = prepared();
    cpu.system.sctlr_el1 = sctlr;
    cpu.system.mte = mte;
    cpu.regs.pstate = pstate(old);
    cpu.trigger(NORMAL[0]);
    assert_eq!(cpu.regs.saved[3], old, "x3 is what was interrupted");
    let new = cpu.regs.pstate.bits();
    cpu.call(COMPLETE, &[0]);
    assert_eq!(cpu.regs.pstate.bits(), old, "and what is restored");
    new
}

/// Enters a handler that interrupts `old`, ends it by
/// SDEI_EVENT_COMPLETE_AND_RESUME, and returns PSTATE after that.
fn resume_from(old: u64, sctlr: u64, mte: bool) -> u64 {
    let mut cpu = prepared();
    cpu.regs.pstate = pstate(old);
    cpu.trigger(NORMAL[0]);
    cpu.system.sctlr_el1 = sctlr;
    cpu.system.mte = mte;
    // The handler's own flags must not matter.
    cpu.regs.pstate = pstate(NZCV ^ old & NZCV | EL1T | BTYPE);
    cpu.call(COMPLETE_AND_RESUME, &[0x8000]);
    assert_eq!(cpu.system.spsr_el1.get(), old);
    cpu.regs.pstate.bits()
}

/// PSTATE with each field alone, with all fields but one, with all, with none,
/// and with some random ones.
fn states(mode: u64, fields: u64) -> Vec<u64> {
    let mut states = vec![mode, mode | fields];
    for bit in 0..64 {
        if fields & (1 << bit) != 0 {
            states.push(mode | (1 << bit));
            states.push(mode | fields & !(1 << bit));
        }
    }
    let mut random = Lcg(52);
    states.extend((0..100).map(|_| mode | fields & random.next()));
    states
}

fn check(mode: u64, fields: u64) {
    for old in states(mode, fields) {
        for (sctlr, mte) in controls() {
            let expected = exception(old, sctlr, mte);
            let at = format!("from {old:#x} with SCTLR {sctlr:#x}, MTE {mte}");
            assert_eq!(enter_from(old, sctlr, mte), expected, "entry {at}");
            assert_eq!(resume_from(old, sctlr, mte), expected, "resume {at}");
        }
    }
}

#[test]
fn pstate_from_el1_with_its_own_stack_pointer() {
    check(EL1H, AARCH64);
}

#[test]
fn pstate_from_el1_with_sp_el0() {
    check(EL1T, AARCH64);
}

#[test]
fn pstate_from_el0() {
    check(EL0T, AARCH64);
}

#[test]
fn pstate_from_aarch32_el0() {
    check(AARCH32_EL0, AARCH32);
}

/// User space can't set bits that a guest's PSTATE can't have.
#[test]
fn pstate_has_no_other_fields() {
    for bit in (5..64).filter(|bit| AARCH64 & (1 << bit) == 0) {
        assert!(sdei::PState::from_user(EL1H | (1 << bit), true).is_none());
    }
    for bit in (32..64).filter(|bit| AARCH32 & (1 << bit) == 0) {
        assert!(sdei::PState::from_user(AARCH32_EL0 | (1 << bit), true).is_none());
    }
}

#[test]
fn x0_to_x3_at_entry() {
    for number in EVENTS {
        let mut cpu = cpu();
        cpu.prepare(number);
        cpu.unmask();
        cpu.regs.pc = 0xffff_0000_1234_5678;
        cpu.regs.pstate = pstate(EL1T | NZCV);
        cpu.trigger(number);
        let [x0, x1, x2, x3, ..] = cpu.regs.saved;
        assert_eq!(x0, u64::from(number));
        assert_eq!(x1, argument(number));
        assert_eq!(x2, 0xffff_0000_1234_5678);
        assert_eq!(x3, EL1T | NZCV);
        assert_eq!(cpu.regs.pc, entry(number));
    }
}

/// The dispatcher does not look at the 64 bits of the argument.
#[test]
fn x1_is_the_argument_whatever_it_is() {
    for argument in [0, 1, u64::MAX, 1 << 63] {
        let mut cpu = cpu();
        cpu.call(REGISTER, &[0, entry(0), argument, 0, 0]);
        cpu.on(ENABLE, EVENT_0);
        cpu.unmask();
        cpu.trigger(EVENT_0);
        assert_eq!(cpu.regs.saved[1], argument);
    }
}

#[test]
fn everything_else_is_unchanged_at_entry() {
    let mut cpu = prepared();
    let before = cpu.regs.clone();
    cpu.trigger(NORMAL[0]);
    assert_eq!(cpu.regs.saved[4..], before.saved[4..]);
    assert_eq!(cpu.regs.preserved, before.preserved);
    assert_eq!(cpu.regs.sp, before.sp);
    assert_eq!(cpu.system.elr_el1.get(), 0xe1e1);
    assert_eq!(cpu.system.spsr_el1.get(), 0x5b5b);
}

/// Changes registers, as a handler does that uses them.
fn scribble(cpu: &mut Cpu) {
    cpu.regs.saved.fill(0xbad);
    cpu.regs.preserved.fill(0x600d);
    cpu.regs.sp = 0x3333_0000;
    cpu.regs.pstate = pstate(EL1T | NZCV | SSBS);
    cpu.system.elr_el1.set(0xe2e2);
    cpu.system.spsr_el1.set(0x5c5c);
}

#[test]
fn complete_restores_x0_to_x17_pc_and_pstate_and_nothing_else() {
    let mut cpu = prepared();
    cpu.regs.pstate = pstate(EL0T | SS | IL | BTYPE | UAO);
    let interrupted = cpu.regs.clone();
    cpu.trigger(NORMAL[0]);
    scribble(&mut cpu);
    cpu.call(COMPLETE, &[0]);
    assert_eq!(cpu.regs.saved, interrupted.saved);
    assert_eq!(cpu.regs.pc, interrupted.pc);
    assert_eq!(cpu.regs.pstate, interrupted.pstate);
    assert_eq!(cpu.regs.preserved, [0x600d; 13]);
    assert_eq!(cpu.regs.sp, 0x3333_0000);
    assert_eq!(cpu.system.elr_el1.get(), 0xe2e2);
    assert_eq!(cpu.system.spsr_el1.get(), 0x5c5c);
}

#[test]
fn complete_and_resume_looks_like_an_exception() {
    let mut cpu = prepared();
    cpu.regs.pstate = pstate(EL0T | SS | IL | BTYPE);
    let interrupted = cpu.regs.clone();
    cpu.trigger(NORMAL[0]);
    scribble(&mut cpu);
    cpu.call(COMPLETE_AND_RESUME, &[0xffff_8000_0001_0480]);
    assert_eq!(cpu.regs.saved, interrupted.saved);
    assert_eq!(cpu.regs.pc, 0xffff_8000_0001_0480);
    assert_eq!(cpu.system.elr_el1.get(), interrupted.pc);
    assert_eq!(cpu.system.spsr_el1.get(), interrupted.pstate.bits());
    assert_eq!(cpu.regs.pstate.bits(), EL1H | DAIF | PAN);
    assert_eq!(cpu.regs.preserved, [0x600d; 13]);
    assert_eq!(cpu.regs.sp, 0x3333_0000);
}

#[test]
fn a_refused_completion_touches_nothing() {
    for function in [COMPLETE, COMPLETE_AND_RESUME] {
        let mut cpu = cpu();
        let before = cpu.regs.clone();
        cpu.call(function, &[0x8000]);
        assert_eq!(cpu.regs.preserved, before.preserved);
        assert_eq!(cpu.regs.pstate, before.pstate);
        assert_eq!(cpu.system.elr_el1.get(), 0xe1e1);
        assert_eq!(cpu.system.spsr_el1.get(), 0x5b5b);
    }
}

/// A critical event interrupts the handler of a normal event. Each of the two
/// handlers has its own context. Calls that use a context use that of the inner
/// handler.
#[test]
fn two_levels() {
    for function in [COMPLETE, COMPLETE_AND_RESUME] {
        let mut cpu = prepared();
        cpu.prepare(CRITICAL[0]);
        let outer = cpu.regs.clone();
        cpu.trigger(NORMAL[0]);

        cpu.regs.saved = std::array::from_fn(|n| 0x7777_0000 + n as u64);
        cpu.regs.pc = 0x7000;
        cpu.regs.pstate = pstate(EL1H | NZCV | DAIF);
        let inner = cpu.regs.clone();
        cpu.trigger(CRITICAL[0]);
        assert_eq!(cpu.regs.saved[2..4], [0x7000, EL1H | NZCV | DAIF]);
        assert_eq!(cpu.regs.saved[4..], inner.saved[4..]);
        for n in 0..18 {
            assert_eq!(cpu.call(CONTEXT, &[n]) as u64, inner.saved[n as usize]);
        }

        cpu.call(function, &[0x9000]);
        assert_eq!(cpu.regs.saved, inner.saved);
        if function == COMPLETE {
            assert_eq!((cpu.regs.pc, cpu.regs.pstate), (inner.pc, inner.pstate));
        } else {
            assert_eq!(cpu.regs.pc, 0x9000);
            assert_eq!(cpu.system.elr_el1.get(), 0x7000);
        }
        assert_eq!((cpu.status(NORMAL[0]), cpu.status(CRITICAL[0])), (ER, E));
        for n in 0..18 {
            assert_eq!(cpu.call(CONTEXT, &[n]) as u64, outer.saved[n as usize]);
        }

        cpu.call(COMPLETE, &[0]);
        assert_eq!(cpu.regs, outer);
        assert_eq!(cpu.call(CONTEXT, &[0]), DENIED);
    }
}

/// If another event is pending when a handler completes, its handler interrupts
/// what the first handler interrupted, not the first handler.
#[test]
fn delivery_after_complete_interrupts_what_was_restored() {
    let mut cpu = prepared();
    cpu.prepare(NORMAL[1]);
    let interrupted = cpu.regs.clone();
    cpu.trigger(NORMAL[0]);
    cpu.trigger(NORMAL[1]);
    scribble(&mut cpu);
    cpu.call(COMPLETE, &[0]);
    assert_eq!(cpu.regs.pc, entry(NORMAL[1]));
    assert_eq!(cpu.regs.saved[2], interrupted.pc);
    assert_eq!(cpu.regs.saved[3], interrupted.pstate.bits());
    assert_eq!(cpu.regs.saved[4..], interrupted.saved[4..]);
    cpu.call(COMPLETE, &[0]);
    assert_eq!(cpu.regs.saved, interrupted.saved);
    assert_eq!(cpu.regs.pc, interrupted.pc);
    assert_eq!(cpu.regs.pstate, interrupted.pstate);
}

/// The same for SDEI_EVENT_COMPLETE_AND_RESUME. What this call wrote to ELR_EL1
/// and SPSR_EL1 has to stay there.
#[test]
fn delivery_after_complete_and_resume_interrupts_the_resumed() {
    let mut cpu = prepared();
    cpu.prepare(NORMAL[1]);
    cpu.regs.pstate = pstate(EL0T);
    let interrupted = cpu.regs.clone();
    cpu.trigger(NORMAL[0]);
    cpu.trigger(NORMAL[1]);
    cpu.call(COMPLETE_AND_RESUME, &[0x8480]);
    assert_eq!(cpu.regs.pc, entry(NORMAL[1]));
    assert_eq!(cpu.regs.saved[2], 0x8480);
    assert_eq!(cpu.regs.saved[3], EL1H | DAIF | PAN);
    assert_eq!(cpu.system.elr_el1.get(), interrupted.pc);
    assert_eq!(cpu.system.spsr_el1.get(), EL0T);
    cpu.call(COMPLETE, &[0]);
    assert_eq!(cpu.regs.saved, interrupted.saved);
    assert_eq!(cpu.regs.pc, 0x8480);
}

/// The result of a call is part of what an event interrupts.
#[test]
fn the_result_is_in_x0_before_delivery() {
    let cases: [(u32, &[u64], i64); 7] = [
        (VERSION, &[], 1 << 48),
        (PE_UNMASK, &[], SUCCESS),
        (ENABLE, &[0x4000_0010], SUCCESS),
        (STATUS, &[0x4000_0010], 3),
        (SIGNAL, &[0, 0], INVALID_PARAMETERS),
        (COMPLETE, &[0], DENIED),
        (FEATURES, &[9], INVALID_PARAMETERS),
    ];
    for (function, arguments, result) in cases {
        let mut cpu = prepared();
        cpu.port().raise(event(NORMAL[0])).unwrap();
        let next = cpu.regs.pc + 4;
        cpu.call(function, arguments);
        // A call that changes nothing does not look for pending events. Who
        // raised the event kicks the CPU, and the CPU then looks.
        cpu.enter();
        assert_eq!(cpu.regs.pc, entry(NORMAL[0]), "{function:#x}");
        assert_eq!(cpu.regs.saved[2], next, "after the HVC");
        assert_eq!(cpu.call(CONTEXT, &[0]), result);
        cpu.call(COMPLETE, &[0]);
        assert_eq!(cpu.regs.saved[0] as i64, result);
    }
}

/// The context of a handler contains nothing of an earlier one.
#[test]
fn a_context_is_that_of_the_last_interruption() {
    let mut cpu = prepared();
    cpu.trigger(NORMAL[0]);
    cpu.call(COMPLETE, &[0]);
    cpu.regs.saved.fill(0x4444);
    cpu.regs.pc = 0x4440;
    cpu.trigger(NORMAL[0]);
    for n in 0..18 {
        assert_eq!(cpu.call(CONTEXT, &[n]), 0x4444);
    }
    cpu.call(COMPLETE, &[0]);
    assert_eq!(cpu.regs.saved, [0x4444; 18]);
    assert_eq!(cpu.regs.pc, 0x4440);
}

/// User space may write more into a context than an AArch32 guest can have in
/// its registers. The guest never sees the upper halves.
#[test]
fn an_aarch32_context_is_narrowed_when_the_guest_goes_back_to_it() {
    const WIDE: u64 = 0x8765_4321_1234_5678;
    for pstate_first in [false, true] {
        for resume in [false, true] {
            let mut cpu = prepared();
            cpu.trigger(NORMAL[0]);
            let pstate = |cpu: &mut Cpu| cpu.set(pstate_of(0), 0x6000_0010).unwrap();
            if pstate_first {
                pstate(&mut cpu);
            }
            let others = (0..18).map(|n| x(0, n)).chain([pc(0)]);
            others.for_each(|index| cpu.set(index, WIDE).unwrap());
            if !pstate_first {
                pstate(&mut cpu);
            }
            assert_eq!(cpu.call(CONTEXT, &[14]), 0x1234_5678);
            assert_eq!(cpu.call(CONTEXT, &[15]) as u64, WIDE);
            assert_eq!(cpu.get(x(0, 17)), WIDE);
            if resume {
                cpu.call(COMPLETE_AND_RESUME, &[WIDE]);
                assert_eq!(cpu.regs.pc, WIDE);
                assert_eq!(cpu.system.elr_el1.get(), 0x1234_5678);
            } else {
                cpu.call(COMPLETE, &[0]);
                assert_eq!(cpu.regs.pc, 0x1234_5678);
            }
            assert_eq!(cpu.regs.saved[..15], [0x1234_5678; 15]);
            assert_eq!(cpu.regs.saved[15..], [WIDE; 3]);
        }
    }
}

/// The kernel passes its own `struct user_pt_regs`.
#[test]
fn registers_are_laid_out_as_the_kernel_has_them() {
    use sdei::Regs;
    use std::mem::{offset_of, size_of};
    assert_eq!(offset_of!(Regs, saved), 0);
    assert_eq!(offset_of!(Regs, preserved), 18 * 8);
    assert_eq!(offset_of!(Regs, sp), 31 * 8);
    assert_eq!(offset_of!(Regs, pc), 32 * 8);
    assert_eq!(offset_of!(Regs, pstate), 33 * 8);
    assert_eq!(size_of::<Regs>(), 34 * 8);
}
