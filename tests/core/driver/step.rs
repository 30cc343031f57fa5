// SPDX-License-Identifier: GPL-2.0

//! Makes one step in the dispatcher and in the model, and compares both.

use super::action::{Action, Order, What};
use super::model::{self, Controls, Guest, Id, Image, Power, PowerCall, Regs, E, G, KINDS, U};
use super::real::{self, from_real, to_real, System, World, EVENTS, REGISTERS, SHARED};
use sdei::{ContextPart, PowerDown, Priority, Register, SharedPart};
use std::cell::Cell;

/// A trigger that was accepted in a step: CPU and event. For a shared event, the
/// CPU means nothing.
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

/// Whether a CPU can make the step.
pub fn possible(guest: &Guest, me: usize, what: What) -> bool {
    let cpu = &guest.cpus[me];
    match what {
        // A CPU does not run before the host has called `run`. If that does not
        // deliver an event, `step` does it.
        What::Call(_) | What::Power(_) if cpu.cold && guest.outcomes(me) != [None] => false,
        What::Call(_) | What::Power(_) => cpu.power == Power::On,
        What::Deliver => cpu.power != Power::Off,
        What::ColdReset => cpu.power == Power::Suspended,
        What::Withdraw(event) if event >= model::EVENTS => true,
        What::Withdraw(event) => cpu.events[event].pending || cpu.power == Power::On,
        _ => true,
    }
}

