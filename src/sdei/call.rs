// SPDX-License-Identifier: GPL-2.0

//! The calls (DEN0054 5.1), but for those that end a handler, which are in
//! `deliver.rs`.

use super::event::{Event, Priority};
use super::pe::{Handler, Pe};
use super::port::{Peer, Port};
use super::pstate::{EntryControls, PState};
use super::regs::Regs;
use super::state::Operation;

/// What a call can answer instead of a value (DEN0054 5.3).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(i64)]
pub enum Error {
    /// There is no such call.
    NotSupported = -1,
    /// An argument is not valid.
    InvalidParameters = -2,
    /// Not in this state.
    Denied = -3,
    /// Done when the handler completes.
    Pending = -5,
    /// Nothing left to give.
    OutOfResource = -10,
}

/// The functions: bits 4:0 of the function ID. Values that have no name are
/// reserved.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[expect(missing_docs, reason = "the names are the specification's")]
pub enum Function {
    Version,
    EventRegister,
    EventEnable,
    EventDisable,
    EventContext,
    EventComplete,
    EventCompleteAndResume,
    EventUnregister,
    EventStatus,
    EventGetInfo,
    EventRoutingSet,
    PeMask,
    PeUnmask,
    InterruptBind,
    InterruptRelease,
    EventSignal,
    Features,
    PrivateReset,
    SharedReset,
}

impl Function {
    /// The function ID of SDEI_VERSION: the first of the range.
    pub const BASE: u32 = 0xc400_0020;
    /// How many function IDs belong to SDEI.
    pub const COUNT: u32 = 0x20;

    /// Decodes a function ID of SDEI's range.
    pub fn from_id(id: u32) -> Option<Function> {
        Some(match id.wrapping_sub(Function::BASE) {
            0x00 => Function::Version,
            0x01 => Function::EventRegister,
            0x02 => Function::EventEnable,
            0x03 => Function::EventDisable,
            0x04 => Function::EventContext,
            0x05 => Function::EventComplete,
            0x06 => Function::EventCompleteAndResume,
            0x07 => Function::EventUnregister,
            0x08 => Function::EventStatus,
            0x09 => Function::EventGetInfo,
            0x0a => Function::EventRoutingSet,
            0x0b => Function::PeMask,
            0x0c => Function::PeUnmask,
            0x0d => Function::InterruptBind,
            0x0e => Function::InterruptRelease,
            0x0f => Function::EventSignal,
            0x10 => Function::Features,
            0x11 => Function::PrivateReset,
            0x12 => Function::SharedReset,
            _ => return None,
        })
    }
}

/// The virtual CPU that makes a call or takes an event, as far as the
/// dispatcher needs it beyond [`Regs`].
pub trait Vcpu {
    /// A CPU of the same guest.
    type Peer<'a>: Peer
    where
        Self: 'a;

    /// The CPU whose affinity fields (Aff3 to Aff0) equal those of `mpidr`.
    fn peer(&self, mpidr: u64) -> Option<Self::Peer<'_>>;

    /// What goes into PSTATE on an exception to EL1.
    fn entry_controls(&self) -> EntryControls;

    /// Writes ELR_EL1 and SPSR_EL1.
    fn set_exception_return(&self, elr: u64, spsr: PState);

    /// For observers: the guest made a call, and these are its registers now,
    /// with the result in place. Not for calls that resume another context.
    fn called(&self, _id: u32, _regs: &Regs) {}

    /// For observers: the handler of `event` was entered and interrupted `pc`.
    fn delivered(&self, _event: Event, _pc: u64) {}

    /// For observers: the handler of `event` completed, and the guest goes on
    /// at `pc`.
    fn completed(&self, _event: Event, _pc: u64) {}
}

/// Version 1.0, vendor 0. The clarifications of 1.1 are followed, but every
/// known client and conformance suite takes exactly this for an answer.
const VERSION: i64 = 1 << 48;

/// The result of a call that has nothing else to say.
const DONE: i64 = 0;

/// x1 to x4 of a call.
type Arguments = [u64; 4];

/// The event that an argument register names.
fn event(argument: u64) -> Result<Event, Error> {
    Event::from_number(argument as u32).ok_or(Error::InvalidParameters)
}

