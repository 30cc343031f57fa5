// SPDX-License-Identifier: GPL-2.0

//! # An example VMM
//!
//! The least that runs Linux on KVM for arm64, with SDEI: to be read by authors
//! of VMMs, beside `Documentation/vmm.rst`. It is built on the rust-vmm crates.
//!
//!     vmm boot IMAGE INITRD ARGUMENTS    start a guest: "console=ttyAMA0 ..."
//!     vmm restore FILE                   let a saved one go on
//!
//! The guest has two CPUs, 128 MiB, a console to write to, and what it brings
//! in its initramfs. Commands on standard input:
//!
//!     nmi CPU                  raise an event there, whatever the CPU does
//!     save FILE                save the VM, which goes on after that
//!     quit                     end it
//!
//! What there is to see of SDEI:
//!
//! | | |
//! |---|---|
//! | `sdei.rs` | opting in, the device tree's node, raising an event: all of it |
//! | `snapshot.rs` | saving and restoring: nothing is special to SDEI |
//! | `vm.rs` | the order of things: the capability comes before the vCPUs |
//! | `vcpu.rs` | threads, and how all of them are paused |
//! | `gic.rs`, `fdt.rs` | what any VMM has, in short |
//!
//! Unsafe code is where the crates have nothing safe: memory that a guest shares,
//! a second handle for a vCPU, and reading an attribute of a device.

#![deny(clippy::undocumented_unsafe_blocks)]

mod fdt;
mod gic;
mod sdei;
mod snapshot;
mod vcpu;
mod vm;

use std::io::stdin;
use std::process::ExitCode;
use vcpu::Threads;
use vm::Vm;

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match run(&args.iter().map(String::as_str).collect::<Vec<_>>()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("vmm: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(args: &[&str]) -> Result<()> {
    let (vm, runners) = Vm::new()?;
    match args {
        ["boot", kernel, initrd, bootargs] => vm.load(kernel, initrd, bootargs)?,
        ["restore", file] => snapshot::restore(&vm, file)?,
        _ => return Err("usage: vmm boot IMAGE INITRD ARGUMENTS | restore FILE".into()),
    }
    let threads = Threads::start(runners)?;
    for line in stdin().lines() {
        let line = line?;
        let words: Vec<&str> = line.split_whitespace().collect();
        if words == ["quit"] {
            return Ok(());
        }
        match command(&vm, &threads, &words) {
            Ok(answer) => eprintln!("vmm: {line}: {answer}"),
            Err(error) => eprintln!("vmm: {line}: {error}"),
        }
    }
    // No more commands; the guest ends the process.
    threads.join();
    Ok(())
}

fn command(vm: &Vm, threads: &Threads, words: &[&str]) -> Result<&'static str> {
    match words {
        ["nmi", cpu] => {
            let vcpu = vm.vcpus.get(cpu.parse::<usize>()?).ok_or("no such CPU")?;
            if sdei::raise(vcpu, sdei::NMI)? {
                Ok("raised")
            } else {
                // Here a VMM would use another kind of NMI, if it has one.
                Ok("the guest has not registered the event")
            }
        }
        ["save", file] => threads
            .paused(|| snapshot::save(vm, file))
            .map(|()| "saved"),
        _ => Err("no such command".into()),
    }
}
