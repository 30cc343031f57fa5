// SPDX-License-Identifier: GPL-2.0

//! The outside of the dispatcher: what it asks of the host, and what it tells
//! an observer. `src/host/` implements these traits by means of KVM, the tests
//! by means of plain data.

use super::bank::Bank;
use super::port::Port;
use super::pstate::{EntryControls, PState};
use super::regs::Regs;
use super::shared::{Affinity, AnyEvent};
use super::shared_port::SharedPort;

/// A CPU of the guest as every thread may see it.
pub trait Peer {
    /// The CPU's port. The same one each time.
    fn port(&self) -> &Port;

    /// Makes the CPU look for pending events before it next runs the guest.
    ///
    /// A CPU that runs the guest leaves it to look. A CPU that waits in WFI or
    /// WFE wakes if there is something deliverable. A CPU that is powered off
    /// stays off.
    fn kick(&self);

    /// Whether the CPU is powered off, or the VMM keeps it from running. This may
    /// change at any time.
    fn is_off(&self) -> bool;
}

/// The guest as a whole, as every thread may see it.
pub trait Vm {
    /// A CPU of the guest.
    type Peer<'a>: Peer
    where
        Self: 'a;

    /// The port of the shared events. The same one each time.
    fn shared(&self) -> &SharedPort;

    /// Has something done with the bank of the shared events, while no other
    /// thread uses it. `what` neither kicks nor calls this.
    fn with_bank<R>(&self, what: impl FnOnce(&mut Bank) -> R) -> R;

    /// The CPU that has this affinity.
    fn cpu_at(&self, affinity: Affinity) -> Option<Self::Peer<'_>>;

    /// Asks one CPU after the other, until `test` is true for one. Returns
    /// whether it was.
    fn any_cpu(&self, test: impl FnMut(&Self::Peer<'_>) -> bool) -> bool;
}

/// The CPU that makes a call or takes an event, as its own thread sees it. This
/// is what the dispatcher needs of a CPU beyond its [`Regs`].
pub trait Vcpu: Peer {
    /// A CPU of the same guest.
    type Peer<'a>: Peer
    where
        Self: 'a;

    /// The guest that the CPU belongs to.
    type Vm: Vm;

    /// The guest that the CPU belongs to.
    fn vm(&self) -> &Self::Vm;

    /// A number that no other CPU of the guest has.
    fn id(&self) -> u32;

    /// Whether the affinity fields (Aff3 to Aff0) of `mpidr` are those of this
    /// CPU. The other bits of `mpidr` don't count.
    fn has_affinity(&self, mpidr: u64) -> bool;

    /// Another CPU of the same guest, by the affinity fields of `mpidr`. For
    /// the CPU's own affinity the answer may be this CPU or none.
    fn peer(&self, mpidr: u64) -> Option<Self::Peer<'_>>;

    /// What decides about PSTATE on an exception to EL1.
    fn entry_controls(&self) -> EntryControls;

    /// Writes ELR_EL1 and SPSR_EL1.
    fn set_exception_return(&self, elr: u64, spsr: PState);

    /// Whether the guest can be in AArch32 at EL0.
    fn has_aarch32_el0(&self) -> bool;

    /// Returns `index`, which is less than `size`. If the CPU that executes this
    /// only speculates that it is less, returns 0: a guest or a VMM that chooses
    /// the index can train the branch that checks it.
    fn array_index_nospec(index: usize, size: usize) -> usize;

    /// For observers: the guest called the function with this ID, and `regs` are
    /// its registers now, with the result in x0. A call that completes a handler
    /// has no result and is not reported here.
    fn on_call(&self, _id: u32, _regs: &Regs) {}

    /// For observers: the CPU entered the handler of `event`, which interrupts
    /// the guest at `pc`.
    fn on_delivery(&self, _event: AnyEvent, _pc: u64) {}

    /// For observers: the handler of `event` completed, and the guest goes on
    /// at `pc`.
    fn on_completion(&self, _event: AnyEvent, _pc: u64) {}
}
