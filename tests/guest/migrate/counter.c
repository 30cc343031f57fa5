// SPDX-License-Identifier: GPL-2.0
/*
 * A guest that counts. CPU 0 signals SDEI events to CPU 1, and both count them.
 * Interrupts are always masked. The guest reads commands of one letter from
 * the serial port. Each command puts the guest into a situation in which it may
 * be migrated; the guest then says that it is ready. After a '.' it goes on, and
 * prints what it counted.
 */
#include <linux/arm_sdei.h>
#include <linux/psci.h>
#include <stddef.h>

#include "counter.h"

/* What CPU 1 does while it isn't in the handler. */
enum { OFF, WATCH, WAIT, MASKED };

static atomic_int task, does;
static atomic_ulong handled;
static atomic_bool hold, in_handler, registers_lost;

static unsigned long accepted;

void handler(void)
{
	in_handler = true;
	while (hold)
		;
	in_handler = false;
	handled++;
}

static long sdei(unsigned long fn, unsigned long arg0, unsigned long arg1)
{
	return hvc(fn, arg0, arg1, 0UL, 0UL, 0UL);
}

/* Code of CPU 1. */
void receiver(void)
{
	sdei(SDEI_1_0_FN_SDEI_EVENT_REGISTER, 0, (unsigned long)handler_entry);
	sdei(SDEI_1_0_FN_SDEI_EVENT_ENABLE, 0, 0);
	for (;;) {
		int now = task;

		sdei(now == MASKED ? SDEI_1_0_FN_SDEI_PE_MASK :
		     SDEI_1_0_FN_SDEI_PE_UNMASK, 0, 0);
		does = now;
		if (now == WAIT)
			asm volatile("wfi");
		else if (!watch_registers(&task, now))
			registers_lost = true;
	}
}

/* Code of CPU 0, up to the end of the file. */
#define PL011		0x09000000
#define PL011_DR	(PL011 + 0x00)
#define PL011_FR	(PL011 + 0x18)
#define PL011_FR_RXFE	0x10
#define PL011_LCRH	(PL011 + 0x2c)
#define PL011_CR	(PL011 + 0x30)

static unsigned int read_reg(unsigned long address)
{
	unsigned int value;

	asm volatile("ldr %w0, [%1]" : "=r" (value) : "r" (address));
	return value;
}

static void write_reg(unsigned long address, unsigned int value)
{
	asm volatile("str %w0, [%1]" : : "r" (value), "r" (address));
}

static void put(const char *s)
{
	for (; *s; s++)
		write_reg(PL011_DR, *s);
}

static void put_number(unsigned long n)
{
	if (n > 9)
		put_number(n / 10);
	put((char []) { '0' + n % 10, 0 });
}

/* The next letter from the serial port, or 0. */
static char got(void)
{
	return read_reg(PL011_FR) & PL011_FR_RXFE ? 0 : read_reg(PL011_DR);
}

/* Everything that the guest waits for happens within 20 seconds. */
#define wait_for(condition) ({						\
	unsigned long end = counter(20);				\
									\
	while (!(condition) && counter(0) < end)			\
		;							\
})

static unsigned long counter(unsigned long seconds)
{
	unsigned long now, frequency;

	asm volatile("isb; mrs %0, cntvct_el0" : "=r" (now));
	asm volatile("mrs %0, cntfrq_el0" : "=r" (frequency));
	return now + seconds * frequency;
}

static void signal(void)
{
	if (sdei(SDEI_1_0_FN_SDEI_EVENT_SIGNAL, 0, 1) == SDEI_SUCCESS)
		accepted++;
}

static void set_task(int next)
{
	task = next;
	wait_for(does == next);
}

static bool told_to_go_on(void)
{
	return got() == '.';
}

static void say_ready(const char *situation)
{
	put(situation);
	put(": ready\n");
}

static void wait_for_migration(void)
{
	while (!told_to_go_on())
		;
}

/* CPU 1 waits for an event. */
static const char *run_waiting(unsigned long before)
{
	set_task(WAIT);
	say_ready("waiting");
	wait_for_migration();
	task = WATCH;
	signal();
	wait_for(handled == before + 1);
	return "waiting";
}

/* CPU 1 is in the handler. Two more signals make the event pending once. */
static const char *run_handling(unsigned long before)
{
	hold = true;
	signal();
	wait_for(in_handler);
	signal();
	signal();
	say_ready("handling");
	wait_for_migration();
	hold = false;
	wait_for(handled == before + 2);
	return "handling";
}

/* CPU 1 is masked. Three signals make the event pending once. */
static const char *run_masked(unsigned long before)
{
	bool early;

	set_task(MASKED);
	signal();
	signal();
	signal();
	say_ready("masked");
	wait_for_migration();
	early = handled != before;
	task = WATCH;
	wait_for(handled == before + 1);
	return early ? "not masked" : "masked";
}

/* Waits after each signal until it is handled, so that no two become one. */
static const char *run_one_by_one(unsigned long before)
{
	say_ready("one by one");
	do {
		signal();
		wait_for(handled == before + accepted);
	} while (handled == before + accepted && !told_to_go_on());
	return "one by one";
}

/*
 * No signal waits for the handler. CPU 1 is masked before the last signal, so
 * that the last handler can't be confused with an earlier one.
 */
static const char *run_flood(unsigned long before)
{
	say_ready("flood");
	do {
		signal();
	} while (!told_to_go_on());
	set_task(MASKED);
	before = handled;
	signal();
	task = WATCH;
	wait_for(handled == before + 1);
	return handled == before + 1 ? "flood" : "flood without an end";
}

/* The guest asks whether there is SDEI, before the migration and afterwards. */
static const char *run_asking(void)
{
	long version = sdei(SDEI_1_0_FN_SDEI_VERSION, 0, 0);

	say_ready("asking");
	wait_for_migration();
	if (sdei(SDEI_1_0_FN_SDEI_VERSION, 0, 0) != version)
		return "another SDEI";
	return version == SDEI_NOT_SUPPORTED ? "without SDEI" : "with SDEI";
}

static const char *run(char command, unsigned long before)
{
	switch (command) {
	case 'w':
		return run_waiting(before);
	case 'h':
		return run_handling(before);
	case 'm':
		return run_masked(before);
	case 's':
		return run_one_by_one(before);
	case 'f':
		return run_flood(before);
	case 'a':
		return run_asking();
	}
	return NULL;
}

void sender(void)
{
	unsigned long reported = 0;

	write_reg(PL011_LCRH, 0x70);	/* 8 bits, FIFO */
	write_reg(PL011_CR, 0x301);	/* on */

	task = WATCH;
	hvc(PSCI_0_2_FN64_CPU_ON, 1UL, (unsigned long)start, 0UL);
	wait_for(does == WATCH);
	put(does == WATCH ? "counter: two CPUs\n" : "counter: no CPU 1\n");
	for (;;) {
		const char *situation = run(got(), reported);
		unsigned long now;

		if (!situation)
			continue;
		set_task(WATCH);
		now = handled;
		put(situation);
		put(": ");
		put_number(accepted);
		put(" accepted, ");
		put_number(now - reported);
		put(" handled");
		put(registers_lost ? ", registers lost\n" : "\n");
		/* A handler that runs without a signal shows in the next report. */
		reported = now;
		accepted = 0;
	}
}
