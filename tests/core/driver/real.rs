// SPDX-License-Identifier: GPL-2.0

//! The dispatcher for the CPUs of a guest, and the part of the host that it
//! needs: a way to the other CPU, system registers, and an observer.

use super::model::{self, AFFINITY, KINDS};
use sdei::{
    Affinity, AnyEvent, Bank, Cpu, EntryControls, Event, PState, Pe, Peer, Port, Register, Regs,
    SharedEvent, SharedPort, Vcpu, Vm,
};
use std::cell::{Cell, RefCell};
use std::sync::LazyLock;

/// The model's events, as the dispatcher names them.
pub const EVENTS: [Event; model::EVENTS] = {
    let mut events = [Event::SoftwareSignalled; model::EVENTS];
    let mut n = 0;
    while n < events.len() {
        events[n] = match Event::from_number(KINDS[n].number) {
            Some(event) => event,
            None => panic!("an event that the dispatcher doesn't know"),
        };
        n += 1;
    }
    events
};

/// The same for the shared events.
pub const SHARED: [SharedEvent; model::SHARED_EVENTS] = {
    let mut events = [SharedEvent::Normal0; model::SHARED_EVENTS];
    let mut n = 0;
    while n < events.len() {
        events[n] = match SharedEvent::from_number(KINDS[model::EVENTS + n].number) {
            Some(event) => event,
            None => panic!("an event that the dispatcher doesn't know"),
        };
        n += 1;
    }
    events
};

/// The index of an event in the model.
fn index(event: AnyEvent) -> Option<usize> {
    (0..model::ALL_EVENTS).find(|&n| match event {
        AnyEvent::Private(event) => EVENTS.get(n) == Some(&event),
        AnyEvent::Shared(event) => {
            n.checked_sub(model::EVENTS).and_then(|n| SHARED.get(n)) == Some(&event)
        }
    })
}

/// Every pseudo-register, in ascending order.
pub static REGISTERS: LazyLock<Vec<Register>> = LazyLock::new(|| {
    let listed: Vec<_> = (0..Register::COUNT)
        .filter_map(Register::nth_index)
        .collect();
    assert_eq!(listed, model::Image::indices());
    let decoded = listed.into_iter().map(Register::from_index);
    decoded
        .map(|register| register.expect("it is listed"))
        .collect()
});

/// Copies the dispatcher's state. `Pe` and `Port` are not `Clone`, because in
/// the module there must be only one of each for a CPU.
fn duplicate<T>(value: &T) -> T {
    const { assert!(!std::mem::needs_drop::<T>(), "plain data") };
    // SAFETY: The type owns nothing, so a second copy of it does no harm. No
    // other thread writes to it.
    unsafe { std::ptr::read(value) }
}

/// What the other CPU sees of a CPU.
pub struct Seat {
    pub port: Port,
    pub kicks: Cell<u32>,
    /// The events that were pending when the CPU was last kicked.
    pub pending_at_kick: Cell<u64>,
    /// Whether the CPU had something to do when it was last kicked.
    pub work_at_kick: Cell<bool>,
}

impl Seat {
    pub fn new(port: Port) -> Seat {
        Seat {
            port,
            kicks: Cell::new(0),
            pending_at_kick: Cell::new(0),
            work_at_kick: Cell::new(false),
        }
    }
}

impl Seat {
    fn kick(&self) {
        self.kicks.set(self.kicks.get() + 1);
        self.pending_at_kick.set(self.port.pending().bits());
        self.work_at_kick.set(self.port.has_work());
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
        false
    }
}

/// What all CPUs have in common.
pub struct Room {
    pub seats: [Seat; 2],
    pub shared: SharedPort,
    pub bank: RefCell<Bank>,
}

impl Room {
    fn new(seats: [Seat; 2]) -> Room {
        Room {
            seats,
            shared: SharedPort::new(),
            bank: RefCell::new(Bank::new()),
        }
    }
}

impl Vm for Room {
    type Peer<'a> = &'a Seat;

    fn shared(&self) -> &SharedPort {
        &self.shared
    }

    fn with_bank<R>(&self, what: impl FnOnce(&mut Bank) -> R) -> R {
        // This fails if the lock is held already.
        what(&mut self.bank.borrow_mut())
    }

    fn cpu_at(&self, affinity: Affinity) -> Option<&Seat> {
        by_affinity(affinity.bits()).map(|n| &self.seats[n])
    }

    fn any_cpu(&self, mut test: impl FnMut(&&Seat) -> bool) -> bool {
        self.seats.iter().any(|seat| test(&seat))
    }
}

/// The state of a CPU between two steps. The guest's registers are not part of
/// it, because the guest writes all of them before the next step.
pub struct Local {
    pub pe: Pe,
    pub port: Port,
    pub model: model::Cpu,
}

impl Local {
    pub fn cold() -> Local {
        Local {
            pe: Pe::new(),
            port: Port::new(),
            model: model::Cpu::cold(),
        }
    }
}

/// The state of the shared events between two steps.
pub struct Common {
    pub port: SharedPort,
    pub bank: Bank,
    pub model: [model::Shared; model::SHARED_EVENTS],
}

