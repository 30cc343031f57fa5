// SPDX-License-Identifier: GPL-2.0

//! A guest with a few CPUs, as KVM presents it to the dispatcher, and the
//! numbers of DEN0054 that the guest uses. They are written here a second time,
//! so that a wrong number in the dispatcher is found.

#![allow(dead_code, reason = "each test file uses a part of it")]

pub mod registers;

use sdei::{
    Affinity, Bank, EntryControls, Event, PState, Pe, Peer, Port, Register, Regs, SharedEvent,
    SharedPort, Vcpu, Vm,
};
use std::cell::Cell;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

pub const VERSION: u32 = 0xc400_0020;
pub const REGISTER: u32 = 0xc400_0021;
pub const ENABLE: u32 = 0xc400_0022;
pub const DISABLE: u32 = 0xc400_0023;
pub const CONTEXT: u32 = 0xc400_0024;
pub const COMPLETE: u32 = 0xc400_0025;
pub const COMPLETE_AND_RESUME: u32 = 0xc400_0026;
pub const UNREGISTER: u32 = 0xc400_0027;
pub const STATUS: u32 = 0xc400_0028;
pub const GET_INFO: u32 = 0xc400_0029;
pub const ROUTING_SET: u32 = 0xc400_002a;
pub const PE_MASK: u32 = 0xc400_002b;
pub const PE_UNMASK: u32 = 0xc400_002c;
pub const INTERRUPT_BIND: u32 = 0xc400_002d;
pub const INTERRUPT_RELEASE: u32 = 0xc400_002e;
pub const SIGNAL: u32 = 0xc400_002f;
pub const FEATURES: u32 = 0xc400_0030;
pub const PRIVATE_RESET: u32 = 0xc400_0031;
pub const SHARED_RESET: u32 = 0xc400_0032;

pub const SUCCESS: i64 = 0;
pub const NOT_SUPPORTED: i64 = -1;
pub const INVALID_PARAMETERS: i64 = -2;
pub const DENIED: i64 = -3;
pub const PENDING: i64 = -5;
pub const OUT_OF_RESOURCE: i64 = -10;

/// The states of an event, as SDEI_EVENT_STATUS answers: unregistered,
/// registered, enabled, registered and running, enabled and running,
/// unregister-pending.
pub const U: u64 = 0b000;
pub const G: u64 = 0b001;
pub const E: u64 = 0b011;
pub const GR: u64 = 0b101;
pub const ER: u64 = 0b111;
pub const UP: u64 = 0b100;

pub const EVENT_0: u32 = 0;
pub const NORMAL: [u32; 4] = [0x4000_0010, 0x4000_0011, 0x4000_0012, 0x4000_0013];
pub const CRITICAL: [u32; 4] = [0x4000_0020, 0x4000_0021, 0x4000_0022, 0x4000_0023];
pub const EVENTS: [u32; 9] = [
    EVENT_0,
    NORMAL[0],
    NORMAL[1],
    NORMAL[2],
    NORMAL[3],
    CRITICAL[0],
    CRITICAL[1],
    CRITICAL[2],
    CRITICAL[3],
];

pub const SHARED_NORMAL: [u32; 2] = [0x4000_0110, 0x4000_0111];
pub const SHARED_CRITICAL: [u32; 2] = [0x4000_0120, 0x4000_0121];
pub const SHARED: [u32; 4] = [
    SHARED_NORMAL[0],
    SHARED_NORMAL[1],
    SHARED_CRITICAL[0],
    SHARED_CRITICAL[1],
];

pub const RM_ANY: u64 = 0;
pub const RM_PE: u64 = 1;

/// EL1 with SP_EL1, interrupts not masked.
pub const EL1H: u64 = 0b0101;

pub const SCTLR_SPAN: u64 = 1 << 23;
pub const SCTLR_DSSBS: u64 = 1 << 44;

