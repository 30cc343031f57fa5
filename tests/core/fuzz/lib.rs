// SPDX-License-Identifier: GPL-2.0

//! Makes the steps that arbitrary bytes say, in the dispatcher and in the
//! model.

mod decode;
#[path = "../driver/mod.rs"]
mod driver;

use driver::{possible, step, World};

pub use decode::RECORD;

/// Makes a step for each [`RECORD`] bytes, beginning with two CPUs after
/// power-up. Skips steps that are impossible in the state of the guest. Returns
/// the number of steps that were made, or the steps that lead to a difference.
pub fn run(bytes: &[u8]) -> Result<usize, String> {
    let mut world = World::cold();
    let mut actions = Vec::new();
    for record in bytes.chunks_exact(RECORD) {
        let (action, regs, controls) = decode::step(record);
        if !possible(&world.model, action.cpu, action.what) {
            continue;
        }
        actions.push(action);
        if let Err(difference) = step(&mut world, action, regs, controls) {
            let lines: Vec<_> = actions
                .iter()
                .map(|action| format!("\n    {action}"))
                .collect();
            return Err(format!("{}   <-- {difference}", lines.concat()));
        }
    }
    Ok(actions.len())
}
