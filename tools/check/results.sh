# SPDX-License-Identifier: GPL-2.0
# Part of tools/check/run and tools/verify/host: every line "ok" or "not ok" is a
# test; the last line counts them.
# shellcheck shell=bash

scratch=$(mktemp -d "$cache/check.XXXXXX")
results=$scratch/results
: >"$results"
finish() {
	local passed failed
	passed=$(grep -c '^ok' "$results") || true
	failed=$(grep -c '^not ok' "$results") || true
	rm -rf "$scratch"
	trap - EXIT
	if [ "$failed" -gt 0 ]; then
		echo "logs of the long steps: $logs" >&2
	fi
	echo "$passed passed, $failed failed"
	[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
	exit
}
# Print the count even if the script ends early.
trap 'echo "not ok - the tests ran to their end" | tee -a "$results"; finish' EXIT

result() { printf '%s\n' "$1" | tee -a "$results"; }

# t NAME COMMAND...: one test. What it printed is shown if it fails.
t() {
	local name=$1
	shift
	if ("$@") >"$scratch/log"; then
		result "ok - $name"
	else
		result "not ok - $name"
		tail -n 40 "$scratch/log" | sed 's/^/    | /'
		return 1
	fi
}

# need NAME COMMAND...: a test without which the rest can't be run.
need() { t "$@" || { trap - EXIT; finish; }; }

tc=$top/tools/build/toolchain
in_tc() { "$tc" run "$@"; }
