"""The pictures of the experiment, (rows, columns, 3), uint8: red, green, blue."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import cv2
import numpy as np

CLASSES = 10
PAPER, INK, GREY = (255, 255, 255), (40, 40, 40), (200, 200, 200)
RIGHT, WRONG = (0, 114, 178), (213, 94, 0)
CELL, LEFT, TOP = 34, 60, 60
TEXT = 0.42
TILE, GAP, IN_A_ROW, SHOWN, HEADING = 84, 8, 8, 24, 22
BAR_ROWS, NAME_COLUMNS, BAR_COLUMNS = 26, 170, 520
EDGE_SIDE = 256
LARGEST_SHARE = 99.0
MAPS_SHOWN, MAP_SIDE, KERNEL_SIDE = 16, 56, 50


def blank(rows: int, columns: int) -> np.ndarray:
    """Return a white page."""
    return np.full((rows, columns, 3), PAPER, np.uint8)


def write(page: np.ndarray, text: str, column: float, row: float, colour: tuple[int, int, int] = INK) -> None:
    """Write a text whose baseline begins at a place."""
    place = round(column), round(row)
    cv2.putText(page, text, place, cv2.FONT_HERSHEY_SIMPLEX, TEXT, colour, 1, cv2.LINE_AA)


def confusion(labels: np.ndarray, said: np.ndarray, title: str) -> np.ndarray:
    """Return the confusion matrix: a row for each digit, a column for what it was taken for, counts in the cells."""
    counts = np.zeros((CLASSES, CLASSES), int)
    np.add.at(counts, (labels, said), 1)
    page = blank(TOP + CLASSES * CELL + 30, LEFT + CLASSES * CELL + 30)
    write(page, f"{title}: {np.trace(counts)} of {len(labels)} right", 8, 18)
    write(page, "taken for", LEFT + CLASSES * CELL / 2 - 30, TOP - 22)
    write(page, "digit", 6, TOP + CLASSES * CELL / 2)
    for digit in range(CLASSES):
        write(page, str(digit), LEFT + digit * CELL + 12, TOP - 6)
        write(page, str(digit), LEFT - 14, TOP + digit * CELL + 22)
        for other in range(CLASSES):
            count = counts[digit, other]
            strength = min(1.0, count / (counts[digit].sum() or 1))
            full = RIGHT if digit == other else WRONG
            colour = tuple(round(255 - strength * (255 - part)) for part in full)
            top, left = TOP + digit * CELL, LEFT + other * CELL
            page[top : top + CELL - 1, left : left + CELL - 1] = colour
            if count:
                write(page, str(count), left + 8, top + 22, PAPER if strength > 0.5 else INK)
    return page


def mistakes(pictures: np.ndarray, labels: np.ndarray, logits: np.ndarray, title: str) -> np.ndarray:
    """Return the mistakes that the net was surest of: the digit, below it what it is and what it was taken for."""
    said = logits.argmax(axis=1)
    wrong = np.flatnonzero(said != labels)
    margin = logits[wrong, said[wrong]] - logits[wrong, labels[wrong]]
    if not len(wrong):
        page = blank(60, 360)
        write(page, f"{title}: no digit was misread", 20, 34)
        return page
    heading = f"{title}: {len(wrong)} of {len(labels)} misread, the surest first"
    wrong = wrong[np.argsort(-margin, kind="stable")][:SHOWN]
    height, width = TILE + 24 + GAP, TILE + GAP
    page = blank(
        HEADING + -(-len(wrong) // IN_A_ROW) * height + GAP, max(min(len(wrong), IN_A_ROW) * width + GAP, 420)
    )
    write(page, heading, GAP, 18)
    for number, index in enumerate(wrong):
        top, left = HEADING + GAP + number // IN_A_ROW * height, GAP + number % IN_A_ROW * width
        digit = cv2.resize(255 - pictures[index], (TILE, TILE), interpolation=cv2.INTER_NEAREST)
        page[top : top + TILE, left : left + TILE] = digit[..., None]
        write(page, f"is {labels[index]}", left, top + TILE + 16, RIGHT)
        write(page, f"read {said[index]}", left + 38, top + TILE + 16, WRONG)
    return page


def feature_maps(picture: np.ndarray, maps: Mapping[str, np.ndarray]) -> np.ndarray:
    """Return a digit and the first maps after every stage, each from its smallest value (white) to its largest."""
    rows = [("digit", picture[None].astype(np.float32)), *maps.items()]
    page = blank(len(rows) * (MAP_SIDE + 26) + GAP, MAPS_SHOWN * (MAP_SIDE + 4) + 2 * GAP)
    for number, (label, values) in enumerate(rows):
        top = number * (MAP_SIDE + 26) + 20
        square = values if values.ndim == 3 else values.reshape(1, 1, -1)
        shape = " x ".join(str(size) for size in values.shape)
        write(page, f"{label}: {shape}, {square.min() + 0.0:.3g} to {square.max():.3g}", GAP, top - 5)
        if min(square.shape[1:]) == 1:
            flat = square.reshape(1, -1)
            strip = cv2.resize(
                _grey(flat), (page.shape[1] - 2 * GAP, MAP_SIDE // 2), interpolation=cv2.INTER_NEAREST
            )
            page[top : top + len(strip), GAP : GAP + strip.shape[1]] = strip[..., None]
            continue
        for place, one in enumerate(square[:MAPS_SHOWN]):
            left = GAP + place * (MAP_SIDE + 4)
            tile = cv2.resize(_grey(one), (MAP_SIDE, MAP_SIDE), interpolation=cv2.INTER_NEAREST)
            page[top : top + MAP_SIDE, left : left + MAP_SIDE] = tile[..., None]
    return page


def kernels(weight: np.ndarray, title: str) -> np.ndarray:
    """Return the kernels (P, D, U, V) of a first convolution, one channel; grey is 0, black the largest, of them all."""
    side = max(1, KERNEL_SIDE // weight.shape[2])
    step = side * weight.shape[2] + 6
    page = blank(-(-len(weight) // MAPS_SHOWN) * step + 36, max(min(len(weight), MAPS_SHOWN) * step + 2 * GAP, 420))
    size = " x ".join(str(number) for number in weight.shape[2:])
    write(page, f"{title}: {len(weight)} kernels {size} of the first convolution, grey is 0", GAP, 18)
    largest = np.abs(weight).max() or 1
    for number, kernel in enumerate(weight[:, 0]):
        top, left = 30 + number // MAPS_SHOWN * step, GAP + number % MAPS_SHOWN * step
        tile = (127.5 - 127.5 * kernel / largest).astype(np.uint8).repeat(side, 0).repeat(side, 1)
        page[top : top + len(tile), left : left + tile.shape[1]] = tile[..., None]
    return page


def _grey(values: np.ndarray) -> np.ndarray:
    """Return values from white (smallest) to black (largest), uint8."""
    low, high = float(values.min()), float(values.max())
    return (255 - 255 * (values - low) / ((high - low) or 1)).astype(np.uint8)


def gradient_norms(norms: Mapping[str, Mapping[str, float]]) -> np.ndarray:
    """Return bars, logarithmic: each weight's gradient in the first step relative to the weight, every net in one."""
    layers = list(max(norms.values(), key=len)) if norms else []
    values = [value for net in norms.values() for value in net.values() if value > 0]
    page = blank(len(layers) * BAR_ROWS + 90, NAME_COLUMNS + BAR_COLUMNS + 90)
    write(page, "norm of the gradient / norm of the weight, first step", 8, 18)
    if not values:
        return page
    low, high = np.floor(np.log10(min(values))), np.ceil(np.log10(max(values)))
    span = max(high - low, 1)
    for power in range(int(low), int(high) + 1):
        column = round(NAME_COLUMNS + BAR_COLUMNS * (power - low) / span)
        page[50 : 50 + len(layers) * BAR_ROWS, column] = GREY
        write(page, f"1e{power}", column - 14, 64 + len(layers) * BAR_ROWS)
    colours = dict(zip(norms, (RIGHT, WRONG), strict=False))
    for number, (name, colour) in enumerate(colours.items()):
        write(page, name, NAME_COLUMNS + number * 200, 40, colour)
    for row, layer in enumerate(layers):
        top = 50 + row * BAR_ROWS
        write(page, layer, 8, top + 17)
        for number, (name, colour) in enumerate(colours.items()):
            value = norms[name].get(layer, 0.0)
            if value > 0:
                length = max(1, round(BAR_COLUMNS * (np.log10(value) - low) / span))
                page[top + 4 + 9 * number : top + 12 + 9 * number, NAME_COLUMNS : NAME_COLUMNS + length] = colour
    return page


def edges(student: Any, data: np.ndarray) -> np.ndarray:
    """Return a photograph in grey beside the magnitudes of its responses to both Laplacian kernels."""
    grey = cv2.resize(cv2.imdecode(data, cv2.IMREAD_GRAYSCALE), (EDGE_SIDE, EDGE_SIDE))
    page = blank(EDGE_SIDE + 24, 3 * EDGE_SIDE + 2 * GAP)
    panels = {"input, 256 x 256": grey}
    for neighbours in (4, 8):
        size = np.abs(np.asarray(student.edge.edges(grey.copy(), neighbours), np.float64))
        # A few very large responses would leave the others dark.
        bound = np.percentile(size, LARGEST_SHARE) or 1
        panels[f"|response|, {neighbours} neighbours"] = (255 * np.minimum(size / bound, 1)).astype(np.uint8)
    for number, (label, panel) in enumerate(panels.items()):
        left = number * (EDGE_SIDE + GAP)
        page[: len(panel), left : left + panel.shape[1]] = panel[..., None]
        write(page, label, left + 4, EDGE_SIDE + 16)
    return page
