// SPDX-License-Identifier: GPL-2.0

//! The device tree: the minimum with which Linux boots, and SDEI.

use crate::vm::{CPUS, GICD, GICD_SIZE, GICR, GICR_SIZE, MEMORY, MEMORY_SIZE, UART, UART_SIZE};
use crate::{sdei, Result};
use std::ops::Range;
use vm_fdt::FdtWriter;

const GIC_PHANDLE: u32 = 1;
const SPI: u32 = 0;
const PPI: u32 = 1;
const LEVEL_HIGH: u32 = 4;

/// Makes a device tree with the kernel's command line and the place of its
/// initramfs.
pub fn device_tree(bootargs: &str, initrd: Range<u64>, with_sdei: bool) -> Result<Vec<u8>> {
    let mut fdt = FdtWriter::new()?;
    let root = fdt.begin_node("")?;
    fdt.property_string("compatible", "linux,dummy-virt")?;
    fdt.property_u32("#address-cells", 2)?;
    fdt.property_u32("#size-cells", 2)?;
    fdt.property_u32("interrupt-parent", GIC_PHANDLE)?;

    let chosen = fdt.begin_node("chosen")?;
    fdt.property_string("bootargs", bootargs)?;
    fdt.property_u64("linux,initrd-start", initrd.start)?;
    fdt.property_u64("linux,initrd-end", initrd.end)?;
    fdt.end_node(chosen)?;

    let memory = fdt.begin_node(&format!("memory@{MEMORY:x}"))?;
    fdt.property_string("device_type", "memory")?;
    fdt.property_array_u64("reg", &[MEMORY, MEMORY_SIZE as u64])?;
    fdt.end_node(memory)?;

    let cpus = fdt.begin_node("cpus")?;
    fdt.property_u32("#address-cells", 1)?;
    fdt.property_u32("#size-cells", 0)?;
    for index in 0..CPUS as u32 {
        let cpu = fdt.begin_node(&format!("cpu@{index:x}"))?;
        fdt.property_string("device_type", "cpu")?;
        fdt.property_string("compatible", "arm,armv8")?;
        fdt.property_string("enable-method", "psci")?;
        fdt.property_u32("reg", index)?;
        fdt.end_node(cpu)?;
    }
    fdt.end_node(cpus)?;

    let psci = fdt.begin_node("psci")?;
    fdt.property_string("compatible", "arm,psci-1.0")?;
    fdt.property_string("method", "hvc")?;
    fdt.end_node(psci)?;

    let gic = fdt.begin_node(&format!("interrupt-controller@{GICD:x}"))?;
    fdt.property_string("compatible", "arm,gic-v3")?;
    fdt.property_null("interrupt-controller")?;
    fdt.property_u32("#interrupt-cells", 3)?;
    fdt.property_array_u64("reg", &[GICD, GICD_SIZE, GICR, GICR_SIZE])?;
    fdt.property_phandle(GIC_PHANDLE)?;
    fdt.end_node(gic)?;

    let timer = fdt.begin_node("timer")?;
    fdt.property_string("compatible", "arm,armv8-timer")?;
    fdt.property_null("always-on")?;
    // The timers of secure EL1 and non-secure EL1, the virtual timer, and that
    // of EL2.
    let ppis = [13, 14, 11, 10].map(|ppi| [PPI, ppi, LEVEL_HIGH]);
    fdt.property_array_u32("interrupts", ppis.as_flattened())?;
    fdt.end_node(timer)?;

    let uart = fdt.begin_node(&format!("serial@{UART:x}"))?;
    fdt.property_string("compatible", "arm,sbsa-uart")?;
    fdt.property_array_u64("reg", &[UART, UART_SIZE])?;
    fdt.property_array_u32("interrupts", &[SPI, 0, LEVEL_HIGH])?;
    fdt.property_u32("current-speed", 115200)?;
    fdt.end_node(uart)?;

    if with_sdei {
        sdei::describe(&mut fdt)?;
    }
    fdt.end_node(root)?;
    Ok(fdt.finish()?)
}
