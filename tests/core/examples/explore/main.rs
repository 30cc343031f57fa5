// SPDX-License-Identifier: GPL-2.0

//! Visits every state that a guest with two CPUs can reach with a few private and
//! shared events, by everything that can happen to it. At each step it compares the dispatcher
//! with the model (`../../driver`). It visits states in the order of their
//! distance from power-up, so it reports a shortest sequence of steps to a
//! difference.
//!
//!     explore [--small]
//!
//! The following makes the number of states finite. Each point says why no
//! mistake can hide there:
//!
//! - Registers of the guest. Before each step the guest writes all of them,
//!   with values that say which CPU it is and which handler runs (`guest.rs`).
//!   The dispatcher copies x0 to x17, PC and ELR_EL1 and never looks at their
//!   values. It computes a new PSTATE from the old one. This is compared with
//!   the model for ten different values here, and field by field in
//!   `tests/contexts.rs`.
//! - Interrupted contexts. In the first pass, two states that differ only in
//!   the contents of an interrupted context count as one state. The exploration
//!   continues with the contents that it found first. The second pass tells
//!   contexts apart by where they come from: between two instructions, at the
//!   end of a call, or after SDEI_EVENT_COMPLETE_AND_RESUME. Whenever a context
//!   is saved, migrated or restored, all of its contents are compared.
//! - Values without a meaning. The context of a priority whose handler does not
//!   run, and the handler of an event that is not registered, are not compared.
//!   Only what is read before and after a migration has to be the same.
//! - Kicks. A kick on a CPU without a deliverable event changes nothing, which
//!   is checked in each state (`What::Deliver`). So the state need not say
//!   whether a kick is on its way: one is, if and only if the CPU has a
//!   deliverable event. The next step of such a CPU is `Deliver`, or a call for
//!   which it had left the guest before. Each step checks that it kicks a CPU
//!   on which it makes an event deliverable.
//! - Pairs of CPUs. Without shared events, one CPU affects the other only by
//!   SDEI_EVENT_SIGNAL, and what this does depends on event 0 of the target. The
//!   first pass visits all pairs of states of CPUs with three private events
//!   each. The second pass adds contexts, changes of a handler, and bad values
//!   for pseudo-registers; there the other CPU has only event 0. With `--small`,
//!   which is short enough for `make check`, the other CPU also has only event 0.
//! - Sets of shared events. A shared event affects another one, and a private
//!   one, only by the handlers that block each other, which depends on their
//!   priorities. So there is a pass for each choice of two priorities, of two
//!   shared events or of a shared and a private one.
//! - Look bits. In the passes with shared events they are part of the state,
//!   although the model does not know them. Which CPU gets a shared event that both could take is not in the model
//!   either: it takes what the dispatcher did, if that may happen.

mod calls;
#[path = "../../driver/mod.rs"]
mod driver;
mod guest;

use calls::{calls, BAD_VALUES};
use driver::model::{self, PowerCall};
use driver::{possible, step, Action, Common, Local, Order, What, World};
use guest::{registers, CONTROLS, CRITICAL, NORMAL, SHARED_CRITICAL, SHARED_NORMAL, SIGNALLED};
use std::collections::{HashMap, HashSet};
use std::process::ExitCode;
use std::time::Instant;