/// The address of an event's handler, if the test does not choose one.
pub fn entry(number: u32) -> u64 {
    0xffff_8000_0000_0000 + u64::from(number) * 0x40
}

/// The argument of an event's handler, if the test does not choose one.
pub fn argument(number: u32) -> u64 {
    0xa000_0000_0000_0000 | u64::from(number)
}

pub fn event(number: u32) -> Event {
    Event::from_number(number).expect("a number of the table")
}

pub fn shared(number: u32) -> SharedEvent {
    SharedEvent::from_number(number).expect("a number of the table")
}

pub fn pstate(bits: u64) -> PState {
    PState::from_user(bits, true).expect("a PSTATE of a guest")
}

/// The affinity of the nth CPU. There are sixteen CPUs in a cluster. Aff3 is
/// the number of the cluster, because this field is apart from the others.
pub fn mpidr(n: usize) -> u64 {
    let n = n as u64;
    (n & 0xf) | ((n >> 4) << 32)
}

/// What the other CPUs see of a CPU.
#[derive(Default)]
pub struct Seat {
    pub port: Port,
    pub kicks: AtomicU64,
    /// The events that were pending when the CPU was last kicked.
    pub pending_at_kick: AtomicU64,
    /// The VMM keeps the CPU from running.
    pub off: AtomicBool,
}

impl Seat {
    fn kick(&self) {
        self.kicks.fetch_add(1, Ordering::Relaxed);
        self.pending_at_kick
            .store(self.port.pending().bits(), Ordering::Relaxed);
    }

    pub fn is_off(&self) -> bool {
        self.off.load(Ordering::Relaxed)
    }
}

impl Peer for &Seat {
    fn port(&self) -> &Port {
        &self.port
    }

    fn kick(&self) {
        Seat::kick(self);
    }

    fn is_off(&self) -> bool {
        Seat::is_off(self)
    }
}

/// What all CPUs have in common.
pub struct Room {
    pub seats: Vec<Seat>,
    pub shared: SharedPort,
    pub bank: Mutex<Bank>,
}

impl Room {
    pub fn new(cpus: usize) -> Arc<Room> {
        Arc::new(Room {
            seats: (0..cpus).map(|_| Seat::default()).collect(),
            shared: SharedPort::new(),
            bank: Mutex::new(Bank::default()),
        })
    }

    /// What the VMM does.
    pub fn raise(&self, number: u32) -> bool {
        sdei::raise(self, shared(number)).is_ok()
    }

    pub fn is_pending(&self, number: u32) -> bool {
        self.shared.pending().contains(shared(number))
    }
}

impl Vm for Room {
    type Peer<'a> = &'a Seat;

    fn shared(&self) -> &SharedPort {
        &self.shared
    }

    fn with_bank<R>(&self, what: impl FnOnce(&mut Bank) -> R) -> R {
        what(&mut self.bank.lock().expect("nobody panics"))
    }

    fn cpu_at(&self, affinity: Affinity) -> Option<&Seat> {
        let n = (0..self.seats.len()).find(|&n| mpidr(n) == affinity.bits())?;
        self.seats.get(n)
    }

    fn any_cpu(&self, mut test: impl FnMut(&&Seat) -> bool) -> bool {
        self.seats.iter().any(|seat| test(&seat))
    }
}

thread_local! {
    /// The CPU that executes this thread speculates that every index is in
    /// range.
    pub static SPECULATES: Cell<bool> = const { Cell::new(false) };
}

/// The system registers of a CPU, and how it finds the others.
pub struct System {
    /// Which of the seats is the CPU's own.
    pub n: usize,
    pub room: Arc<Room>,
    pub elr_el1: Cell<u64>,
    pub spsr_el1: Cell<u64>,
    pub sctlr_el1: u64,
    pub mte: bool,
    pub aarch32_el0: bool,
}

/// Aff3 to Aff0; MPIDR_EL1 has other bits as well.
fn affinity(argument: u64) -> u64 {
    argument & 0xff_00ff_ffff
}

