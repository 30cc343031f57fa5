// SPDX-License-Identifier: GPL-2.0

//! A model of a vCPU in KVM, as far as a trigger needs it to arrive: the
//! request, the kick, and the wait in WFI, with KVM's memory barriers.

use loom::sync::atomic::Ordering::{Relaxed, Release, SeqCst};
use loom::sync::atomic::{fence, AtomicBool, AtomicU32};
use loom::sync::{Arc, Notify};
use loom::thread;
use sdei::{Cpu, EntryControls, PState, Pe, Peer, Port, Regs, Vcpu};

pub const REGISTER: u32 = 0xc400_0021;
pub const ENABLE: u32 = 0xc400_0022;
pub const COMPLETE: u32 = 0xc400_0025;
pub const PE_UNMASK: u32 = 0xc400_002c;
pub const SIGNAL: u32 = 0xc400_002f;

pub const EVENT_0: u64 = 0;
pub const NORMAL: u64 = 0x4000_0010;
pub const CRITICAL: u64 = 0x4000_0020;

const OUTSIDE_GUEST_MODE: u32 = 0;
const IN_GUEST_MODE: u32 = 1;
const EXITING_GUEST_MODE: u32 = 2;

/// The address of the first handler. Other code is below it.
const HANDLERS: u64 = 1 << 40;

/// `struct kvm_vcpu`: what all threads see of a vCPU.
pub struct Host {
    pub port: Port,
    /// KVM_REQ_SMCCC_SERVICE.
    request: AtomicBool,
    /// `vcpu->mode`.
    mode: AtomicU32,
    /// A task waits in `vcpu->wait`.
    waits: AtomicBool,
    /// Stands for the scheduler's wake-up, and for the IPI.
    wake: Notify,
}

impl Host {
    fn new() -> Arc<Host> {
        Arc::new(Host {
            port: Port::new(),
            request: AtomicBool::new(false),
            mode: AtomicU32::new(OUTSIDE_GUEST_MODE),
            waits: AtomicBool::new(false),
            wake: Notify::new(),
        })
    }

    /// kvm_check_request(): test_bit(), clear_bit(), smp_mb__after_atomic().
    fn check_request(&self) -> bool {
        if !self.request.load(Relaxed) {
            return false;
        }
        self.request.swap(false, Relaxed);
        fence(SeqCst);
        true
    }

    /// kvm_vcpu_halt(): the task first announces that it sleeps, and then
    /// checks whether it may.
    fn wait_for_interrupt(&self) {
        loop {
            // prepare_to_rcuwait(), set_current_state(): a full barrier.
            self.waits.store(true, Relaxed);
            fence(SeqCst);
            if !self.port.deliverable().is_empty() {
                break;
            }
            self.wake.wait();
        }
        self.waits.store(false, Relaxed);
    }
}

impl Peer for &Host {
    fn port(&self) -> &Port {
        &self.port
    }

    fn kick(&self) {
        Host::kick(self);
    }
}

impl Host {
    /// kvm_smccc_service_kick().
    pub fn kick(&self) {
        // kvm_make_request(): smp_wmb(), set_bit().
        fence(Release);
        self.request.swap(true, Relaxed);

        // kvm_vcpu_kick(): first rcuwait_wake_up(), with its smp_mb(). So the
        // request is set before it checks whether a task waits.
        fence(SeqCst);
        if self.waits.load(Relaxed) {
            self.wake.notify();
        }
        // Then kvm_vcpu_exiting_guest_mode(), and the IPI.
        let left = self
            .mode
            .compare_exchange(IN_GUEST_MODE, EXITING_GUEST_MODE, SeqCst, SeqCst);
        if left.is_ok() {
            self.wake.notify();
        }
    }
}

/// What belongs to a vCPU's own thread.
pub struct Guest {
    pub host: Arc<Host>,
    /// The target of SDEI_EVENT_SIGNAL.
    peer: Arc<Host>,
    pe: Pe,
    regs: Regs,
    /// Whether the guest executes WFI. If not, it loops.
    waits: bool,
}

struct System<'a> {
    own: &'a Host,
    peer: &'a Host,
}

impl Peer for System<'_> {
    fn port(&self) -> &Port {
        &self.own.port
    }

    fn kick(&self) {
        self.own.kick();
    }
}

impl Vcpu for System<'_> {
    type Peer<'a>
        = &'a Host
    where
        Self: 'a;

    fn has_affinity(&self, _mpidr: u64) -> bool {
        false
    }

    fn peer(&self, _mpidr: u64) -> Option<&Host> {
        Some(self.peer)
    }

    fn has_aarch32_el0(&self) -> bool {
        false
    }

    fn array_index_nospec(index: usize, _size: usize) -> usize {
        index
    }

    fn entry_controls(&self) -> EntryControls {
        EntryControls {
            span: true,
            dssbs: false,
            mte: false,
        }
    }

    fn set_exception_return(&self, _elr: u64, _spsr: PState) {}
}

impl Guest {
    pub fn new(waits: bool) -> Guest {
        let host = Host::new();
        let mut guest = Guest::with_peer(host.clone());
        guest.host = host;
        guest.waits = waits;
        guest
    }

    /// A vCPU that signals another one.
    pub fn with_peer(peer: Arc<Host>) -> Guest {
        Guest {
            host: Host::new(),
            peer,
            pe: Pe::new(),
            regs: Regs {
                saved: [0; 18],
                preserved: [0; 13],
                sp: 0,
                pc: 0,
                pstate: PState::EL0T,
            },
            waits: false,
        }
    }

    pub fn call(&mut self, function: u32, arguments: &[u64]) {
        self.regs.saved[1..=arguments.len()].copy_from_slice(arguments);
        self.operate(|cpu| cpu.call(function));
    }

    /// What the vCPU's thread does in the host.
    fn operate(&mut self, what: impl FnOnce(&mut Cpu<'_, System<'_>>)) {
        let system = System {
            own: &self.host,
            peer: &self.peer,
        };
        what(&mut Cpu::new(&mut self.pe, &system, &mut self.regs));
    }

    pub fn prepare(&mut self, event: u64) {
        self.call(REGISTER, &[event, HANDLERS + 4 * event, 0, 0, 0]);
        self.call(ENABLE, &[event]);
    }

    pub fn runs_handler(&self) -> bool {
        self.regs.pc >= HANDLERS
    }

    /// kvm_smccc_services_enter().
    pub fn enter(&mut self) {
        if self.host.check_request() {
            self.operate(|cpu| cpu.run());
        }
    }

    /// KVM_RUN, until a handler says that it was the last one.
    pub fn run(&mut self, mut handler: impl FnMut(u64) -> bool) {
        let mut last = false;
        loop {
            self.enter();
            while self.runs_handler() {
                last |= handler((self.regs.pc - HANDLERS) / 4);
                self.call(COMPLETE, &[0]);
            }
            if last {
                return;
            }
            // smp_store_mb(), and a last check before the guest runs.
            self.host.mode.store(IN_GUEST_MODE, Relaxed);
            fence(SeqCst);
            if !self.host.request.load(Relaxed) {
                if self.waits {
                    self.host.mode.store(OUTSIDE_GUEST_MODE, Relaxed);
                    self.host.wait_for_interrupt();
                    // The vCPU woke up because an event is pending, but the
                    // kick may still be on its way. Until then the guest loops
                    // around its WFI.
                    thread::yield_now();
                } else {
                    self.host.wake.wait();
                }
            }
            self.host.mode.store(OUTSIDE_GUEST_MODE, Relaxed);
        }
    }
}
