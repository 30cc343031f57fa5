// SPDX-License-Identifier: GPL-2.0
/*
 * The numbers of hostile_test: see hostile.h. They depend on the seed and on
 * nothing else.
 */
#include "hostile.h"

/* The algorithm is known as xorshift64*. */
u64 hostile_random(u64 *state)
{
	*state ^= *state >> 12;
	*state ^= *state << 25;
	*state ^= *state >> 27;
	return *state * 0x2545f4914f6cdd1d;
}

/* Uses the upper bits: the lower ones of this algorithm are less random. */
u64 hostile_below(u64 *state, u64 n)
{
	return (hostile_random(state) >> 32) % n;
}

u64 hostile_value(u64 *state)
{
	switch (hostile_below(state, 6)) {
	case 0:
		return hostile_random(state);
	case 1:
		return BIT_ULL(hostile_below(state, 64));
	case 2:
		return BIT_ULL(hostile_below(state, 64)) - 1;
	case 3:
		return -hostile_below(state, 20);
	default:
		return hostile_below(state, 20);
	}
}

u64 hostile_event(u64 *state)
{
	u64 event = sdei_event(hostile_below(state, NR_ALL_EVENTS));

	switch (hostile_below(state, 16)) {
	case 0:
		return hostile_value(state);
	case 1:
		return event + hostile_below(state, 9) - 4;
	case 2:
		return event | hostile_random(state) << 32;
	default:
		return event;
	}
}
