// SPDX-License-Identifier: GPL-2.0
/*
 * Has one page of memory, says where the guest has it, and waits:
 *
 *   victim NAME
 *
 * SIGUSR1 makes it read the page, and SIGUSR2 makes it end without doing so.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define PFN_MASK ((1ULL << 55) - 1)

int main(int argc, char **argv)
{
	unsigned char *page;
	unsigned long long entry;
	sigset_t set;
	int fd, sig;

	if (argc != 2)
		return 2;
	page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (page == MAP_FAILED)
		return 2;
	memset(page, 0x5a, 4096);

	fd = open("/proc/self/pagemap", O_RDONLY);
	if (fd < 0 || pread(fd, &entry, 8, (uintptr_t)page / 4096 * 8) != 8)
		return 2;
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigaddset(&set, SIGUSR2);
	sigprocmask(SIG_BLOCK, &set, NULL);
	printf("victim %s: page 0x%llx\n", argv[1], (entry & PFN_MASK) << 12);
	fflush(stdout);

	sigwait(&set, &sig);
	return sig == SIGUSR1 ? page[100] != 0x5a : 0;
}
