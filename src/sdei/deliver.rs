// SPDX-License-Identifier: GPL-2.0

//! Entering and leaving handlers (DEN0054 5.2).

use super::call::{Error, Vcpu};
use super::event::Event;
use super::pe::Pe;
use super::port::Port;
use super::regs::{Context, Regs};

impl Pe {
    /// Diverts the CPU to the handler of a pending event, if there is one that
    /// may be delivered. For the moment before the CPU runs the guest again,
    /// with everything in `regs` as the guest would go on.
    ///
    /// At most one handler is entered: the critical ones come first, and block
    /// all others.
    pub fn deliver<V: Vcpu>(&mut self, port: &Port, regs: &mut Regs, vcpu: &V) {
        self.runs();
        let mut candidates = port.deliverable();
        while let Some(event) = candidates.first() {
            // The VMM may have withdrawn it since.
            if port.clear(event) {
                self.enter(event, regs, vcpu);
                self.publish(port);
                return;
            }
            candidates = candidates.without(event);
        }
    }

    fn enter<V: Vcpu>(&mut self, event: Event, regs: &mut Regs, vcpu: &V) {
        let handler = self.handlers.get(event);
        let frame = self.frames.get_mut(event.priority());
        frame.event = Some(event);
        frame.context.save(regs);

        // x4 to x17 stay; so do ELR_EL1 and SPSR_EL1, since the guest may have
        // been interrupted while it was about to use them.
        let [x0, x1, x2, x3, ..] = &mut regs.saved;
        *x0 = u64::from(event.number());
        *x1 = handler.argument;
        *x2 = regs.pc;
        *x3 = regs.pstate.bits();
        vcpu.delivered(event, regs.pc);
        regs.pc = handler.entry;
        regs.pstate = regs.pstate.exception_entry(vcpu.entry_controls());
    }

    /// SDEI_EVENT_COMPLETE (DEN0054 5.1.6): back to what was interrupted.
    pub(super) fn complete<V: Vcpu>(
        &mut self,
        port: &Port,
        regs: &mut Regs,
        vcpu: &V,
    ) -> Result<(), Error> {
        let (event, interrupted) = self.leave(port)?;
        regs.saved = interrupted.gprs;
        regs.pc = interrupted.pc;
        regs.pstate = interrupted.pstate;
        vcpu.completed(event, regs.pc);
        Ok(())
    }

    /// SDEI_EVENT_COMPLETE_AND_RESUME (DEN0054 5.1.7): as if what was
    /// interrupted had taken an exception to `resume_at`.
    pub(super) fn complete_and_resume<V: Vcpu>(
        &mut self,
        port: &Port,
        regs: &mut Regs,
        vcpu: &V,
        resume_at: u64,
    ) -> Result<(), Error> {
        let (event, interrupted) = self.leave(port)?;
        vcpu.set_exception_return(interrupted.pc, interrupted.pstate);
        regs.saved = interrupted.gprs;
        regs.pc = resume_at;
        regs.pstate = interrupted.pstate.exception_entry(vcpu.entry_controls());
        vcpu.completed(event, regs.pc);
        Ok(())
    }

    /// Ends the innermost handler. An event that was to be unregistered when its
    /// handler completes is so by that.
    fn leave(&mut self, port: &Port) -> Result<(Event, &Context), Error> {
        let priority = self.innermost().ok_or(Error::Denied)?;
        let frame = self.frames.get_mut(priority);
        let event = frame.event.take().ok_or(Error::Denied)?;
        self.publish(port);
        Ok((event, &self.frames.get(priority).context))
    }
}
