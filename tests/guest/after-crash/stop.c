// SPDX-License-Identifier: GPL-2.0
/*
 * Makes CPUs 1 to 5 hang with interrupts masked. When the kernel crashes, it
 * stops each of them with an NMI, and in each of them the handler of this NMI
 * ends in another way. CPU 0 crashes in the handler of the dump button.
 *
 * The kernel does not export what this uses. So whoever loads this passes the
 * addresses.
 */
#define pr_fmt(fmt) "stop: " fmt

#include <linux/arm_sdei.h>
#include <linux/delay.h>
#include <linux/kexec.h>
#include <linux/kthread.h>
#include <linux/module.h>
#include <linux/panic.h>
#include <linux/percpu.h>

#include <asm/arch_gicv3.h>

#define NMI	0
#define DUMP	0x40000020

static unsigned long sdei_event_register_at, sdei_event_enable_at, sdei_event_unregister_at;
static unsigned long sdei_nmi_handler_at, arm64_nmi_cpu_stop_at, __sdei_handler_abort_at;
static unsigned long sdei_active_critical_event_at, debug_non_panic_cpus_at;
module_param(sdei_event_register_at, ulong, 0);
module_param(sdei_event_enable_at, ulong, 0);
module_param(sdei_event_unregister_at, ulong, 0);
module_param(sdei_nmi_handler_at, ulong, 0);
module_param(arm64_nmi_cpu_stop_at, ulong, 0);
module_param(__sdei_handler_abort_at, ulong, 0);
module_param(sdei_active_critical_event_at, ulong, 0);
module_param(debug_non_panic_cpus_at, ulong, 0);

/* Do nothing but listen to the dump button. */
static bool listen;
module_param(listen, bool, 0);

/* Leave the handler of the dump button incomplete. */
static bool incomplete;
module_param(incomplete, bool, 0);

static atomic_t hanging = ATOMIC_INIT(0);
static bool completed[6];

static int listen_to(u32 event, sdei_event_callback *handler)
{
	int (*event_register)(u32 event, sdei_event_callback *callback, void *arg) =
		(void *)sdei_event_register_at;
	int (*event_enable)(u32 event) = (void *)sdei_event_enable_at;

	return event_register(event, handler, NULL) ?: event_enable(event);
}

/*
 * The kernel first tries to stop a CPU by an interrupt. This stays pending, over
 * CPU_OFF as well. A kernel that is started on this CPU would take it, and stop
 * the CPU.
 */
static void drop_interrupts(void)
{
	u32 irq;

	/* The timer's would come back for ever. */
	write_sysreg(0, cntv_ctl_el0);
	isb();
	while ((irq = read_gicreg(ICC_IAR1_EL1)) < 1020) {
		write_gicreg(irq, ICC_EOIR1_EL1);
		pr_emerg("CPU %d: interrupt %u was pending\n", smp_processor_id(), irq);
	}
}

/* Saves the registers for the dump, masks SDEI, and calls CPU_OFF or parks. */
static void stop_cpu(struct pt_regs *regs, bool off)
{
	void (*nmi_cpu_stop)(struct pt_regs *regs, bool off) = (void *)arm64_nmi_cpu_stop_at;

	drop_interrupts();
	nmi_cpu_stop(regs, off);
}

/* Ends the handler by SDEI_EVENT_COMPLETE_AND_RESUME, and goes on here. */
static void complete_and_resume(void)
{
	void (*handler_abort)(void) = (void *)__sdei_handler_abort_at;

	handler_abort();
}

static int nmi(u32 event, struct pt_regs *regs, void *arg)
{
	sdei_event_callback *kernels_own = (void *)sdei_nmi_handler_at;

	switch (smp_processor_id()) {
	case 1:
		/* Parks the CPU. */
		return kernels_own(event, regs, arg);
	case 2:
		stop_cpu(regs, true);
		break;
	case 3:
		complete_and_resume();
		stop_cpu(regs, false);
		break;
	case 4:
		/* The kernel calls SDEI_EVENT_COMPLETE. hang() does the rest. */
		WRITE_ONCE(completed[4], true);
		break;
	case 5:
		complete_and_resume();
		stop_cpu(regs, true);
		break;
	}
	return 0;
}

static int hang(void *unused)
{
	struct pt_regs regs;

	local_irq_disable();
	atomic_inc(&hanging);
	while (!READ_ONCE(completed[smp_processor_id()]))
		cpu_relax();
	crash_setup_regs(&regs, NULL);
	stop_cpu(&regs, true);
	return 0;
}

static int dump_button(u32 event, struct pt_regs *regs, void *arg)
{
	/* The kernel completes the handler only if it finds this set. */
	if (incomplete)
		*this_cpu_ptr((void * __percpu *)sdei_active_critical_event_at) = NULL;
	nmi_panic(regs, "the dump button was pressed");
	return 0;
}

static int __init stop_init(void)
{
	int (*event_unregister)(u32 event) = (void *)sdei_event_unregister_at;
	int cpu, err;

	if (listen)
		return listen_to(DUMP, dump_button);

	err = event_unregister(NMI) ?: listen_to(NMI, nmi) ?: listen_to(DUMP, dump_button);
	if (err)
		return err;

	/* Without this, only the CPU that crashes may print. */
	*(bool *)debug_non_panic_cpus_at = true;
	for (cpu = 1; cpu <= 5; cpu++)
		kthread_run_on_cpu(hang, NULL, cpu, "hang/%u");
	while (atomic_read(&hanging) < 5)
		msleep(20);
	return 0;
}
module_init(stop_init);

MODULE_DESCRIPTION("Ends the handlers of NMIs in different ways");
MODULE_LICENSE("GPL");
