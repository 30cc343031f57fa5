// SPDX-License-Identifier: GPL-2.0

//! The context in which the dispatcher works: one CPU, in the hands of the
//! thread that has it to itself.

use super::abi::Error;
use super::event::{Event, Priority};
use super::outside::Vcpu;
use super::pe::Pe;
use super::regs::Regs;
use super::state::{transition, Operation, Registration};

/// A CPU of a guest, for the duration of one operation of the host. All changes
/// of a CPU's SDEI state and of the guest's shared events are made through this,
/// except that any thread may make an event pending or withdraw it, by
/// [`Port::raise`](super::Port::raise) and [`raise`](super::raise).
///
/// | the host has to do with the CPU | method | in |
/// |---|---|---|
/// | the guest made a call of SDEI | [`call`](Cpu::call) | `call.rs` |
/// | the CPU is about to run the guest | [`run`](Cpu::run) | `deliver.rs` |
/// | the CPU was reset | [`reset`](Cpu::reset) | `power.rs` |
/// | the guest powers down | [`power_down`](Cpu::power_down) | `power.rs` |
/// | user space saves or restores | [`get_register`](Cpu::get_register), [`set_register`](Cpu::set_register) | `registers.rs` |
///
/// # Preconditions
///
/// The caller has the CPU to itself, `pe` is always used with the same `vcpu`,
/// and `regs` are that CPU's registers, outside of the guest. In `call` and
/// `run` they are what the guest would go on with.
///
/// # Examples
///
/// A guest whose only CPU asks for the version:
///
/// ```
/// # use sdei::{Affinity, Bank, Cpu, EntryControls, PState, Pe, Peer, Port, Regs};
/// # use sdei::{SharedPort, Vcpu, Vm};
/// # struct Guest(SharedPort, std::sync::Mutex<Bank>);
/// struct Alone(Port, Guest);
///
/// impl Peer for Alone {
///     fn port(&self) -> &Port {
///         &self.0
///     }
///     fn kick(&self) {}
///     fn is_off(&self) -> bool {
///         false
///     }
/// }
/// # impl Vm for Guest {
/// #     type Peer<'a> = Alone;
/// #     fn shared(&self) -> &SharedPort { &self.0 }
/// #     fn with_bank<R>(&self, what: impl FnOnce(&mut Bank) -> R) -> R {
/// #         what(&mut self.1.lock().unwrap())
/// #     }
/// #     fn cpu_at(&self, _: Affinity) -> Option<Alone> { None }
/// #     fn any_cpu(&self, _: impl FnMut(&Alone) -> bool) -> bool { false }
/// # }
/// # impl Vcpu for Alone {
/// #     type Vm = Guest;
/// #     fn vm(&self) -> &Guest { &self.1 }
/// #     fn id(&self) -> u32 { 0 }
/// #     type Peer<'a> = Alone;
/// #     fn has_affinity(&self, mpidr: u64) -> bool { mpidr == 0 }
/// #     fn peer(&self, _: u64) -> Option<Alone> { None }
/// #     fn entry_controls(&self) -> EntryControls {
/// #         EntryControls { span: true, dssbs: false, mte: false }
/// #     }
/// #     fn set_exception_return(&self, _: u64, _: PState) {}
/// #     fn has_aarch32_el0(&self) -> bool { false }
/// #     fn array_index_nospec(index: usize, _: usize) -> usize { index }
/// # }
///
/// # let guest = Guest(SharedPort::new(), Bank::new().into());
/// let (vcpu, mut pe) = (Alone(Port::new(), guest), Pe::new());
/// let mut saved = [0; 18];
/// saved[0] = 0xc400_0020;
/// let mut regs = Regs {
///     saved,
///     preserved: [0; 13],
///     sp: 0,
///     pc: 0x1000,
///     pstate: PState::EL0T,
/// };
/// Cpu::new(&mut pe, &vcpu, &mut regs).call(0xc400_0020);
/// assert_eq!(regs.saved[0], 1 << 48);
/// ```
pub struct Cpu<'a, V> {
    pub(super) pe: &'a mut Pe,
    pub(super) vcpu: &'a V,
    pub(super) regs: &'a mut Regs,
}

impl<'a, V: Vcpu> Cpu<'a, V> {
    /// The CPU with this state; see the preconditions above.
    #[inline]
    pub fn new(pe: &'a mut Pe, vcpu: &'a V, regs: &'a mut Regs) -> Self {
        Cpu { pe, vcpu, regs }
    }

    /// Does something in a function of its own, so that the caller need not save
    /// registers for it. The parts of a `Cpu` are passed one by one, as the
    /// compiler passes them in registers then; the whole would be on the stack.
    #[inline]
    pub(super) fn apart(&mut self, what: impl FnOnce(&mut Cpu<'_, V>)) {
        #[inline(never)]
        fn function<V: Vcpu>(
            pe: &mut Pe,
            vcpu: &V,
            regs: &mut Regs,
            what: impl FnOnce(&mut Cpu<'_, V>),
        ) {
            what(&mut Cpu { pe, vcpu, regs });
        }
        function(self.pe, self.vcpu, self.regs, what);
    }

    /// Changes the registration of `event` by the table in `state.rs`. An event
    /// that loses its registration loses its pending trigger.
    pub(super) fn operate(&mut self, operation: Operation, event: Event) -> Result<(), Error> {
        let transition = transition(operation, self.pe.state(event));
        if let Some(next) = transition.next {
            // Clear what is left of an earlier registration before others see
            // the new one: they can't raise the event until then, so no trigger
            // that is meant for the new registration is cleared.
            if operation == Operation::Register {
                self.vcpu.port().clear(event);
            }
            self.pe.set_registration(event, next);
            self.publish();
            if next == Registration::Absent {
                self.vcpu.port().clear(event);
            }
        }
        transition.result
    }

    /// Masks or unmasks the CPU. Returns whether it was masked before.
    pub(super) fn set_masked(&mut self, masked: bool) -> bool {
        let before = self.pe.set_masked(masked);
        self.publish_ready(self.pe.innermost());
        before
    }

    /// Tells the other threads what the CPU would deliver while the handler of
    /// priority `innermost` is the one that executes. To be called after a
    /// change of the mask or of the handlers that run.
    pub(super) fn publish_ready(&self, innermost: Option<Priority>) {
        self.vcpu.port().publish_ready(self.pe.ready(innermost));
    }

    /// Tells the other threads all that they may know of the CPU. To be called
    /// after any change.
    pub(super) fn publish(&self) {
        self.publish_ready(self.pe.innermost());
        let port = self.vcpu.port();
        port.publish(self.pe.registered(), self.pe.enabled());
    }
}
