// SPDX-License-Identifier: GPL-2.0

//! Visits every state that a guest with two CPUs and three events can reach, by
//! everything that can happen to it. At each step it compares the dispatcher
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
//! - Pairs of CPUs. One CPU affects the other only by SDEI_EVENT_SIGNAL, and
//!   what this does depends on event 0 of the target. The first pass visits all
//!   pairs of states of CPUs with three events each. The second pass adds
//!   contexts, changes of a handler, and bad values for pseudo-registers; there
//!   the other CPU has only event 0. With `--small`, which is short enough for
//!   `make check`, there is one pass, in which the other CPU also has only
//!   event 0.

mod calls;
#[path = "../../driver/mod.rs"]
mod driver;
mod guest;

use calls::{calls, BAD_VALUES};
use driver::model::{self, PowerCall};
use driver::{possible, step, Action, Local, Order, What, World};
use guest::{registers, CONTROLS, SIGNALLED};
use std::collections::HashMap;
use std::process::ExitCode;
use std::time::Instant;

/// One pass of the exploration.
struct Pass {
    name: &'static str,
    /// The events that each CPU has.
    events: [&'static [usize]; 2],
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
    detail: false,
    bad_values: false,
};
const DETAIL: Pass = Pass {
    name: "one CPU in detail, the other with event 0",
    events: [ALL, &[SIGNALLED]],
    detail: true,
    bad_values: true,
};
const SMALL: Pass = Pass {
    name: "three events, the other CPU with event 0",
    events: [ALL, &[SIGNALLED]],
    detail: false,
    bad_values: true,
};

/// A state of both CPUs, and how it was reached.
struct Node {
    locals: [u32; 2],
    parent: u32,
    action: u16,
}

/// The states of one CPU that were reached, with one example of each.
#[derive(Default)]
struct Locals {
    ids: HashMap<u64, u32>,
    keys: Vec<u64>,
    all: Vec<Local>,
}

struct Explorer<'a> {
    pass: &'a Pass,
    actions: Vec<Action>,
    locals: [Locals; 2],
    /// For each state of CPU 0, one bit for each state of CPU 1.
    visited: Vec<Vec<u64>>,
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
        for call in calls(cpu) {
            if call.event().as_ref().is_none_or(has) {
                add(What::Call(call));
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
        for order in [Order::Ascending, Order::Descending] {
            add(What::Migrate(order));
        }
        add(What::Deliver);
        add(What::Reset);
        add(What::ColdReset);
        for call in [
            PowerCall::CpuOff,
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
            visited: Vec::new(),
            nodes: Vec::new(),
            transitions: 0,
        };
        let start = World::of([&Local::cold(), &Local::cold()]);
        explorer.visit(&start, 0, 0);
        explorer
    }

    /// Adds a state, if it is new.
    fn visit(&mut self, world: &World, parent: u32, action: u16) {
        let locals = [0, 1].map(|cpu| {
            let detail = self.pass.detail && cpu == 0;
            let key = guest::key(&world.models[cpu], detail);
            let locals = &mut self.locals[cpu];
            // Most steps don't change the state of one of the CPUs.
            let before = self.nodes.get(parent as usize);
            if let Some(node) = before.filter(|n| locals.keys[n.locals[cpu] as usize] == key) {
                return node.locals[cpu];
            }
            *locals.ids.entry(key).or_insert_with(|| {
                locals.keys.push(key);
                locals.all.push(world.local(cpu));
                locals.all.len() as u32 - 1
            })
        });
        let [row, bit] = locals.map(|local| local as usize);
        if self.visited.len() <= row {
            self.visited.resize(row + 1, Vec::new());
        }
        let row = &mut self.visited[row];
        if row.len() <= bit / 64 {
            row.resize(bit / 64 + 1, 0);
        }
        if (row[bit / 64] >> (bit % 64)) & 1 == 0 {
            row[bit / 64] |= 1 << (bit % 64);
            self.nodes.push(Node {
                locals,
                parent,
                action,
            });
        }
    }

    fn world(&self, node: usize) -> World {
        let [a, b] = self.nodes[node].locals.map(|local| local as usize);
        World::of([&self.locals[0].all[a], &self.locals[1].all[b]])
    }

    fn explore(&mut self) -> Result<(), String> {
        let mut node = 0;
        while node < self.nodes.len() {
            let start = self.world(node);
            for n in 0..self.actions.len() {
                let action = self.actions[n];
                let cpu = &start.models[action.cpu];
                if !possible(cpu, action.what) {
                    continue;
                }
                self.note(n, cpu);
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

    fn note(&mut self, n: usize, cpu: &model::Cpu) {
        if let What::Call(call) = self.actions[n].what {
            if let Some(event) = call.event() {
                self.tried[n] |= 1 << cpu.events[event].status;
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
        let models = self.world(node).models;
        let mut lines = vec![format!("{last}   <-- {difference}")];
        while node != 0 {
            let Node { parent, action, .. } = self.nodes[node];
            lines.push(self.actions[action as usize].to_string());
            node = parent as usize;
        }
        lines.reverse();
        let lines = lines.join("\n    ");
        format!("    {lines}\nThe model, before the last step: {models:#x?}")
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
    let passes: &[Pass] = if small { &[SMALL] } else { &[PAIRS, DETAIL] };
    let (mut states, mut transitions) = (0, 0);
    for pass in passes {
        let started = Instant::now();
        let mut explorer = Explorer::new(pass);
        let result = explorer.explore();
        println!(
            "{}: {} states ({} and {} of the CPUs), {} transitions, {} s",
            pass.name,
            explorer.nodes.len(),
            explorer.locals[0].all.len(),
            explorer.locals[1].all.len(),
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
