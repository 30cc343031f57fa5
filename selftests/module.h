/* SPDX-License-Identifier: GPL-2.0 */
/* Loads and unloads modules: kvm_sdei.ko and the test's own. */
#ifndef SELFTEST_MODULE_H
#define SELFTEST_MODULE_H

#define MODULE_AUTO_ENABLE	"/sys/module/kvm_sdei/parameters/auto_enable"

/* In the folder in which the tests run. */
#define MODULE_FILE		"kvm_sdei.ko"

/* Loads the module in this file. Returns 0 or an error number. */
int load_module(const char *file, const char *parameters);
/* Unloads a module. Returns 0 or an error number; does not wait. */
int unload_module(const char *name);

/* How many references a module has, or -1 if it is not loaded. */
int module_references(const char *name);

/* Load and unload kvm_sdei.ko. */
int load_sdei(const char *parameters);
int unload_sdei(void);

#endif /* SELFTEST_MODULE_H */
