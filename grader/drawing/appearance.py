"""One look for all pictures: colours that everybody can tell apart, the reader's letters, PNG and SVG."""

from __future__ import annotations

import io
import logging
import re
import warnings
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from grader.language.errors import BadInput
from grader.language.translation import ENGLISH, chosen, speaking

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Told apart also by those who see no red or no green: M. Okabe and K. Ito, Color Universal Design, 2008.
BLUE, VERMILLION, GREEN, PURPLE = "#0072B2", "#D55E00", "#009E73", "#CC79A7"
ORANGE, SKY, YELLOW, BLACK = "#E69F00", "#56B4E9", "#F0E442", "#000000"
PALETTE = (BLUE, VERMILLION, GREEN, PURPLE, ORANGE, SKY, YELLOW, BLACK)
INK, GRID, PAPER = "#222222", "#DDDDDD", "#FFFFFF"
# Some systems name a collection of fonts after its first member; all of these have simplified Chinese.
CHINESE_FONTS = (
    "Noto Sans CJK SC", "Noto Sans SC", "Source Han Sans SC", "Source Han Sans CN", "Noto Sans CJK JP",
    "Microsoft YaHei", "PingFang SC", "Hiragino Sans GB", "Heiti SC", "STHeiti", "SimHei", "WenQuanYi Micro Hei",
    "WenQuanYi Zen Hei", "Droid Sans Fallback", "Noto Serif CJK SC", "Songti SC", "SimSun",
)  # fmt: skip
LATIN_FONT = "DejaVu Sans"
DOTS_PER_INCH = 144


class DrawingError(BadInput):
    """Nothing can be drawn here; the message says what is missing."""


@contextmanager
def style(*, page: bool = False) -> Iterator[None]:
    """Let what is drawn and written inside look like all other pictures.

    Where no installed font has the letters of the reader's language, messages inside are English. On a ``page`` the
    browser brings the letters, so the language stays.

    Raises
    ------
    DrawingError : matplotlib is not installed.
    """
    try:
        import matplotlib
    except ImportError:
        raise DrawingError("pictures need the package matplotlib; install it: pip install matplotlib") from None
    # Its remarks, such as on a home that cannot be written to, are none of a student's business.
    logging.getLogger("matplotlib").setLevel(logging.ERROR)
    font = None if chosen() == ENGLISH else chinese_font()
    settings: Any = {
        "font.family": [font, LATIN_FONT] if font else [LATIN_FONT],
        "font.size": 9,
        "text.color": INK,
        "axes.labelcolor": INK,
        "axes.edgecolor": INK,
        "axes.linewidth": 0.6,
        "axes.titlesize": 9,
        "grid.color": GRID,
        "xtick.color": INK,
        "ytick.color": INK,
        "xtick.labelsize": 8,
        "ytick.labelsize": 8,
        "legend.frameon": False,
        "legend.fontsize": 8,
        "figure.facecolor": PAPER,
        "svg.fonttype": "none",
        # A name with a dollar sign is no formula.
        "text.parse_math": False,
    }
    language = chosen() if font or page else ENGLISH
    with matplotlib.rc_context(settings), speaking(language), warnings.catch_warnings():
        # A name of a student's making may have letters that no font here has: a box stands for them.
        warnings.filterwarnings("ignore", message=".*[Gg]lyph.*")
        yield


def chinese_font() -> str | None:
    """Return an installed font with simplified Chinese, None if there is none.

    Matplotlib keeps a list of fonts from its first start on; what was installed since is looked for here.
    """
    from matplotlib import font_manager

    known = font_manager.fontManager
    found = _first_chinese(known.ttflist)
    if found is None:
        listed = {font.fname for font in known.ttflist}
        for file in set(font_manager.findSystemFonts()) - listed:
            # A file that cannot be read is no font of ours.
            with suppress(Exception):
                known.addfont(file)
        found = _first_chinese(known.ttflist)
    return found


def _first_chinese(fonts: Iterable[Any]) -> str | None:
    installed = {font.name for font in fonts}
    return next((name for name in CHINESE_FONTS if name in installed), None)


def letters_on(colour: Sequence[float]) -> str:
    """Return black or white, whichever has more contrast (at least 4.5) with ``colour``: red, green, blue, 0 to 1.

    The relative luminance is that of the Web Content Accessibility Guidelines 2.1; black and white are equally well
    read where (1 + 0.05) / (L + 0.05) = (L + 0.05) / 0.05.
    """
    linear = [value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4 for value in colour[:3]]
    luminance = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
    return BLACK if (luminance + 0.05) ** 2 > 1.05 * 0.05 else PAPER


def as_drawn(text: str) -> str:
    """Return a message as it stands in a picture, where back quotes would be read as letters."""
    return text.replace("`", "")


def new_figure(width: float, height: float, title: str = "") -> Figure:
    """Return an empty figure of ``width`` by ``height`` inches that belongs to no window."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    if title:
        figure.suptitle(as_drawn(title), fontsize=10, wrap=True)
    return figure


def make_logarithmic(axes: Axes) -> None:
    """Give the upright axis a logarithmic scale with plain numbers, at 1, 2 and 5 where there are few decades."""
    from matplotlib.ticker import LogLocator, NullFormatter

    axes.set_yscale("log")
    low, high = axes.get_ylim()
    axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5) if high < 1000 * low else (1,)))
    axes.yaxis.set_major_formatter("{x:,g}")
    axes.yaxis.set_minor_formatter(NullFormatter())


def to_png(figure: Figure) -> bytes:
    """Return a figure as the content of a PNG file."""
    stream = io.BytesIO()
    figure.savefig(stream, format="png", dpi=DOTS_PER_INCH)
    return stream.getvalue()


def to_svg(figure: Figure, name: str) -> str:
    """Return a figure as an ``<svg>`` element for a page, on which ``name`` is that of no other drawing.

    Letters stay letters, nothing is fetched, and no script is in it.
    """
    import matplotlib

    stream = io.StringIO()
    with matplotlib.rc_context({"svg.hashsalt": name}):
        figure.savefig(stream, format="svg", metadata={"Date": None, "Creator": None, "Format": None, "Type": None})
    drawn = stream.getvalue()
    # Groups are numbered alike in every drawing, and equal images have one name; a page must not have a name twice.
    return re.sub(r'(?<=<g) id="[^"]*"| id="image[0-9a-f]+"', "", drawn[drawn.index("<svg") :]).strip()
