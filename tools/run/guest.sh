# SPDX-License-Identifier: GPL-2.0
# Shared by tools/run/demo and tools/check/guest: an emulated host that has in its
# shared folder what it takes to run a real guest. tests/guest/host-lib is the
# other side.
# shellcheck shell=bash

machine="-M virt,gic-version=3 -smp 2 -m 256 -nographic -nic none"

# share_guest DIR NAME INIT [PATH=FILE...]: puts the module, and kernel,
# initramfs and device tree of a guest that $machine describes, into DIR.
share_guest() {
	local dir=$1 module kernel initrd
	shift
	"$top/tools/build/toolchain" setup
	module=$("$top/tools/build/module")
	kernel=$("$top/tools/build/kernel" guest)
	initrd=$("$top/tools/build/initrd" "$@" guest-lib="$top/tests/guest/guest-lib")
	cp "$module" "$dir/kvm_sdei.ko"
	cp "$kernel/arch/arm64/boot/Image" "$dir/guest-image"
	cp "$initrd" "$dir/guest-initrd"
	cp "$top/tests/guest/host-lib" "$dir/"
	echo "$machine" >"$dir/machine"
	# The tree is the same whichever way the CPUs are run, so this can do it.
	"$top/tools/build/toolchain" run "$top/tools/admin/sdei-dtb" "$dir/sdei.dtb" \
		qemu-system-aarch64 -cpu cortex-a57 $machine
}

# boot_host DIR LIMIT: boots the emulated host, which runs DIR/run.
boot_host() {
	local kernel initrd
	kernel=$("$top/tools/build/kernel" host)
	initrd=$("$top/tools/build/initrd" host "$top/tools/run/initramfs/host-init")
	"$top/tools/run/emulate" -t "$2" "$kernel/arch/arm64/boot/Image" "$initrd" "$1"
}
