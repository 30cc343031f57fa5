// SPDX-License-Identifier: GPL-2.0
/*
 * bench - What SDEI costs, and what there is to compare it with.
 *
 *   bench HOST PART...
 *
 * tools/check/bench runs it and makes a table of what it prints.
 */
#include "bench.h"

static const struct {
	const char *name;
	void (*run)(const char *host);
} parts[] = {
	{ "hosts", bench_hosts },
	{ "memory", bench_memory },
	{ "calls", bench_calls },
	{ "masking", bench_masking },
	{ "latency", bench_latency },
	{ "scale", bench_scale },
	{ "endless", bench_endless },
};

int main(int argc, char *argv[])
{
	int i, j;

	/* So that all rows are in the file even if the program is killed. */
	setvbuf(stdout, NULL, _IOLBF, 0);

	for (i = 2; i < argc; i++) {
		for (j = 0; j < ARRAY_SIZE(parts); j++) {
			if (!strcmp(argv[i], parts[j].name))
				break;
		}
		TEST_ASSERT(j < ARRAY_SIZE(parts), "There is no part %s",
			    argv[i]);
		parts[j].run(argv[1]);
	}
	return 0;
}
