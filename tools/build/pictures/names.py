# SPDX-License-Identifier: GPL-2.0
"""Looks for the names in a picture in the sources: function(), Type::function()
and UPPER_CASE_NAME."""

import re

FUNCTION = re.compile(r"((?:\w+::)?)(\w+)\(\)")
CONSTANT = re.compile(r"\b[A-Z][A-Z0-9]*_[A-Z0-9_]+\b")


def read(paths):
    return "\n".join(path.read_text() for path in sorted(paths))


def series(folder):
    """What a kernel has after these patches, as far as they show it."""
    return re.sub(r"(?m)^-.*$", "", read(folder.glob("*.patch")))


def missing(text, top):
    """The names in this text that the sources do not have."""
    rust = read((top / "src").rglob("*.rs"))
    header = read((top / "include").rglob("*.h"))
    kernels = [series(folder) for folder in (top / "patches").glob("[0-9]*")]

    def is_function(owner, name):
        if owner and not re.search(rf"\b(struct|enum|trait) {owner}\b", rust):
            return False
        return re.search(rf"\bfn {name}\b", rust) or not owner and all(
            re.search(rf"\b{name}\(", kernel) for kernel in kernels)

    def is_constant(name):
        word = re.compile(rf"\b{name}\b")
        return word.search(rust + header) or all(map(word.search, kernels))

    names = [(owner + name + "()", is_function(owner.removesuffix("::"), name))
             for owner, name in FUNCTION.findall(text)]
    names += [(name, is_constant(name)) for name in CONSTANT.findall(text)]
    return [name for name, found in dict(names).items() if not found]
