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
//! - Private events take no lock. Shared ones have one lock for the guest, around
//!   their [`Bank`]; nobody who holds it waits or kicks.
//! - No allocation. No loop longer than the static event table, except one over
//!   the CPUs, when a shared event that any of them may take needs one.
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
//! | `event.rs` | 4.4 | the static table of private events |
//! | `shared.rs` | 4.4 | the static table of shared events, and their routing |
//! | `state.rs` | 6.1 | the state machine of a handler, as a table |
//! | `pstate.rs`, `regs.rs` | 5.2 | guest registers |
//! | `port.rs` | | what other threads may touch of a CPU |
//! | `shared_port.rs` | | what every thread may touch of the shared events |
//! | `pe.rs` | 4.2 | what is kept for a CPU |
//! | `bank.rs` | 4.2 | what is kept for the shared events |
//! | `outside.rs` | | what the dispatcher asks of the host |
//! | `routing.rs` | 4.2 | which CPU takes a shared event |
//! | `cpu.rs` | | a CPU in the hands of its thread: the entry to all that follows |
//! | `take.rs` | 4.2 | a CPU takes shared events, and leaves them to others |
//! | `power.rs` | 6.5 | reset, power-down and suspend |
//! | `deliver.rs` | 4.3, 5.2 | entering and leaving handlers |
//! | `shared_call.rs` | 5.1 | executing the calls about shared events |
//! | `call.rs` | 5.1 | decoding and executing the calls |
//! | `register.rs` | | the numbers of the pseudo-registers |
//! | `registers.rs` | | the pseudo-registers that user space reads and writes |

#![forbid(unsafe_code)]
#![deny(missing_docs)]
#![deny(clippy::indexing_slicing, clippy::arithmetic_side_effects)]

mod abi;
mod bank;
mod call;
mod cpu;
mod deliver;
mod event;
mod outside;
mod pe;
mod port;
mod power;
mod pstate;
mod register;
mod registers;
mod regs;
mod routing;
mod shared;
mod shared_call;
mod shared_port;
mod state;
mod take;

pub use abi::{Error, Function};
pub use bank::Bank;
pub use cpu::Cpu;
pub use event::{Event, EventSet, Priority};
pub use outside::{Peer, Vcpu, Vm};
pub use pe::Pe;
pub use port::{Port, Unregistered};
pub use power::PowerDown;
pub use pstate::{EntryControls, PState};
pub use register::{ContextPart, Register, SharedPart};
pub use registers::RegisterError;
pub use regs::{Context, Regs, SAVED_GPRS};
pub use routing::raise;
pub use shared::{Affinity, AnyEvent, Routing, SharedEvent, SharedSet};
pub use shared_port::SharedPort;
pub use state::State;
