// SPDX-License-Identifier: GPL-2.0

//! The state machine of an event handler (DEN0054 6.1), as one table.

use super::abi::Error;

/// The state of an event on a CPU. The numbers are those of SDEI_EVENT_STATUS
/// (DEN0054 5.1.9): bit 0 registered, bit 1 enabled, bit 2 running.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum State {
    /// No handler.
    Unregistered = 0b000,
    /// A handler, disabled.
    Registered = 0b001,
    /// A handler that may be entered.
    Enabled = 0b011,
    /// The handler runs. It is disabled, so it is not entered again when it
    /// completes.
    RegisteredRunning = 0b101,
    /// The handler runs.
    EnabledRunning = 0b111,
    /// The handler runs, and the event is unregistered when it completes.
    UnregisterPending = 0b100,
}

/// What a client has asked of an event, apart from whether its handler runs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Registration {
    Absent,
    Disabled,
    Enabled,
}

impl State {
    pub(super) fn new(registration: Registration, running: bool) -> State {
        match (registration, running) {
            (Registration::Absent, false) => State::Unregistered,
            (Registration::Disabled, false) => State::Registered,
            (Registration::Enabled, false) => State::Enabled,
            (Registration::Absent, true) => State::UnregisterPending,
            (Registration::Disabled, true) => State::RegisteredRunning,
            (Registration::Enabled, true) => State::EnabledRunning,
        }
    }

    const ALL: [State; 6] = [
        State::Unregistered,
        State::Registered,
        State::Enabled,
        State::RegisteredRunning,
        State::EnabledRunning,
        State::UnregisterPending,
    ];

    /// The value of SDEI_EVENT_STATUS.
    pub fn status(self) -> u64 {
        self as u64
    }

    /// The state that has this status, if there is one.
    pub fn from_status(status: u64) -> Option<State> {
        State::ALL
            .into_iter()
            .find(|state| state.status() == status)
    }

    pub(super) fn registration(self) -> Registration {
        match self {
            State::Unregistered | State::UnregisterPending => Registration::Absent,
            State::Registered | State::RegisteredRunning => Registration::Disabled,
            State::Enabled | State::EnabledRunning => Registration::Enabled,
        }
    }

    pub(super) fn is_running(self) -> bool {
        matches!(
            self,
            State::RegisteredRunning | State::EnabledRunning | State::UnregisterPending
        )
    }
}

/// What can be done to the registration of an event.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Operation {
    Register,
    Unregister,
    Enable,
    Disable,
    Reset,
}

/// The result of an operation, and the registration after it if that changes.
/// Whether a handler runs never changes here.
pub(super) struct Transition {
    pub(super) result: Result<(), Error>,
    pub(super) next: Option<Registration>,
}

/// Refused: nothing changes.
const fn no(error: Error) -> Transition {
    Transition {
        result: Err(error),
        next: None,
    }
}

/// Done, and the registration is now this.
const fn to(next: Registration) -> Transition {
    Transition {
        result: Ok(()),
        next: Some(next),
    }
}

/// The registration is dropped at once, but the answer says that the handler
/// still runs.
const fn drop_and(error: Error) -> Transition {
    Transition {
        result: Err(error),
        next: Some(Registration::Absent),
    }
}

/// The table: rows are operations, columns are states, in the order of
/// DEN0054 6.1.2.
pub(super) const fn transition(operation: Operation, state: State) -> Transition {
    use Error::{Denied, Pending};
    use Operation::{Disable as OpDisable, Enable as OpEnable, Register, Reset, Unregister};
    use Registration::{Absent, Disabled, Enabled};
    use State::{
        Enabled as E, EnabledRunning as ER, Registered as G, RegisteredRunning as GR,
        UnregisterPending as UP, Unregistered as U,
    };

    match (operation, state) {
        (Register, U) => to(Disabled),
        (Register, G | E | GR | ER | UP) => no(Denied),

        (Unregister, U) => no(Denied),
        (Unregister, G | E) => to(Absent),
        (Unregister, GR | ER | UP) => drop_and(Pending),

        (OpEnable, G | E | GR | ER) => to(Enabled),
        (OpEnable, U | UP) => no(Denied),

        (OpDisable, G | E | GR | ER) => to(Disabled),
        (OpDisable, U | UP) => no(Denied),

        (Reset, U | G | E) => to(Absent),
        (Reset, GR | ER | UP) => drop_and(Denied),
    }
}
