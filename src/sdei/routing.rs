// SPDX-License-Identifier: GPL-2.0

//! Which CPU takes a shared event (DEN0054 4.2, 6.2).

use super::event::Priority;
use super::outside::{Peer, Vm};
use super::port::Unregistered;
use super::shared::{Routing, SharedEvent, SharedSet};
use super::shared_port::SharedPort;

/// Makes a shared event pending, and has a CPU take it. Any thread may call this.
/// It takes no lock.
///
/// # Errors
///
/// [`Unregistered`] if the event has no handler; nothing changes.
pub fn raise<V: Vm>(vm: &V, event: SharedEvent) -> Result<(), Unregistered> {
    vm.shared().set_pending(event)?;
    route(vm, event);
    Ok(())
}

/// Has a CPU look for `event`, as [`SharedPort`] says. To be called after what
/// may have made the event deliverable was published, and without the lock of the
/// bank.
pub(super) fn route<V: Vm>(vm: &V, event: SharedEvent) {
    SharedPort::barrier();
    let priority = event.priority();
    match vm.shared().routing(event) {
        Routing::Pe(affinity) => {
            if let Some(cpu) = vm.cpu_at(affinity) {
                remind(&cpu, priority);
            }
        }
        Routing::Any => {
            if !vm.any_cpu(|cpu| is_given_to(cpu, priority)) {
                vm.any_cpu(|cpu| {
                    remind(cpu, priority);
                    false
                });
            }
        }
    }
}

/// The same for each event of a set.
pub(super) fn route_all<V: Vm>(vm: &V, events: SharedSet) {
    for event in events.iter() {
        route(vm, event);
    }
}

/// Has a CPU look, now or when it can take an event.
fn remind(cpu: &impl Peer, priority: Priority) {
    // Who finds the bit set relies on the one who set it to kick. That can't
    // come too late: the CPU looks by itself when it becomes ready.
    if cpu.port().set_look(priority) {
        cpu.kick();
    }
}

/// Has a CPU look if it can take an event now. Returns whether it can.
///
/// The CPU may become unable before it looks. Then it finds that it was given an
/// event, and leaves that to others; this wakes it from WFI as well. Only a CPU
/// that is off does nothing. If it was turned off before, the second question
/// finds it unable.
fn is_given_to(cpu: &impl Peer, priority: Priority) -> bool {
    let can_take = || cpu.port().can_take(priority) && !cpu.is_off();
    if !can_take() {
        return false;
    }
    cpu.port().give(priority);
    cpu.kick();
    SharedPort::barrier();
    can_take()
}
