// SPDX-License-Identifier: GPL-2.0

//! Whatever happens, the dispatcher does the same as its model. Sequences that
//! show a difference are added to `regressions.txt`, and tried first from then
//! on. PROPTEST_CASES and PROPTEST_RNG_SEED work as usual.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::{FileFailurePersistence, RngSeed, TestRunner};
use sdei_fuzz::{run, RECORD};

/// Tests sequences of up to this many steps. proptest shortens and simplifies a
/// sequence that fails.
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
    // cargo shows this if the test fails.
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

/// Random bytes. The first byte, which says what kind of step it is, is in a
/// range.
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

/// Tests how calls are decoded: the only CPU makes nothing but calls.
#[test]
fn calls_with_any_arguments() {
    check(300, of_kind(0..=7));
}

/// Tests how pseudo-registers are read and written.
#[test]
fn registers_with_any_value() {
    check(300, of_kind(12..=14));
}
