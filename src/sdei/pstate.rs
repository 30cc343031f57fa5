// SPDX-License-Identifier: GPL-2.0

//! PSTATE, in the layout of SPSR_EL1.

/// The PSTATE of a guest whose highest level is EL1, in the layout of
/// SPSR_ELx: one that the guest could be in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(transparent)]
pub struct PState(u64);

/// What the guest has told its CPU to do with PSTATE on an exception, and what
/// the CPU it sees can do.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct EntryControls {
    /// SCTLR_EL1.SPAN: PAN is left alone rather than set.
    pub span: bool,
    /// SCTLR_EL1.DSSBS: the value that SSBS takes.
    pub dssbs: bool,
    /// The guest has FEAT_MTE2, and tag checks start out overridden.
    pub mte: bool,
}

// Arm ARM (DDI 0487), C5.2.18 SPSR_EL1.
const NZCV: u64 = 0xf << 28;
const TCO: u64 = 1 << 25;
const DIT: u64 = 1 << 24;
const PAN: u64 = 1 << 22;
const SSBS: u64 = 1 << 12;
const DAIF: u64 = 0xf << 6;
const NRW: u64 = 1 << 4;
const MODE: u64 = 0xf;
const MODE_EL0T: u64 = 0b0000;
const MODE_EL1T: u64 = 0b0100;
const MODE_EL1H: u64 = 0b0101;

/// Fields of an AArch64 PSTATE: NZCV, TCO, DIT, UAO, PAN, SS, IL, ALLINT,
/// SSBS, BTYPE, DAIF, nRW and mode, and UINJ, PACM, EXLOCK, PPEND and PM above
/// bit 31. The rest is RES0.
const FIELDS_AARCH64: u64 = 0x1f_f3f0_3fdf;
/// An AArch32 PSTATE uses all of the lower half, and has UINJ and PPEND above it.
const FIELDS_AARCH32: u64 = 0x12_ffff_ffff;

impl PState {
    /// EL0, nothing masked, no flag set.
    pub const EL0T: PState = PState(MODE_EL0T);

    /// Checks a PSTATE that comes from user space: the mode is EL0 or EL1,
    /// AArch32 is for EL0 and only if `aarch32_el0`, and no bit is set that is
    /// RES0 in the architecture.
    pub fn from_user(bits: u64, aarch32_el0: bool) -> Option<PState> {
        let valid = if bits & NRW != 0 {
            aarch32_el0 && bits & MODE == 0 && bits & !FIELDS_AARCH32 == 0
        } else {
            matches!(bits & MODE, MODE_EL0T | MODE_EL1T | MODE_EL1H) && bits & !FIELDS_AARCH64 == 0
        };
        valid.then_some(PState(bits))
    }

    /// The bits of SPSR_EL1.
    pub const fn bits(self) -> u64 {
        self.0
    }

    /// Whether this is a state of AArch32.
    pub(super) const fn is_aarch32(self) -> bool {
        self.0 & NRW != 0
    }

    /// PSTATE after an exception that is taken from this state to EL1
    /// (AArch64.TakeException() in DDI 0487), and so at the start of a handler
    /// (DEN0054 5.2.1).
    ///
    /// Built field by field: what isn't named here is zero. UAO, SS, IL, BTYPE
    /// and UINJ are zero on every exception. The named bits have the same place
    /// in the AArch32 layout, if AArch32 EL0 is what was interrupted. KVM
    /// doesn't give guests the features whose fields are missing: FEAT_NMI,
    /// FEAT_GCS, FEAT_EBEP, FEAT_PAuth_LR.
    #[must_use]
    pub fn exception_entry(self, controls: EntryControls) -> PState {
        let mut new = self.0 & (NZCV | DIT | PAN) | DAIF | MODE_EL1H;
        if !controls.span {
            new |= PAN;
        }
        if controls.dssbs {
            new |= SSBS;
        }
        if controls.mte {
            new |= TCO;
        }
        PState(new)
    }
}
