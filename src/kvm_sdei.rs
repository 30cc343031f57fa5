// SPDX-License-Identifier: GPL-2.0

//! SDEI firmware for KVM guests on arm64.
//!
//! [`sdei`] is the dispatcher, in safe code; [`host`] connects it to KVM's
//! SMCCC services.

#![deny(clippy::undocumented_unsafe_blocks)]

use kernel::prelude::*;

mod host;
pub mod sdei;

module! {
    type: KvmSdei,
    name: "kvm_sdei",
    description: "SDEI firmware for KVM guests on arm64",
    license: "GPL",
}

const VERSION: &str = "0.1.0";

/// The module: registered with KVM for as long as it is loaded.
struct KvmSdei {
    _service: host::Registration,
}

impl kernel::Module for KvmSdei {
    fn init(module: &'static ThisModule) -> Result<Self> {
        let service = host::Registration::new(module)?;
        pr_info!(
            "version {}, {} events per vCPU\n",
            VERSION,
            sdei::Event::COUNT
        );
        Ok(KvmSdei { _service: service })
    }
}
