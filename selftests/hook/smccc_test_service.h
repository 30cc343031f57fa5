/* SPDX-License-Identifier: GPL-2.0 */
/* What smccc_test_service.ko has and hook_test.c asks of it. */
#ifndef SMCCC_TEST_SERVICE_H
#define SMCCC_TEST_SERVICE_H

/* The ranges, capabilities, bits and groups of the services are consecutive. */
#define TEST_FN_BASE		0xc3000000	/* OEM calls */
#define TEST_NR_FUNCTIONS	2
#define TEST_CAP		0x54455354
#define TEST_BMAP_BIT		40		/* of KVM_REG_ARM_VENDOR_HYP_BMAP */
#define TEST_ATTR_GROUP		0x54455354

/* The functions: the service's number, and the value that it keeps. */
#define TEST_FN_WHO		0
#define TEST_FN_VALUE		1

/* The answer of service i to TEST_FN_WHO. */
#define TEST_WHO(i)		(0x5445535400 + (i))

/* The pseudo-register of service i has the value. */
#define TEST_REG(i)		(KVM_REG_ARM64 | KVM_REG_SIZE_U64 | \
				 KVM_REG_ARM_FW | (0x5400 + (i)))

/* Attributes: kick the vCPU; how often its service was entered for that. */
#define TEST_ATTR_KICK		0
#define TEST_ATTR_ENTERED	1

/*
 * Attribute of the VM, of all services but the last of several: a value, to which
 * service i adds i when it is set.
 */
#define TEST_ATTR_VM_VALUE	0

#endif /* SMCCC_TEST_SERVICE_H */
