/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * SDEI firmware for KVM guests on arm64: what a VMM needs.
 * Documentation/interface.rst explains all of it.
 */
#ifndef _UAPI_LINUX_KVM_SDEI_H
#define _UAPI_LINUX_KVM_SDEI_H

#include <linux/kvm.h>

/*
 * VM capability, "SDEI" in ASCII. KVM_CHECK_EXTENSION: number of events, or 0.
 * KVM_ENABLE_CAP: before the first vCPU; no flags, no arguments.
 */
#define KVM_CAP_ARM_SDEI		0x53444549

/* Bit of KVM_REG_ARM_STD_BMAP: the guest may call SDEI. */
#define KVM_REG_ARM_STD_BIT_SDEI	48

/* Function IDs of the calls: as many as there are from this one on. */
#define KVM_SDEI_FN_BASE		0xc4000020
#define KVM_SDEI_NR_FUNCTIONS		0x20

/* Events. All are private to a vCPU. */
#define KVM_SDEI_EVENT_SIGNALLED	0x00000000
#define KVM_SDEI_EVENT_NORMAL(n)	(0x40000010 + (n))
#define KVM_SDEI_EVENT_CRITICAL(n)	(0x40000020 + (n))
#define KVM_SDEI_NR_NORMAL		4
#define KVM_SDEI_NR_CRITICAL		4
#define KVM_SDEI_NR_EVENTS		9

/*
 * Index of an event, in the registers: 0 for the signalled one, then the
 * normal ones, then the critical ones, each in the order of their numbers.
 */
#define KVM_SDEI_INDEX_SIGNALLED	0
#define KVM_SDEI_INDEX_NORMAL(n)	(1 + (n))
#define KVM_SDEI_INDEX_CRITICAL(n)	(5 + (n))

/* Pseudo-registers of a vCPU; each is a u64. */
#define KVM_REG_ARM_SDEI(r)	(KVM_REG_ARM64 | KVM_REG_SIZE_U64 | \
				 KVM_REG_ARM_FW | (r))

#define KVM_REG_ARM_SDEI_PE		KVM_REG_ARM_SDEI(0x8000)
#define   KVM_REG_ARM_SDEI_PE_MASKED	(1 << 0)
#define   KVM_REG_ARM_SDEI_PE_SUSPENDED	(1 << 1)
/* One bit per event index. Written ones are set, written zeroes do nothing. */
#define KVM_REG_ARM_SDEI_PENDING	KVM_REG_ARM_SDEI(0x8001)

#define KVM_REG_ARM_SDEI_ENTRY(i)	KVM_REG_ARM_SDEI(0x8100 + 4 * (i))
#define KVM_REG_ARM_SDEI_ARGUMENT(i)	KVM_REG_ARM_SDEI(0x8101 + 4 * (i))
/* As SDEI_EVENT_STATUS has it: KVM_SDEI_STATE_*. */
#define KVM_REG_ARM_SDEI_STATUS(i)	KVM_REG_ARM_SDEI(0x8102 + 4 * (i))

/* The interrupted context of a priority: 0 normal, 1 critical. */
#define KVM_REG_ARM_SDEI_X(p, n)	KVM_REG_ARM_SDEI(0x8200 + 32 * (p) + (n))
#define KVM_REG_ARM_SDEI_PC(p)		KVM_REG_ARM_SDEI(0x8212 + 32 * (p))
#define KVM_REG_ARM_SDEI_PSTATE(p)	KVM_REG_ARM_SDEI(0x8213 + 32 * (p))

/*
 * vCPU device attributes. The address points to a u64 that holds the number of
 * an event. They can be used while the vCPU runs.
 */
#define KVM_ARM_VCPU_SDEI_CTRL		0x53444549
#define   KVM_ARM_VCPU_SDEI_RAISE	0	/* set */
#define   KVM_ARM_VCPU_SDEI_WITHDRAW	1	/* set */
#define   KVM_ARM_VCPU_SDEI_STATE	2	/* get: number in, state out */

#define KVM_SDEI_STATE_REGISTERED	(1 << 0)
#define KVM_SDEI_STATE_ENABLED		(1 << 1)
#define KVM_SDEI_STATE_RUNNING		(1 << 2)	/* registers only */
#define KVM_SDEI_STATE_PENDING		(1 << 3)	/* attribute only */

#endif /* _UAPI_LINUX_KVM_SDEI_H */
