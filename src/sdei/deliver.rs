// SPDX-License-Identifier: GPL-2.0

//! Entering and leaving handlers (DEN0054 4.3, 5.2).

use super::abi::Error;
use super::cpu::Cpu;
use super::event::Priority;
use super::outside::Vcpu;
use super::pe::Handler;
use super::port::{Agenda, Item};
use super::pstate::EntryControls;
use super::shared::AnyEvent;

impl<V: Vcpu> Cpu<'_, V> {
    /// The CPU is about to run the guest: delivers a pending event if one may be
    /// delivered.
    ///
    /// A CPU that suspended the system and comes here was not reset. Either
    /// user space has set its registers to where the guest wants to resume, or
    /// it has refused to suspend; these look the same from here. The CPU is
    /// masked in both cases.
    #[inline]
    pub fn run(&mut self) {
        if self.pe.is_suspended() || self.pe.is_cold() {
            self.apart(|cpu| cpu.wake());
        }
        self.deliver();
    }

    /// Diverts the CPU to the handler of a pending event, if there is one that
    /// may be delivered.
    ///
    /// At most one handler is entered: the critical ones come first, and once
    /// one of them runs, nothing else may be delivered.
    #[inline]
    pub(super) fn deliver(&mut self) {
        let port = self.vcpu.port();
        let work = port.agenda().and(port.ready_agenda());
        if !work.is_empty() {
            self.apart(|cpu| cpu.divert(work));
        }
    }

    /// Enters the handler of the first of these events that is still pending.
    #[inline]
    fn divert(&mut self, work: Agenda) {
        if work.is_about_shared() {
            return self.divert_shared(work);
        }
        let controls = self.vcpu.entry_controls();
        let mut candidates = work.events();
        while let Some(event) = candidates.first() {
            // The VMM may have withdrawn it since.
            if self.vcpu.port().clear(event) {
                let handler = self.pe.handler(event);
                return self.enter_handler(AnyEvent::Private(event), handler, controls);
            }
            candidates = candidates.without(event);
        }
    }

    /// The same, if there may be shared events among them.
    #[cold]
    #[inline(never)]
    fn divert_shared(&mut self, mut work: Agenda) {
        let controls = self.vcpu.entry_controls();
        let given = work.is_given();
        if given {
            self.vcpu.port().clear_given();
        }
        while let Some(item) = work.first() {
            let found = match item {
                Item::Deliver(event) => {
                    let pending = self.vcpu.port().clear(event);
                    pending.then(|| (AnyEvent::Private(event), self.pe.handler(event)))
                }
                Item::Look(priority) => self.take_shared(priority),
            };
            if let Some((event, handler)) = found {
                self.enter_handler(event, handler, controls);
                break;
            }
            work = work.without(item);
        }
        if given {
            self.leave_shared();
        }
    }

    /// Enters the handler of `event` (DEN0054 5.2.1). x4 to x17 keep their
    /// values, and so do ELR_EL1 and SPSR_EL1, since the guest may have been
    /// interrupted when it was about to use them.
    #[inline(always)]
    fn enter_handler(&mut self, event: AnyEvent, handler: Handler, controls: EntryControls) {
        self.pe.start_handler(event).save(self.regs);
        self.publish_ready(Some(event.priority()));

        let regs = &mut *self.regs;
        let interrupted = regs.pc;
        let [x0, x1, x2, x3, ..] = &mut regs.saved;
        *x0 = u64::from(event.number());
        *x1 = handler.argument;
        *x2 = interrupted;
        *x3 = regs.pstate.bits();
        regs.pc = handler.entry;
        regs.pstate = regs.pstate.exception_entry(controls);
        self.vcpu.on_delivery(event, interrupted);
    }

    /// Ends the innermost handler, and puts back what it had interrupted.
    /// Returns the event that it was for. If the event was unregistered while
    /// its handler ran, it is completely unregistered after this.
    ///
    /// # Errors
    ///
    /// [`Error::Denied`] if no handler runs; nothing changes.
    #[inline(always)]
    pub(super) fn leave_handler(&mut self) -> Result<AnyEvent, Error> {
        let priority = self.pe.innermost().ok_or(Error::Denied)?;
        let outer = match priority {
            Priority::Normal => None,
            Priority::Critical => self.pe.running(Priority::Normal).map(|_| Priority::Normal),
        };
        self.publish_ready(outer);
        let (event, interrupted) = self.pe.end_handler(priority).ok_or(Error::Denied)?;
        interrupted.restore(self.regs);
        if let AnyEvent::Shared(event) = event {
            self.shared_handler_ended(event);
        }
        Ok(event)
    }
}