/// One pass of the exploration.
struct Pass {
    name: &'static str,
    /// The private events that each CPU has.
    events: [&'static [usize]; 2],
    /// The shared events.
    shared: &'static [usize],
    /// Whether states of CPU 0 are told apart by the origin of contexts and by
    /// the handlers that are registered.
    detail: bool,
    /// Whether to write bad values to registers.
    bad_values: bool,
}

const ALL: &[usize] = &guest::EVENTS;
const PAIRS: Pass = Pass {
    name: "two CPUs of three events",
    events: [ALL, ALL],
    shared: &[],
    detail: false,
    bad_values: false,
};
const DETAIL: Pass = Pass {
    name: "one CPU in detail, the other with event 0",
    events: [ALL, &[SIGNALLED]],
    shared: &[],
    detail: true,
    bad_values: true,
};
const SMALL: Pass = Pass {
    name: "three events, the other CPU with event 0",
    events: [ALL, &[SIGNALLED]],
    shared: &[],
    detail: false,
    bad_values: true,
};

const SHARED: [Pass; 4] = [
    Pass {
        name: "a normal shared event, a normal private one",
        events: [&[NORMAL], &[NORMAL]],
        shared: &[SHARED_NORMAL],
        detail: false,
        bad_values: true,
    },
    Pass {
        name: "a normal shared event, a critical private one",
        events: [&[CRITICAL], &[CRITICAL]],
        shared: &[SHARED_NORMAL],
        detail: false,
        bad_values: false,
    },
    Pass {
        name: "a critical shared event, a normal private one",
        events: [&[NORMAL], &[NORMAL]],
        shared: &[SHARED_CRITICAL],
        detail: false,
        bad_values: false,
    },
    Pass {
        name: "a normal and a critical shared event",
        events: [&[], &[]],
        shared: &[SHARED_NORMAL, SHARED_CRITICAL],
        detail: false,
        bad_values: false,
    },
];
const SMALL_SHARED: Pass = Pass {
    name: "a shared event",
    events: [&[NORMAL], &[]],
    shared: &[SHARED_NORMAL],
    detail: false,
    bad_values: true,
};

/// A state of both CPUs and of the shared events, and how it was reached.
struct Node {
    locals: [u32; 2],
    common: u32,
    parent: u32,
    action: u16,
}

/// The states of one CPU that were reached, with one example of each.
#[derive(Default)]
struct Locals {
    ids: HashMap<u64, u32>,
    all: Vec<Local>,
}

/// The same for the states of the shared events.
#[derive(Default)]
struct Commons {
    ids: HashMap<u64, u32>,
    all: Vec<Common>,
}

struct Explorer<'a> {
    pass: &'a Pass,
    actions: Vec<Action>,
    locals: [Locals; 2],
    commons: Commons,
    /// States of both CPUs and of the shared events.
    visited: HashSet<[u32; 3]>,
    nodes: Vec<Node>,
    transitions: u64,
    /// For each action, the states of its event in which it was tried: this
    /// shows that none was left out.
    tried: Vec<u8>,
}

fn actions(pass: &Pass) -> Vec<Action> {
    let mut actions = Vec::new();
    for cpu in [0, 1] {
        let has = |event: &usize| pass.events[cpu].contains(event);
        let mut add = |what| actions.push(Action { cpu, what });
        for call in calls(cpu, pass.shared) {
            let event = call.event();
            if event
                .as_ref()
                .is_none_or(|event| has(event) || pass.shared.contains(event))
            {
                add(What::Call(call));
            }
        }
        for &event in pass.shared {
            // It does not matter which CPU this is tried on.
            if cpu == 0 {
                add(What::Raise(event));
                add(What::Withdraw(event));
            }
            for order in [Order::Ascending, Order::Descending] {
                add(What::WriteBack {
                    order,
                    raise: event,
                });
            }
        }
        for event in guest::EVENTS.into_iter().filter(has) {
            add(What::Raise(event));
            if event != 0 {
                add(What::Withdraw(event));
            }
            for order in [Order::Ascending, Order::Descending] {
                add(What::WriteBack {
                    order,
                    raise: event,
                });
            }
        }
        if cpu == 0 {
            for order in [Order::Ascending, Order::Descending, Order::Shuffled(1)] {
                add(What::Migrate(order));
            }
        }
        add(What::Deliver);
        add(What::Reset);
        add(What::ColdReset);
        for call in [
            PowerCall::CpuOff,
            PowerCall::CpuSuspend,
            PowerCall::SystemOff,
            PowerCall::SystemSuspend,
        ] {
            add(What::Power(call));
        }
        // A bad value is refused whatever the other CPU does. So not every pass
        // has to try it.
        if pass.bad_values {
            (BAD_VALUES.into_iter()).for_each(|(index, value)| add(What::Write { index, value }));
        }
    }
    actions
}

