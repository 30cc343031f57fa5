/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The guest code that can't be written in C: instructions with which the VMM
 * makes a vCPU call firmware, with any values in the registers, and handlers.
 *
 * A store to the ucall page stops the vCPU and changes no register. Behind each
 * of these stores there is a loop, so that a vCPU that runs again stops again.
 */

#define SDEI_EVENT_COMPLETE		0xc4000025
#define SDEI_EVENT_COMPLETE_AND_RESUME	0xc4000026

#define LABEL(name)	.global name; name:

/* The size of what sdei_entry saves: x18, x30, FPSR, FPCR, q0 to q31. */
#define FRAME_SIZE	(16 * 34)

	.text
	.balign	8

/* A call, then a stop. x19 is an address in the ucall page. */
LABEL(sdei_hvc)
	hvc	#0
LABEL(sdei_hvc_done)
	str	xzr, [x19]
	b	sdei_hvc_done

LABEL(sdei_smc)
	smc	#0
LABEL(sdei_smc_done)
	str	xzr, [x19]
	b	sdei_smc_done

/*
 * A load that the VMM has to complete. At the start of the page the library
 * expects stores only.
 */
LABEL(sdei_load)
	ldr	x20, [x19, #8]
LABEL(sdei_load_done)
	str	xzr, [x19]
	b	sdei_load_done

LABEL(sdei_wfi)
	wfi
LABEL(sdei_wfi_done)
	b	.

/* Where CPU_ON starts a CPU: with the MMU off, and the ucall page in x0. */
LABEL(sdei_power_up)
	str	xzr, [x0]
	b	sdei_power_up

/* An endless loop, which only an event interrupts. */
LABEL(sdei_spin)
	b	.

/*
 * Handlers that stop at their first instruction. Each of these instructions is
 * one of them. The argument is an address in the ucall page.
 */
LABEL(sdei_stop)
	.rept	16
	str	xzr, [x1]
	.endr
	b	sdei_stop

/*
 * A handler that calls a C function: its argument. The function gets the number
 * of the event, the interrupted PC and the interrupted PSTATE. It returns 0 to
 * complete the handler, or the address at which to resume.
 *
 * SDEI restores x0 to x17. This saves the other registers that the function may
 * change: x18, the link register, and the vector registers, which may be in use
 * where the event interrupts.
 */
LABEL(sdei_entry)
	sub	sp, sp, #FRAME_SIZE
	mrs	x4, fpsr
	mrs	x5, fpcr
	stp	x18, x30, [sp]
	stp	x4, x5, [sp, #16]
	add	x6, sp, #32
	.irp	n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, \
		17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31
	str	q\n, [x6], #16
	.endr

	mov	x4, x1
	mov	x1, x2
	mov	x2, x3
	blr	x4
	mov	x1, x0

	add	x6, sp, #32
	.irp	n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, \
		17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31
	ldr	q\n, [x6], #16
	.endr
	ldp	x4, x5, [sp, #16]
	ldp	x18, x30, [sp]
	msr	fpsr, x4
	msr	fpcr, x5
	add	sp, sp, #FRAME_SIZE

	ldr	x0, =SDEI_EVENT_COMPLETE
	ldr	x2, =SDEI_EVENT_COMPLETE_AND_RESUME
	cmp	x1, #0
	csel	x0, x0, x2, eq
	hvc	#0

	/* The call failed. Stop here, which fails the test. */
	ldr	x1, =ucall_exit_mmio_addr
	ldr	x1, [x1]
1:	str	xzr, [x1]
	b	1b

/* A handler that only completes. */
LABEL(sdei_null_handler)
	ldr	x0, =SDEI_EVENT_COMPLETE
	hvc	#0
	b	.

/*
 * Exception vectors for a guest that starts again after any exception: at the
 * address in TPIDRRO_EL0, with the stack pointer in TPIDR_EL0.
 */
	.balign	2048
LABEL(sdei_vectors)
	.rept	16
	.balign	128
	mrs	x0, tpidr_el0
	mov	sp, x0
	mrs	x0, tpidrro_el0
	br	x0
	.endr

/* See sdei.h. The linker prefers the library's function. */
	.weak	kvm_arch_vm_finalize_vcpus
kvm_arch_vm_finalize_vcpus:
	ret

	.section .note.GNU-stack, "", %progbits
