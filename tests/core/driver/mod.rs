// SPDX-License-Identifier: GPL-2.0

//! The dispatcher and the model of it, side by side: what can happen to a guest
//! happens to both, and everything that can be seen of them is compared after
//! each step. Those who decide what happens include this: the exploration tries
//! everything, the property tests and the fuzzer try what nobody thought of.

#![allow(dead_code, reason = "each of them uses a part of it")]

mod action;
#[path = "../model/mod.rs"]
pub mod model;
mod real;
mod step;

pub use action::{Action, Call, Order, What};
pub use real::{Local, World};
pub use step::{possible, step};
