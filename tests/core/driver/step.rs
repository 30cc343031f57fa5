// SPDX-License-Identifier: GPL-2.0

//! Makes one step in the dispatcher and in the model, and compares both.

use super::action::{Action, Order, What};
use super::model::{self, Controls, Cpu, Id, Image, Power, PowerCall, Regs, E, G, KINDS, U};
use super::real::{self, from_real, to_real, System, World, EVENTS, REGISTERS};
use sdei::{ContextPart, PowerDown, Priority, Register};
use std::cell::Cell;

/// A trigger that was accepted in a step: CPU and event.
type Accepted = Option<(usize, usize)>;

/// Whether the dispatcher and the model agree.
type Verdict = Result<(), String>;

macro_rules! same {
    ($what:expr, $real:expr, $model:expr) => {{
        let (real, model) = ($real, $model);
        if real != model {
            let what = $what;
            return Err(format!(
                "{what}: {real:#x?}, but the model says {model:#x?}"
            ));
        }
    }};
}

fn ensure(fine: bool, what: &str) -> Verdict {
    if fine {
        Ok(())
    } else {
        Err(what.to_owned())
    }
}

/// Whether a CPU in this state can make the step.
pub fn possible(cpu: &Cpu, what: What) -> bool {
    match what {
        What::Call(_) | What::Power(_) => cpu.power == Power::On,
        What::Deliver => cpu.power != Power::Off,
        What::ColdReset => cpu.power == Power::Suspended,
        What::Withdraw(event) => cpu.events[event].pending || cpu.power == Power::On,
        _ => true,
    }
}

/// Makes the step in both, and compares everything that can be seen. If the CPU
/// runs the guest in this step, it has these registers.
pub fn step(world: &mut World, action: Action, mut regs: Regs, controls: Controls) -> Verdict {
    let me = action.cpu;
    let before = world.models;
    let mut deliveries = [0; model::EVENTS];
    let mut accepted: Accepted = None;

    match action.what {
        What::Call(call) => {
            regs.x[0] = u64::from(call.id);
            regs.x[1..6].copy_from_slice(&call.arguments);
            regs.pc = regs.pc.wrapping_add(4);
            let mut expected = regs;
            model::call(&mut world.models, me, call.id, &mut expected, controls);
            let answer = expected.x[0] as i64;
            let seen = run(world, me, regs, controls, Some(call.id))?;
            if let Some(result) = seen.result {
                same!("result", result, answer);
            }
            // If an event became deliverable before the call, its kick may come
            // after the call, and the dispatcher may leave the event until
            // then. What the call itself made deliverable has to be delivered
            // now.
            if before[me].deliverable().is_none() || seen.deliveries != [0; model::EVENTS] {
                world.models[me].deliver(&mut expected, controls);
            }
            same!("registers", seen.regs, expected);
            deliveries = seen.deliveries;
            if call.id == Id::SIGNAL && seen.result == Some(0) {
                let target = call.arguments[1] & 0xff_00ff_ffff;
                let target = model::AFFINITY.iter().position(|&a| a == target);
                accepted = target.zip(call.event());
            }
        }
        What::Deliver => {
            let mut expected = regs;
            world.models[me].deliver(&mut expected, controls);
            let seen = run(world, me, regs, controls, None)?;
            same!("registers", seen.regs, expected);
            deliveries = seen.deliveries;
        }
        What::Raise(event) => accepted = raise(world, me, event)?,
        What::Withdraw(event) => {
            let real = world.seats[me].port.withdraw(EVENTS[event]);
            same!("withdrawn", real, world.models[me].withdraw(event));
        }
        What::Reset => {
            world.host(me, |cpu| cpu.reset());
            world.models[me].reset();
        }
        What::ColdReset => {
            let state = world.get(me, Register::PeState);
            same!("register PE", state, 2 | u64::from(before[me].masked));
            ensure(world.set(me, Register::PeState, state & 1), "not accepted")?;
            world.host(me, |cpu| cpu.reset());
            world.models[me].power = Power::On;
            world.models[me].reset();
        }
        What::Power(call) => {
            let how = match call {
                PowerCall::CpuOff => PowerDown::Cpu,
                PowerCall::SystemOff => PowerDown::System,
                PowerCall::SystemSuspend => PowerDown::Suspend,
            };
            world.host(me, |cpu| cpu.power_down(how));
            world.models[me].power_call(call);
            let kicked = world.seats[me].kicks.get() != 0;
            ensure(
                kicked || world.models[me].deliverable().is_none(),
                "the CPU would run on without a look at what it has pending",
            )?;
        }
        What::Migrate(order) => {
            let saved = world.save(me);
            world.pes[me] = sdei::Pe::new();
            world.seats[me] = real::Seat::new(sdei::Port::new());
            write_all(world, me, &saved, order)?;
            same!("registers after migration", &world.save(me), &saved);
        }
        What::WriteBack {
            order,
            raise: event,
        } => {
            let saved = world.save(me);
            accepted = raise(world, me, event)?;
            write_all(world, me, &saved, order)?;
        }
        What::Write { index, value } => write(world, me, index, value)?,
    }

    compare(world, me)?;
    // For the other CPU, this thread has access only to the port.
    compare_port(world, 1 - me)?;
    kicked(world, me, &before, action.what)?;
    account(world, me, &before, action.what, accepted, deliveries)
}

