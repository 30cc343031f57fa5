// SPDX-License-Identifier: GPL-2.0

//! Makes the dispatcher use loom's atomics.

fn main() {
    println!("cargo::rustc-check-cfg=cfg(loom)");
    println!("cargo::rustc-cfg=loom");
}
