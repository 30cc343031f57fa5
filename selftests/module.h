/* SPDX-License-Identifier: GPL-2.0 */
/* Modules, kvm_sdei above all: unload them, load them again. */
#ifndef SELFTESTS_MODULE_H
#define SELFTESTS_MODULE_H

#include <errno.h>
#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

#define AUTO_ENABLE "/sys/module/kvm_sdei/parameters/auto_enable"

/* Next to the test program, where it is built and where it is run. */
#define MODULE_FILE "kvm_sdei.ko"

/* Both return 0 or an errno value. */
static inline int unload_module(const char *name)
{
	return syscall(SYS_delete_module, name, O_NONBLOCK) ? errno : 0;
}

static inline int load_module(const char *file, const char *parameters)
{
	int fd = open(file, O_RDONLY);
	int ret;

	if (fd < 0)
		return errno;
	ret = syscall(SYS_finit_module, fd, parameters, 0) ? errno : 0;
	close(fd);
	return ret;
}

static inline int unload(void)
{
	return unload_module("kvm_sdei");
}

static inline int load(const char *parameters)
{
	return load_module(MODULE_FILE, parameters);
}

#endif /* SELFTESTS_MODULE_H */
