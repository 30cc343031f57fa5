# SPDX-License-Identifier: GPL-2.0
"""Draws where the instructions of an NMI go, by what make bench recorded."""

import re

from svg import INK, SIZE, Page, tint, width_of

SECTION = "An NMI to oneself, by who executes"

GUEST, KVM, OURS = "#c04a00", "#0072b2", "#007a5a"
KEPT = 0.3  # what is left of the colour where two empty calls need the same

LEFT, RIGHT = 300, 650  # the bars are between these
FIGURE, DIFFERENCE = 712, 788  # and the figures end here
ROW, BAR = 30, 20
TOP = 74


def rows_of(record):
    """Name, instructions and difference of each row of the section."""
    match = re.search(rf"^    {SECTION}\n((?:      .*\n)+)", record, re.M)
    if not match:
        raise SystemExit(f"nothing is recorded of: {SECTION}")
    # The columns of tools/check/bench, and four spaces for a literal block.
    return [(line[6:50].strip(), int(line[50:58]), int(line[58:]))
            for line in match.group(1).splitlines()]


def colour_of(name):
    if name == "guest":
        return GUEST
    return OURS if name in ("KVM: the hook", "kvm_sdei.ko") else KVM


def legend(page):
    x = 12
    for text, style in [("in two empty calls as well", {"fill": tint(KVM, KEPT)}),
                        ("in the NMI only", {"fill": OURS}),
                        ("in two empty calls only", {"fill": "#ffffff", "stroke": KVM,
                                                     "stroke_dasharray": "3 2"})]:
        page.rect(x, 44, 14, 12, **style)
        page.text(x + 20, 54, text)
        x += 40 + width_of(text)


def draw(name, record):
    rows = rows_of(record)
    total, added = (sum(row[i] for row in rows) for i in (1, 2))
    page = Page(name, f"Who executes the {total} instructions of an NMI to oneself")
    page.text(12, 24, f"An NMI to oneself: {total} instructions, "
              f"{added} more than two empty calls", font_weight="bold", font_size=SIZE + 2)
    page.text(FIGURE, 54, "instructions", text_anchor="end")
    page.text(DIFFERENCE, 54, "difference", text_anchor="end")
    legend(page)

    scale = (RIGHT - LEFT) / max(max(count, count - more) for _, count, more in rows)
    y = TOP
    for row, count, more in rows:
        colour, middle = colour_of(row), y + BAR / 2 + 4
        kept = min(count, count - more) * scale
        page.text(12, middle, row)
        page.rect(LEFT, y, kept, BAR, fill=tint(colour, KEPT))
        if more > 0:
            page.rect(LEFT + kept, y, more * scale, BAR, fill=colour)
        elif more < 0:
            page.rect(LEFT + kept, y, -more * scale, BAR, fill="#ffffff",
                      stroke=colour, stroke_dasharray="3 2")
        page.text(FIGURE, middle, str(count), text_anchor="end")
        # With a minus sign that is as wide as the plus sign.
        difference = f"{more:+d}".replace("-", "−") if more else "0"
        page.text(DIFFERENCE, middle, difference, text_anchor="end")
        y += ROW
    page.line(LEFT, TOP - 6, LEFT, y - 4, stroke=INK)
    return page.render(y + 4)
