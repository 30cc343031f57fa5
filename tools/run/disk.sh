# SPDX-License-Identifier: GPL-2.0
# Shared by the scripts that boot a host which has the shared folder on a disk.
# shellcheck shell=bash

# disk_of DIR FILE: makes FILE a disk with what is in DIR. A quarter of a GiB is
# left for what the host writes.
disk_of() {
	local size
	size=$(($(du -s -B 1M "$1" | cut -f 1) * 5 / 4 + 256))
	"$top/tools/build/toolchain" run mke2fs -q -t ext4 -L work -d "$1" "$2" "${size}M"
}

# files_of DISK DIR: copies what is on the disk into DIR, although the host may have
# died while it wrote. Makes files next to DISK.
files_of() {
	local disk=$1 dir=$2 status=0
	"$top/tools/build/toolchain" run e2fsck -p "$disk" >"$disk.log" 2>&1 || status=$?
	[ "$status" -le 2 ] || { cat "$disk.log" >&2; return 1; }
	mkdir "$disk.files"
	"$top/tools/build/toolchain" run debugfs -R "rdump / $disk.files" "$disk" 2>"$disk.log"
	rm -rf "$disk.files/lost+found"
	cp -r "$disk.files/." "$dir/"
}
