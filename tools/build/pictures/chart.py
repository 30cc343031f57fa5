# SPDX-License-Identifier: GPL-2.0
"""Draws message sequence charts: time goes down, everybody has a line.

Understands this part of mscgen's language, whose own SVG has its text on top of
its lines:

    NAME [label="...", linecolour="#rrggbb"], ...;     whose lines there are
    --- [label="..."];                                 what begins here
    A box A [label="..."];                             what A does
    A => B [label="..."];                              a call or an exit
    A >> B [label="..."];                              a return
    A :> B [label="..."];                              an interrupt
    ARC, ARC, ...;                                     at the same time
"""

import re

from svg import INK, SIZE, Page, tint, width_of

LINE = 15  # from one line of text to the next
GAP = 9  # between what happens and what happens next
HEADER = 42
EDGE = 66  # from the edge of the page to the first line

STATEMENT = re.compile(r'((?:"(?:\\.|[^"\\])*"|[^;"])*);')
ARC = re.compile(r'\s*(?:(?P<who>\w+)\s*)?(?:(?P<what>---|box|=>|>>|:>)\s*(?P<whom>\w+)?\s*)?'
                 r'\[(?P<attributes>(?:"(?:\\.|[^"\\])*"|[^\]"])*)\]\s*(?:,|$)')
ATTRIBUTE = re.compile(r'(\w+)\s*=\s*"((?:\\.|[^"\\])*)"')


class Arc:
    """Something that somebody does, or an entity that can do something."""

    def __init__(self, who, what, whom, attributes):
        self.who, self.what, self.whom = who, what, whom
        self.attributes = dict(ATTRIBUTE.findall(attributes))
        self.lines = [line for line in self.attributes["label"].split("\\n") if line]


def parse(source):
    """The entities, and the rows of arcs that are drawn next to each other."""
    body = re.search(r"msc\s*\{(.*)\}", re.sub(r"(?m)^\s*#.*$", "", source), re.S).group(1)
    rows = []
    for statement in STATEMENT.findall(body):
        arcs, end = [], 0
        while end < len(statement.rstrip()):
            match = ARC.match(statement, end)
            if not match:
                raise SystemExit(f"a chart can't have: {statement[end:].strip()}")
            arcs.append(Arc(**match.groupdict()))
            end = match.end()
        rows.append(arcs)
    return rows[0], rows[1:]


def height_of(arc):
    return len(arc.lines) * LINE + (GAP if arc.what == "box" else 6)


class Chart:
    def __init__(self, page, entities):
        self.page = page
        self.y = HEADER + 2 * GAP
        self.step = (page.width - 2 * EDGE) / (len(entities) - 1)
        self.x = {entity.who: EDGE + i * self.step for i, entity in enumerate(entities)}
        self.colour = {entity.who: entity.attributes["linecolour"] for entity in entities}
        self.entities = entities

    def text(self, x, y, lines, **attributes):
        """Lines around x, the first one with its top at y."""
        for i, line in enumerate(lines):
            self.page.text(x, y + i * LINE + SIZE, line, text_anchor="middle", **attributes)

    def header(self):
        for entity in self.entities:
            x, colour = self.x[entity.who], self.colour[entity.who]
            self.page.rect(x - EDGE + 6, 6, 2 * EDGE - 12, HEADER, rx=6, fill=colour)
            self.text(x, 11, entity.lines[:1], fill="#ffffff", font_weight="bold")
            self.text(x, 11 + LINE, entity.lines[1:], fill="#ffffff")

    def box(self, arc):
        width = max(map(width_of, arc.lines)) + 2 * GAP
        left = min(max(self.x[arc.who] - width / 2, 4), self.page.width - width - 4)
        colour = self.colour[arc.who]
        self.page.rect(left, self.y, width, height_of(arc), rx=4,
                       fill=tint(colour, 0.1), stroke=colour)
        self.text(left + width / 2, self.y + GAP / 2, arc.lines)

    def message(self, arc, y):
        """An arrow at y, with its text above it."""
        start, end = self.x[arc.who], self.x[arc.whom]
        way = 1 if end > start else -1
        style = {"stroke": INK, "stroke_width": 1.4}
        if arc.what == ">>":
            style["stroke_dasharray"] = "5 4"
        elif arc.what == ":>":
            style = {"stroke": self.colour[arc.who], "stroke_width": 3}
        self.page.line(start, y, end - way * 8, y, **style)
        self.page.add("path", d=f"M{end:.1f} {y} l{-way * 10} -5 v10 z", fill=style["stroke"])
        if arc.lines:
            middle = (start + end) / 2
            width = max(map(width_of, arc.lines))
            text_top = y - height_of(arc) + 2
            # Lines of others that the arrow crosses end at the text.
            if abs(end - start) > self.step + 1:
                self.page.rect(middle - width / 2, text_top, width, len(arc.lines) * LINE,
                               fill="#ffffff")
            self.text(middle, text_top, arc.lines)

    def phase(self, arc):
        """A line across the page that says what begins."""
        self.y += GAP / 2
        self.page.rect(0, self.y, self.page.width, LINE + 8, fill="#eeeeee")
        self.page.text(GAP, self.y + SIZE + 5, arc.lines[0], font_weight="bold")
        self.y += LINE + 8 + GAP

    def row(self, arcs):
        """What happens at the same time."""
        if arcs[0].what == "---":
            return self.phase(arcs[0])
        height = max(map(height_of, arcs))
        for arc in arcs:
            if arc.what == "box":
                self.box(arc)
            else:
                self.message(arc, self.y + height)
        self.y += height + GAP

    def life_lines(self):
        """These are behind everything, and as long as the chart is."""
        drawn, self.page.elements = self.page.elements, []
        for who, x in self.x.items():
            self.page.line(x, HEADER + 6, x, self.y, stroke=self.colour[who], stroke_width=1.5)
        self.page.elements += drawn


def draw(name, source):
    entities, rows = parse(source)
    page = Page(name, "The way of an NMI from one vCPU to another")
    chart = Chart(page, entities)
    chart.header()
    for arcs in rows:
        chart.row(arcs)
    chart.life_lines()
    return page.render(chart.y + GAP)
