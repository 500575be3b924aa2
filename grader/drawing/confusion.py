"""Confusion matrices: how often each class was taken for which."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from grader.drawing.appearance import BLUE, PAPER, letters_on, new_figure
from grader.language.translation import _

if TYPE_CHECKING:
    from matplotlib.figure import Figure

CELL, FRAME = 0.42, 1.4


def draw_confusion(counts: np.ndarray, classes: Sequence[str] = ()) -> Figure:
    """Draw ``counts`` (right class, predicted class), whole numbers; ``classes`` are their names, else numbers.

    A cell's colour is its share of its row, so that rare classes are seen as well.
    """
    from matplotlib.colors import LinearSegmentedColormap

    count = len(counts)
    names = list(classes) or [str(number) for number in range(count)]
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    right = np.trace(counts) / max(1, counts.sum())
    side = FRAME + CELL * count
    figure = new_figure(
        side + 0.8, side, _("{share} of {total} are right", share=f"{right:.1%}", total=counts.sum())
    )
    axes = figure.subplots()
    colours = LinearSegmentedColormap.from_list("share", [PAPER, BLUE])
    image = axes.imshow(shares, cmap=colours, vmin=0, vmax=1)
    for row, column in np.argwhere(counts > 0):
        colour = letters_on(colours(shares[row, column]))
        axes.text(column, row, f"{counts[row, column]}", ha="center", va="center", color=colour, fontsize=7)
    axes.set_xticks(range(count), names)
    axes.set_yticks(range(count), names)
    axes.set_xlabel(_("predicted class"))
    axes.set_ylabel(_("right class"))
    figure.colorbar(image, ax=axes, label=_("share of the row"), shrink=0.8)
    return figure