impl Common {
    pub fn cold() -> Common {
        Common {
            port: SharedPort::new(),
            bank: Bank::new(),
            model: model::Guest::cold().shared,
        }
    }
}

/// The guest: both CPUs, and what they share.
pub struct World {
    pub pes: [Pe; 2],
    pub room: Room,
    pub model: model::Guest,
}

impl Clone for World {
    fn clone(&self) -> World {
        World {
            pes: self.pes.each_ref().map(duplicate),
            room: self.room_copy(),
            model: self.model,
        }
    }
}

impl World {
    pub fn of(locals: [&Local; 2], common: &Common) -> World {
        World {
            pes: locals.map(|local| duplicate(&local.pe)),
            room: Room {
                seats: locals.map(|local| Seat::new(duplicate(&local.port))),
                shared: duplicate(&common.port),
                bank: RefCell::new(duplicate(&common.bank)),
            },
            model: model::Guest {
                cpus: locals.map(|local| local.model),
                shared: common.model,
            },
        }
    }

    pub fn cold() -> World {
        World::of([&Local::cold(), &Local::cold()], &Common::cold())
    }

    pub fn local(&self, cpu: usize) -> Local {
        Local {
            pe: duplicate(&self.pes[cpu]),
            port: duplicate(&self.room.seats[cpu].port),
            model: self.model.cpus[cpu],
        }
    }

    pub fn common(&self) -> Common {
        Common {
            port: duplicate(&self.room.shared),
            bank: duplicate(&self.room.bank.borrow()),
            model: self.model.shared,
        }
    }

    /// A copy of all that threads share.
    pub fn room_copy(&self) -> Room {
        let room = &self.room;
        Room {
            seats: room
                .seats
                .each_ref()
                .map(|seat| Seat::new(duplicate(&seat.port))),
            shared: duplicate(&room.shared),
            bank: RefCell::new(duplicate(&room.bank.borrow())),
        }
    }

    /// The guest moves to a new host: what is left there is what the registers
    /// say.
    pub fn move_away(&mut self) {
        self.pes = [Pe::new(), Pe::new()];
        self.room = Room::new([0, 1].map(|_| Seat::new(Port::new())));
    }

    /// The host does something with a CPU while the guest does not run on it.
    pub fn host<R>(&mut self, cpu: usize, what: impl FnOnce(&mut Cpu<'_, Idle<'_>>) -> R) -> R {
        Idle(&self.room, cpu).with(&mut self.pes[cpu], what)
    }

    pub fn get(&mut self, cpu: usize, register: Register) -> u64 {
        self.host(cpu, |cpu| cpu.get_register(register))
    }

    pub fn save(&mut self, cpu: usize) -> Vec<u64> {
        self.host(cpu, |cpu| {
            let get = |&register| cpu.get_register(register);
            REGISTERS.iter().map(get).collect()
        })
    }

    /// The same, but also the contexts that user space can't read because no
    /// handler runs: this reads them from a copy in which handlers run.
    pub fn save_all(&mut self, cpu: usize) -> Vec<u64> {
        let mut saved = self.save(cpu);
        let room = self.room_copy();
        Idle(&room, cpu).with(&mut duplicate(&self.pes[cpu]), |copy| {
            for event in [Event::Normal0, Event::Critical0] {
                let set = copy.set_register(Register::Status(event), 0b100);
                set.expect("a status");
            }
            for (register, value) in REGISTERS.iter().zip(&mut saved) {
                if let Register::Context(..) = register {
                    *value = copy.get_register(*register);
                }
            }
        });
        saved
    }

    /// Writes a pseudo-register. Returns whether it was accepted.
    pub fn set(&mut self, cpu: usize, register: Register, value: u64) -> bool {
        self.host(cpu, |cpu| cpu.set_register(register, value).is_ok())
    }
}

/// A CPU on which the guest does not run: it makes no call, and has no system
/// registers.
pub struct Idle<'a>(pub &'a Room, pub usize);

impl Idle<'_> {
    /// Has something done with the CPU that has this state.
    pub fn with<R>(&self, pe: &mut Pe, what: impl FnOnce(&mut Cpu<'_, Self>) -> R) -> R {
        let mut regs = Regs {
            saved: [0; 18],
            preserved: [0; 13],
            sp: 0,
            pc: 0,
            pstate: PState::EL0T,
        };
        what(&mut Cpu::new(pe, self, &mut regs))
    }
}

impl Peer for Idle<'_> {
    fn port(&self) -> &Port {
        &self.0.seats[self.1].port
    }

    fn kick(&self) {
        self.0.seats[self.1].kick();
    }

    fn is_off(&self) -> bool {
        false
    }
}

impl Vcpu for Idle<'_> {
    type Peer<'a>
        = &'a Seat
    where
        Self: 'a;
    type Vm = Room;

    fn vm(&self) -> &Room {
        self.0
    }

    fn id(&self) -> u32 {
        self.1 as u32
    }

    fn has_affinity(&self, _mpidr: u64) -> bool {
        unreachable!("it makes no call")
    }

    fn peer(&self, _mpidr: u64) -> Option<&Seat> {
        unreachable!("it makes no call")
    }

    fn entry_controls(&self) -> EntryControls {
        unreachable!("it takes no event")
    }

    fn set_exception_return(&self, _elr: u64, _spsr: PState) {
        unreachable!("it makes no call")
    }

    fn has_aarch32_el0(&self) -> bool {
        true
    }

    fn array_index_nospec(index: usize, size: usize) -> usize {
        assert!(index < size);
        index
    }
}