impl System {
    pub fn seat(&self) -> &Seat {
        &self.room.seats[self.n]
    }
}

impl Peer for System {
    fn port(&self) -> &Port {
        &self.seat().port
    }

    fn kick(&self) {
        self.seat().kick();
    }

    fn is_off(&self) -> bool {
        self.seat().is_off()
    }
}

impl Vcpu for System {
    type Peer<'a> = &'a Seat;
    type Vm = Room;

    fn vm(&self) -> &Room {
        &self.room
    }

    fn id(&self) -> u32 {
        self.n as u32
    }

    fn has_affinity(&self, argument: u64) -> bool {
        affinity(argument) == mpidr(self.n)
    }

    fn peer(&self, argument: u64) -> Option<&Seat> {
        self.room.cpu_at(Affinity::of_mpidr(argument))
    }

    fn has_aarch32_el0(&self) -> bool {
        self.aarch32_el0
    }

    fn array_index_nospec(index: usize, size: usize) -> usize {
        assert!(index < size);
        if SPECULATES.get() {
            0
        } else {
            index
        }
    }

    fn entry_controls(&self) -> EntryControls {
        EntryControls {
            span: self.sctlr_el1 & SCTLR_SPAN != 0,
            dssbs: self.sctlr_el1 & SCTLR_DSSBS != 0,
            mte: self.mte,
        }
    }

    fn set_exception_return(&self, elr: u64, spsr: PState) {
        self.elr_el1.set(elr);
        self.spsr_el1.set(spsr.bits());
    }
}

pub struct Cpu {
    pub pe: Pe,
    pub regs: Regs,
    pub system: System,
}

pub struct Guest {
    pub cpus: Vec<Cpu>,
}

impl Guest {
    pub fn new(cpus: usize) -> Guest {
        let room = Room::new(cpus);
        let cpus = (0..cpus).map(|n| Cpu::new(n, room.clone())).collect();
        Guest { cpus }
    }

    pub fn room(&self) -> &Room {
        &self.cpus[0].system.room
    }
}

/// A guest's only CPU, after power-up.
pub fn cpu() -> Cpu {
    Guest::new(1).cpus.remove(0)
}

impl Cpu {
    /// A CPU after power-up, with a different value in each register.
    fn new(n: usize, room: Arc<Room>) -> Cpu {
        let value = |register: usize| 0x1111_0000_0000_0000 + register as u64;
        Cpu {
            pe: Pe::new(),
            regs: Regs {
                saved: std::array::from_fn(value),
                preserved: std::array::from_fn(|i| value(18 + i)),
                sp: 0x2222_0000,
                pc: 0x4008_0000,
                pstate: pstate(EL1H),
            },
            system: System {
                n,
                room,
                elr_el1: Cell::new(0xe1e1),
                spsr_el1: Cell::new(0x5b5b),
                sctlr_el1: 0,
                mte: false,
                aarch32_el0: true,
            },
        }
    }

    pub fn seat(&self) -> &Seat {
        self.system.seat()
    }

