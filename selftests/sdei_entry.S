/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What C can't express of the guest: places from which the VMM makes a call
 * with all registers of its own choice, and entry points of handlers.
 *
 * A store to the ucall page stops the vCPU with every register as it was. A
 * vCPU that goes on after it stops again, rather than to run away.
 */

#define SDEI_EVENT_COMPLETE		0xc4000025
#define SDEI_EVENT_COMPLETE_AND_RESUME	0xc4000026

#define LABEL(name)	.global name; name:

/* sizeof the frame below: x18, x30, FPSR, FPCR, q0 to q31 */
#define FRAME_SIZE	(16 * 34)

	.text
	.balign	8

/* A call, and a stop after it. x19 is an address in the ucall page. */
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

/* A load that the VMM has to complete; at the page's start it takes stores only. */
LABEL(sdei_load)
	ldr	x20, [x19, #8]
LABEL(sdei_load_done)
	str	xzr, [x19]
	b	sdei_load_done

LABEL(sdei_wfi)
	wfi
LABEL(sdei_wfi_done)
	b	.

/* Where CPU_ON starts a CPU: without an MMU, and with just x0 to tell the page. */
LABEL(sdei_power_up)
	str	xzr, [x0]
	b	sdei_power_up

/* There is no way out of here but an event. */
LABEL(sdei_spin)
	b	.

/*
 * Handlers that stop at their first instruction, whichever of these it is. The
 * argument is an address in the ucall page.
 */
LABEL(sdei_stop)
	.rept	16
	str	xzr, [x1]
	.endr
	b	sdei_stop

/*
 * A handler in C. The argument is the function. It gets the event, the
 * interrupted PC and the interrupted PSTATE, and returns where to resume, or 0
 * to complete.
 *
 * SDEI restores x0 to x17. What else the function may change is saved here:
 * x18, the link register and, as C code may be what was interrupted, the
 * vector registers.
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

	/* The call failed. Stop, where no test expects it. */
	ldr	x1, =ucall_exit_mmio_addr
	ldr	x1, [x1]
1:	str	xzr, [x1]
	b	1b

/* A handler that does nothing but complete. */
LABEL(sdei_null_handler)
	ldr	x0, =SDEI_EVENT_COMPLETE
	hvc	#0
	b	.

/*
 * Vectors for a guest that goes on after any exception, from the beginning:
 * with the stack that is in TPIDR_EL0, at the address that is in TPIDRRO_EL0.
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

/* See sdei.h. The library's own takes precedence. */
	.weak	kvm_arch_vm_finalize_vcpus
kvm_arch_vm_finalize_vcpus:
	ret

	.section .note.GNU-stack, "", %progbits
