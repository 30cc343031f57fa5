# SPDX-License-Identifier: GPL-2.0
"""What the pictures share: a page of SVG, and how wide text is."""

from xml.sax.saxutils import escape, quoteattr

# The first is the widest of these, and the one whose widths are below.
FONTS = "DejaVu Sans, Verdana, Arial, Helvetica, sans-serif"
SIZE = 12
INK = "#222222"

# Widths of characters in DejaVu Sans, in thousandths of the size of the font.
WIDTHS = [
    (300, "ijlI '|"),
    (400, "()[]{}:;,.tfr-/"),
    (720, "ABCDEGHKNOPQRUVXYZ_+=<>"),
    (960, "mwMW%@"),
]
OTHERS = 620


def width_of(text):
    thousandths = sum(next((width for width, characters in WIDTHS if character in characters),
                           OTHERS) for character in text)
    return thousandths * SIZE / 1000


def tint(colour, part):
    """A colour of which only a part is left on white: #rrggbb."""
    channels = (int(colour[i:i + 2], 16) for i in (1, 3, 5))
    return "#" + "".join(f"{round(255 - (255 - channel) * part):02x}" for channel in channels)


class Page:
    """A picture on a white page, which grows downwards."""

    def __init__(self, source, title, width=800):
        self.source, self.title, self.width = source, title, width
        self.elements = []

    def add(self, tag, content=None, **attributes):
        text = "".join(f" {name.replace('_', '-')}={quoteattr(number(value))}"
                       for name, value in attributes.items())
        self.elements.append(f"<{tag}{text}/>" if content is None
                             else f"<{tag}{text}>{escape(content)}</{tag}>")

    def text(self, x, y, content, **attributes):
        """One line of text, whose baseline is at y."""
        self.add("text", content, x=x, y=y, **attributes)

    def rect(self, x, y, width, height, **attributes):
        self.add("rect", x=x, y=y, width=width, height=height, **attributes)

    def line(self, x1, y1, x2, y2, **attributes):
        self.add("line", x1=x1, y1=y1, x2=x2, y2=y2, **attributes)

    def render(self, height):
        width, height = number(self.width), number(height)
        return "\n".join([
            f"<!-- SPDX-License-Identifier: GPL-2.0. By make pictures, of {self.source}. -->",
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
            f'viewBox="0 0 {width} {height}" role="img" '
            f'font-family="{FONTS}" font-size="{SIZE}" fill="{INK}">',
            f"<title>{escape(self.title)}</title>",
            f'<rect width="{width}" height="{height}" fill="#ffffff"/>',
            *self.elements,
            "</svg>", ""])


def number(value):
    """Numbers with at most one digit behind the point."""
    return value if isinstance(value, str) else f"{value:.1f}".removesuffix(".0")
