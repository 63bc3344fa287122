"""The tour's page: one HTML file with everything in it."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from html import escape
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.axes import Axes

INK = {"light": "#22262b", "dark": "#dfe3e8"}
LINES = {"light": ("#1f6feb", "#c2410c"), "dark": ("#6ea8fe", "#f59e5b")}


@dataclass
class Stop:
    """What the tour shows of one family."""

    title: str
    lead: str
    figures: list[tuple[str, str]]  # number, what it is
    parts: list[str] = field(default_factory=list)  # HTML
    has_pictures: bool = False

    def add_text(self, heading: str, html: str) -> None:
        """Add a paragraph or more under a heading."""
        self.parts.append(f"<h3>{escape(heading)}</h3>\n{html}")

    def add_picture(self, draw: Callable[[Axes], object], size: tuple[float, float], caption: str) -> None:
        """Add a picture that `draw` makes on an Axes of `size` inches, once for light and once for dark screens."""
        light, dark = (_picture(draw, size, scheme) for scheme in ("light", "dark"))
        wide = ' class="wide"' if size[0] > 6 else ""  # one that a narrow screen scrolls, lest its letters shrink
        self.parts.append(
            f'<figure{wide}><picture><source media="(prefers-color-scheme: dark)" srcset="{dark}">'
            f'<img src="{light}" alt="{escape(caption)}" width="{round(96 * size[0])}"></picture>'
            f"<figcaption>{escape(caption)}</figcaption></figure>"
        )
        self.has_pictures = True


def coloured_text(text: str, values: Sequence[float]) -> str:
    """Return HTML of a text, each character on the colour of its value: purple below 0, orange above."""
    limit = max((abs(value) for value in values), default=0.0) or 1.0
    spans = []
    for character, value in zip(text, values, strict=True):
        if character == "\n":
            spans.append("<br>")
            continue
        colour = "var(--above)" if value > 0 else "var(--below)"
        share = round(100 * abs(value) / limit * 0.85)
        style = f"background:color-mix(in srgb, {colour} {share}%, transparent)"
        spans.append(f'<span style="{style}" title="{value:+.2f}">{escape(character)}</span>')
    return f'<p class="coloured">{"".join(spans)}</p>'


def make_page(stops: Sequence[Stop], where: str, seconds: float) -> str:
    """Return the page."""
    sections = "\n".join(_section(stop) for stop in stops)
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>nncore tour</title>
<style>{STYLE}</style>
</head>
<body>
<header>
<h1>nncore</h1>
<p>The classic neural networks at native speed on a CPU. Everything below was trained on this machine a moment ago, in
{seconds:.0f} seconds.</p>
<p class="where">{escape(where)}</p>
</header>
<main>
{sections}
</main>
</body>
</html>
"""


def _section(stop: Stop) -> str:
    figures = "".join(f"<div><dt>{escape(name)}</dt><dd>{escape(value)}</dd></div>" for value, name in stop.figures)
    body = "\n".join(stop.parts)
    return f"<section>\n<h2>{escape(stop.title)}</h2>\n<p>{stop.lead}</p>\n<dl>{figures}</dl>\n{body}\n</section>"


def _picture(draw: Callable[[Axes], object], size: tuple[float, float], scheme: str) -> str:
    """Return a PNG as a data URL, on a transparent ground."""
    import matplotlib as mpl
    from cycler import cycler
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    ink = INK[scheme]
    settings: dict[Any, Any] = {
        "text.color": ink,
        "axes.labelcolor": ink,
        "axes.titlecolor": ink,
        "axes.edgecolor": ink,
        "xtick.color": ink,
        "ytick.color": ink,
        "axes.facecolor": "none",
        "axes.prop_cycle": cycler(color=LINES[scheme]),
        "font.size": 11,
    }
    with mpl.rc_context(settings):
        figure = Figure(figsize=size, layout="constrained")
        FigureCanvasAgg(figure)
        draw(figure.add_subplot())
        memory = io.BytesIO()
        figure.savefig(memory, format="png", dpi=170, transparent=True)
    return "data:image/png;base64," + base64.b64encode(memory.getvalue()).decode("ascii")


STYLE = """
:root { --ink: #22262b; --soft: #5d6671; --ground: #fcfcfb; --card: #f1f2f0; --line: #dcdfe2; --accent: #1f6feb;
  --above: #e08214; --below: #8073ac; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #dfe3e8; --soft: #98a2ad; --ground: #15181c; --card: #1e2228; --line: #323941; --accent: #6ea8fe;
    --above: #d97b12; --below: #8a78c8; }
}
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 60rem; padding: 2.5rem 1.25rem 5rem; background: var(--ground); color: var(--ink);
  font: 1.05rem/1.6 system-ui, "Segoe UI", Roboto, "Helvetica Neue", sans-serif; }
h1 { font-size: 2.6rem; margin: 0; letter-spacing: -0.02em; }
h2 { margin: 3rem 0 0.5rem; padding-top: 1.5rem; border-top: 1px solid var(--line); font-size: 1.6rem; }
h3 { margin: 2.25rem 0 0.5rem; font-size: 1.15rem; }
header p { max-width: 42rem; margin: 0.5rem 0; }
section > p { max-width: 42rem; }
.where, figcaption, dt, .note { color: var(--soft); font-size: 0.9rem; }
dl { display: grid; grid-template-columns: repeat(auto-fit, minmax(9.5rem, 1fr)); gap: 0.75rem; margin: 1.25rem 0; }
dl div { background: var(--card); border-radius: 0.6rem; padding: 0.7rem 0.9rem; display: flex;
  flex-direction: column-reverse; justify-content: flex-end; }
dd { margin: 0; font-size: 1.35rem; font-variant-numeric: tabular-nums; }
figure { margin: 1.25rem 0 1.75rem; }
figcaption { max-width: 42rem; margin-top: 0.4rem; }
img { display: block; height: auto; max-width: 100%; }
.wide picture { display: block; overflow-x: auto; }
.wide img { max-width: none; }
table { border-collapse: collapse; margin: 1rem 0; }
th, td { text-align: left; vertical-align: top; padding: 0.35rem 1.2rem 0.35rem 0;
  border-bottom: 1px solid var(--line); }
th { color: var(--soft); font-weight: 400; font-size: 0.9rem; }
pre, .coloured { background: var(--card); border-radius: 0.6rem; padding: 1rem 1.2rem; overflow-x: auto;
  font: 0.92rem/1.55 ui-monospace, "SF Mono", Menlo, Consolas, monospace; }
pre { white-space: pre-wrap; }
.coloured { max-width: none; white-space: pre-wrap; }
.coloured span { padding: 0.12em 0; }
b.prompt { color: var(--accent); font-weight: 600; }
"""
