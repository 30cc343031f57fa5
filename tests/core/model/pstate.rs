// SPDX-License-Identifier: GPL-2.0

//! PSTATE at the start of a handler (DEN0054 5.2.1, and AArch64.TakeException()
//! of the Arm ARM), for CPUs without FEAT_NMI, FEAT_GCS, FEAT_EBEP and
//! FEAT_PAuth_LR.

/// The settings on which PSTATE depends when an exception is taken to EL1.
#[derive(Clone, Copy, Debug)]
pub struct Controls {
    /// SCTLR_EL1.SPAN.
    pub span: bool,
    /// SCTLR_EL1.DSSBS.
    pub dssbs: bool,
    /// The CPU has FEAT_MTE2.
    pub mte: bool,
}

pub fn take_exception(interrupted: u64, controls: Controls) -> u64 {
    let bit = |n: u32| (interrupted >> n) & 1;
    let mut pstate = 0b00101; // M: AArch64, EL1, SP_EL1
    pstate |= 0b1111 << 6; // D, A, I, F
    for flag in [31, 30, 29, 28] {
        pstate |= bit(flag) << flag; // N, Z, C, V
    }
    pstate |= bit(24) << 24; // DIT
    let pan = if controls.span { bit(22) } else { 1 };
    pstate |= pan << 22;
    pstate |= u64::from(controls.dssbs) << 12; // SSBS
    pstate |= u64::from(controls.mte) << 25; // TCO
    pstate
}

/// Whether a guest whose highest exception level is EL1 can be in this state.
/// Then SPSR_EL1 can have this value (Arm ARM, C5.2). AArch32 is possible at
/// EL0 only.
pub fn possible(pstate: u64) -> bool {
    let aarch32 = (pstate >> 4) & 1 != 0;
    let mode = pstate & 0b1111;
    // The other bits are, from the top: the fields of the features from
    // FEAT_UINJ down to FEAT_EBEP; NZCV; TCO, DIT, UAO, PAN, SS and IL; ALLINT,
    // SSBS, BTYPE and DAIF; M.
    let res0 = (37..64).chain(26..28).chain(14..20).chain(5..6);
    if aarch32 {
        // Of the upper half only UINJ and PPEND.
        mode == 0 && (pstate >> 32) & !0b10010 == 0
    } else {
        [0b0000, 0b0100, 0b0101].contains(&mode) && res0.into_iter().all(|n| (pstate >> n) & 1 == 0)
    }
}
