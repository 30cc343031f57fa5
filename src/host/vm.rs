// SPDX-License-Identifier: GPL-2.0

//! A VM: what the module keeps for it.

use super::bindings;
use core::ffi::c_void;
use core::ptr::{null_mut, NonNull};
use core::sync::atomic::{AtomicPtr, AtomicU64, Ordering};
use kernel::new_spinlock;
use kernel::prelude::*;
use kernel::sync::SpinLock;

use crate::sdei::{Bank, SharedPort};

/// What the module keeps for a VM: `vm_data` in the operations of the service.
///
/// # Invariants
///
/// `kvm` is the VM that this belongs to, and `service` is the service that
/// created this.
pub(super) struct VmData {
    kvm: NonNull<bindings::kvm>,
    service: *const bindings::kvm_smccc_service,
    shared: SharedPort,
    /// A spinlock: nobody who holds it sleeps. It is taken by threads only, where
    /// they may sleep. So it is the right one on PREEMPT_RT as well, where a
    /// spinlock is a lock that sleeps.
    bank: Pin<KBox<SpinLock<Bank>>>,
    injections: AtomicU64,
    /// What is kept for the vCPU that took the last shared event, or null.
    taker: AtomicPtr<c_void>,
    /// What `control.c` keeps for the VM.
    control: *mut c_void,
}

impl VmData {
    /// What to keep for a VM that opts in.
    ///
    /// # Safety
    ///
    /// `service` is the service that keeps this, and `kvm` is a VM that lives
    /// longer.
    unsafe fn new(
        service: *const bindings::kvm_smccc_service,
        kvm: *mut bindings::kvm,
    ) -> Result<VmData> {
        // INVARIANT: As the caller promises.
        Ok(VmData {
            kvm: NonNull::new(kvm).ok_or(EINVAL)?,
            service,
            shared: SharedPort::new(),
            bank: KBox::pin_init(new_spinlock!(Bank::new()), GFP_KERNEL_ACCOUNT)?,
            injections: AtomicU64::new(0),
            taker: AtomicPtr::new(null_mut()),
            control: null_mut(),
        })
    }

    /// What is kept for the VM.
    ///
    /// # Safety
    ///
    /// `data` is what `vm_create` returned, and `vm_destroy` has not got it yet
    /// (contract 6).
    pub(super) unsafe fn shared_ref<'a>(data: *mut c_void) -> &'a VmData {
        // SAFETY: As the caller promises, and it is only ever used by shared
        // reference.
        unsafe { &*data.cast::<VmData>() }
    }

    pub(super) fn kvm(&self) -> *mut bindings::kvm {
        self.kvm.as_ptr()
    }

    pub(super) fn service(&self) -> *const bindings::kvm_smccc_service {
        self.service
    }

    /// The port of the shared events.
    pub(super) fn port(&self) -> &SharedPort {
        &self.shared
    }

    /// The bank of the shared events, behind its lock.
    pub(super) fn bank(&self) -> &SpinLock<Bank> {
        &self.bank
    }

    /// What is kept for the vCPU that took the last shared event, or null.
    pub(super) fn taker(&self) -> *mut c_void {
        self.taker.load(Ordering::Acquire)
    }

    /// A vCPU took a shared event. `data` is what is kept for it.
    pub(super) fn set_taker(&self, data: *mut c_void) {
        if self.taker.load(Ordering::Relaxed) != data {
            self.taker.store(data, Ordering::Release);
        }
    }

    /// The VMM or the administrator raised a shared event.
    pub(super) fn count_injection(&self) {
        self.injections.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn injections(&self) -> u64 {
        self.injections.load(Ordering::Relaxed)
    }
}

/// # Safety
///
/// For KVM to call, under the contract in `mod.rs`.
pub(super) unsafe extern "C" fn vm_create(
    service: *const bindings::kvm_smccc_service,
    kvm: *mut bindings::kvm,
) -> *mut c_void {
    // SAFETY: KVM passes the service and the VM, which outlives its data.
    let data = unsafe { VmData::new(service, kvm) };
    let data = match data.and_then(|data| Ok(KBox::new(data, GFP_KERNEL_ACCOUNT)?)) {
        Ok(data) => KBox::into_raw(data),
        // ERR_PTR()
        Err(error) => {
            return null_mut::<c_void>().wrapping_byte_offset(error.to_errno() as isize);
        }
    };
    // SAFETY: `data` stays until `vm_destroy`, which takes it back from there.
    let control = unsafe { bindings::sdei_control_vm_create(kvm, data.cast()) };
    if control.is_null() {
        // SAFETY: It was a `KBox`, and nobody else knows it.
        drop(unsafe { KBox::from_raw(data) });
        return null_mut::<c_void>().wrapping_byte_offset(ENOMEM.to_errno() as isize);
    }
    // SAFETY: Nobody uses `data` before the VM has a vCPU.
    unsafe { (*data).control = control };
    data.cast()
}

/// # Safety
///
/// For KVM to call, under the contract in `mod.rs`.
pub(super) unsafe extern "C" fn vm_destroy(data: *mut c_void) {
    // SAFETY: By contract 6, this is what `vm_create` made of a `KBox`, and nobody
    // but `control.c` uses it any more.
    let data = unsafe { KBox::from_raw(data.cast::<VmData>()) };
    // SAFETY: This is what `control.c` keeps for the VM.
    unsafe { bindings::sdei_control_vm_destroy(data.control) };
}
