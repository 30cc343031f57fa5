// SPDX-License-Identifier: GPL-2.0

//! The dispatcher as an SMCCC service of KVM, and all unsafe code there is.
//!
//! # Contract
//!
//! `include/kvm/arm_smccc_service.h` of the patched kernel promises, and the
//! SAFETY comments below refer to:
//!
//! 1. `data` is what [`vcpu_create`] returned for that vCPU, and stays so until
//!    [`vcpu_destroy`] gets it. No other operation runs for the vCPU by then.
//! 2. Operations that get a vCPU's registers, its reset and power-down, and its
//!    pseudo-registers have the vCPU to themselves: KVM holds its mutex. Only
//!    `runnable` and the attributes run alongside.
//! 3. `regs` points to the vCPU's `struct user_pt_regs`, and nobody else uses
//!    that during the operation.
//! 4. The vCPUs of a VM, once they can be found, live as long as the VM, and the
//!    VM lives as long as an operation for one of its vCPUs runs.
//! 5. The module stays loaded while a VM exists that opted in.
//!
//! Operations on debugfs files are not KVM's to call. `control.c` says why a VM
//! and its vCPUs are there while one runs, as in 4.

#[allow(
    dead_code,
    missing_docs,
    non_camel_case_types,
    non_upper_case_globals,
    unreachable_pub,
    clippy::all,
    reason = "generated"
)]
#[path = "bindings_generated.rs"]
mod bindings;
mod control;
mod counters;
mod service;
mod vcpu;

pub(crate) use service::Registration;
