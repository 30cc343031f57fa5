// SPDX-License-Identifier: GPL-2.0
/*
 * Loads a kernel with kexec_file_load(2):
 *
 *	kexec crash|now KERNEL INITRD COMMAND-LINE
 *
 * crash: load a kernel that runs when this one panics. now: load a kernel, and
 * start it.
 */
#include <fcntl.h>
#include <linux/kexec.h>
#include <linux/reboot.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	int kernel, initrd, crash;

	if (argc != 5)
		return 2;

	crash = !strcmp(argv[1], "crash");
	kernel = open(argv[2], O_RDONLY);
	initrd = open(argv[3], O_RDONLY);
	if (syscall(SYS_kexec_file_load, kernel, initrd, strlen(argv[4]) + 1, argv[4],
		    crash ? KEXEC_FILE_ON_CRASH : 0)) {
		perror("kexec_file_load");
		return 1;
	}
	if (!crash)
		syscall(SYS_reboot, LINUX_REBOOT_MAGIC1, LINUX_REBOOT_MAGIC2,
			LINUX_REBOOT_CMD_KEXEC, NULL);
	return 0;
}
