// SPDX-License-Identifier: GPL-2.0
/*
 * A client of the event that the VMM raises: counts how often each CPU got it.
 * The kernel does not export its functions for such clients to modules. So
 * whoever loads this passes their addresses, which are in /proc/kallsyms.
 */
#include <linux/arm_sdei.h>
#include <linux/module.h>
#include <linux/smp.h>

#define EVENT	0x40000010

static unsigned long register_at, enable_at;
module_param(register_at, ulong, 0);
module_param(enable_at, ulong, 0);

static int count[2];
module_param_array(count, int, NULL, 0444);

static int event_arrived(u32 event, struct pt_regs *regs, void *arg)
{
	count[smp_processor_id()]++;
	return 0;
}

static int __init event_init(void)
{
	int (*event_register)(u32 event, sdei_event_callback *callback, void *arg) =
		(void *)register_at;
	int (*event_enable)(u32 event) = (void *)enable_at;

	return event_register(EVENT, event_arrived, NULL) ?: event_enable(EVENT);
}
module_init(event_init);

MODULE_DESCRIPTION("Counts what the VMM raises");
MODULE_LICENSE("GPL");
