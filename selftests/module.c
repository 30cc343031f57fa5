// SPDX-License-Identifier: GPL-2.0
/* Loads and unloads modules: see module.h. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "module.h"

int load_module(const char *file, const char *parameters)
{
	int fd = open(file, O_RDONLY);
	int ret;

	if (fd < 0)
		return errno;
	ret = syscall(SYS_finit_module, fd, parameters, 0) ? errno : 0;
	close(fd);
	return ret;
}

int unload_module(const char *name)
{
	return syscall(SYS_delete_module, name, O_NONBLOCK) ? errno : 0;
}

int module_references(const char *name)
{
	char path[128];
	FILE *file;
	int nr;

	snprintf(path, sizeof(path), "/sys/module/%s/refcnt", name);
	file = fopen(path, "r");
	if (!file)
		return -1;
	if (fscanf(file, "%d", &nr) != 1)
		nr = -1;
	fclose(file);
	return nr;
}

int load_sdei(const char *parameters)
{
	return load_module(MODULE_FILE, parameters);
}

int unload_sdei(void)
{
	return unload_module("kvm_sdei");
}
