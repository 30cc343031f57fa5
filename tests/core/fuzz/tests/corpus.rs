// SPDX-License-Identifier: GPL-2.0

//! Tries the sequences again that the fuzzer found interesting. See
//! tools/verify/parts/fuzz.

use std::path::Path;

#[test]
fn corpus() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus");
    let mut steps = 0;
    for file in folder.read_dir().expect("a folder") {
        let path = file.expect("a file").path();
        let bytes = std::fs::read(&path).expect("its contents");
        match sdei_fuzz::run(&bytes) {
            Ok(n) => steps += n,
            Err(difference) => panic!("{}: {difference}", path.display()),
        }
    }
    assert_ne!(steps, 0, "there is no corpus");
    println!("{steps} steps");
}
