// SPDX-License-Identifier: GPL-2.0

//! The calls (DEN0054 5.1), as far as they are about private events or about
//! none; `shared_call.rs` has the rest.

use super::abi::{feature, info, Error, Function, REGISTER_ROUTING_MODE, SUCCESS, VERSION};
use super::cpu::Cpu;
use super::event::Event;
use super::outside::{Peer, Vcpu};
use super::pe::Handler;
use super::regs::SAVED_GPRS;
use super::shared_call::{priority_info, CallResult};
use super::state::Operation;

/// x1 to x4 of a call.
type Arguments = [u64; 4];

/// The private event that an argument register names.
fn event(argument: u64) -> Option<Event> {
    Event::from_number(argument as u32)
}

impl<V: Vcpu> Cpu<'_, V> {
    /// The guest made the call `id`, which it has in w0, with its arguments in
    /// x1 and up: executes it, and then delivers what that made deliverable. The PC is the
    /// instruction after the call. An `id` that is no function of SDEI answers
    /// NOT_SUPPORTED.
    #[inline]
    pub fn call(&mut self, id: u32) {
        let [_, x1, x2, ..] = self.regs.saved;
        let Some(function) = Function::from_id(id) else {
            return self.answer(Err(Error::NotSupported));
        };
        match function {
            // These change nothing, so there is nothing to deliver after them.
            Function::Version => self.answer(Ok(VERSION)),
            Function::EventContext => self.answer(self.event_context(x1)),
            Function::EventStatus => match event(x1) {
                Some(event) => self.answer(Ok(self.pe.state(event).status() as i64)),
                None => self.apart(|cpu| cpu.answer(cpu.shared_status(x1))),
            },
            Function::EventGetInfo => match event(x1) {
                Some(event) => self.answer(event_get_info(event, x2)),
                None => self.apart(|cpu| cpu.answer(cpu.shared_get_info(x1, x2))),
            },
            Function::Features => self.answer(features(x1)),
            // No event is bound to an interrupt.
            Function::InterruptRelease => self.answer(Err(Error::InvalidParameters)),
            Function::InterruptBind => self.answer(interrupt_bind(x1)),

            Function::EventRegister => self.act(|cpu, arguments| cpu.event_register(arguments)),
            Function::EventEnable => {
                self.act(|cpu, [number, ..]| cpu.change(Operation::Enable, number))
            }
            Function::EventDisable => {
                self.act(|cpu, [number, ..]| cpu.change(Operation::Disable, number))
            }
            Function::EventUnregister => {
                self.act(|cpu, [number, ..]| cpu.change(Operation::Unregister, number))
            }
            Function::EventSignal => self.act(|cpu, arguments| cpu.event_signal(arguments)),
            Function::PeMask => self.act(|cpu, _| {
                let was_masked = cpu.set_masked(true);
                Ok(i64::from(!was_masked))
            }),
            Function::PeUnmask => self.act(|cpu, _| {
                cpu.set_masked(false);
                Ok(SUCCESS)
            }),
            Function::PrivateReset => self.act(|cpu, arguments| cpu.private_reset(arguments)),
            Function::EventRoutingSet => {
                self.act(|cpu, [number, mode, affinity, _]| {
                    cpu.shared_routing_set(number, mode, affinity)
                });
            }
            Function::SharedReset => self.act(|cpu, _| cpu.shared_reset()),

            Function::EventComplete => self.apart(|cpu| cpu.event_complete()),
            Function::EventCompleteAndResume => self.apart(|cpu| cpu.event_complete_and_resume()),
        }
    }

    /// Executes a call that returns, and then delivers what that made
    /// deliverable.
    #[inline]
    fn act(&mut self, call: impl FnOnce(&mut Cpu<'_, V>, Arguments) -> CallResult) {
        self.apart(|cpu| {
            let [_, x1, x2, x3, x4, ..] = cpu.regs.saved;
            let result = call(cpu, [x1, x2, x3, x4]);
            // A delivery interrupts the guest after the call, with the result
            // in x0.
            cpu.answer(result);
            cpu.deliver();
        });
    }

    /// Puts the result of a call into x0.
    #[inline]
    fn answer(&mut self, result: CallResult) {
        let [id, ..] = self.regs.saved;
        self.regs
            .set_result(result.unwrap_or_else(|error| error as i64));
        self.vcpu.on_call(id as u32, self.regs);
    }

    /// SDEI_EVENT_REGISTER (DEN0054 5.1.2). Routing (flag bit 0 and the
    /// affinity) has no meaning for a private event, and is not checked.
    fn event_register(&mut self, [number, entry, argument, flags]: Arguments) -> CallResult {
        if entry == 0 || !Handler::is_aligned(entry) || flags & !REGISTER_ROUTING_MODE != 0 {
            return Err(Error::InvalidParameters);
        }
        let handler = Handler { entry, argument };
        let Some(event) = event(number) else {
            return self.shared_register(number, handler, flags);
        };
        self.operate(Operation::Register, event)?;
        *self.pe.handler_mut(event) = handler;
        Ok(SUCCESS)
    }

    /// SDEI_EVENT_ENABLE, DISABLE and UNREGISTER (DEN0054 5.1.3, 5.1.4, 5.1.8).
    fn change(&mut self, operation: Operation, number: u64) -> CallResult {
        match event(number) {
            Some(event) => self.operate(operation, event)?,
            None => self.shared_change(operation, number)?,
        }
        Ok(SUCCESS)
    }

    /// SDEI_EVENT_CONTEXT (DEN0054 5.1.5): a register as it was when the
    /// innermost handler was entered. An index that is out of range is invalid
    /// whether or not a handler runs.
    fn event_context(&self, index: u64) -> CallResult {
        let index = index as u32 as usize;
        if index >= SAVED_GPRS {
            return Err(Error::InvalidParameters);
        }
        let priority = self.pe.innermost().ok_or(Error::Denied)?;
        let index = V::array_index_nospec(index, SAVED_GPRS);
        let value = self.pe.context(priority).gpr(index);
        Ok(value.ok_or(Error::InvalidParameters)? as i64)
    }

    /// SDEI_EVENT_COMPLETE (DEN0054 5.1.6): the guest goes on with what the
    /// handler interrupted.
    #[inline]
    fn event_complete(&mut self) {
        match self.leave_handler() {
            Ok(event) => self.vcpu.on_completion(event, self.regs.pc),
            Err(error) => self.answer(Err(error)),
        }
        self.deliver();
    }

    /// SDEI_EVENT_COMPLETE_AND_RESUME (DEN0054 5.1.7): the guest goes on at the
    /// address in x1, as if what the handler interrupted had taken an exception
    /// to there.
    #[inline]
    fn event_complete_and_resume(&mut self) {
        let [_, resume_at, ..] = self.regs.saved;
        match self.leave_handler() {
            Ok(event) => {
                let (vcpu, regs) = (self.vcpu, &mut *self.regs);
                vcpu.set_exception_return(regs.pc, regs.pstate);
                regs.pc = resume_at;
                regs.pstate = regs.pstate.exception_entry(vcpu.entry_controls());
                vcpu.on_completion(event, regs.pc);
            }
            Err(error) => self.answer(Err(error)),
        }
        self.deliver();
    }

    /// SDEI_EVENT_SIGNAL (DEN0054 5.1.16). A target that is masked, or has the
    /// event disabled, takes the event later.
    fn event_signal(&mut self, [number, target, ..]: Arguments) -> CallResult {
        let event = event(number).ok_or(Error::InvalidParameters)?;
        if !event.is_software_signalled() {
            return Err(Error::InvalidParameters);
        }
        let raised = if self.vcpu.has_affinity(target) {
            // This call looks for deliverable events before it ends.
            self.vcpu.port().raise(event)
        } else {
            let peer = self.vcpu.peer(target).ok_or(Error::InvalidParameters)?;
            // The target may look at its port as soon as it is kicked, so the
            // pending bit has to be there.
            peer.port().raise(event).map(|()| peer.kick())
        };
        raised.map_err(|_| Error::InvalidParameters)?;
        Ok(SUCCESS)
    }

    /// SDEI_PRIVATE_RESET (DEN0054 5.1.18). An event whose handler runs is
    /// unregistered when that completes, and makes the call answer DENIED.
    fn private_reset(&mut self, _: Arguments) -> CallResult {
        let mut result = Ok(SUCCESS);
        for event in Event::ALL {
            let reset = self.operate(Operation::Reset, event);
            result = result.and(reset.map(|()| SUCCESS));
        }
        result
    }
}

