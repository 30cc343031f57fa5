// SPDX-License-Identifier: GPL-2.0
/*
 * For a guest whose kernel has no LKDTM: the CPU that loads this module loops with
 * all interrupts masked, for ever. With all=1, all CPUs do.
 */
#include <linux/irqflags.h>
#include <linux/module.h>
#include <linux/smp.h>

static bool all;
module_param(all, bool, 0);
MODULE_PARM_DESC(all, "hang all CPUs, not just the one that loads the module");

/* A name of its own, to be found in a backtrace. */
static noinline void hang_here(void *unused)
{
	local_irq_disable();
	asm volatile("1: b 1b");
}

static int __init hang_init(void)
{
	if (all)
		smp_call_function(hang_here, NULL, false);
	hang_here(NULL);
	return 0;
}
module_init(hang_init);

MODULE_DESCRIPTION("Hang with interrupts masked");
MODULE_LICENSE("GPL");
