# SPDX-License-Identifier: GPL-2.0
# Part of tools/check/host.sh: the module's bindings to the hook are those of the
# kernel that it is built for, wherever its objects are.
# shellcheck shell=bash

check_bindings() {
	t "$name: bindings are made again when the kernel's header changes, and only then" \
		bindings_follow_header || true
	! grep -q 'origin MO' "$kdir/Makefile" ||
		t "$name: the module builds with its objects in another folder" builds_with_mo || true
}

# module_sources DIR: what the module is built from, and nothing that was built.
module_sources() {
	rm -rf "$1" && mkdir "$1" && cp -r --parents Kbuild src include "$1" &&
		find "$1" \( -name '*.o' -o -name '.*' -o -name bindings.rs \) -type f -delete
}

# Its output says which steps it took.
build_object() { in_tc make -C "$kdir" LLVM=1 ARCH=arm64 "M=$scratch/bindings" src/kvm_sdei.o; }

bindings_follow_header() {
	local header=$kdir/include/kvm/arm_smccc_service.h
	cd "$top" && module_sources "$scratch/bindings" && build_object || return
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
	cd "$top" && module_sources "$scratch/source" && rm -rf "$scratch/objects" &&
		in_tc make -C "$kdir" LLVM=1 ARCH=arm64 "M=$scratch/source" "MO=$scratch/objects" modules &&
		[ -f "$scratch/objects/kvm_sdei.ko" ] && [ ! -e "$scratch/source/src/host/bindings.rs" ]
}