/// SDEI_EVENT_GET_INFO (DEN0054 5.1.10). Inline, so that no other call has to
/// save registers around it.
#[inline(always)]
fn event_get_info(event: Event, asked: u64) -> CallResult {
    Ok(match asked as u32 {
        info::EV_TYPE => info::TYPE_PRIVATE,
        info::EV_SIGNALED if event.is_software_signalled() => info::SIGNALABLE,
        info::EV_SIGNALED => info::NOT_SIGNALABLE,
        info::EV_PRIORITY => priority_info(event.priority()),
        // The routing of an event can be asked for shared events only; the
        // other numbers have no meaning.
        _ => return Err(Error::InvalidParameters),
    })
}

/// SDEI_INTERRUPT_BIND (DEN0054 5.1.14). There are no slots for bound
/// interrupts, but an interrupt that could not be bound to any is invalid.
fn interrupt_bind(interrupt: u64) -> CallResult {
    // PPIs and SPIs, then the extended ranges of both.
    match interrupt as u32 {
        16..=1019 | 1056..=1119 | 4096..=5119 => Err(Error::OutOfResource),
        _ => Err(Error::InvalidParameters),
    }
}

/// SDEI_FEATURES (DEN0054 5.1.17).
fn features(asked: u64) -> CallResult {
    match asked as u32 {
        feature::BIND_SLOTS => Ok(feature::NO_SLOTS),
        _ => Err(Error::InvalidParameters),
    }
}
