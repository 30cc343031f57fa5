// SPDX-License-Identifier: GPL-2.0

//! The numbers of DEN0054: functions, errors, and what arguments and results
//! mean.

/// What a call can answer instead of a value (DEN0054 5.3).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(i64)]
pub enum Error {
    /// There is no such call.
    NotSupported = -1,
    /// An argument is not valid.
    InvalidParameters = -2,
    /// The state of the event or of the CPU does not allow the call.
    Denied = -3,
    /// The handler runs; what was asked for takes effect when it completes.
    Pending = -5,
    /// None of what the call asks for is left.
    OutOfResource = -10,
}

/// The functions: bits 4:0 of the function ID. Values that have no name are
/// reserved.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[expect(missing_docs, reason = "the names are the specification's")]
pub enum Function {
    Version,
    EventRegister,
    EventEnable,
    EventDisable,
    EventContext,
    EventComplete,
    EventCompleteAndResume,
    EventUnregister,
    EventStatus,
    EventGetInfo,
    EventRoutingSet,
    PeMask,
    PeUnmask,
    InterruptBind,
    InterruptRelease,
    EventSignal,
    Features,
    PrivateReset,
    SharedReset,
}

impl Function {
    /// The function ID of SDEI_VERSION: the first of the range.
    pub const BASE: u32 = 0xc400_0020;
    /// How many function IDs belong to SDEI.
    pub const COUNT: u32 = 0x20;

    /// Decodes a function ID. Returns `None` for an ID that has no function,
    /// in SDEI's range or outside of it.
    pub fn from_id(id: u32) -> Option<Function> {
        Some(match id.wrapping_sub(Function::BASE) {
            0x00 => Function::Version,
            0x01 => Function::EventRegister,
            0x02 => Function::EventEnable,
            0x03 => Function::EventDisable,
            0x04 => Function::EventContext,
            0x05 => Function::EventComplete,
            0x06 => Function::EventCompleteAndResume,
            0x07 => Function::EventUnregister,
            0x08 => Function::EventStatus,
            0x09 => Function::EventGetInfo,
            0x0a => Function::EventRoutingSet,
            0x0b => Function::PeMask,
            0x0c => Function::PeUnmask,
            0x0d => Function::InterruptBind,
            0x0e => Function::InterruptRelease,
            0x0f => Function::EventSignal,
            0x10 => Function::Features,
            0x11 => Function::PrivateReset,
            0x12 => Function::SharedReset,
            _ => return None,
        })
    }
}

/// The result of a call that succeeded and has no value to return.
pub(super) const SUCCESS: i64 = 0;

/// The result of SDEI_VERSION: 1.0, vendor 0. The dispatcher follows the
/// clarifications of 1.1, but every known client and conformance suite accepts
/// exactly this answer.
pub(super) const VERSION: i64 = 1 << 48;

/// The flag of SDEI_EVENT_REGISTER that chooses the routing mode.
pub(super) const REGISTER_ROUTING_MODE: u64 = 1 << 0;

/// The routing modes, in the flags of SDEI_EVENT_REGISTER, as an argument of
/// SDEI_EVENT_ROUTING_SET and as an answer of SDEI_EVENT_GET_INFO.
pub(super) mod routing {
    /// Any CPU may take the event.
    pub(crate) const RM_ANY: u64 = 0;
    /// Only one CPU may.
    pub(crate) const RM_PE: u64 = 1;
}

/// What SDEI_EVENT_GET_INFO can be asked.
pub(super) mod info {
    /// Whether the event is private or shared.
    pub(crate) const EV_TYPE: u32 = 0;
    /// Whether software can signal the event.
    pub(crate) const EV_SIGNALED: u32 = 1;
    /// Whether the event is normal or critical.
    pub(crate) const EV_PRIORITY: u32 = 2;
    /// Which CPUs may take a shared event.
    pub(crate) const EV_ROUTING_MODE: u32 = 3;
    /// The CPU that alone may take a shared event.
    pub(crate) const EV_ROUTING_AFF: u32 = 4;

    /// An answer to [`EV_TYPE`].
    pub(crate) const TYPE_PRIVATE: i64 = 0;
    /// An answer to [`EV_TYPE`].
    pub(crate) const TYPE_SHARED: i64 = 1;
    /// An answer to [`EV_SIGNALED`]: zero is the event that *can* be signalled.
    pub(crate) const SIGNALABLE: i64 = 0;
    /// An answer to [`EV_SIGNALED`].
    pub(crate) const NOT_SIGNALABLE: i64 = 1;
    /// An answer to [`EV_PRIORITY`].
    pub(crate) const PRIORITY_NORMAL: i64 = 0;
    /// An answer to [`EV_PRIORITY`].
    pub(crate) const PRIORITY_CRITICAL: i64 = 1;
}

/// What SDEI_FEATURES can be asked. Relative mode came with 1.1.
pub(super) mod feature {
    /// How many interrupts can be bound to events.
    pub(crate) const BIND_SLOTS: u32 = 0;

    /// An answer to [`BIND_SLOTS`].
    pub(crate) const NO_SLOTS: i64 = 0;
}
