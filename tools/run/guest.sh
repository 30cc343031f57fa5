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

# share_acpi DIR: puts the ACPI tables of a guest that $machine describes into DIR, for
# a QEMU that sees DIR under another name.
share_acpi() {
	"$top/tools/build/toolchain" run "$top/tools/admin/sdei-acpi" "$1/acpi" \
		qemu-system-aarch64 -cpu cortex-a57 $machine
	sed -i "s|$1/|/tmp/mnt/|" "$1/acpi/conf"
}

# Debian's kernels, with the host that they need: its CPUs have no WFIT, whose time KVM
# does not learn from an emulated CPU, and which not all of these kernels can be told to
# leave alone.
stock_machine="-M virt,gic-version=3 -smp 2 -m 1024 -nographic -nic none"
stock_host=(-p neoverse-n1)

# share_stock DIR SUITE/FLAVOUR [INIT [PATH=FILE...]]: puts a kernel as Debian ships it
# into DIR, and an initramfs that hangs all its CPUs: SUITE-FLAVOUR.vmlinuz and .initrd.
share_stock() {
	local dir=$1 suite=${2%/*} flavour=${2#*/} init=${3:-$top/tests/guest/stock/init} name debian file crash
	local tools=(guest-lib="$top/tests/guest/guest-lib" "${@:4}")
	name=$(basename "$(dirname "$init")")-$suite-$flavour
	debian=$("$top/tools/build/debian-guest" "$suite" "$flavour")
	while read -r file; do
		tools+=("$file=$debian/crash-tools/$file")
	done < <(cd "$debian/crash-tools" && find . -type f)
	crash=$("$top/tools/build/initrd" "$name-crash" "$init" "${tools[@]}")
	cp "$debian/vmlinuz" "$dir/$suite-$flavour.vmlinuz"
	cp "$("$top/tools/build/initrd" "$name" "$init" "${tools[@]}" hang.ko="$debian/hang.ko" \
		crash/vmlinuz="$debian/vmlinuz" crash/initrd="$crash")" "$dir/$suite-$flavour.initrd"
}
