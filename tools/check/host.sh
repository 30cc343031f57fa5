# SPDX-License-Identifier: GPL-2.0
# Part of tools/check/run: builds kernel, module and selftests for a host, boots
# it in the emulator, runs the selftests and the kernel's own KVM tests there,
# and takes in their results.
# shellcheck shell=bash

. "$top/tools/check/bindings.sh"
. "$top/tools/run/host.sh"

# The kernel's own tests, which must not notice the module.
kernel_tests=(get-reg-list hypercalls psci_test smccc_filter)

# check_host KERNEL VARIANT MODE...: one host kernel in each of these KVM modes.
# If something can't be built for this kernel, the others are tested all the same.
check_host() {
	local mode
	export HOST=$1 VARIANT=$2
	shift 2
	if build_host; then
		case $VARIANT in "" | gcc) check_sources; check_bindings ;; esac
		for mode in "$@"; do
			run_host "$mode"
		done
	fi
	unset HOST VARIANT
}

# Builds what the host needs, and leaves it in $kdir, $module and $selftests.
build_host() {
	name=$HOST${VARIANT:+ $VARIANT}
	echo "# host: $name"
	t "$name: build the patched kernel" "$top/tools/build/kernel" host &&
		kdir=$("$top/tools/build/kernel" host) &&
		t "$name: build kvm_sdei.ko, without a panic path, its unsafe code counted" "$top/tools/build/module" &&
		module=$("$top/tools/build/module") &&
		t "$name: build the selftests" "$top/tools/build/selftests" &&
		selftests=$("$top/tools/build/selftests")
}

# Runs the kernel's own tools on our sources.
check_sources() {
	local copy=$scratch/sources
	rm -rf "$copy" && cp -r "$(dirname "$module")" "$copy"
	t "$name: clippy with the kernel's settings" analysed CLIPPY=1 src/kvm_sdei.rs || true
	# 7.3 asks for a newer sparse than Debian's.
	[ "$HOST" = mainline ] ||
		t "$name: sparse" analysed C=2 src/host/shim.c src/host/trace.c src/host/control.c || true
	t "$name: indices that others choose are masked against speculation" \
		in_tc "$top/tools/check/speculation" llvm-objdump "$(dirname "$module")/src/kvm_sdei.o" || true
}

# analysed SETTING FILE...: builds FILEs again; fails on any warning about them.
analysed() {
	local setting=$1 log=$scratch/analysis.log
	shift
	(cd "$copy" && touch "$@")
	in_tc make -C "$copy" modules KDIR="$kdir" "$setting" >"$log" 2>&1 || { tail "$log"; return 1; }
	! grep 'sparse is not available' "$log" &&
		! grep -A15 -E "^(warning|error)|^(src|$copy/src)/[^ ]*: (warning|error)" "$log"
}

