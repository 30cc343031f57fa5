/* SPDX-License-Identifier: GPL-2.0 */
#ifndef COUNTER_H
#define COUNTER_H

#include <stdatomic.h>
#include <stdbool.h>

/* counter_entry.S */
extern char start[], handler_entry[];
long hvc(unsigned long fn, ...);
bool watch_registers(atomic_int *flag, int value);

/* counter.c */
void sender(void);
void receiver(void);
void handler(void);

#endif /* COUNTER_H */
