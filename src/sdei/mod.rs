// SPDX-License-Identifier: GPL-2.0

//! The SDEI dispatcher: firmware calls and event delivery for one guest CPU,
//! after Arm DEN0054, the Software Delegated Exception Interface.
//!
//! # Principles
//!
//! - Safe Rust over `core`, no kernel types. Kbuild compiles these files into
//!   the module, cargo compiles the same files for the tests.
//! - Only the thread that runs a virtual CPU changes its [`Pe`], by way of a
//!   [`Cpu`]. Every other thread sees its [`Port`], where it can set a pending
//!   bit, withdraw it, and ask about the CPU's state.
//! - No lock, no allocation, no loop longer than the static event table.
//! - The types have no values that can't happen: a number that was decoded is
//!   an [`Event`], and an interrupted state is a [`PState`] that was checked.
//! - No panic path. What the guest or the VMM sends is refused with the error
//!   that the specification or the documentation names, and changes nothing.
//!
//! # Where to find what
//!
//! A file uses only files that stand above it here.
//!
//! | file | DEN0054 | |
//! |---|---|---|
//! | `abi.rs` | 5 | the numbers of calls, errors and flags |
//! | `event.rs` | 4.4 | the static table of events |
//! | `state.rs` | 6.1 | the state machine of a handler, as a table |
//! | `pstate.rs`, `regs.rs` | 5.2 | guest registers |
//! | `port.rs` | | what other threads may touch of a CPU |
//! | `outside.rs` | | what the dispatcher asks of the host |
//! | `pe.rs` | 4.2 | what is kept for a CPU |
//! | `cpu.rs` | | a CPU in the hands of its thread: the entry to all that follows |
//! | `power.rs` | 6.5 | reset, power-down and suspend |
//! | `deliver.rs` | 4.3, 5.2 | entering and leaving handlers |
//! | `call.rs` | 5.1 | decoding and executing the calls |
//! | `registers.rs` | | the pseudo-registers that user space reads and writes |

#![forbid(unsafe_code)]
#![deny(missing_docs)]
#![deny(clippy::indexing_slicing, clippy::arithmetic_side_effects)]

mod abi;
mod call;
mod cpu;
mod deliver;
mod event;
mod outside;
mod pe;
mod port;
mod power;
mod pstate;
mod registers;
mod regs;
mod state;

pub use abi::{Error, Function};
pub use cpu::Cpu;
pub use event::{Event, EventSet, Priority};
pub use outside::{Peer, Vcpu};
pub use pe::Pe;
pub use port::{Port, Unregistered};
pub use power::PowerDown;
pub use pstate::{EntryControls, PState};
pub use registers::{ContextPart, Register, RegisterError};
pub use regs::{Context, Regs, SAVED_GPRS};
pub use state::State;