impl Pe {
    /// Executes the call that is in `regs`, and then delivers what that made
    /// deliverable. `id` is a function ID of SDEI's range.
    #[inline]
    pub fn call<V: Vcpu>(&mut self, port: &Port, regs: &mut Regs, vcpu: &V, id: u32) {
        let [_, x1, x2, ..] = regs.saved;
        let Some(function) = Function::from_id(id) else {
            return answer(regs, vcpu, id, Err(Error::NotSupported));
        };
        match function {
            // These change nothing, so there is nothing to deliver after them.
            Function::Version => answer(regs, vcpu, id, Ok(VERSION)),
            Function::EventContext => answer(regs, vcpu, id, self.event_context(x1)),
            Function::EventStatus => answer(regs, vcpu, id, self.event_status(x1)),
            Function::EventGetInfo => answer(regs, vcpu, id, event_get_info(x1, x2)),
            Function::Features => answer(regs, vcpu, id, features(x1)),

            Function::EventRoutingSet | Function::InterruptRelease => {
                answer(regs, vcpu, id, Err(Error::InvalidParameters));
            }
            Function::InterruptBind => answer(regs, vcpu, id, interrupt_bind(x1)),
            Function::SharedReset => answer(regs, vcpu, id, Ok(DONE)),

            Function::EventRegister => self.act(port, regs, vcpu, id, Self::event_register),
            Function::EventEnable => self.act(port, regs, vcpu, id, |pe, port, _, [x1, ..]| {
                pe.change(port, Operation::Enable, x1)
            }),
            Function::EventDisable => self.act(port, regs, vcpu, id, |pe, port, _, [x1, ..]| {
                pe.change(port, Operation::Disable, x1)
            }),
            Function::EventUnregister => self.act(port, regs, vcpu, id, |pe, port, _, [x1, ..]| {
                pe.change(port, Operation::Unregister, x1)
            }),
            Function::EventSignal => self.act(port, regs, vcpu, id, Self::event_signal),
            Function::PeMask => self.act(port, regs, vcpu, id, |pe, port, _, _| {
                let was_masked = pe.set_masked(port, true);
                Ok(i64::from(!was_masked))
            }),
            Function::PeUnmask => self.act(port, regs, vcpu, id, |pe, port, _, _| {
                pe.set_masked(port, false);
                Ok(DONE)
            }),
            Function::PrivateReset => self.act(port, regs, vcpu, id, Self::private_reset),
            Function::EventComplete => self.event_complete(port, regs, vcpu, id),
            Function::EventCompleteAndResume => {
                self.event_complete_and_resume(port, regs, vcpu, id);
            }
        }
    }

    /// Does what the call asks for, and then delivers what that made
    /// deliverable.
    #[inline(never)]
    fn act<V: Vcpu>(
        &mut self,
        port: &Port,
        regs: &mut Regs,
        vcpu: &V,
        id: u32,
        call: impl FnOnce(&mut Pe, &Port, &V, Arguments) -> Result<i64, Error>,
    ) {
        let [_, x1, x2, x3, x4, ..] = regs.saved;
        let result = call(self, port, vcpu, [x1, x2, x3, x4]);
        // With the result in place: it belongs to what is interrupted.
        answer(regs, vcpu, id, result);
        self.deliver(port, regs, vcpu);
    }

    /// SDEI_EVENT_REGISTER (DEN0054 5.1.2). Routing (flag bit 0 and the
    /// affinity) means nothing for a private event, and is not looked at.
    fn event_register<V: Vcpu>(
        &mut self,
        port: &Port,
        _vcpu: &V,
        [number, entry, argument, flags]: Arguments,
    ) -> Result<i64, Error> {
        const ROUTING_MODE: u64 = 1 << 0;

        if entry == 0 || !Handler::is_aligned(entry) || flags & !ROUTING_MODE != 0 {
            return Err(Error::InvalidParameters);
        }
        let event = event(number)?;
        self.operate(port, Operation::Register, event)?;
        *self.handlers.get_mut(event) = Handler { entry, argument };
        Ok(DONE)
    }

    /// SDEI_EVENT_ENABLE, DISABLE and UNREGISTER (DEN0054 5.1.3, 5.1.4, 5.1.8).
    fn change(&mut self, port: &Port, operation: Operation, number: u64) -> Result<i64, Error> {
        self.operate(port, operation, event(number)?)?;
        Ok(DONE)
    }

