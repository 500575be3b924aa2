"""What all pictures have in common: letters, contrast, formats, and when the library is loaded."""

import re
import subprocess
import sys
import xml.etree.ElementTree as xml

import numpy as np
import pytest

from grader.drawing import (
    Curve,
    Difference,
    Plane,
    draw_confusion,
    draw_curves,
    draw_difference,
    draw_groups,
    draw_layers,
    style,
    to_png,
    to_svg,
)
from grader.drawing.appearance import CHINESE_FONTS, DrawingError, chinese_font, letters_on, new_figure
from grader.language.translation import chosen, speaking
from tests.golden import ROOT

GREATEST_DRAWN = 2000


def all_kinds():
    """A figure of every kind."""
    curves = {"loss/train": Curve([0, 1], [1.0, 0.01]), "loss/test": Curve([0, 1], [2.0, 1.0])}
    error = np.array([[0.0, 0.3], [1.0, np.nan]])
    panel, vector = Plane("error", error, ("row", "column"), (1, 0, 1, 1)), Plane("v", error[0], ("", "entry"))
    other = Plane("other", error.T, ("row", "column"))
    return {
        "curves": draw_curves({"a": curves, "b": curves}),
        "difference": draw_difference(Difference("t", [panel, vector], panel, [panel, other], [(0.0, "1")])),
        "vector": draw_difference(Difference("t", [vector], vector, [vector], [(0.0, "1")])),
        "confusion": draw_confusion(np.array([[8, 1], [2, 0]])),
        "layers": draw_layers(["conv1", "relu1"], ["convolution", "ReLU"], {"time (ms)": [3.0, 0.1], "n": [4, 0]}),
        "groups": draw_groups("t", ["one", "two"], {"a": [1.0, 2000.0], "b": [3.0, None]}, "time (ms)"),
    }


@pytest.fixture(scope="module")
def figures():
    """The same, made once."""
    with style():
        return all_kinds()


KINDS = ("curves", "difference", "vector", "confusion", "layers", "groups")


def luminance(colour):
    """Relative luminance as in the Web Content Accessibility Guidelines 2.1."""
    colour = np.asarray(colour)
    linear = np.where(colour <= 0.04045, colour / 12.92, ((colour + 0.055) / 1.055) ** 2.4)
    return float(linear @ [0.2126, 0.7152, 0.0722])


