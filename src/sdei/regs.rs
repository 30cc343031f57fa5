// SPDX-License-Identifier: GPL-2.0

//! The registers of a CPU that SDEI saves, restores and takes arguments from.

use super::pstate::PState;

/// x0 to x17: what an event interrupts and its completion restores (DEN0054
/// 5.2). The handler itself preserves the rest.
pub const SAVED_GPRS: usize = 18;

/// The general-purpose registers, PC and PSTATE of a CPU that is not in the
/// guest, in the layout of the kernel's `struct user_pt_regs`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[repr(C)]
pub struct Regs {
    /// x0 to x17.
    pub saved: [u64; SAVED_GPRS],
    /// x18 to x30.
    pub preserved: [u64; 31 - SAVED_GPRS],
    /// SP of the current mode. SDEI neither saves nor changes it.
    pub sp: u64,
    /// The next instruction.
    pub pc: u64,
    /// The state it runs in.
    pub pstate: PState,
}

/// An interrupted state: what SDEI_EVENT_COMPLETE goes back to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Context {
    /// x0 to x17.
    pub gprs: [u64; SAVED_GPRS],
    /// PC.
    pub pc: u64,
    /// PSTATE.
    pub pstate: PState,
}

impl Context {
    /// The context of a priority that never interrupted anything.
    pub const ZERO: Context = Context {
        gprs: [0; SAVED_GPRS],
        pc: 0,
        pstate: PState::EL0T,
    };

    /// Takes the registers of a CPU that was in the guest. Their PSTATE is one
    /// that a guest can be in, as [`PState::from_user`] makes sure of for a
    /// PSTATE that comes from user space.
    #[inline(always)]
    pub(super) fn save(&mut self, regs: &Regs) {
        copy(&mut self.gprs, &regs.saved);
        self.pc = regs.pc;
        self.pstate = regs.pstate;
    }

    /// Puts the registers back.
    #[inline(always)]
    pub(super) fn restore(&self, regs: &mut Regs) {
        copy(&mut regs.saved, &self.gprs);
        regs.pc = self.pc;
        regs.pstate = self.pstate;
        if self.pstate.is_aarch32() {
            regs.narrow();
        }
    }

    /// One of x0 to x17, if `n` is one of their numbers, as the guest goes on
    /// with it.
    pub(super) fn gpr(&self, n: usize) -> Option<u64> {
        let value = *self.gprs.get(n)?;
        Some(if self.pstate.is_aarch32() && n < AARCH32_GPRS {
            narrow(value)
        } else {
            value
        })
    }
}

/// How many of x0, x1, ... AArch32 at EL0 uses: r0 to r14. It can't reach the
/// others, so these keep all their bits.
const AARCH32_GPRS: usize = 15;

/// What is left of a register in AArch32.
fn narrow(value: u64) -> u64 {
    value & u64::from(u32::MAX)
}

/// An assignment, spelled out: for a plain one of this length the compiler calls
/// memcpy(), which costs twice as much.
#[rustfmt::skip]
fn copy(to: &mut [u64; SAVED_GPRS], from: &[u64; SAVED_GPRS]) {
    let [
        x0, x1, x2, x3, x4, x5, x6, x7, x8, x9, x10, x11, x12, x13, x14, x15, x16, x17,
    ] = *from;
    *to = [
        x0, x1, x2, x3, x4, x5, x6, x7, x8, x9, x10, x11, x12, x13, x14, x15, x16, x17,
    ];
}

impl Regs {
    /// Cuts to 32 bits the registers that have 32 bits in AArch32. User space
    /// may have written more into a context than an AArch32 guest can have; KVM
    /// does the same when user space writes the CPU's own registers.
    #[cold]
    fn narrow(&mut self) {
        for value in self.saved.iter_mut().take(AARCH32_GPRS) {
            *value = narrow(*value);
        }
        self.pc = narrow(self.pc);
    }

    /// Puts the result of a call into x0, as SMCCC has it. Errors are negative
    /// in all 64 bits.
    pub(super) fn set_result(&mut self, result: i64) {
        let [x0, ..] = &mut self.saved;
        *x0 = result as u64;
    }
}
