/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * SDEI firmware for KVM guests on arm64: the interface for VMMs.
 * Documentation/interface.rst describes it in full.
 */
#ifndef _UAPI_LINUX_KVM_SDEI_H
#define _UAPI_LINUX_KVM_SDEI_H

#include <linux/kvm.h>

/*
 * VM capability, "SDEI" in ASCII. KVM_CHECK_EXTENSION returns the number of
 * private events, or 0 without the module. Use KVM_ENABLE_CAP before you create the
 * first vCPU; flags and args are zero.
 */
#define KVM_CAP_ARM_SDEI		0x53444549

/* Bit of KVM_REG_ARM_STD_BMAP that allows the guest to call SDEI. */
#define KVM_REG_ARM_STD_BIT_SDEI	48

/* Function IDs of the calls: the first one, and how many there are. */
#define KVM_SDEI_FN_BASE		0xc4000020
#define KVM_SDEI_NR_FUNCTIONS		0x20

/*
 * Numbers of the private events. Every vCPU has its own instance of each event.
 */
#define KVM_SDEI_EVENT_SIGNALLED	0x00000000
#define KVM_SDEI_EVENT_NORMAL(n)	(0x40000010 + (n))
#define KVM_SDEI_EVENT_CRITICAL(n)	(0x40000020 + (n))
#define KVM_SDEI_NR_NORMAL		4
#define KVM_SDEI_NR_CRITICAL		4
#define KVM_SDEI_NR_EVENTS		9

/* Indices of the same events. The pseudo-registers below use these. */
#define KVM_SDEI_INDEX_SIGNALLED	0
#define KVM_SDEI_INDEX_NORMAL(n)	(1 + (n))
#define KVM_SDEI_INDEX_CRITICAL(n)	(5 + (n))

/* Numbers and indices of the shared events. The VM has one instance of each. */
#define KVM_SDEI_EVENT_SHARED_NORMAL(n)		(0x40000110 + (n))
#define KVM_SDEI_EVENT_SHARED_CRITICAL(n)	(0x40000120 + (n))
#define KVM_SDEI_NR_SHARED_NORMAL	2
#define KVM_SDEI_NR_SHARED_CRITICAL	2
#define KVM_SDEI_NR_SHARED_EVENTS	4
#define KVM_SDEI_INDEX_SHARED_NORMAL(n)		(n)
#define KVM_SDEI_INDEX_SHARED_CRITICAL(n)	(2 + (n))

/* Pseudo-registers of a vCPU; each is a u64. */
#define KVM_REG_ARM_SDEI(r)	(KVM_REG_ARM64 | KVM_REG_SIZE_U64 | \
				 KVM_REG_ARM_FW | (r))

#define KVM_REG_ARM_SDEI_PE		KVM_REG_ARM_SDEI(0x8000)
#define   KVM_REG_ARM_SDEI_PE_MASKED	(1 << 0)
#define   KVM_REG_ARM_SDEI_PE_SUSPENDED	(1 << 1)
/*
 * One bit for each event index. Writing 1 makes the event pending, writing 0
 * changes nothing.
 */
#define KVM_REG_ARM_SDEI_PENDING	KVM_REG_ARM_SDEI(0x8001)

/* One bit for each shared event whose handler runs on the vCPU. */
#define KVM_REG_ARM_SDEI_SHARED_RUNNING	KVM_REG_ARM_SDEI(0x8002)

#define KVM_REG_ARM_SDEI_ENTRY(i)	KVM_REG_ARM_SDEI(0x8100 + 4 * (i))
#define KVM_REG_ARM_SDEI_ARGUMENT(i)	KVM_REG_ARM_SDEI(0x8101 + 4 * (i))
/* KVM_SDEI_STATE_*, as SDEI_EVENT_STATUS answers. */
#define KVM_REG_ARM_SDEI_STATUS(i)	KVM_REG_ARM_SDEI(0x8102 + 4 * (i))

/*
 * What the handler of priority p interrupted; p is 0 for normal and 1 for
 * critical. These read as zero while no handler of that priority runs.
 */
#define KVM_REG_ARM_SDEI_X(p, n)	KVM_REG_ARM_SDEI(0x8200 + 32 * (p) + (n))
#define KVM_REG_ARM_SDEI_PC(p)		KVM_REG_ARM_SDEI(0x8212 + 32 * (p))
#define KVM_REG_ARM_SDEI_PSTATE(p)	KVM_REG_ARM_SDEI(0x8213 + 32 * (p))

/*
 * Pseudo-registers of the VM: each vCPU has them, with the same values. A write
 * changes nothing once a vCPU has run since its last reset.
 */
/* One bit for each shared event. Writing 1 makes the event pending. */
#define KVM_REG_ARM_SDEI_SHARED_PENDING		KVM_REG_ARM_SDEI(0x8300)
#define KVM_REG_ARM_SDEI_SHARED_ENTRY(i)	KVM_REG_ARM_SDEI(0x8400 + 4 * (i))
#define KVM_REG_ARM_SDEI_SHARED_ARGUMENT(i)	KVM_REG_ARM_SDEI(0x8401 + 4 * (i))
/* KVM_SDEI_STATE_REGISTERED and _ENABLED */
#define KVM_REG_ARM_SDEI_SHARED_STATUS(i)	KVM_REG_ARM_SDEI(0x8402 + 4 * (i))
/* 0 for RM_ANY; for RM_PE bit 63 and the affinity of the vCPU */
#define KVM_REG_ARM_SDEI_SHARED_ROUTING(i)	KVM_REG_ARM_SDEI(0x8403 + 4 * (i))
#define   KVM_REG_ARM_SDEI_ROUTING_PE		(1ULL << 63)

/*
 * vCPU device attributes. kvm_device_attr.addr points to a u64 with the number
 * of an event. Any thread may use them, while the vCPU runs.
 */
#define KVM_ARM_VCPU_SDEI_CTRL		0x53444549
#define   KVM_ARM_VCPU_SDEI_RAISE	0	/* KVM_SET_DEVICE_ATTR */
#define   KVM_ARM_VCPU_SDEI_WITHDRAW	1	/* KVM_SET_DEVICE_ATTR */
/* KVM_GET_DEVICE_ATTR: reads the number, writes the state to the same place */
#define   KVM_ARM_VCPU_SDEI_STATE	2

/* VM device attributes: the same for shared events. */
#define KVM_ARM_VM_SDEI_CTRL		0x53444549
#define   KVM_ARM_VM_SDEI_RAISE		0	/* KVM_SET_DEVICE_ATTR */
#define   KVM_ARM_VM_SDEI_WITHDRAW	1	/* KVM_SET_DEVICE_ATTR */
#define   KVM_ARM_VM_SDEI_STATE		2	/* KVM_GET_DEVICE_ATTR */

#define KVM_SDEI_STATE_REGISTERED	(1 << 0)
#define KVM_SDEI_STATE_ENABLED		(1 << 1)
/* In registers, and in the attribute of the VM. */
#define KVM_SDEI_STATE_RUNNING		(1 << 2)
/* Only in the attributes. */
#define KVM_SDEI_STATE_PENDING		(1 << 3)

#endif /* _UAPI_LINUX_KVM_SDEI_H */
