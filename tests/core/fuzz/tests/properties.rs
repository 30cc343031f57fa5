// SPDX-License-Identifier: GPL-2.0

//! Whatever happens, the dispatcher does what the model of it does. What is
//! found is added to `regressions.txt`, and tried first from then on.
//! PROPTEST_CASES and PROPTEST_RNG_SEED are obeyed.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::{FileFailurePersistence, RngSeed, TestRunner};
use sdei_fuzz::{run, RECORD};

/// The steps of a case; what fails is made shorter and smaller, step by step.
fn check(steps: usize, step: impl Strategy<Value = [u8; RECORD]>) {
    let mut config = ProptestConfig {
        failure_persistence: Some(Box::new(FileFailurePersistence::Direct("regressions.txt"))),
        source_file: Some(file!()),
        ..ProptestConfig::default()
    };
    if config.rng_seed == RngSeed::Random {
        let now = std::time::SystemTime::UNIX_EPOCH.elapsed();
        config.rng_seed = RngSeed::Fixed(now.map_or(0, |now| now.as_nanos() as u64));
    }
    // Shown if the test fails.
    println!("{:?}, {} cases", config.rng_seed, config.cases);
    let done = TestRunner::new(config).run(&vec(step, 0..=steps), |records| {
        run(&records.concat())
            .map(|_| ())
            .map_err(TestCaseError::fail)
    });
    if let Err(error) = done {
        panic!("{error}");
    }
}

/// Bytes of which the first, which says what happens, is in a range.
fn of_kind(kinds: std::ops::RangeInclusive<u8>) -> impl Strategy<Value = [u8; RECORD]> {
    (kinds, any::<[u8; RECORD]>()).prop_map(|(kind, mut record)| {
        record[0] = kind;
        record
    })
}

#[test]
fn everything_in_any_order() {
    check(300, any::<[u8; RECORD]>());
}

/// The call decoder: one CPU hears of nothing but calls.
#[test]
fn calls_with_any_arguments() {
    check(300, of_kind(0..=7));
}

/// The codec of the pseudo-registers.
#[test]
fn registers_with_any_value() {
    check(300, of_kind(12..=14));
}