/// What an observer sees of a call or a delivery.
struct Seen {
    regs: Regs,
    result: Option<i64>,
    /// How often each event was delivered.
    deliveries: [u8; model::EVENTS],
}

/// The host passes a call to the dispatcher, or is about to run the guest.
fn run(
    world: &mut World,
    me: usize,
    regs: Regs,
    controls: Controls,
    call: Option<u32>,
) -> Result<Seen, String> {
    let runs = |world: &World, n: usize| world.pes[me].state(EVENTS[n]).status() & 4 != 0;
    // In a CPU that wakes from a suspend no handler runs, even if user space
    // wrote that one does.
    let wakes = world.get(me, Register::PeState) & 2 != 0;
    let running = bits(|n| runs(world, n) && !wakes);
    let system = System {
        me,
        seats: &world.seats,
        controls,
        elr_el1: Cell::new(regs.elr_el1),
        spsr_el1: Cell::new(regs.spsr_el1),
        running: Cell::new(running),
        deliveries: Cell::new([0; model::EVENTS]),
        result: Cell::new(None),
        mistake: Cell::new(None),
    };
    let mut real = to_real(&regs);
    let mut cpu = sdei::Cpu::new(&mut world.pes[me], &system, &mut real);
    match call {
        Some(id) => cpu.call(id),
        None => cpu.run(),
    }
    if let Some(mistake) = system.mistake.get() {
        return Err(mistake.to_owned());
    }
    let running = system.running.get();
    let seen = Seen {
        regs: from_real(&real, &system),
        result: system.result.get(),
        deliveries: system.deliveries.get(),
    };
    same!("running", bits(|n| runs(world, n)), running);
    Ok(seen)
}

fn raise(world: &mut World, cpu: usize, event: usize) -> Result<Accepted, String> {
    let real = world.seats[cpu].port.raise(EVENTS[event]).is_ok();
    same!("raised", real, world.models[cpu].raise(event));
    Ok(real.then_some((cpu, event)))
}

fn write_all(world: &mut World, cpu: usize, values: &[u64], order: Order) -> Verdict {
    let mut writes: Vec<_> = REGISTERS.iter().zip(values).collect();
    match order {
        Order::Ascending => {}
        Order::Descending => writes.reverse(),
        Order::Shuffled(mut number) => {
            for n in (1..writes.len()).rev() {
                writes.swap(n, (number % (n as u64 + 1)) as usize);
                number = number.rotate_right(7).wrapping_mul(5).wrapping_add(1);
            }
        }
    }
    for (&register, &value) in writes {
        if !world.set(cpu, register, value) {
            return Err(format!(
                "{register:?} = {value:#x} was read, but not accepted"
            ));
        }
    }
    Ok(())
}

/// User space writes any value to any register. The model of a CPU leaves out
/// some registers; their values are taken from the dispatcher, before it
/// writes.
fn write(world: &mut World, cpu: usize, index: u16, value: u64) -> Verdict {
    let mut image = Image::new(&world.save_all(cpu));
    let accepted = image.write(index, value);
    let real = Register::from_index(index).is_some_and(|register| world.set(cpu, register, value));
    same!("accepted", real, accepted);
    same!("registers", Image::new(&world.save(cpu)), image.shown());
    world.models[cpu] = image.cpu(world.models[cpu].power);
    Ok(())
}

/// The set of events for which `test` is true, as bits.
fn bits(test: impl Fn(usize) -> bool) -> u16 {
    (0..model::EVENTS).fold(0, |bits, event| bits | (u16::from(test(event)) << event))
}

/// Converts a set of the dispatcher into bits.
fn members(set: sdei::EventSet) -> u16 {
    bits(|event| set.contains(EVENTS[event]))
}

/// Compares what all threads can see of a CPU.
fn compare_port(world: &World, n: usize) -> Verdict {
    let (port, cpu) = (&world.seats[n].port, &world.models[n]);
    let pending = bits(|e| cpu.events[e].pending);
    let registered = bits(|e| cpu.events[e].status & G != 0);
    let enabled = bits(|e| cpu.events[e].status & E == E);
    let deliverable = bits(|e| cpu.events[e].pending && cpu.may_deliver(e));
    same!("pending", members(port.pending()), pending);
    same!(
        "published: registered",
        members(port.registered()),
        registered
    );
    same!("published: enabled", members(port.enabled()), enabled);
    same!(
        "published: deliverable",
        members(port.deliverable()),
        deliverable
    );
    Ok(())
}

