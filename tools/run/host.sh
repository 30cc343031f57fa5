# SPDX-License-Identifier: GPL-2.0
# Shared by the scripts that boot the emulated host. HOST and VARIANT say which
# kernel it has (see tools/build/kernel), and MODE in which mode KVM is there.
# shellcheck shell=bash

case ${MODE:=vhe} in
vhe | nvhe | protected) ;;
*) die "MODE=$MODE is not one of vhe, nvhe, protected" ;;
esac

# boot_host DIR LIMIT [OPTION...]: boots the emulated host, which runs DIR/run;
# with these options of tools/run/emulate.
boot_host() {
	local dir=$1 limit=$2 kernel initrd options=() files=()
	shift 2
	kernel=$("$top/tools/build/kernel" host)
	# Debian's has the driver of the disk in a module.
	grep -qx CONFIG_9P_FS=y "$kernel/.config" || {
		options=(-d)
		files=(virtio_blk.ko="$kernel/drivers/block/virtio_blk.ko")
	}
	initrd=$("$top/tools/build/initrd" host "$top/tools/run/initramfs/host-init" "${files[@]}")
	"$top/tools/run/emulate" -t "$limit" -a "kvm-arm.mode=$MODE" "${options[@]}" "$@" \
		"$kernel/arch/arm64/boot/Image" "$initrd" "$dir"
}

# share_module DIR: puts the module for this kernel into DIR.
share_module() {
	local module
	module=$("$top/tools/build/module") && cp "$module" "$1/kvm_sdei.ko"
}

# slowness: how many times longer than others such a host may take.
slowness() {
	local slow=1
	case ${VARIANT:-} in kasan | kcsan) slow=10 ;; esac
	# Emulated, the way to the guest is much longer then.
	[ "$MODE" = vhe ] || slow=$((slow * 4))
	echo "$slow"
}

# need_selftest TEST CASE: ends the script if there is no such test, or if it has
# no such case. The case may be empty.
need_selftest() {
	local source=$top/selftests/$1.c cases
	case $1 in
	*/*) source= ;;
	*_test) ;;
	*) source= ;;
	esac
	[ -f "$source" ] || die "there is no selftest $1: 'make selftest' lists them"
	[ -n "$2" ] || return 0
	cases=$(sed -nE 's/^TEST(_F)?\(([a-z_0-9]+, *)?([a-z_0-9]+)\)$/\3/p' "$source" | sort -u)
	grep -qxF -- "$2" <<<"$cases" ||
		die "$1 has no case $2; it has: $(paste -s -d ' ' <<<"$cases")"
}
