#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Counts who executes the instructions of an NMI to oneself.

    profile.py LOG KALLSYMS BENCH KERNEL HYPERCALLS

LOG is what QEMU logged of selftests/bench, one line for each instruction;
KALLSYMS and BENCH have the addresses of the host's functions and the guest's,
and KERNEL is the folder in which the host's kernel was built. HYPERCALLS is
its hypercalls.o with debug information: the part of the hook that KVM's headers
have is inlined there.

Prints a row for each part: its name, its instructions, and how many more they
are than in two empty calls.
"""

import bisect
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

GUEST = "guest"
HOOK = "KVM: the hook"
MODULE = "kvm_sdei.ko"
OTHER = "other"

# Which part a function belongs to, by the file that it is in; the first that
# fits. The rows are in this order.
PARTS = [
    (GUEST, "guest"),
    ("world switch: registers, traps, FP, debug",
     "arch/arm64/kvm/(hyp/|fpsimd|debug|sys_regs)|arch/arm64/kernel/fpsimd"),
    ("KVM: exits and hypercalls", "arch/arm64/kvm/(handle_exit|hypercalls|psci)"),
    (HOOK, "arch/arm64/kvm/smccc_service"),
    (MODULE, "kvm_sdei"),
    # The kernel finds its interrupts in a maple tree.
    ("KVM: timer and interrupt controller",
     "arch/arm64/kvm/(arch_timer|vgic/)|kernel/irq/|drivers/irqchip/|lib/maple_tree"),
    ("KVM: the rest of the loop that runs a vCPU",
     "arch/arm64/kvm/|virt/kvm/|kernel/(entry|rcu)/"),
    (OTHER, ""),
]

# A prefix of the host kernel's addresses, which no guest here has.
KERNEL_SPACE = 0xFFFF << 48


def run(*command, **options):
    return subprocess.run(command, check=True, text=True, stdout=subprocess.PIPE,
                          **options).stdout


class Symbols:
    """Functions by address."""

    def __init__(self, lines):
        self.names = sorted((int(address, 16), name.split())
                            for address, kind, name in (line.split(None, 2) for line in lines)
                            if kind in "tTwW")
        self.addresses = [address for address, _ in self.names]

    def find(self, address):
        """The function that this address is in: where it starts, its name, and
        the module if it is in one."""
        start, name = self.names[bisect.bisect(self.addresses, address) - 1]
        return start, name[0], name[1:]

    def address(self, name):
        return next(start for start, (first, *_) in self.names if first == name)


def files_of_functions(kernel):
    """Which object file of the kernel has which function."""
    objects = [str(path.relative_to(kernel))
               for top in ("arch", "drivers", "kernel", "lib", "mm", "virt")
               for path in Path(kernel, top).rglob("*.o") if "nvhe" not in path.parts]
    listing = run("llvm-nm", "-A", "--defined-only", *objects, cwd=kernel,
                  stderr=subprocess.DEVNULL)
    files = {}
    for path, name in re.findall(r"^(.*?): *[0-9a-f]+ [tTwW] (.*)$", listing, re.M):
        files.setdefault(name, path)
    return files


def periods(log, marker):
    """The instructions from each execution of the marker to the next."""
    trace = []
    for line in log:
        if line.startswith("Trace "):
            address = int(line.split("/")[1], 16)
            if address == marker and trace:
                yield trace
                trace = []
            if address == marker or trace:
                trace.append(address)
        elif line.startswith("Stopped ") and trace:
            # The one of the line before was not executed after all.
            trace.pop()


def most_common(traces):
    """One of those whose length is the most common: without timer ticks."""
    lengths = Counter(map(len, traces))
    if not lengths:
        sys.exit("profile: the log has none of the calls to look for")
    (length, times), = lengths.most_common(1)
    if times * 2 < len(traces):
        sys.exit(f"profile: they have no common length: {lengths}")
    return next(trace for trace in traces if len(trace) == length)


class Executors:
    """Who executes what."""

    def __init__(self, kallsyms, kernel, hypercalls):
        self.symbols = Symbols(open(kallsyms))
        self.files = files_of_functions(kernel)
        self.hypercalls = hypercalls
        self.starts = {name: int(address, 16) for address, _, name in
                       map(str.split, run("llvm-nm", "--defined-only", hypercalls).splitlines())}
        self.inlined = {}
        self.unknown = Counter()

    def is_inlined_hook(self, name, offset):
        """Whether an instruction of hypercalls.c is from the hook's header."""
        address = self.starts[name] + offset
        if address not in self.inlined:
            lines = run("llvm-symbolizer", "--inlines", "-e", self.hypercalls, hex(address))
            self.inlined[address] = "/smccc_service.h:" in lines
        return self.inlined[address]

    def part(self, address):
        if address < KERNEL_SPACE:
            return GUEST
        start, name, module = self.symbols.find(address)
        if module == ["[kvm_sdei]"]:
            return MODULE
        file = self.files.get(name, "")
        if file == "arch/arm64/kvm/hypercalls.o" and self.is_inlined_hook(name, address - start):
            return HOOK
        part = next(part for part, files in PARTS if re.match(files, file))
        if part == OTHER:
            self.unknown[name] += 1
        return part

    def count(self, trace):
        return Counter(self.part(address) for address in trace)


def main():
    log, kallsyms, bench, kernel, hypercalls = sys.argv[1:]
    guest = Symbols(run("llvm-nm", "--defined-only", bench).splitlines())
    handler = guest.address("bench_complete")

    with open(log) as lines:
        traces = list(periods(lines, guest.address("bench_round")))
    executors = Executors(kallsyms, kernel, hypercalls)
    nmi = executors.count(most_common([trace for trace in traces if handler in trace]))
    call = executors.count(most_common([trace for trace in traces if handler not in trace]))

    if executors.unknown:
        print("profile: these belong to no part:", dict(executors.unknown), file=sys.stderr)
    for part, _ in PARTS:
        if part != OTHER or nmi[part]:
            print(part, nmi[part], nmi[part] - 2 * call[part], sep="\t")


main()