/// The CPU that makes a step, and what an observer saw in this step.
pub struct System<'a> {
    /// Which of the seats is the CPU's own.
    pub me: usize,
    pub room: &'a Room,
    pub controls: model::Controls,
    pub elr_el1: Cell<u64>,
    pub spsr_el1: Cell<u64>,
    /// Bit n: the handler of the model's event n is running.
    pub running: Cell<u16>,
    pub deliveries: Cell<[u8; model::ALL_EVENTS]>,
    /// The event that was delivered.
    pub delivered: Cell<Option<usize>>,
    /// The result of the call, if it returned.
    pub result: Cell<Option<i64>>,
    pub mistake: Cell<Option<&'static str>>,
}

/// The critical events in this set.
fn critical(events: u16) -> u16 {
    let critical = |&event: &usize| KINDS[event].critical;
    (0..model::ALL_EVENTS)
        .filter(critical)
        .fold(0, |bits, event| bits | (events & (1 << event)))
}

/// Which CPU has these affinity fields.
fn by_affinity(mpidr: u64) -> Option<usize> {
    let affinity = mpidr & 0xff_00ff_ffff;
    AFFINITY.iter().position(|&other| other == affinity)
}

impl Peer for System<'_> {
    fn port(&self) -> &Port {
        &self.room.seats[self.me].port
    }

    fn kick(&self) {
        self.room.seats[self.me].kick();
    }

    fn is_off(&self) -> bool {
        false
    }
}

impl Vcpu for System<'_> {
    type Peer<'a>
        = &'a Seat
    where
        Self: 'a;
    type Vm = Room;

    fn vm(&self) -> &Room {
        self.room
    }

    fn id(&self) -> u32 {
        self.me as u32
    }

    fn has_affinity(&self, mpidr: u64) -> bool {
        by_affinity(mpidr) == Some(self.me)
    }

    fn peer(&self, mpidr: u64) -> Option<&Seat> {
        by_affinity(mpidr).map(|n| &self.room.seats[n])
    }

    fn has_aarch32_el0(&self) -> bool {
        true
    }

    fn array_index_nospec(index: usize, size: usize) -> usize {
        assert!(index < size);
        index
    }

    fn entry_controls(&self) -> EntryControls {
        EntryControls {
            span: self.controls.span,
            dssbs: self.controls.dssbs,
            mte: self.controls.mte,
        }
    }

    fn set_exception_return(&self, elr: u64, spsr: PState) {
        self.elr_el1.set(elr);
        self.spsr_el1.set(spsr.bits());
    }

    fn on_call(&self, _id: u32, regs: &Regs) {
        let [result, ..] = regs.saved;
        self.result.set(Some(result as i64));
    }

    /// Checks the rules of DEN0054 4.3.2, without the model.
    fn on_delivery(&self, event: AnyEvent, _pc: u64) {
        let Some(n) = index(event) else {
            self.mistake.set(Some("an event that nobody knows"));
            return;
        };
        let running = self.running.get();
        if critical(running) != 0 {
            self.mistake.set(Some("a handler over a critical one"));
        } else if running != 0 && !KINDS[n].critical {
            self.mistake.set(Some("a normal handler over another one"));
        }
        self.running.set(running | (1 << n));
        let mut deliveries = self.deliveries.get();
        deliveries[n] += 1;
        self.deliveries.set(deliveries);
        self.delivered.set(Some(n));
    }

    fn on_completion(&self, event: AnyEvent, _pc: u64) {
        let running = self.running.get();
        let innermost = match critical(running) {
            0 => running,
            critical => critical,
        };
        if index(event).map(|n| 1 << n) != Some(innermost) {
            self.mistake.set(Some("completed what is not innermost"));
        }
        self.running.set(running & !innermost);
    }
}

/// Converts the model's registers into the dispatcher's.
pub fn to_real(regs: &model::Regs) -> Regs {
    Regs {
        saved: std::array::from_fn(|n| regs.x[n]),
        preserved: std::array::from_fn(|n| regs.x[18 + n]),
        sp: regs.sp,
        pc: regs.pc,
        pstate: PState::from_user(regs.pstate, true).expect("a state of the guest"),
    }
}

/// Converts the dispatcher's registers into the model's.
pub fn from_real(regs: &Regs, system: &System<'_>) -> model::Regs {
    model::Regs {
        x: std::array::from_fn(|n| match n.checked_sub(18) {
            None => regs.saved[n],
            Some(n) => regs.preserved[n],
        }),
        sp: regs.sp,
        pc: regs.pc,
        pstate: regs.pstate.bits(),
        elr_el1: system.elr_el1.get(),
        spsr_el1: system.spsr_el1.get(),
    }
}
