// SPDX-License-Identifier: GPL-2.0

//! The tracepoints of `tracepoints.h`.

use super::bindings;
use core::sync::atomic::{AtomicI32, Ordering};

/// Whether one of the tracepoints is on. Asked first, as it is cheaper than to
/// call a tracepoint that is off.
pub(super) fn is_on() -> bool {
    // SAFETY: This is a C `int`, which other threads write at any time.
    let users = unsafe { AtomicI32::from_ptr(&raw mut bindings::sdei_trace_users) };
    users.load(Ordering::Relaxed) != 0
}
