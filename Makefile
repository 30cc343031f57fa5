# SPDX-License-Identifier: GPL-2.0
# Commands for people; 'make help' lists them. Kbuild is the kernel's side.

.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

## demo: a guest gets a real NMI with SDEI, and none without SDEI (HOST=mainline: on that host)
demo:
	@tools/run/demo

## check: run all tests but the longest
check:
	@tools/check/run

## check-all: run all tests
check-all:
	@tools/check/run --all

## verify: the checks that take longer; PARTS="..." to choose among tools/verify/parts
verify:
	@tools/verify/run $(PARTS)

## bench: what SDEI costs, in instructions; fails if it is worse than recorded (RECORD=1: record it)
bench:
	@tools/check/bench $(if $(RECORD),--record)

## selftest: run one selftest in the emulated host: make selftest TEST=delivery_test [CASE=...]; without TEST, list them
selftest:
	@tools/run/selftest "$(TEST)" "$(CASE)"

## guest: run one scenario with a real guest: make guest SCENARIO=lockup; without SCENARIO, list them
guest:
	@tools/check/guest $(SCENARIO)

## shell: a shell in the emulated host with the module loaded; a guest starts there by one command
shell:
	@tools/run/shell

## gdb: a debugger on the emulated host's kernel, which runs TEST (GDB_COMMANDS=file: run the commands in it)
gdb:
	@tools/run/gdb "$(TEST)" "$(CASE)" "$(GDB_COMMANDS)"

KDIR ?= /lib/modules/$(shell uname -r)/build

## modules: build kvm_sdei.ko for a patched kernel: make modules KDIR=..., the folder in which that was built (if not set: the running kernel's)
modules:
	@tools/build/check-unsafe
	@compiler=$$(tools/build/check-kdir "$(KDIR)") && set -x && \
	$(MAKE) -C "$(KDIR)" $$compiler M="$(CURDIR)" $(if $(MO),MO="$(abspath $(MO))") modules

## deb: Debian packages for an arm64 host: the kernel, the module, the commands (FLAVOUR=cloud-arm64 or arm64, OUT=folder)
deb:
	@tools/build/deb

## pictures: draw Documentation/pictures anew (CHECK=1: fail if they are not current)
pictures:
	@tools/build/pictures/draw $(if $(CHECK),--check)

## dtb: device tree of a QEMU guest with SDEI: make dtb OUT=guest.dtb QEMU='qemu-system-aarch64 ...'
dtb:
	@tools/admin/sdei-dtb "$(OUT)" $(QEMU)

## acpi: ACPI tables of a QEMU guest with those of SDEI: make acpi OUT=folder QEMU='qemu-system-aarch64 ...'
acpi:
	@tools/admin/sdei-acpi "$(OUT)" $(QEMU)

## clean: remove what 'make modules' left here
clean:
	rm -f *.ko *.mod *.mod.c *.o .*.o .*.cmd ..*.cmd Module.symvers modules.order
	rm -f src/*.o src/.*.cmd src/host/*.o src/host/.*.cmd src/host/bindings.rs src/.no-panic

## distclean: remove the cache as well: toolchain, kernels, logs
distclean: clean
	rm -rf --one-file-system "$${XDG_CACHE_HOME:-$$HOME/.cache}/kvm-sdei"

## help: this list
help:
	@echo "kvm_sdei: SDEI firmware for KVM guests on arm64"
	@sed -n 's/^## \([a-z-]*\): \(.*\)/  make \1\t\2/p' $(firstword $(MAKEFILE_LIST)) | expand -t 20
	@echo "Where a host is emulated: HOST=6.12 or mainline, MODE=vhe, nvhe or protected (Documentation/development.rst)"

.PHONY: demo check check-all verify bench selftest guest shell gdb modules deb pictures dtb acpi
.PHONY: clean distclean help
