// SPDX-License-Identifier: GPL-2.0

//! The property that libFuzzer tests.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    if let Err(difference) = sdei_fuzz::run(bytes) {
        panic!("{difference}");
    }
});
