// SPDX-License-Identifier: GPL-2.0

//! The dispatcher and a model of it make the same steps. After each step,
//! everything that can be seen of both is compared. Two programs decide which
//! steps: the exploration tries all of them, the property tests and the fuzzer
//! invent sequences that nobody thought of.

#![allow(dead_code, reason = "each of them uses a part of it")]

mod action;
#[path = "../model/mod.rs"]
pub mod model;
mod real;
mod step;

pub use action::{Action, Call, Order, What};
pub use real::World;
#[allow(unused_imports, reason = "only the exploration takes a guest apart")]
pub use real::{Common, Local};
pub use step::{possible, step};
