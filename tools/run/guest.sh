# SPDX-License-Identifier: GPL-2.0
# Shared by the scripts that run real guests: what the emulated host has to find
# in its shared folder for that. tests/guest/host-lib is the other side.
# shellcheck shell=bash

. "$top/tools/run/host.sh"

machine="-M virt,gic-version=3 -smp 2 -m 256 -nographic -nic none"

# share_guest DIR NAME INIT [PATH=FILE...]: puts kernel, initramfs and device tree
# of a guest that $machine describes into DIR.
share_guest() {
	local dir=$1 kernel initrd
	shift
	"$top/tools/build/toolchain" setup
	kernel=$("$top/tools/build/kernel" guest)
	initrd=$("$top/tools/build/initrd" "$@" guest-lib="$top/tests/guest/guest-lib")
	cp "$kernel/arch/arm64/boot/Image" "$dir/guest-image"
	cp "$initrd" "$dir/guest-initrd"
	cp "$top/tests/guest/host-lib" "$dir/"
	echo "$machine" >"$dir/machine"
	# The tree is the same whichever way the CPUs are run, so this can do it.
	"$top/tools/build/toolchain" run "$top/tools/admin/sdei-dtb" "$dir/sdei.dtb" \
		qemu-system-aarch64 -cpu cortex-a57 $machine
}