    /// The CPU, as the dispatcher has it during an operation.
    pub fn host(&mut self) -> sdei::Cpu<'_, System> {
        sdei::Cpu::new(&mut self.pe, &self.system, &mut self.regs)
    }

    pub fn port(&self) -> &Port {
        &self.seat().port
    }

    /// Executes an HVC with the arguments in x1 and up. PC already points to
    /// the next instruction. Returns x0. This is the result, or the handler's
    /// x0 if the call delivers an event.
    pub fn call(&mut self, function: u32, arguments: &[u64]) -> i64 {
        self.regs.saved[0] = u64::from(function);
        self.regs.saved[1..=arguments.len()].copy_from_slice(arguments);
        self.regs.pc += 4;
        self.host().call(function);
        self.regs.saved[0] as i64
    }

    /// Makes a call with the number of an event as its only argument.
    pub fn on(&mut self, function: u32, number: u32) -> i64 {
        self.call(function, &[u64::from(number)])
    }

    /// Does what the host does before the CPU runs the guest.
    pub fn enter(&mut self) {
        self.host().run();
    }

    pub fn reset(&mut self) {
        self.host().reset();
    }

    pub fn register(&mut self, number: u32) {
        let arguments = [u64::from(number), entry(number), argument(number), 0, 0];
        assert_eq!(self.call(REGISTER, &arguments), SUCCESS);
    }

    /// Registers and enables an event. Use this only while nothing is pending.
    pub fn prepare(&mut self, number: u32) {
        self.register(number);
        assert_eq!(self.on(ENABLE, number), SUCCESS);
    }

    pub fn unmask(&mut self) {
        assert_eq!(self.call(PE_UNMASK, &[]), SUCCESS);
    }

    /// Does what the VMM or another CPU does: raises an event, and makes the
    /// CPU look for it.
    pub fn trigger(&mut self, number: u32) {
        self.port().raise(event(number)).expect("a handler");
        self.enter();
    }

    /// Makes the CPU enter the handler of an event.
    pub fn start(&mut self, number: u32) {
        self.prepare(number);
        self.unmask();
        self.trigger(number);
        assert_eq!(self.status(number), ER);
    }

    /// Brings an event that is unregistered into a state, only by calls. If the
    /// handler has to run for this, the CPU is unmasked.
    pub fn bring(&mut self, number: u32, state: u64) {
        match state {
            U => {}
            G => self.register(number),
            E => self.prepare(number),
            GR => {
                self.start(number);
                assert_eq!(self.on(DISABLE, number), SUCCESS);
            }
            ER => self.start(number),
            UP => {
                self.start(number);
                assert_eq!(self.on(UNREGISTER, number), PENDING);
            }
            _ => unreachable!(),
        }
        assert_eq!(self.status(number), state);
    }

    /// The state of an event. This makes no call, because a call may deliver an
    /// event.
    pub fn status(&self, number: u32) -> u64 {
        self.pe.state(event(number)).status()
    }

    /// The same for a shared event. This call never delivers an event.
    pub fn shared_status(&mut self, number: u32) -> u64 {
        let (regs, system) = (&mut self.regs.clone(), &self.system);
        regs.saved[1] = number.into();
        sdei::Cpu::new(&mut self.pe, system, regs).call(STATUS);
        regs.saved[0]
    }

    /// Whether the handler of this shared event runs here.
    pub fn runs_shared(&self, number: u32) -> bool {
        self.pe.all_running_shared().contains(shared(number))
    }

    pub fn is_running(&self, number: u32) -> bool {
        self.status(number) & 0b100 != 0
    }

    pub fn is_pending(&self, number: u32) -> bool {
        self.port().pending().contains(event(number))
    }

    pub fn get(&mut self, index: u16) -> u64 {
        let register = Register::from_index(index).expect("a register");
        self.host().get_register(register)
    }

    /// Writes a pseudo-register.
    pub fn set(&mut self, index: u16, value: u64) -> Result<(), sdei::RegisterError> {
        let register = Register::from_index(index).expect("a register");
        self.host().set_register(register, value)
    }

    /// What a VMM saves: all registers that are listed.
    pub fn save(&mut self) -> Vec<(u16, u64)> {
        (0..Register::COUNT)
            .map(|n| Register::nth_index(n).expect("a register"))
            .map(|index| (index, self.get(index)))
            .collect()
    }
}

/// Numbers that look random and are the same in every run.
pub struct Lcg(pub u64);

impl Lcg {
    pub fn next(&mut self) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        // The low bits of an LCG repeat early.
        self.0 ^ (self.0 >> 32)
    }

    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for i in (1..items.len()).rev() {
            items.swap(i, (self.next() % (i as u64 + 1)) as usize);
        }
    }
}
