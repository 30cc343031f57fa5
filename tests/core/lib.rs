// SPDX-License-Identifier: GPL-2.0

//! The dispatcher, compiled for the build machine instead of the kernel. See
//! `src/sdei/mod.rs`.

#![no_std]

#[path = "../../src/sdei/mod.rs"]
mod sdei;

pub use sdei::*;