/// Compares everything that the guest, the VMM and the host can see of a CPU.
fn compare(world: &mut World, n: usize) -> Verdict {
    compare_port(world, n)?;
    let cpu = world.models[n];
    let ready = bits(|e| cpu.may_deliver(e));
    let pe = u64::from(cpu.masked) | (u64::from(cpu.power == Power::Suspended) << 1);
    same!("register PE", world.get(n, Register::PeState), pe);
    same!("masked", world.pes[n].is_masked(), cpu.masked);
    for (event, model) in EVENTS.into_iter().zip(&cpu.events) {
        let status = world.get(n, Register::Status(event));
        same!("status", (event, status), (event, u64::from(model.status)));
        if model.status & G != 0 {
            same!("entry", world.get(n, Register::Entry(event)), model.entry);
            same!(
                "argument",
                world.get(n, Register::Argument(event)),
                model.argument
            );
        }
    }
    for frame in cpu.stack.iter().flatten() {
        let priority = if KINDS[frame.event].critical {
            Priority::Critical
        } else {
            Priority::Normal
        };
        let mut part = |part| world.get(n, Register::Context(priority, part));
        let context = model::Context {
            x: std::array::from_fn(|n| part(ContextPart::Gpr(n as u8))),
            pc: part(ContextPart::Pc),
            pstate: part(ContextPart::PState),
        };
        same!("interrupted context", context, frame.interrupted);
    }

    // In a copy, make all events pending: the deliverable ones are then the
    // ready ones.
    let copy = real::Seat::new(world.port_copy(n));
    let all = sdei::EventSet::ALL.bits();
    let set = real::Idle(&copy).with(&mut world.pes[n], |cpu| {
        cpu.set_register(Register::Pending, all)
    });
    ensure(set.is_ok(), "all events pending: not accepted")?;
    same!("published: ready", members(copy.port.deliverable()), ready);
    Ok(())
}

/// If a step makes an event deliverable on the other CPU, it has to kick that
/// CPU afterwards, so that the CPU looks before it runs the guest again. For
/// steps of the VMM, and writes of registers, the code in `src/host/` kicks.
fn kicked(world: &World, me: usize, before: &[Cpu; 2], what: What) -> Verdict {
    let other = 1 - me;
    let after = &world.models[other];
    if before[other].deliverable().is_none() && after.deliverable().is_some() {
        let seat = &world.seats[other];
        ensure(seat.kicks.get() != 0, "the target was not kicked")?;
        let seen = seat.pending_at_kick.get() & 1 != 0;
        ensure(
            seen,
            "the target was kicked before there was anything to see",
        )?;
    }
    // A CPU that has just looked has no deliverable event left.
    let looked = match what {
        What::Call(_) => before[me].deliverable().is_none(),
        What::Deliver => true,
        _ => false,
    };
    let left = looked && world.models[me].deliverable().is_some();
    ensure(!left, "something deliverable was not delivered")
}

/// Checks what happened to each trigger: it is pending, or was delivered once,
/// or was dropped by a step that may drop it. This counts what the dispatcher
/// shows, and does not use the model.
fn account(
    world: &World,
    me: usize,
    before: &[Cpu; 2],
    what: What,
    accepted: Accepted,
    deliveries: [u8; model::EVENTS],
) -> Verdict {
    if matches!(what, What::Write { .. }) {
        // Every bit of every register was compared already.
        return Ok(());
    }
    for cpu in [0, 1] {
        let pending = members(world.seats[cpu].port.pending());
        for (event, deliveries) in deliveries.into_iter().enumerate() {
            let there = before[cpu].events[event].pending || accepted == Some((cpu, event));
            let still = ((pending >> event) & 1) as u8;
            let delivered = if cpu == me { deliveries } else { 0 };
            let dropped = cpu == me && may_drop(what, event, &before[me]);
            let fine = match (there, still + delivered) {
                (true, 1) | (false, 0) => true,
                (true, 0) => dropped,
                _ => false,
            };
            if !fine {
                return Err(format!(
                    "event {event} of CPU {cpu}: triggered {there}, {still} pending, \
                     {delivered} delivered"
                ));
            }
        }
    }
    Ok(())
}

/// Whether a step may drop the triggers of an event (DEN0054 5.1.8, 5.1.18,
/// 6.5).
fn may_drop(what: What, event: usize, before: &Cpu) -> bool {
    match what {
        What::Call(call) => {
            let about_it = call.event() == Some(event);
            match call.id {
                // User space may have written the event as pending before the
                // guest registered it.
                Id::REGISTER => about_it && before.events[event].status == U,
                Id::UNREGISTER => about_it,
                Id::PRIVATE_RESET => true,
                _ => false,
            }
        }
        What::Withdraw(withdrawn) => withdrawn == event,
        What::Reset => before.power != Power::Suspended,
        What::ColdReset | What::Power(PowerCall::CpuOff) => true,
        _ => false,
    }
}
