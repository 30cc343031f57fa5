// SPDX-License-Identifier: GPL-2.0

//! What a CPU does with shared events: it takes them, ends their handlers, and
//! leaves them to other CPUs (DEN0054 4.2, 6.2).

use super::bank::Bank;
use super::cpu::Cpu;
use super::event::Priority;
use super::outside::{Vcpu, Vm};
use super::pe::Handler;
use super::routing::{route, route_all};
use super::shared::{AnyEvent, SharedEvent};
use super::shared_port::SharedPort;

impl<V: Vcpu> Cpu<'_, V> {
    /// Has something done with the bank, while no other thread uses it.
    pub(super) fn with_bank<R>(&self, what: impl FnOnce(&mut Bank, &SharedPort) -> R) -> R {
        let vm = self.vcpu.vm();
        vm.with_bank(|bank| what(bank, vm.shared()))
    }

    /// Looks for a shared event of this priority, which the CPU can take now.
    /// Returns the first one, whose handler the caller has to enter.
    #[cold]
    #[inline(never)]
    pub(super) fn take_shared(&mut self, priority: Priority) -> Option<(AnyEvent, Handler)> {
        let vcpu = self.vcpu;
        // What becomes pending after this sets the bit again.
        vcpu.port().clear_look(priority);
        SharedPort::barrier();
        let taken = self.with_bank(|bank, port| {
            bank.claim(port, priority, vcpu.id(), |affinity| {
                vcpu.has_affinity(affinity.bits())
            })
        });
        let (event, handler) = taken?;
        // What is left can't be taken here until the handler ends.
        if !vcpu.vm().shared().waiting_of(priority).is_empty() {
            vcpu.port().set_look(priority);
        }
        Some((AnyEvent::Shared(event), handler))
    }

    /// Sees to it that other CPUs look for the shared events that wait and that
    /// this CPU can't take, as it may have been given one of them. A thread that
    /// gives it one from now on finds that it can't take it, or sets its bits and
    /// kicks it again.
    #[cold]
    #[inline(never)]
    pub(super) fn leave_shared(&mut self) {
        SharedPort::barrier();
        let vm = self.vcpu.vm();
        for priority in [Priority::Critical, Priority::Normal] {
            if !self.vcpu.port().can_take(priority) {
                route_all(vm, vm.shared().waiting_of(priority));
            }
        }
    }

    /// The handler of a shared event does not run here any more.
    #[cold]
    #[inline(never)]
    pub(super) fn shared_handler_ended(&mut self, event: SharedEvent) {
        self.with_bank(|bank, port| bank.end(port, event, self.vcpu.id()));
        self.reroute(event);
    }

    /// Ends the handlers that run, without going back to what they interrupted.
    pub(super) fn end_handlers(&mut self) {
        for priority in [Priority::Critical, Priority::Normal] {
            let ended = self.pe.end_handler(priority);
            if let Some((AnyEvent::Shared(event), _)) = ended {
                self.shared_handler_ended(event);
            }
        }
    }

    /// Has a CPU take a shared event if it waits for one: something changed that
    /// decides about this.
    pub(super) fn reroute(&self, event: SharedEvent) {
        let vm = self.vcpu.vm();
        SharedPort::barrier();
        if vm.shared().waiting().contains(event) {
            route(vm, event);
        }
    }
}
