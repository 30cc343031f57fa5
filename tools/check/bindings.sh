# SPDX-License-Identifier: GPL-2.0
# Part of tools/check/host.sh: the module's bindings to the hook are those of the
# kernel that it is built for, wherever its objects are.
# shellcheck shell=bash

check_bindings() {
	t "$name: bindings are made again when the kernel's header changes, and only then" \
		bindings_follow_header || true
	! grep -q 'origin MO' "$kdir/source/Makefile" ||
		t "$name: the module builds with its objects in another folder" builds_with_mo || true
}

# module_sources DIR: what the module is built from, and nothing that was built.
module_sources() { rm -rf "$1" && cp -r "$(dirname "$module")" "$1" && make -C "$1" clean; }

# Its output says which steps it took.
build_object() {
	local compiler
	compiler=$(in_tc "$top/tools/build/check-kdir" "$kdir") &&
		in_tc make -C "$kdir" $compiler "M=$scratch/bindings" src/kvm_sdei.o
}

bindings_follow_header() {
	local header=$kdir/source/include/kvm/arm_smccc_service.h
	module_sources "$scratch/bindings" && build_object || return
	echo "nothing changed:"
	build_object >"$scratch/rebuilt" || return
	cat "$scratch/rebuilt"
	! grep -q BINDGEN "$scratch/rebuilt" || return

	echo "the header changed:"
	touch -r "$header" "$scratch/mtime"
	# shellcheck disable=SC2064 # This function has returned when the trap runs.
	trap "touch -r '$scratch/mtime' '$header'" EXIT
	touch "$header"
	build_object >"$scratch/rebuilt" || return
	cat "$scratch/rebuilt"
	grep -q BINDGEN "$scratch/rebuilt"
}

builds_with_mo() {
	module_sources "$scratch/source" && rm -rf "$scratch/objects" &&
		in_tc make -C "$scratch/source" modules KDIR="$kdir" MO="$scratch/objects" &&
		[ -f "$scratch/objects/kvm_sdei.ko" ] && [ ! -e "$scratch/source/src/host/bindings.rs" ]
}
