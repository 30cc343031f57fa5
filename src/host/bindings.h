/* SPDX-License-Identifier: GPL-2.0 */
/* What bindgen turns into bindings.rs when the module is built. */
#include <kvm/arm_smccc_service.h>
#include <uapi/asm/ptrace.h>
#include <uapi/linux/psci.h>
#include "../../include/uapi/linux/kvm_sdei.h"
#include "control.h"
#include "shim.h"
#include "trace.h"

/* bindgen evaluates no function-like macros, so their values get names here. */
static const __u64 SDEI_REG_BASE = KVM_REG_ARM_SDEI(0);
static const __u64 SDEI_BMAP_REG = KVM_REG_ARM_STD_BMAP;
static const __u32 SDEI_PSCI_CPU_SUSPEND = PSCI_0_2_FN_CPU_SUSPEND;
static const __u32 SDEI_PSCI_CPU_SUSPEND_64 = PSCI_0_2_FN64_CPU_SUSPEND;
static const __u32 SDEI_PSCI_CPU_OFF = PSCI_0_2_FN_CPU_OFF;
static const __u32 SDEI_PSCI_0_1_CPU_OFF = KVM_PSCI_FN_CPU_OFF;
static const __u32 SDEI_PSCI_SYSTEM_SUSPEND = PSCI_1_0_FN_SYSTEM_SUSPEND;
static const __u32 SDEI_PSCI_SYSTEM_SUSPEND_64 = PSCI_1_0_FN64_SYSTEM_SUSPEND;
