// SPDX-License-Identifier: GPL-2.0

//! The SDEI dispatcher: firmware calls and event delivery for one guest CPU,
//! after Arm DEN0054, the Software Delegated Exception Interface.
//!
//! # Principles
//!
//! - Safe Rust over `core`, no kernel types. Kbuild compiles these files into
//!   the module, cargo compiles the same files for the tests.
//! - Only the thread that runs a virtual CPU changes its [`Pe`]. Every other
//!   thread sees its [`Port`], where it can set a pending bit, withdraw it, and
//!   ask a little.
//! - No lock, no allocation, no loop longer than the static event table.
//! - What can't happen can't be written down: an event is an [`Event`], not a
//!   number, once it has been decoded; an interrupted state is a [`PState`]
//!   that was checked.
//! - No panic path. What the guest or the VMM sends is refused with the error
//!   that the specification or the documentation names, and changes nothing.
//!
//! # Where to find what
//!
//! | file | DEN0054 | |
//! |---|---|---|
//! | `event.rs` | 4.4 | the static table of events |
//! | `state.rs` | 6.1 | the state machine of a handler, as a table |
//! | `call.rs` | 5.1 | decoding and executing the calls |
//! | `pe.rs` | 4.2 | what is kept for a CPU |
//! | `port.rs` | | what other threads may touch of it |
//! | `deliver.rs` | 4.3, 5.2 | entering and leaving handlers |
//! | `pstate.rs`, `regs.rs` | 5.2 | guest registers |
//! | `migration.rs` | | the pseudo-registers that user space reads and writes |

#![forbid(unsafe_code)]
#![deny(missing_docs)]
#![deny(clippy::indexing_slicing, clippy::arithmetic_side_effects)]

mod call;
mod deliver;
mod event;
mod migration;
mod pe;
mod port;
mod pstate;
mod regs;
mod state;

pub use call::{Error, Function, Vcpu};
pub use event::{Event, EventSet, Priority};
pub use migration::{ContextPart, Register, RegisterError};
pub use pe::{Pe, PowerDown};
pub use port::{Peer, Port, Unregistered};
pub use pstate::{EntryControls, PState};
pub use regs::{Context, Regs, SAVED_GPRS};
pub use state::State;
