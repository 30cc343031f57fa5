// SPDX-License-Identifier: GPL-2.0

//! The states of a handler (DEN0054 6.1), and what calls do in each of them
//! (6.1.2).

use super::call::{DENIED, INVALID_PARAMETERS, PENDING, SUCCESS};

/// Unregistered.
pub const U: u8 = 0b000;
/// Registered.
pub const G: u8 = 0b001;
/// Registered and enabled.
pub const E: u8 = 0b011;
/// Registered, and its handler is running.
pub const GR: u8 = 0b101;
/// Registered and enabled, and its handler is running.
pub const ER: u8 = 0b111;
/// To be unregistered when its handler completes.
pub const UP: u8 = 0b100;

const COLUMNS: [u8; 6] = [U, G, E, GR, ER, UP];

/// The result of a call, and the state after it.
pub type Cell = (i64, u8);
pub type Row = [Cell; 6];

const NO: i64 = DENIED;
const OK: i64 = SUCCESS;

#[rustfmt::skip]
mod rows {
    use super::*;

    //                              U           G          E          GR              ER              UP
    pub const REGISTER: Row =   [(OK, G),    (NO, G),   (NO, E),   (NO, GR),       (NO, ER),       (NO, UP)];
    pub const UNREGISTER: Row = [(NO, U),    (OK, U),   (OK, U),   (PENDING, UP),  (PENDING, UP),  (PENDING, UP)];
    pub const ENABLE: Row =     [(NO, U),    (OK, E),   (OK, E),   (OK, ER),       (OK, ER),       (NO, UP)];
    pub const DISABLE: Row =    [(NO, U),    (OK, G),   (OK, G),   (OK, GR),       (OK, GR),       (NO, UP)];
    pub const RESET: Row =      [(OK, U),    (OK, U),   (OK, U),   (NO, UP),       (NO, UP),       (NO, UP)];
    /// SDEI_EVENT_SIGNAL, by the state of event 0 on the target.
    pub const SIGNAL: Row =     [(INVAL, U), (OK, G),   (OK, E),   (OK, GR),       (OK, ER),       (INVAL, UP)];

    const INVAL: i64 = INVALID_PARAMETERS;
}
pub use rows::*;

/// The cell of a row for a state.
pub fn look_up(row: &Row, status: u8) -> Cell {
    for (column, state) in COLUMNS.into_iter().enumerate() {
        if state == status {
            return row[column];
        }
    }
    panic!("no such state: {status}");
}

/// The state after the handler completed.
pub fn completed(status: u8) -> u8 {
    match status {
        GR => G,
        ER => E,
        UP => U,
        _ => panic!("no handler runs in {status}"),
    }
}
