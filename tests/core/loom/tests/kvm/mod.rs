// SPDX-License-Identifier: GPL-2.0

//! A model of a vCPU in KVM, as far as a trigger needs it to arrive: the
//! request, the kick, and the wait in WFI, with KVM's memory barriers.

#![allow(dead_code, reason = "each test file uses a part of it")]

use loom::sync::atomic::Ordering::{Relaxed, Release, SeqCst};
use loom::sync::atomic::{fence, AtomicBool, AtomicU32};
use loom::sync::{Arc, Mutex, Notify};
use loom::thread;
use sdei::{
    Affinity, Bank, Cpu, EntryControls, PState, Pe, Peer, Port, PowerDown, Regs, SharedPort, Vcpu,
    Vm,
};

pub const REGISTER: u32 = 0xc400_0021;
pub const ENABLE: u32 = 0xc400_0022;
pub const COMPLETE: u32 = 0xc400_0025;
pub const UNREGISTER: u32 = 0xc400_0027;
pub const ROUTING_SET: u32 = 0xc400_002a;
pub const PE_MASK: u32 = 0xc400_002b;
pub const PE_UNMASK: u32 = 0xc400_002c;
pub const SIGNAL: u32 = 0xc400_002f;
pub const SHARED_RESET: u32 = 0xc400_0032;

pub const EVENT_0: u64 = 0;
pub const NORMAL: u64 = 0x4000_0010;
pub const CRITICAL: u64 = 0x4000_0020;
pub const SHARED: u64 = 0x4000_0110;

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
            if self.port.has_work() {
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

    fn is_off(&self) -> bool {
        false
    }
}

/// `struct kvm`: what all threads see of a VM.
pub struct Machine {
    pub hosts: Vec<Arc<Host>>,
    pub shared: SharedPort,
    bank: Mutex<Bank>,
}

impl Machine {
    pub fn new(cpus: usize) -> Arc<Machine> {
        Arc::new(Machine {
            hosts: (0..cpus).map(|_| Host::new()).collect(),
            shared: SharedPort::new(),
            bank: Mutex::new(Bank::new()),
        })
    }
}

impl Vm for Machine {
    type Peer<'a> = &'a Host;

    fn shared(&self) -> &SharedPort {
        &self.shared
    }

    fn with_bank<R>(&self, what: impl FnOnce(&mut Bank) -> R) -> R {
        what(&mut self.bank.lock().unwrap())
    }

    fn cpu_at(&self, affinity: Affinity) -> Option<&Host> {
        let host = self.hosts.get(affinity.bits() as usize)?;
        Some(host)
    }

    fn any_cpu(&self, mut test: impl FnMut(&&Host) -> bool) -> bool {
        self.hosts.iter().any(|host| test(&&**host))
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
    machine: Arc<Machine>,
    id: u32,
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
    machine: &'a Machine,
    id: u32,
}

impl Peer for System<'_> {
    fn port(&self) -> &Port {
        &self.own.port
    }

    fn kick(&self) {
        self.own.kick();
    }

    fn is_off(&self) -> bool {
        false
    }
}

impl Vcpu for System<'_> {
    type Peer<'a>
        = &'a Host
    where
        Self: 'a;

    type Vm = Machine;

    fn vm(&self) -> &Machine {
        self.machine
    }

    fn id(&self) -> u32 {
        self.id
    }

    fn has_affinity(&self, mpidr: u64) -> bool {
        mpidr == u64::from(self.id)
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
        Guest::of(&Machine::new(1), 0, waits)
    }

    /// A vCPU of this VM.
    pub fn of(machine: &Arc<Machine>, id: u32, waits: bool) -> Guest {
        let host = machine.hosts[id as usize].clone();
        Guest {
            host: host.clone(),
            machine: machine.clone(),
            id,
            peer: host,
            pe: Pe::new(),
            regs: Regs {
                saved: [0; 18],
                preserved: [0; 13],
                sp: 0,
                pc: 0,
                pstate: PState::EL0T,
            },
            waits,
        }
    }

    /// A vCPU that signals another one. Which VM it is in does not matter.
    pub fn with_peer(peer: Arc<Host>) -> Guest {
        let mut guest = Guest::new(false);
        guest.peer = peer;
        guest.id = 1;
        guest
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
            machine: &self.machine,
            id: self.id,
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

    /// PSCI CPU_OFF.
    pub fn power_off(&mut self) {
        self.operate(|cpu| cpu.power_down(PowerDown::Cpu));
    }

    /// User space writes a pseudo-register.
    pub fn set(&mut self, index: u16, value: u64) {
        let register = sdei::Register::from_index(index).expect("a register");
        self.operate(|cpu| cpu.set_register(register, value).expect("a value"));
    }

    /// KVM_RUN, with a guest that executes WFI and has nothing to wait for: until
    /// the vCPU is blocked, or in a handler.
    pub fn run_into_wfi(&mut self) {
        loop {
            self.enter();
            if self.runs_handler() {
                return;
            }
            self.host.mode.store(IN_GUEST_MODE, Relaxed);
            fence(SeqCst);
            if !self.host.request.load(Relaxed) {
                // The guest executes WFI, unless an IPI comes first.
                let left = self.host.mode.compare_exchange(
                    IN_GUEST_MODE,
                    OUTSIDE_GUEST_MODE,
                    SeqCst,
                    SeqCst,
                );
                if left.is_ok() {
                    self.host.waits.store(true, Relaxed);
                    fence(SeqCst);
                    if !self.host.port.has_work() {
                        return;
                    }
                    self.host.waits.store(false, Relaxed);
                    thread::yield_now();
                }
            }
            self.host.mode.store(OUTSIDE_GUEST_MODE, Relaxed);
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