# run_host MODE: all tests in the emulated host, with KVM in that mode.
run_host() {
	local MODE=$1 host="$name $1" slow test own_tests=()
	slow=$(slowness)
	new_share "${kernel_tests[@]}" get-reg-list-sdei
	cp "$selftests/smccc_test_service.ko" "$share/"
	for test in "$top"/selftests/*_test.c; do
		test=$(basename "$test" .c)
		own_tests+=("$test")
		cp "$selftests/$test" "$share/"
	done

	boot $((600 * slow)) <<-END
	export SDEI_SLOW=$slow
	for test in ${kernel_tests[*]} get-reg-list-sdei ${own_tests[*]}; do
		timeout $((100 * slow)) /mnt/\$test >\$test.log 2>&1
		echo \$? >\$test.status
	done
	END
	t "$host: KVM is in that mode" in_mode || true
	for test in "${kernel_tests[@]}"; do
		t "$host: the kernel's own $test, with the module loaded" exited_0 "$test" || true
	done
	t "$host: the kernel's get-reg-list with our patch: vregs+sdei" passed_sdei || true
	for test in "${own_tests[@]}"; do
		tap_results "$test"
	done
	host_is_well
}

# run_hostile TIMES SECONDS: hostile guests and VMMs, TIMES as many as run_host
# has, in at most SECONDS. Their random numbers start from SEED, or else from the
# time, which is taken here, as the emulated host has no clock.
run_hostile() {
	local MODE=vhe host="$name, hostile x$1" seed=${SEED:-$(date +%s)} slow
	slow=$(slowness)
	new_share
	cp "$selftests/hostile_test" "$share/"
	boot $(($2 + 300 * slow)) <<-END
	export SDEI_SLOW=$slow
	timeout $(($2 + 120 * slow)) /mnt/hostile_test -s $seed -n $1 -t $2 >hostile_test.log 2>&1
	echo \$? >hostile_test.status
	END
	tap_results hostile_test
	sed -n "s/^# /figure: $host: /p" "$share/hostile_test.log"
	host_is_well
}

# new_share TEST...: what the host finds in /mnt: the module and these tests.
new_share() {
	local test
	share=$scratch/share
	rm -rf "$share" && mkdir "$share"
	cp "$module" "$share/kvm_sdei.ko"
	for test in "$@"; do
		cp "$(find "$selftests" -name "$test" -type f -perm -1 | head -n 1)" "$share/"
	done
}

# boot LIMIT <COMMANDS: has the host run them with the module loaded.
boot() {
	cat - >"$share/commands"
	# A leak is what two scans find, and is older than five seconds.
	cat >"$share/run" <<-'END'
	#!/bin/sh
	insmod kvm_sdei.ko || exit
	. ./commands
	rmmod kvm_sdei
	echo $? >rmmod.status
	leaks=/sys/kernel/debug/kmemleak
	if [ -e $leaks ]; then
		sleep 6
		echo scan >$leaks && echo scan >$leaks
		cat $leaks >leaks.log
	fi
	dmesg >dmesg.log
	END
	chmod +x "$share/run"
	t "$host: the emulated host ran to its end" boot_host "$share" "$1" || true
}

# tap_results TEST: takes the test's results over as ours.
tap_results() {
	[ ! -e "$share/$1.log" ] ||
		sed -nE "s/^(not ok|ok) [0-9]+ (.*)/\1 - $host: \2/p" "$share/$1.log" | tee -a "$results"
	t "$host: $1 is complete" tap_complete "$1" || true
}

# What must hold after all tests.
host_is_well() {
	t "$host: the module unloads in the end" unloaded || true
	t "$host: nothing bad in the kernel log" quiet || true
	[ "$VARIANT" != kasan ] || t "$host: no leak" no_leak || true
	[ "$VARIANT" != kcsan ] ||
		{ quiet || true; } | sed -n "s/^elsewhere: /figure: $host: not ours: /p" | sort -u
}

in_mode() {
	case $MODE in
	vhe) grep -E 'kvm.*: VHE(.NV2)? mode initialized' "$share/dmesg.log" ;;
	nvhe) grep 'kvm.*Hyp nVHE mode initialized' "$share/dmesg.log" ;;
	protected) grep 'kvm.*Protected .*VHE mode initialized' "$share/dmesg.log" ;;
	esac
}

exited_0() { cat "$share/$1.log"; [ "$(cat "$share/$1.status")" = 0 ]; }

passed_sdei() { exited_0 get-reg-list-sdei && grep -qx 'vregs+sdei: PASS' "$share/get-reg-list-sdei.log"; }

# A program is complete if it ran all that it planned and ended by itself.
tap_complete() {
	local log=$share/$1.log plan ran
	plan=$(sed -n 's/^1\.\.\([0-9]*\).*/\1/p' "$log")
	ran=$(grep -cE '^(not )?ok ' "$log")
	[ -n "$plan" ] && [ "$plan" -eq "$ran" ] && [ "$(cat "$share/$1.status")" = 0 ] ||
		{ tail -n 40 "$log"; return 1; }
}

unloaded() { [ "$(cat "$share/rmmod.status")" = 0 ]; }

quiet() { "$top/tools/check/log" "$share/dmesg.log" "$kdir/source/arch/arm64/kvm/smccc_service.c"; }

no_leak() { cat "$share/leaks.log" && [ ! -s "$share/leaks.log" ]; }
