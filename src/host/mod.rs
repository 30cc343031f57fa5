// SPDX-License-Identifier: GPL-2.0

//! The dispatcher as an SMCCC service of KVM. All unsafe code is here.
//!
//! # Contract
//!
//! `include/kvm/arm_smccc_service.h` of the patched kernel promises this, and
//! the SAFETY comments below refer to it by number:
//!
//! 1. `data` is what `vcpu_create` returned for a vCPU, and stays valid until
//!    `vcpu_destroy` gets it. No other operation runs for the vCPU then.
//! 2. KVM holds the vCPU's mutex during `vcpu_reset`, `vcpu_power_down`,
//!    `call`, `enter` and the operations on pseudo-registers. So these have the
//!    vCPU to themselves, apart from `runnable` and the operations on
//!    attributes, which may run at the same time.
//! 3. The registers that `vcpu_gp_regs()` returns belong to the vCPU for as long
//!    as it lives. KVM does not change them during an operation that has the
//!    vCPU to itself. An interrupt may read PC and PSTATE, for perf. On a kernel
//!    that preempts the operation while a debugger steps the vCPU, KVM takes
//!    PSTATE.SS out and puts it back before the operation goes on. During `call`
//!    and `enter` the registers are what the guest goes on with.
//! 4. The vCPUs of a VM, once they can be found, live as long as the VM, and the
//!    VM lives as long as an operation for one of its vCPUs runs.
//! 5. The module stays loaded while a VM exists that opted in.
//! 6. `vm_data` is what `vm_create` returned for a VM, and stays valid until
//!    `vm_destroy` gets it. KVM destroys the vCPUs of the VM before that. An
//!    operation on an attribute of the VM runs only while the VM exists.
//!
//! The functions that `control.rs` exports are called by `control.c`, not by KVM.
//! `control.c` has a reference to the VM, so the VM and its vCPUs live while one
//! of these functions runs, as in 4.
//!
//! # Where to find what
//!
//! A file uses only files that stand above it here.
//!
//! | file | |
//! |---|---|
//! | `bindings.h` | what `bindgen` makes available of the kernel and of our C files |
//! | `shim.c` | inline functions, macros and printf-like functions of the kernel, which Rust can't use |
//! | `trace.c`, `trace.rs`, `tracepoints.h` | tracepoints |
//! | `counters.rs` | statistics of a vCPU |
//! | `vm.rs` | a VM: what the module keeps for it |
//! | `vcpu.rs` | a vCPU: what the module keeps for it, and how the dispatcher sees it |
//! | `peers.rs` | the vCPUs of a VM, and how the dispatcher sees the VM |
//! | `attributes.rs` | operations on device attributes of vCPU and VM: the VMM's side |
//! | `control.rs` | what an administrator sees of a VM, and does to it |
//! | `control.c` | the administrator's file, and the list of the VMs that are in it |
//! | `registers.rs` | operations on pseudo-registers |
//! | `operations.rs` | the other operations of the service, the guest's calls among them |
//! | `service.rs` | the table of all operations, and its registration |

/// The hook's interface, as the kernel that is built for declares it, and our C
/// functions.
#[allow(
    dead_code,
    missing_docs,
    non_camel_case_types,
    non_upper_case_globals,
    unreachable_pub,
    clippy::all,
    reason = "generated"
)]
mod bindings {
    include!(env!("SDEI_BINDINGS"));
}

mod attributes;
mod control;
mod counters;
mod operations;
mod peers;
mod registers;
mod service;
mod trace;
mod vcpu;
mod vm;

pub(crate) use service::Registration;
