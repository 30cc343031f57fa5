/* SPDX-License-Identifier: GPL-2.0 */
/* The module: unload it, load it again. */
#ifndef SELFTESTS_MODULE_H
#define SELFTESTS_MODULE_H

#include <errno.h>
#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

#define AUTO_ENABLE "/sys/module/kvm_sdei/parameters/auto_enable"

/* Next to the test program, where it is built and where it is run. */
#define MODULE_FILE "kvm_sdei.ko"

static inline int unload(void)
{
	return syscall(SYS_delete_module, "kvm_sdei", O_NONBLOCK) ? errno : 0;
}

static inline int load(const char *parameters)
{
	int fd = open(MODULE_FILE, O_RDONLY);
	int ret;

	if (fd < 0)
		return errno;
	ret = syscall(SYS_finit_module, fd, parameters, 0) ? errno : 0;
	close(fd);
	return ret;
}

#endif /* SELFTESTS_MODULE_H */
