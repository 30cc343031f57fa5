// SPDX-License-Identifier: GPL-2.0

//! The calls (DEN0054 5.1) about shared events. Any CPU may make them.

use super::abi::{info, routing, Error, SUCCESS};
use super::cpu::Cpu;
use super::event::Priority;
use super::outside::Vcpu;
use super::pe::Handler;
use super::shared::{Affinity, Routing, SharedEvent};
use super::state::{Operation, State};

/// What a call returns in x0.
pub(super) type CallResult = Result<i64, Error>;

/// The shared event that an argument register names.
fn event(argument: u64) -> Result<SharedEvent, Error> {
    SharedEvent::from_number(argument as u32).ok_or(Error::InvalidParameters)
}

/// An answer of SDEI_EVENT_GET_INFO.
pub(super) fn priority_info(priority: Priority) -> i64 {
    match priority {
        Priority::Normal => info::PRIORITY_NORMAL,
        Priority::Critical => info::PRIORITY_CRITICAL,
    }
}

impl<V: Vcpu> Cpu<'_, V> {
    /// The routing that a routing mode and an affinity ask for. RM_PE needs a CPU
    /// that the guest has; it may be off.
    fn asked_routing(&self, mode: u64, mpidr: u64) -> Result<Routing, Error> {
        match mode {
            routing::RM_ANY => Ok(Routing::Any),
            routing::RM_PE if self.vcpu.has_affinity(mpidr) || self.vcpu.peer(mpidr).is_some() => {
                Ok(Routing::Pe(Affinity::of_mpidr(mpidr)))
            }
            _ => Err(Error::InvalidParameters),
        }
    }

    /// SDEI_EVENT_REGISTER (DEN0054 5.1.2), after the checks that are the same for
    /// a private event.
    #[cold]
    #[inline(never)]
    pub(super) fn shared_register(
        &mut self,
        number: u64,
        handler: Handler,
        flags: u64,
    ) -> CallResult {
        let [_, _, _, _, _, affinity, ..] = self.regs.saved;
        let routing = self.asked_routing(flags, affinity)?;
        let event = event(number)?;
        self.with_bank(|bank, port| {
            bank.operate(port, Operation::Register, event)?;
            *bank.handler_mut(event) = handler;
            bank.set_routing(port, event, routing);
            Ok(SUCCESS)
        })
    }

    /// SDEI_EVENT_ENABLE, DISABLE and UNREGISTER (DEN0054 5.1.3, 5.1.4, 5.1.8).
    #[cold]
    #[inline(never)]
    pub(super) fn shared_change(&mut self, operation: Operation, number: u64) -> Result<(), Error> {
        let event = event(number)?;
        self.with_bank(|bank, port| bank.operate(port, operation, event))?;
        self.reroute(event);
        Ok(())
    }

    /// SDEI_EVENT_STATUS (DEN0054 5.1.9).
    pub(super) fn shared_status(&self, number: u64) -> CallResult {
        let event = event(number)?;
        let state = self.with_bank(|bank, _| bank.state(event));
        Ok(state.status() as i64)
    }

    /// SDEI_EVENT_GET_INFO (DEN0054 5.1.10).
    pub(super) fn shared_get_info(&self, number: u64, asked: u64) -> CallResult {
        let event = event(number)?;
        let routing = || {
            self.with_bank(|bank, _| {
                bank.is_registered(event)
                    .then(|| bank.routing(event))
                    .ok_or(Error::Denied)
            })
        };
        Ok(match asked as u32 {
            info::EV_TYPE => info::TYPE_SHARED,
            info::EV_SIGNALED => info::NOT_SIGNALABLE,
            info::EV_PRIORITY => priority_info(event.priority()),
            info::EV_ROUTING_MODE => match routing()? {
                Routing::Any => routing::RM_ANY as i64,
                Routing::Pe(_) => routing::RM_PE as i64,
            },
            info::EV_ROUTING_AFF => match routing()? {
                Routing::Any => return Err(Error::InvalidParameters),
                Routing::Pe(affinity) => affinity.bits() as i64,
            },
            _ => return Err(Error::InvalidParameters),
        })
    }

    /// SDEI_EVENT_ROUTING_SET (DEN0054 5.1.11), which is for shared events only.
    /// A trigger that is pending moves with the routing.
    #[cold]
    #[inline(never)]
    pub(super) fn shared_routing_set(&mut self, number: u64, mode: u64, mpidr: u64) -> CallResult {
        let routing = self.asked_routing(mode, mpidr)?;
        let event = event(number)?;
        self.with_bank(|bank, port| {
            if bank.state(event) != State::Registered {
                return Err(Error::Denied);
            }
            bank.set_routing(port, event, routing);
            Ok(SUCCESS)
        })
    }

    /// SDEI_SHARED_RESET (DEN0054 5.1.19). As SDEI_PRIVATE_RESET, for the shared
    /// events of the guest.
    #[cold]
    #[inline(never)]
    pub(super) fn shared_reset(&mut self) -> CallResult {
        self.with_bank(|bank, port| {
            let mut result = Ok(SUCCESS);
            for event in SharedEvent::ALL {
                let reset = bank.operate(port, Operation::Reset, event);
                result = result.and(reset.map(|()| SUCCESS));
            }
            result
        })
    }
}