    /// SDEI_EVENT_CONTEXT (DEN0054 5.1.5): a register as it was when the
    /// innermost handler was entered. The index is checked before it matters
    /// whether there is one.
    fn event_context(&self, index: u64) -> Result<i64, Error> {
        let index = index as u32 as usize;
        if index >= super::SAVED_GPRS {
            return Err(Error::InvalidParameters);
        }
        let priority = self.innermost().ok_or(Error::Denied)?;
        let value = self.frames.get(priority).context.gprs.get(index);
        Ok(*value.ok_or(Error::InvalidParameters)? as i64)
    }

    /// SDEI_EVENT_STATUS (DEN0054 5.1.9).
    fn event_status(&self, number: u64) -> Result<i64, Error> {
        Ok(self.state(event(number)?).status() as i64)
    }

    /// SDEI_EVENT_SIGNAL (DEN0054 5.1.16). A target that is masked, or has the
    /// event disabled, takes it later.
    fn event_signal<V: Vcpu>(
        &mut self,
        own: &Port,
        vcpu: &V,
        [number, target, ..]: Arguments,
    ) -> Result<i64, Error> {
        let event = event(number)?;
        if !event.is_software_signalled() {
            return Err(Error::InvalidParameters);
        }
        let peer = vcpu.peer(target).ok_or(Error::InvalidParameters)?;
        peer.port()
            .raise(event)
            .map_err(|_| Error::InvalidParameters)?;
        // The caller looks at its own port when this returns.
        if !core::ptr::eq(peer.port(), own) {
            peer.kick();
        }
        Ok(DONE)
    }

    /// SDEI_PRIVATE_RESET (DEN0054 5.1.18): what runs is unregistered when it
    /// completes, and makes the call answer DENIED.
    fn private_reset<V: Vcpu>(
        &mut self,
        port: &Port,
        _vcpu: &V,
        _: Arguments,
    ) -> Result<i64, Error> {
        let mut result = Ok(DONE);
        for event in Event::ALL {
            result = result.and(self.operate(port, Operation::Reset, event).map(|()| DONE));
        }
        result
    }
}

/// Puts the result of the call into x0.
#[inline]
pub(super) fn answer<V: Vcpu>(regs: &mut Regs, vcpu: &V, id: u32, result: Result<i64, Error>) {
    let result = result.unwrap_or_else(|error| error as i64);
    regs.set_result(result);
    vcpu.called(id, regs);
}

/// SDEI_EVENT_GET_INFO (DEN0054 5.1.10). Inline, so that no other call has to
/// save registers around it.
#[inline(always)]
fn event_get_info(number: u64, info: u64) -> Result<i64, Error> {
    const EV_TYPE: u32 = 0;
    const EV_SIGNALED: u32 = 1;
    const EV_PRIORITY: u32 = 2;

    const PRIVATE: i64 = 0;

    let event = event(number)?;
    let value = match info as u32 {
        EV_TYPE => PRIVATE,
        // 0 says that the event *can* be signalled by software.
        EV_SIGNALED => i64::from(!event.is_software_signalled()),
        EV_PRIORITY => match event.priority() {
            Priority::Normal => 0,
            Priority::Critical => 1,
        },
        // Routing is for shared events; other numbers have no meaning.
        _ => return Err(Error::InvalidParameters),
    };
    Ok(value)
}

/// SDEI_INTERRUPT_BIND (DEN0054 5.1.14): there are no slots to bind to, but a
/// client is told of a bad interrupt first.
fn interrupt_bind(interrupt: u64) -> Result<i64, Error> {
    // PPIs and SPIs, then the extended ranges of both.
    match interrupt as u32 {
        16..=1019 | 1056..=1119 | 4096..=5119 => Err(Error::OutOfResource),
        _ => Err(Error::InvalidParameters),
    }
}

/// SDEI_FEATURES (DEN0054 5.1.17).
fn features(feature: u64) -> Result<i64, Error> {
    const BIND_SLOTS: u32 = 0;
    const NO_SLOTS: i64 = 0;

    match feature as u32 {
        BIND_SLOTS => Ok(NO_SLOTS),
        // Relative mode came with 1.1.
        _ => Err(Error::InvalidParameters),
    }
}
