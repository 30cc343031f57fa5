/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Guest code that is measured to the instruction: what is there is there on
 * purpose. Calls preserve all but x0 to x3, and handlers restore x0 to x17.
 */
#define SDEI_EVENT_COMPLETE	0xc4000025

/* GIC priorities with which a guest masks interrupts, and does not. */
#define PRIO_IRQON		0xe0
#define PRIO_IRQOFF		0xc0

#define ICC_PMR_EL1		s3_0_c4_c6_0
#define ICC_IAR1_EL1		s3_0_c12_c12_0
#define ICC_EOIR1_EL1		s3_0_c12_c12_1

#define LABEL(name)	.global name; name:

	.text
	.balign	8

/* void bench_call_loop(u64 fn, u64 arg0, u64 arg1, u64 rounds) */
LABEL(bench_call_loop)
	mov	x4, x0
	mov	x5, x1
	mov	x6, x2
	mov	x7, x3
1:	mov	x0, x4
	mov	x1, x5
	mov	x2, x6
	hvc	#0
	subs	x7, x7, #1
	b.ne	1b
	ret

.macro complete
	ldr	x0, =SDEI_EVENT_COMPLETE
	hvc	#0
	b	.
.endm

/* A handler that does nothing. */
LABEL(bench_complete)
	complete

/* A handler that counts, where its argument points. */
LABEL(bench_count)
	ldr	x9, [x1]
	add	x9, x9, #1
	str	x9, [x1]
	complete

/* A handler that says when it was entered, where its argument points. */
LABEL(bench_stamp)
	mrs	x9, cntvct_el0
	str	x9, [x1]
	complete

/*
 * void bench_idle(struct receiver *): does nothing but be there for what comes,
 * until it is told to stop. An emulator that takes turns at the CPUs goes on to
 * the next one at a yield.
 */
LABEL(bench_idle)
1:	yield
	ldr	x1, [x0, #8]
	cbz	x1, 1b
	ret

/* Vectors for it, with a handler of interrupts that does what bench_stamp does. */
	.balign	2048
LABEL(bench_vectors)
	.rept	5
	.balign	128
	b	.
	.endr
	.balign	128
	mrs	x9, cntvct_el0
	str	x9, [x0]
	mrs	x10, ICC_IAR1_EL1
	msr	ICC_EOIR1_EL1, x10
	eret
	.rept	10
	.balign	128
	b	.
	.endr

/*
 * A hundred pairs of Linux's local_irq_save() and local_irq_restore(), as clang
 * makes them of 7.3's arch/arm64/include/asm/irqflags.h, and as they are when
 * alternatives have been patched: with PSTATE.DAIF in a kernel that knows
 * nothing else...
 */
LABEL(bench_daif_pairs)
	.rept	100
	mrs	x8, daif
	msr	daifset, #3
	msr	daif, x8
	.endr
	ret

/* ...in one that has the choice... */
LABEL(bench_choice_pairs)
	.rept	100
	nop
	mrs	x8, daif
	msr	daifset, #3
	nop
	msr	daif, x8
	.endr
	ret

/* ...and with the GIC's priority mask there. Without need for DSB, it is NOP. */
LABEL(bench_pmr_pairs)
	.rept	100
	b	1f
1:	b	2f
2:	mrs	x8, ICC_PMR_EL1
	cmp	x8, #PRIO_IRQON
	b.ne	3f
	mov	w8, #PRIO_IRQOFF
	msr	ICC_PMR_EL1, x8
	mov	w8, #PRIO_IRQON
	b	3f
3:	b	4f
4:	b	5f
5:	msr	ICC_PMR_EL1, x8
	dsb	sy
	.endr
	ret

	.section .note.GNU-stack, "", %progbits
