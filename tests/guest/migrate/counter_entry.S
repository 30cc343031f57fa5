/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The parts of the counting guest that can't be written in C: how its CPUs
 * start, its handler, and a loop that notices if an event changes a register.
 */

/* When a handler completes, SDEI restores x0 to x17. */
#define SAVED	0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17

#define FUNCTION(name)	.global name; name:

	.text

/* Both CPUs start here, without an MMU. */
FUNCTION(start)
	adrp	x0, memory_map
	add	x0, x0, :lo12:memory_map
	msr	ttbr0_el1, x0
	ldr	x0, =0xff00			// 0: device, 1: write-back
	msr	mair_el1, x0
	ldr	x0, =0x00803520			// 4 GiB from TTBR0, cacheable
	msr	tcr_el1, x0
	dsb	sy
	tlbi	vmalle1
	dsb	sy
	isb
	mrs	x0, sctlr_el1
	ldr	x1, =0x1005			// M, C, I
	orr	x0, x0, x1
	msr	sctlr_el1, x0
	isb

	mrs	x0, mpidr_el1
	and	x0, x0, #0xff
	adrp	x1, stacks + 4096
	add	x1, x1, x0, lsl #12
	mov	sp, x1
	cbnz	x0, 1f
	bl	sender
1:	bl	receiver

/* long hvc(fn, arg0, ...) */
FUNCTION(hvc)
	hvc	#0
	ret

/* The handler of the event. */
FUNCTION(handler_entry)
	str	x30, [sp, #-16]!
	bl	handler
	ldr	x30, [sp], #16
	ldr	x0, =0xc4000025			// SDEI_EVENT_COMPLETE
	mov	x1, #0
	hvc	#0
	b	.

/*
 * bool watch_registers(atomic_int *flag, int value): waits until *flag is no
 * longer the value. Returns whether all registers still have their values.
 */
FUNCTION(watch_registers)
	stp	x19, x20, [sp, #-32]!
	str	x21, [sp, #16]
	mov	x19, x0
	mov	w20, w1
	.irp	n, SAVED
	mov	x\n, #0x5d0 + \n
	.endr

1:	ldr	w21, [x19]
	cmp	w21, w20
	b.eq	1b

	mov	x21, #0
	.irp	n, SAVED
	sub	x\n, x\n, #0x5d0 + \n
	orr	x21, x21, x\n
	.endr
	cmp	x21, #0
	cset	w0, eq
	ldr	x21, [sp, #16]
	ldp	x19, x20, [sp], #32
	ret

	.section .rodata
	.balign	64
memory_map:
	.quad	0x00000401			// 0 to 1 GiB: device
	.quad	0x40000705			// 1 to 2 GiB: memory
	.quad	0, 0

	.bss
	.balign	4096
stacks:
	.space	2 * 4096

	.section .note.GNU-stack, "", %progbits
