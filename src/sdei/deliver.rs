// SPDX-License-Identifier: GPL-2.0

//! Entering and leaving handlers (DEN0054 5.2).

use super::call::{answer, Error, Vcpu};
use super::event::{Event, EventSet, Priority};
use super::pe::Pe;
use super::port::Port;
use super::pstate::EntryControls;
use super::regs::{Context, Regs};

impl Pe {
    /// The CPU is about to run the guest, with everything in `regs` as the guest
    /// would go on: delivers what there is to deliver.
    ///
    /// If it suspended the system, it wakes without a reset: user space has put
    /// its registers to where the guest wants to resume, or has refused to
    /// suspend, which looks the same from here.
    #[inline]
    pub fn run<V: Vcpu>(&mut self, port: &Port, regs: &mut Regs, vcpu: &V) {
        if self.is_suspended() {
            self.wake(port);
        }
        self.deliver(port, regs, vcpu);
    }

    /// Diverts the CPU to the handler of a pending event, if there is one that
    /// may be delivered.
    ///
    /// At most one handler is entered: the critical ones come first, and block
    /// all others.
    #[inline]
    pub(super) fn deliver<V: Vcpu>(&mut self, port: &Port, regs: &mut Regs, vcpu: &V) {
        let candidates = port.deliverable();
        if !candidates.is_empty() {
            self.divert(port, regs, vcpu, candidates);
        }
    }

    /// Enters the handler of the first of these that is still pending.
    #[inline(never)]
    fn divert<V: Vcpu>(
        &mut self,
        port: &Port,
        regs: &mut Regs,
        vcpu: &V,
        mut candidates: EventSet,
    ) {
        let controls = vcpu.entry_controls();
        while let Some(event) = candidates.first() {
            // The VMM may have withdrawn it since.
            if port.clear(event) {
                return self.enter(event, port, regs, vcpu, controls);
            }
            candidates = candidates.without(event);
        }
    }

    fn enter<V: Vcpu>(
        &mut self,
        event: Event,
        port: &Port,
        regs: &mut Regs,
        vcpu: &V,
        controls: EntryControls,
    ) {
        let priority = event.priority();
        let handler = self.handlers.get(event);
        let frame = self.frames.get_mut(priority);
        frame.event = Some(event);
        frame.context.save(regs);
        self.publish_ready(port, Some(priority));

        // x4 to x17 stay; so do ELR_EL1 and SPSR_EL1, since the guest may have
        // been interrupted while it was about to use them.
        let interrupted = regs.pc;
        let [x0, x1, x2, x3, ..] = &mut regs.saved;
        *x0 = u64::from(event.number());
        *x1 = handler.argument;
        *x2 = interrupted;
        *x3 = regs.pstate.bits();
        regs.pc = handler.entry;
        regs.pstate = regs.pstate.exception_entry(controls);
        vcpu.delivered(event, interrupted);
    }

    /// SDEI_EVENT_COMPLETE (DEN0054 5.1.6): back to what was interrupted.
    #[inline(never)]
    pub(super) fn event_complete<V: Vcpu>(
        &mut self,
        port: &Port,
        regs: &mut Regs,
        vcpu: &V,
        id: u32,
    ) {
        match self.leave(port) {
            Ok((event, interrupted)) => {
                interrupted.restore(regs);
                vcpu.completed(event, regs.pc);
            }
            Err(error) => answer(regs, vcpu, id, Err(error)),
        }
        self.deliver(port, regs, vcpu);
    }

    /// SDEI_EVENT_COMPLETE_AND_RESUME (DEN0054 5.1.7): as if what was
    /// interrupted had taken an exception to the address in x1.
    #[inline(never)]
    pub(super) fn event_complete_and_resume<V: Vcpu>(
        &mut self,
        port: &Port,
        regs: &mut Regs,
        vcpu: &V,
        id: u32,
    ) {
        let [_, resume_at, ..] = regs.saved;
        match self.leave(port) {
            Ok((event, interrupted)) => {
                interrupted.restore(regs);
                vcpu.set_exception_return(regs.pc, regs.pstate);
                regs.pc = resume_at;
                regs.pstate = regs.pstate.exception_entry(vcpu.entry_controls());
                vcpu.completed(event, regs.pc);
            }
            Err(error) => answer(regs, vcpu, id, Err(error)),
        }
        self.deliver(port, regs, vcpu);
    }

    /// Ends the innermost handler. An event that was to be unregistered when its
    /// handler completes is so by that.
    fn leave(&mut self, port: &Port) -> Result<(Event, &Context), Error> {
        let priority = self.innermost().ok_or(Error::Denied)?;
        let outer = match priority {
            Priority::Normal => None,
            Priority::Critical => self.frames.normal.event.map(|_| Priority::Normal),
        };
        self.publish_ready(port, outer);
        let frame = self.frames.get_mut(priority);
        let event = frame.event.take().ok_or(Error::Denied)?;
        Ok((event, &frame.context))
    }
}
