/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Guest code of which every instruction is counted. Calls preserve all
 * registers but x0 to x3, and handlers restore x0 to x17.
 */
#define SDEI_EVENT_COMPLETE	0xc4000025

/* GIC priority masks with which a guest enables and masks interrupts. */
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
LABEL(bench_round)
	mov	x0, x4
	mov	x1, x5
	mov	x2, x6
	hvc	#0
	subs	x7, x7, #1
	b.ne	bench_round
	ret

.macro complete
	ldr	x0, =SDEI_EVENT_COMPLETE
	hvc	#0
	b	.
.endm

/* A handler that does nothing. */
LABEL(bench_complete)
	complete

/* A handler that increments the number at its argument. */
LABEL(bench_count)
	ldr	x9, [x1]
	add	x9, x9, #1
	str	x9, [x1]
	complete

/* A handler that stores the time of its entry at its argument. */
LABEL(bench_stamp)
	mrs	x9, cntvct_el0
	str	x9, [x1]
	complete

/*
 * void bench_idle(struct receiver *): waits for events until it is told to
 * stop. An emulator that runs one CPU after the other goes on to the next one
 * at YIELD.
 */
LABEL(bench_idle)
1:	yield
	ldr	x1, [x0, #8]
	cbz	x1, 1b
	ret

/*
 * Exception vectors for it. The interrupt handler stores the time of its entry,
 * as bench_stamp does.
 */
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
 * A hundred pairs of Linux's local_irq_save() and local_irq_restore(): what
 * clang compiles from 7.3's arch/arm64/include/asm/irqflags.h, after
 * alternatives have been patched. This is a kernel that can only use
 * PSTATE.DAIF.
 */
LABEL(bench_daif_pairs)
	.rept	100
	mrs	x8, daif
	msr	daifset, #3
	msr	daif, x8
	.endr
	ret

/* A kernel that can use both PSTATE.DAIF and the GIC, and uses PSTATE.DAIF. */
LABEL(bench_choice_pairs)
	.rept	100
	nop
	mrs	x8, daif
	msr	daifset, #3
	nop
	msr	daif, x8
	.endr
	ret

/*
 * The same kernel, when it uses the GIC's priority mask. Where the GIC does not
 * need the DSB, there would be a NOP in its place.
 */
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