/// Makes the step in both, and compares everything that can be seen. If the CPU
/// runs the guest in this step, it has these registers.
pub fn step(world: &mut World, action: Action, mut regs: Regs, controls: Controls) -> Verdict {
    let me = action.cpu;
    if before_call(action.what) && world.model.cpus[me].cold {
        world.model.enter(me);
        let seen = run(world, me, regs, controls, None)?;
        same!("delivered", seen.delivered, None);
    }
    let before = world.model;
    let had_work = [0, 1].map(|cpu| has_work(world, cpu));
    let mut deliveries = [0; model::ALL_EVENTS];
    let mut accepted: Accepted = None;

    match action.what {
        What::Call(call) => {
            regs.x[0] = u64::from(call.id);
            regs.x[1..6].copy_from_slice(&call.arguments);
            regs.pc = regs.pc.wrapping_add(4);
            let mut expected = regs;
            model::call(&mut world.model, me, call.id, &mut expected, controls);
            let answer = expected.x[0] as i64;
            let seen = run(world, me, regs, controls, Some(call.id))?;
            if let Some(result) = seen.result {
                same!("result", result, answer);
            }
            // If an event became deliverable before the call, its kick may come
            // after the call, and the dispatcher may leave the event until
            // then. What the call itself made deliverable has to be delivered
            // now.
            let late = before.cpus[me].deliverable().is_some() && seen.delivered.is_none();
            if !late {
                deliver(world, me, &seen, &mut expected, controls)?;
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
            world.model.enter(me);
            let seen = run(world, me, regs, controls, None)?;
            deliver(world, me, &seen, &mut expected, controls)?;
            same!("registers", seen.regs, expected);
            deliveries = seen.deliveries;
        }
        What::Raise(event) => accepted = raise(world, me, event)?,
        What::Withdraw(event) => {
            let (real, model) = match event.checked_sub(model::EVENTS) {
                None => (
                    world.room.seats[me].port.withdraw(EVENTS[event]),
                    world.model.cpus[me].withdraw(event),
                ),
                Some(n) => (
                    world.room.shared.withdraw(SHARED[n]),
                    std::mem::replace(&mut world.model.shared[n].pending, false),
                ),
            };
            same!("withdrawn", real, model);
        }
        What::Reset => {
            world.host(me, |cpu| cpu.reset());
            world.model.reset(me);
        }
        What::ColdReset => {
            let state = world.get(me, Register::PeState);
            same!("register PE", state, 2 | u64::from(before.cpus[me].masked));
            ensure(world.set(me, Register::PeState, state & 1), "not accepted")?;
            world.host(me, |cpu| cpu.reset());
            world.model.cpus[me].power = Power::On;
            world.model.reset(me);
        }
        What::Power(call) => {
            let how = match call {
                PowerCall::CpuOff => PowerDown::Cpu,
                PowerCall::CpuSuspend => PowerDown::CpuSuspend,
                PowerCall::SystemOff => PowerDown::System,
                PowerCall::SystemSuspend => PowerDown::Suspend,
            };
            world.host(me, |cpu| cpu.power_down(how));
            world.model.power_call(me, call);
            let kicked = world.room.seats[me].kicks.get() != 0;
            ensure(
                kicked || world.model.cpus[me].deliverable().is_none(),
                "the CPU would run on without a look at what it has pending",
            )?;
        }
        What::Migrate(order) => {
            let saved = [0, 1].map(|cpu| world.save(cpu));
            world.move_away();
            let written = write_all(world, &[(0, &saved[0]), (1, &saved[1])], order)?;
            for (cpu, saved) in saved.iter().enumerate() {
                same!("registers after migration", &world.save(cpu), saved);
            }
            world.model.moved(&written);
        }
        What::WriteBack {
            order,
            raise: event,
        } => {
            let saved = world.save(me);
            accepted = raise(world, me, event)?;
            write_all(world, &[(me, &saved)], order)?;
        }
        What::Write { index, value } => write(world, me, index, value)?,
    }

    compare(world, me)?;
    // For the other CPU, this thread has access only to the port.
    compare_port(world, 1 - me)?;
    compare_shared(world)?;
    kicked(world, me, &before, had_work, action.what)?;
    given(world)?;
    account(world, me, &before, action.what, accepted, deliveries)
}

/// Whether the host has called `run` before this.
fn before_call(what: What) -> bool {
    matches!(what, What::Call(_) | What::Power(_))
}

/// Makes the delivery in the model that was seen, if it is one that may happen
/// now.
fn deliver(
    world: &mut World,
    me: usize,
    seen: &Seen,
    expected: &mut Regs,
    controls: Controls,
) -> Verdict {
    let outcomes = world.model.outcomes(me);
    if !outcomes.contains(&seen.delivered) {
        return Err(format!(
            "delivered: {:?}, but the model says one of {outcomes:?}",
            seen.delivered
        ));
    }
    if let Some(event) = seen.delivered {
        world.model.deliver(me, event, expected, controls);
    }
    Ok(())
}

/// What an observer sees of a call or a delivery.
struct Seen {
    regs: Regs,
    result: Option<i64>,
    /// How often each event was delivered.
    deliveries: [u8; model::ALL_EVENTS],
    delivered: Option<usize>,
}

/// The host passes a call to the dispatcher, or is about to run the guest.
fn run(
    world: &mut World,
    me: usize,
    regs: Regs,
    controls: Controls,
    call: Option<u32>,
) -> Result<Seen, String> {
    let runs = |world: &World, n: usize| match n.checked_sub(model::EVENTS) {
        None => world.pes[me].state(EVENTS[n]).status() & 4 != 0,
        Some(n) => world.pes[me].all_running_shared().contains(SHARED[n]),
    };
    // In a CPU that wakes from a suspend no handler runs, even if user space
    // wrote that one does.
    let wakes = world.get(me, Register::PeState) & 2 != 0;
    let running = all_bits(|n| runs(world, n) && !wakes);
    let system = System {
        me,
        room: &world.room,
        controls,
        elr_el1: Cell::new(regs.elr_el1),
        spsr_el1: Cell::new(regs.spsr_el1),
        running: Cell::new(running),
        deliveries: Cell::new([0; model::ALL_EVENTS]),
        delivered: Cell::new(None),
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
        delivered: system.delivered.get(),
    };
    same!("running", all_bits(|n| runs(world, n)), running);
    Ok(seen)
}

fn raise(world: &mut World, cpu: usize, event: usize) -> Result<Accepted, String> {
    let (real, model) = match event.checked_sub(model::EVENTS) {
        None => (
            world.room.seats[cpu].port.raise(EVENTS[event]).is_ok(),
            world.model.cpus[cpu].raise(event),
        ),
        Some(n) => (
            sdei::raise(&world.room, SHARED[n]).is_ok(),
            world.model.raise(event),
        ),
    };
    same!("raised", real, model);
    Ok(real.then_some((cpu, event)))
}

/// Writes what was read from these CPUs. Returns the CPUs in the order in which it
/// wrote which handlers of shared events run there: the last one counts.
fn write_all(
    world: &mut World,
    saved: &[(usize, &Vec<u64>)],
    order: Order,
) -> Result<Vec<usize>, String> {
    let all = |&(cpu, values): &(usize, &Vec<u64>)| {
        let each = REGISTERS.iter().zip(values.clone());
        each.map(move |(&register, value)| (cpu, register, value))
    };
    let mut writes: Vec<_> = saved.iter().flat_map(all).collect();
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
    let mut written = Vec::new();
    for (cpu, register, value) in writes {
        if !world.set(cpu, register, value) {
            return Err(format!(
                "{register:?} = {value:#x} was read, but not accepted"
            ));
        }
        if register == Register::SharedRunning {
            written.push(cpu);
        }
    }
    Ok(written)
}

/// User space writes any value to any register. The model of a CPU leaves out
/// some registers; their values are taken from the dispatcher, before it
/// writes.
fn write(world: &mut World, cpu: usize, index: u16, value: u64) -> Verdict {
    let mut image = Image::new(&world.save_all(cpu));
    let accepted = image.write(index, value, world.model.is_live());
    let real = Register::from_index(index).is_some_and(|register| world.set(cpu, register, value));
    same!("accepted", real, accepted);
    same!("registers", Image::new(&world.save(cpu)), image.shown());
    image.apply(&mut world.model, cpu);
    Ok(())
}

/// The set of private events for which `test` is true, as bits.
fn bits(test: impl Fn(usize) -> bool) -> u16 {
    all_bits(|event| event < model::EVENTS && test(event))
}

/// The same for all events.
fn all_bits(test: impl Fn(usize) -> bool) -> u16 {
    (0..model::ALL_EVENTS).fold(0, |bits, event| bits | (u16::from(test(event)) << event))
}

/// Converts a set of the dispatcher into bits.
fn members(set: sdei::EventSet) -> u16 {
    bits(|event| set.contains(EVENTS[event]))
}

/// Compares what all threads can see of a CPU.
fn compare_port(world: &World, n: usize) -> Verdict {
    let (port, cpu) = (&world.room.seats[n].port, &world.model.cpus[n]);
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
    let cpu = world.model.cpus[n];
    let ready = bits(|e| cpu.may_deliver(e));
    let pe = u64::from(cpu.masked) | (u64::from(cpu.power == Power::Suspended) << 1);
    same!("register PE", world.get(n, Register::PeState), pe);
    same!("masked", world.pes[n].is_masked(), cpu.masked);
    let shared = world.get(n, Register::SharedRunning);
    let runs = |event: usize| cpu.stack.iter().flatten().any(|frame| frame.event == event);
    let running = (0..SHARED.len()).filter(|n| runs(model::EVENTS + n));
    let running = running.fold(0, |bits, n| bits | (1 << n));
    same!("register SHARED_RUNNING", shared, running);
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
    let copy = world.room_copy();
    let all = sdei::EventSet::ALL.bits();
    let set = real::Idle(&copy, n).with(&mut world.pes[n], |cpu| {
        cpu.set_register(Register::Pending, all)
    });
    ensure(set.is_ok(), "all events pending: not accepted")?;
    let port = &copy.seats[n].port;
    same!("published: ready", members(port.deliverable()), ready);
    for (class, priority) in [(false, Priority::Normal), (true, Priority::Critical)] {
        let may = cpu.may_take(class);
        same!("published: can take", port.can_take(priority), may);
    }
    Ok(())
}

/// Compares everything that can be seen of the shared events.
fn compare_shared(world: &mut World) -> Verdict {
    let model = world.model.shared;
    let bits = |test: &dyn Fn(&model::Shared) -> bool| {
        let bit = |(n, event): (usize, &model::Shared)| u64::from(test(event)) << n;
        model.iter().enumerate().map(bit).sum::<u64>()
    };
    let port = &world.room.shared;
    same!(
        "shared: pending",
        port.pending().bits(),
        bits(&|event| event.pending)
    );
    same!(
        "shared: registered",
        port.registered().bits(),
        bits(&|event| event.registration & G != 0)
    );
    same!(
        "shared: enabled",
        port.enabled().bits(),
        bits(&|event| event.registration == E)
    );
    same!(
        "shared: running",
        port.running().bits(),
        bits(&|event| event.runner.is_some())
    );
    for cpu in [0, 1] {
        let pending = world.get(cpu, Register::SharedPending);
        same!("SHARED_PENDING", pending, bits(&|event| event.pending));
        for (event, model) in SHARED.into_iter().zip(&model) {
            let mut get = |part| world.get(cpu, Register::Shared(event, part));
            let status = u64::from(model.registration);
            same!("SHARED_STATUS", get(SharedPart::Status), status);
            if model.registration & G != 0 {
                same!("SHARED_ENTRY", get(SharedPart::Entry), model.entry);
                same!("SHARED_ARGUMENT", get(SharedPart::Argument), model.argument);
                let routing = model.routing.map_or(0, |affinity| affinity | (1 << 63));
                same!("SHARED_ROUTING", get(SharedPart::Routing), routing);
            }
        }
    }
    Ok(())
}

fn priority(event: usize) -> Priority {
    if KINDS[event].critical {
        Priority::Critical
    } else {
        Priority::Normal
    }
}

fn has_work(world: &World, cpu: usize) -> bool {
    world.room.seats[cpu].port.has_work()
}

/// Each shared event that waits is given to a CPU that can take it now, or, if
/// there is none, to all that may take it: so that the first that can will.
fn given(world: &World) -> Verdict {
    let guest = &world.model;
    for event in model::EVENTS..model::ALL_EVENTS {
        if !guest.shared[event - model::EVENTS].waits() {
            continue;
        }
        let looks = |&cpu: &usize| {
            let port = &world.room.seats[cpu].port;
            port.looks_for(priority(event))
        };
        let can = |&cpu: &usize| guest.could_take(event, cpu);
        let may = |&cpu: &usize| guest.may_go_to(event, cpu);
        let fine = if [0, 1].iter().any(can) {
            [0, 1].iter().filter(|cpu| can(cpu)).any(looks)
        } else {
            [0, 1].iter().filter(|cpu| may(cpu)).all(looks)
        };
        ensure(fine, "a shared event waits, and nobody will look for it")?;
    }
    Ok(())
}

/// If a step makes an event deliverable on the other CPU, it has to kick that
/// CPU afterwards, so that the CPU looks before it runs the guest again. For
/// steps of the VMM on private events, and writes of registers, the code in
/// `src/host/` kicks.
fn kicked(world: &World, me: usize, before: &Guest, had_work: [bool; 2], what: What) -> Verdict {
    let other = 1 - me;
    let after = &world.model.cpus[other];
    if before.cpus[other].deliverable().is_none() && after.deliverable().is_some() {
        let seat = &world.room.seats[other];
        ensure(seat.kicks.get() != 0, "the target was not kicked")?;
        let seen = seat.pending_at_kick.get() & 1 != 0;
        ensure(
            seen,
            "the target was kicked before there was anything to see",
        )?;
    }
    for cpu in [0, 1] {
        let seat = &world.room.seats[cpu];
        let private = world.model.cpus[cpu].deliverable().is_some();
        // A CPU that looked has nothing to do until it is kicked again.
        let looked = cpu == me && matches!(what, What::Deliver);
        let new = has_work(world, cpu) && (!had_work[cpu] || looked);
        if new && !private && !matches!(what, What::Migrate(_)) {
            ensure(
                seat.kicks.get() != 0 && seat.work_at_kick.get(),
                "a CPU has to look for a shared event, but was not kicked",
            )?;
        }
    }
    // A CPU that has just looked has no deliverable event left.
    let looked = match what {
        What::Call(_) => before.cpus[me].deliverable().is_none(),
        What::Deliver => true,
        _ => false,
    };
    let left = looked && world.model.cpus[me].deliverable().is_some();
    ensure(!left, "something deliverable was not delivered")
}

/// Checks what happened to each trigger: it is pending, or was delivered once,
/// or was dropped by a step that may drop it. This counts what the dispatcher
/// shows, and does not use the model.
fn account(
    world: &World,
    me: usize,
    before: &Guest,
    what: What,
    accepted: Accepted,
    deliveries: [u8; model::ALL_EVENTS],
) -> Verdict {
    if matches!(what, What::Write { .. }) {
        // Every bit of every register was compared already.
        return Ok(());
    }
    for cpu in [0, 1] {
        let pending = members(world.room.seats[cpu].port.pending());
        for (event, deliveries) in deliveries.into_iter().take(model::EVENTS).enumerate() {
            let there = before.cpus[cpu].events[event].pending || accepted == Some((cpu, event));
            let still = ((pending >> event) & 1) as u8;
            let delivered = if cpu == me { deliveries } else { 0 };
            let dropped = cpu == me && may_drop(what, event, before, me);
            once(there, still, delivered, dropped)
                .map_err(|error| format!("event {event} of CPU {cpu}: {error}"))?;
        }
    }
    for (n, shared) in SHARED.into_iter().enumerate() {
        let event = model::EVENTS + n;
        let there = before.shared[n].pending || accepted.is_some_and(|(_, e)| e == event);
        let still = u8::from(world.room.shared.pending().contains(shared));
        let dropped = may_drop_shared(what, event, before, &world.model);
        once(there, still, deliveries[event], dropped)
            .map_err(|error| format!("shared event {n}: {error}"))?;
    }
    Ok(())
}

/// Whether a trigger that was `there` is still pending or was delivered, and not
/// both.
fn once(there: bool, still: u8, delivered: u8, dropped: bool) -> Verdict {
    let fine = match (there, still + delivered) {
        (true, 1) | (false, 0) => true,
        (true, 0) => dropped,
        _ => false,
    };
    if fine {
        Ok(())
    } else {
        Err(format!(
            "triggered {there}, {still} pending, {delivered} delivered"
        ))
    }
}

/// Whether a step may drop the triggers of a shared event (DEN0054 5.1.8,
/// 5.1.19, 6.5).
fn may_drop_shared(what: What, event: usize, before: &Guest, after: &Guest) -> bool {
    match what {
        What::Call(call) => {
            let about_it = call.event() == Some(event);
            let was = before.shared[event - model::EVENTS].status();
            match call.id {
                Id::REGISTER => about_it && was == U,
                Id::UNREGISTER => about_it,
                Id::SHARED_RESET => true,
                _ => false,
            }
        }
        What::Withdraw(withdrawn) => withdrawn == event,
        // The last CPU that had run was reset: the guest was.
        What::Reset | What::ColdReset | What::Power(PowerCall::CpuOff) => {
            before.is_live() && !after.is_live()
        }
        _ => false,
    }
}

/// Whether a step may drop the triggers of an event (DEN0054 5.1.8, 5.1.18,
/// 6.5).
fn may_drop(what: What, event: usize, before: &Guest, me: usize) -> bool {
    let before = &before.cpus[me];
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