def contrast(one, other):
    """Contrast of two colours, 1 to 21."""
    darker, lighter = sorted((luminance(one), luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


@pytest.mark.parametrize("kind", KINDS)
def test_png_of_every_kind(figures, kind):
    """Each is a PNG file of sensible size that another library reads, and not empty."""
    import cv2

    with style():
        picture = cv2.imdecode(np.frombuffer(to_png(figures[kind]), np.uint8), cv2.IMREAD_COLOR)
    assert min(picture.shape[:2]) > 200 and max(picture.shape[:2]) < GREATEST_DRAWN
    assert (picture != 255).any(axis=2).mean() > 0.005


@pytest.mark.parametrize("kind", KINDS)
def test_svg_of_every_kind_stands_in_a_page(figures, kind):
    """Each is one element: letters stay letters, no script, nothing is fetched, no name is there twice."""
    with style(page=True):
        drawn = to_svg(figures[kind], kind)
    root = xml.fromstring(drawn)
    assert root.tag.endswith("svg") and "<script" not in drawn and "<text" in drawn
    links = re.findall(r'(?:href|src)="([^"]*)"', drawn)
    assert all(link.startswith(("#", "data:image/png")) for link in links)
    names = re.findall(r' id="([^"]*)"', drawn)
    assert len(names) == len(set(names))


def test_drawings_of_one_page_share_no_names(figures):
    """Two drawings have different names for what they refer to."""
    with style(page=True):
        one, other = (to_svg(figures["curves"], name) for name in ("first", "second"))
    names = [set(re.findall(r' id="([^"]*)"', drawn)) for drawn in (one, other)]
    assert names[0] and not names[0] & names[1]


def test_one_image_may_stand_twice_in_a_drawing():
    """Equal images have one name in what is written, which no page may have twice."""
    with style(page=True):
        figure = new_figure(4.0, 2.0)
        for axes in figure.subplots(1, 2):
            axes.imshow(np.eye(3), interpolation="nearest", rasterized=True)
        drawn = to_svg(figure, "twice")
    assert drawn.count("<image") == 2
    names = re.findall(r' id="([^"]*)"', drawn)
    assert len(names) == len(set(names))


@pytest.mark.parametrize("kind", KINDS)
def test_letters_are_read_easily(figures, kind):
    """Text on paper has a contrast of at least 4.5."""
    from matplotlib.colors import to_rgb
    from matplotlib.text import Text

    figure = figures[kind]
    texts = [text for text in figure.findobj(Text) if text.get_text()]
    inside = {text for axes in figure.axes for text in axes.texts} if kind == "confusion" else set()
    assert len(texts) > 3
    assert all(contrast(to_rgb(text.get_color()), (1, 1, 1)) >= 4.5 for text in texts if text not in inside)


def test_letters_on_colours_are_black_or_white():
    """Whatever the colour, letters on it have a contrast of at least 4.5."""
    from matplotlib.colors import to_rgb

    for colour in np.random.default_rng(4).random((2000, 3)):
        assert contrast(to_rgb(letters_on(colour)), colour) >= 4.5


def test_without_a_chinese_font_a_picture_is_english(monkeypatch):
    """Inside, messages are English; a page, where the browser has letters, stays Chinese, as does what follows."""
    monkeypatch.setattr("grader.drawing.appearance.chinese_font", lambda: None)
    with speaking("zh"):
        with style():
            assert (
                chosen() == "en" and draw_curves({"": {"loss": Curve([0], [1.0])}}).axes[0].get_ylabel() == "loss"
            )
        with style(page=True):
            assert chosen() == "zh"
        assert chosen() == "zh"


def test_with_a_chinese_font_a_picture_is_chinese(monkeypatch):
    """The labels are those of the catalogue, and the font is asked for first."""
    monkeypatch.setattr("grader.drawing.appearance.chinese_font", lambda: "Some Hei")
    with speaking("zh"), style():
        label = draw_curves({"": {"loss": Curve([0], [1.0])}}).axes[0].yaxis.label
    assert label.get_text() == "损失" and label.get_fontfamily()[0] == "Some Hei"


def test_the_installed_font_has_chinese_letters():
    """Where one of the known fonts is found, it has the letters of a label."""
    from matplotlib import font_manager, ft2font

    name = chinese_font()
    if name is None:
        pytest.skip("no Chinese font is installed")
    letters = ft2font.FT2Font(font_manager.findfont(name)).get_charmap()
    assert all(ord(letter) in letters for letter in "损失正确率")


def test_a_font_that_matplotlib_has_not_listed_is_found(monkeypatch):
    """Its list is as old as its first start: a font installed since is read, a broken file is not."""
    from matplotlib import font_manager

    name = chinese_font()
    if name is None:
        pytest.skip("no Chinese font is installed")
    everything = font_manager.fontManager.ttflist
    chinese = {font.fname for font in everything if font.name in CHINESE_FONTS}
    old = [font for font in everything if font.fname not in chinese]
    monkeypatch.setattr(font_manager.fontManager, "ttflist", list(old))
    files = font_manager.findSystemFonts()
    monkeypatch.setattr(font_manager, "findSystemFonts", lambda: [*files, __file__])
    assert chinese_font() == name
    monkeypatch.setattr(font_manager.fontManager, "ttflist", list(old))
    monkeypatch.setattr(font_manager, "findSystemFonts", lambda: [__file__])
    assert chinese_font() is None


def test_a_dollar_sign_is_no_formula():
    """A layer's name is drawn as it is written, whatever it is."""
    with style():
        figure = draw_layers(["$x_{", "a$b$"], ["ReLU", "ReLU"], {"time (ms)": [1.0, 2.0]})
        assert to_png(figure)


def test_nothing_outlives_a_drawing():
    """The settings of matplotlib are as before: a notebook's own pictures keep their look."""
    import matplotlib

    names = ("font.family", "font.size", "text.color", "text.parse_math", "svg.fonttype", "svg.hashsalt")
    before = [matplotlib.rcParams[name] for name in names]
    # Another test of this process may have loaded it.
    had_pyplot = "matplotlib.pyplot" in sys.modules
    with style():
        to_svg(draw_confusion(np.eye(3, dtype=int)), "name")
    assert [matplotlib.rcParams[name] for name in names] == before and (
        "matplotlib.pyplot" in sys.modules
    ) == had_pyplot


def loaded_after(*arguments):
    """Which modules a command of the grader has loaded when it ends."""
    code = (
        "import sys\nfrom grader.commands.main import main\n"
        f"sys.argv = ['grader', *{arguments!r}]\n"
        "try:\n    main()\nfinally:\n    print('LOADED', *sorted({name.split('.')[0] for name in sys.modules}))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    return re.search(r"^LOADED (.*)$", done.stdout, re.M)[1].split()


def test_a_check_loads_no_plotting():
    """`check` that draws nothing starts without matplotlib, through the whole run of a check."""
    loaded = loaded_after("check", "vgg16", "--only", "relu_forward")
    assert "grader" in loaded and "numpy" in loaded and "matplotlib" not in loaded


def test_what_is_missing_is_said(monkeypatch):
    """Without the package a person is told which to install."""
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(DrawingError, match="pip install matplotlib"), style():
        pass
