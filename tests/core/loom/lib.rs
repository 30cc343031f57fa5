// SPDX-License-Identifier: GPL-2.0

//! The dispatcher with loom's atomics. See `src/sdei/mod.rs`.

#[path = "../../../src/sdei/mod.rs"]
mod sdei;

pub use sdei::*;