impl<'a> Explorer<'a> {
    fn new(pass: &'a Pass) -> Explorer<'a> {
        let actions = actions(pass);
        let mut explorer = Explorer {
            pass,
            tried: vec![0; actions.len()],
            actions,
            locals: Default::default(),
            commons: Commons::default(),
            visited: HashSet::new(),
            nodes: Vec::new(),
            transitions: 0,
        };
        let start = World::cold();
        explorer.visit(&start, 0, 0);
        explorer
    }

    /// Adds a state, if it is new.
    fn visit(&mut self, world: &World, parent: u32, action: u16) {
        let locals = [0, 1].map(|cpu| {
            let detail = self.pass.detail && cpu == 0;
            let (model, port) = (&world.model.cpus[cpu], &world.room.seats[cpu].port);
            let key = guest::key(model, port, detail, !self.pass.shared.is_empty());
            let locals = &mut self.locals[cpu];
            *locals.ids.entry(key).or_insert_with(|| {
                locals.all.push(world.local(cpu));
                locals.all.len() as u32 - 1
            })
        });
        let commons = &mut self.commons;
        let key = guest::shared_key(&world.model, !self.pass.shared.is_empty());
        let common = *commons.ids.entry(key).or_insert_with(|| {
            commons.all.push(world.common());
            commons.all.len() as u32 - 1
        });
        if self.visited.insert([locals[0], locals[1], common]) {
            self.nodes.push(Node {
                locals,
                common,
                parent,
                action,
            });
        }
    }

    fn world(&self, node: usize) -> World {
        let node = &self.nodes[node];
        let [a, b] = node.locals.map(|local| local as usize);
        let common = &self.commons.all[node.common as usize];
        World::of([&self.locals[0].all[a], &self.locals[1].all[b]], common)
    }

    fn explore(&mut self) -> Result<(), String> {
        let mut node = 0;
        while node < self.nodes.len() {
            let start = self.world(node);
            for n in 0..self.actions.len() {
                let action = self.actions[n];
                let cpu = &start.model.cpus[action.cpu];
                if !possible(&start.model, action.cpu, action.what) {
                    continue;
                }
                self.note(n, &start.model);
                let mut world = start.clone();
                let regs = registers(action.cpu, cpu);
                step(&mut world, action, regs, CONTROLS[action.cpu])
                    .map_err(|difference| self.trace(node, action, &difference))?;
                self.transitions += 1;
                self.visit(&world, node as u32, n as u16);
            }
            node += 1;
        }
        Ok(())
    }

    fn note(&mut self, n: usize, guest: &model::Guest) {
        let action = self.actions[n];
        if let What::Call(call) = action.what {
            if let Some(event) = call.event() {
                self.tried[n] |= 1 << guest.status(action.cpu, event);
            }
        }
    }

    /// The number of calls that were not tried in all six states of their
    /// event.
    fn not_tried(&self) -> usize {
        let has_event = |what| match what {
            What::Call(call) => call.event().is_some(),
            _ => false,
        };
        let all = self.actions.iter().zip(&self.tried);
        all.filter(|(action, tried)| has_event(action.what) && tried.count_ones() != 6)
            .count()
    }

    /// The steps that lead to a difference, one per line.
    fn trace(&self, mut node: usize, last: Action, difference: &str) -> String {
        let model = self.world(node).model;
        let mut lines = vec![format!("{last}   <-- {difference}")];
        while node != 0 {
            let Node { parent, action, .. } = self.nodes[node];
            lines.push(self.actions[action as usize].to_string());
            node = parent as usize;
        }
        lines.reverse();
        let lines = lines.join("\n    ");
        format!("    {lines}\nThe model, before the last step: {model:#x?}")
    }
}

/// A short form for the output. The top of this file gives the reasons.
const CUTS: &str = "\
cut: guest registers have one value for each CPU and handler, written before each step;
cut: states that differ only in an interrupted context count as one (in detail: by its origin);
cut: a CPU that has only event 0 still signals the other CPU, and is signalled by it";

fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let small = arguments == ["--small"];
    if !small && !arguments.is_empty() {
        eprintln!("usage: explore [--small]");
        return ExitCode::from(2);
    }
    println!("{CUTS}");
    let passes: Vec<&Pass> = if small {
        vec![&SMALL, &SMALL_SHARED]
    } else {
        [&PAIRS, &DETAIL].into_iter().chain(&SHARED).collect()
    };
    let (mut states, mut transitions) = (0, 0);
    for pass in passes {
        let started = Instant::now();
        let mut explorer = Explorer::new(pass);
        let result = explorer.explore();
        println!(
            "{}: {} states ({} and {} of the CPUs, {} of shared events), {} transitions, {} s",
            pass.name,
            explorer.nodes.len(),
            explorer.locals[0].all.len(),
            explorer.locals[1].all.len(),
            explorer.commons.all.len(),
            explorer.transitions,
            started.elapsed().as_secs(),
        );
        states += explorer.nodes.len();
        transitions += explorer.transitions;
        match result {
            Err(trace) => {
                println!("The shortest way to a difference:\n{trace}");
                println!("explored {states} states, {transitions} transitions: a difference");
                return ExitCode::FAILURE;
            }
            Ok(()) if explorer.not_tried() != 0 => {
                println!(
                    "{} calls were not tried in each state",
                    explorer.not_tried()
                );
                return ExitCode::FAILURE;
            }
            Ok(()) => {}
        }
    }
    println!("explored {states} states, {transitions} transitions: no difference");
    ExitCode::SUCCESS
}
