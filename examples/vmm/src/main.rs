// SPDX-License-Identifier: GPL-2.0

//! # An example VMM
//!
//! A minimal VMM that runs Linux with SDEI on KVM for arm64. It is meant for
//! authors of VMMs to read, together with `Documentation/vmm.rst`. It is built
//! on the rust-vmm crates.
//!
//!     vmm boot IMAGE INITRD ARGUMENTS    start a guest: "console=ttyAMA0 ..."
//!     vmm restore FILE                   continue a guest that was saved
//!
//! The guest has two CPUs, 128 MiB of memory, a console to which it can write,
//! and the programs in its initramfs. The VMM reads commands from standard
//! input:
//!
//!     nmi CPU                  raise an event on this CPU, whatever it does
//!     save FILE                save the VM, and let it go on
//!     quit                     end the VM
//!
//! Where to look for SDEI:
//!
//! | | |
//! |---|---|
//! | `sdei.rs` | all code for SDEI: opt in, tell the guest, raise an event |
//! | `snapshot.rs` | saving and restoring: SDEI needs no code of its own |
//! | `vm.rs` | the order of steps: the capability comes before the vCPUs |
//! | `vcpu.rs` | threads, and how to pause all of them |
//! | `gic.rs`, `fdt.rs` | parts that every VMM has, in a short form |
//!
//! There is unsafe code where the crates offer nothing safe: for memory that a
//! guest shares, for a second handle of a vCPU, and for reading an attribute of
//! a device.

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
    // There are no more commands. The process ends with the guest.
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
                // A VMM that has another kind of NMI would use it here.
                Ok("the guest has not registered the event")
            }
        }
        ["save", file] => threads
            .paused(|| snapshot::save(vm, file))
            .map(|()| "saved"),
        _ => Err("no such command".into()),
    }
}
