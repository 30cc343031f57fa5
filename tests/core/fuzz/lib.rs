// SPDX-License-Identifier: GPL-2.0

//! Does with the dispatcher and the model what arbitrary bytes say.

mod decode;
#[path = "../driver/mod.rs"]
mod driver;

use driver::{possible, step, Local, World};

pub use decode::RECORD;

/// Every [`RECORD`] bytes are something that happens to a guest of two CPUs,
/// from power-up on; what can't happen in its state does not. Returns how many
/// steps were made, or the way to a difference.
pub fn run(bytes: &[u8]) -> Result<usize, String> {
    let mut world = World::of([&Local::cold(), &Local::cold()]);
    let mut actions = Vec::new();
    for record in bytes.chunks_exact(RECORD) {
        let (action, regs, controls) = decode::step(record);
        if !possible(&world.models[action.cpu], action.what) {
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
