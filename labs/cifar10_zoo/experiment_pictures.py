"""Draws what the experiment shows, as arrays of colours: in the box there is no library that could."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
INK, PAPER, FRAME = (40, 40, 40), 255, 150
# Okabe and Ito's colours, told apart by everybody.
RIGHT_COLOUR, WRONG_COLOUR, BLUE, ORANGE, GREY = (
    (0, 158, 115),
    (213, 94, 0),
    (0, 114, 178),
    (230, 159, 0),
    (170, 170, 170),
)
GLYPH_ROWS, GLYPH_COLUMNS = 5, 3
# Three columns and five rows each, row by row: fifteen bits, as four hexadecimal digits.
CHARACTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789%.-:()"
GLYPH_DIGITS = (
    "2bed6bae39236b6e79a779a4396b5bed7497126a5bad49275fed6b6d2b6a6ba42b736bad388e74925b6f5b6a5bfd"
    "5aad5a9272a77b6f2c9773e773cf5bc979cf79ef72527bef7bcf52a5000201c0041014914494"
)
GLYPHS = {
    character: f"{int(GLYPH_DIGITS[4 * place : 4 * place + 4], 16):015b}"
    for place, character in enumerate(CHARACTERS)
}
ENLARGED, IN_A_ROW, SHOWN, GAP = 3, 6, 24, 8
CELL, LABELS, NAMES_ABOVE = 30, 116, 122
MAP_SIDE, MAPS = 64, 8
KERNEL_CELL, KERNELS_IN_A_ROW = 12, 16
BAR_ROWS, BAR_COLUMNS = 16, 240


def write(page: np.ndarray, row: int, column: int, text: str, colour: Sequence[int] = INK, size: int = 2) -> None:
    """Write capital letters, digits and a few signs on a page; what would run over its edge is left out."""
    for character in text.upper():
        bits = GLYPHS.get(character)
        width = GLYPH_COLUMNS * size
        if bits is not None and column + width <= page.shape[1] and row + GLYPH_ROWS * size <= page.shape[0]:
            glyph = np.array([bit == "1" for bit in bits]).reshape(GLYPH_ROWS, GLYPH_COLUMNS)
            mask = glyph.repeat(size, 0).repeat(size, 1)
            page[row : row + GLYPH_ROWS * size, column : column + width][mask] = colour
        column += width + size


def blank(rows: int, columns: int) -> np.ndarray:
    """Return an empty page."""
    return np.full((rows, columns, 3), PAPER, np.uint8)


def predictions_picture(pictures: np.ndarray, labels: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
    """Return the first test pictures; below each the class that the network says, its probability, and the right one.

    Green is right; orange is wrong.
    """
    side = 32 * ENLARGED
    count = min(SHOWN, len(pictures))
    height, width = side + 34 + GAP, side + 4 * GAP
    page = blank(-(-count // IN_A_ROW) * height + GAP, IN_A_ROW * width + GAP)
    for number in range(count):
        top, left = GAP + (number // IN_A_ROW) * height, GAP + (number % IN_A_ROW) * width
        page[top : top + side, left : left + side] = pictures[number].repeat(ENLARGED, 0).repeat(ENLARGED, 1)
        said = int(probabilities[number].argmax())
        colour = RIGHT_COLOUR if said == labels[number] else WRONG_COLOUR
        write(page, top + side + 3, left, f"{CLASSES[said]} {probabilities[number, said]:.0%}", colour)
        if said != labels[number]:
            write(page, top + side + 18, left, CLASSES[labels[number]])
    return page


def confusion_picture(table: np.ndarray) -> np.ndarray:
    """Return the confusion matrix: rows are right classes, columns what the network says; darker is more often.

    ``table`` is (10, 10) counts. The pair that is wrong most often has an orange frame.
    """
    page = blank(NAMES_ABOVE + 10 * CELL + 2 * GAP + 10, LABELS + 10 * CELL + GAP)
    shares = table / np.maximum(table.sum(axis=1, keepdims=True), 1)
    wrong = table - np.diag(np.diag(table))
    worst = divmod(int(wrong.argmax()), 10) if wrong.any() else None
    write(page, 4, 4, "right: rows", INK)
    write(page, 18, 4, "said: columns", INK)
    if worst is not None:
        text = f"worst: {CLASSES[worst[0]]} said to be {CLASSES[worst[1]]} - {wrong.max()}"
        write(page, NAMES_ABOVE + 10 * CELL + GAP, 4, text, ORANGE)
    for number, name in enumerate(CLASSES):
        write(page, NAMES_ABOVE + number * CELL + 10, 4, name)
        for place, letter in enumerate(name):
            row = NAMES_ABOVE - 4 - (len(name) - place) * 11
            write(page, row, LABELS + number * CELL + 11, letter)
        for other in range(10):
            top, left = NAMES_ABOVE + number * CELL, LABELS + other * CELL
            page[top : top + CELL - 1, left : left + CELL - 1] = (
                255 - shares[number, other] * (255 - np.array(BLUE))
            ).astype(np.uint8)
            if worst == (number, other):
                page[top : top + CELL - 1, [left, left + 1, left + CELL - 3, left + CELL - 2]] = ORANGE
                page[[top, top + 1, top + CELL - 3, top + CELL - 2], left : left + CELL - 1] = ORANGE
            colour = (255, 255, 255) if shares[number, other] > 0.5 else INK
            text = str(int(table[number, other]))
            write(page, top + 10, left + 15 - 4 * len(text), text, colour)
    return page


def enlarged(values: np.ndarray, side: int) -> np.ndarray:
    """Return a square array with every entry repeated to about ``side`` pixels."""
    factor = max(1, side // len(values))
    return values.repeat(factor, 0).repeat(factor, 1)


def features_picture(picture: np.ndarray, stages: Sequence[np.ndarray]) -> np.ndarray:
    """Return the first test picture and, a row for each size, the first channels of its feature maps: black is the most."""
    width = MAP_SIDE + GAP
    page = blank((len(stages) + 1) * (width + 14) + GAP, max(MAPS * width + GAP, 300))
    tile = enlarged(picture, MAP_SIDE)
    page[GAP : GAP + len(tile), GAP : GAP + tile.shape[1]] = tile
    write(page, GAP, 2 * GAP + MAP_SIDE, f"picture {len(picture)} x {picture.shape[1]}")
    for number, maps in enumerate(stages, start=1):
        top = GAP + number * (width + 14)
        shown = f"first {MAPS} of {maps.shape[2]}" if maps.shape[2] > MAPS else str(maps.shape[2])
        write(page, top - 14, GAP, f"{maps.shape[0]} x {maps.shape[1]}: {shown} channels")
        for channel in range(min(MAPS, maps.shape[2])):
            values = maps[..., channel] - maps[..., channel].min()
            grey = 255 - (255 * values / (values.max() or 1)).astype(np.uint8)
            tile = enlarged(grey, MAP_SIDE)
            left = GAP + channel * width
            page[top : top + len(tile), left : left + tile.shape[1]] = tile[..., None]
            page[[top - 1, min(top + len(tile), len(page) - 1)], left : left + tile.shape[1]] = FRAME
    return page


def kernels_picture(weight: np.ndarray) -> np.ndarray:
    """Return the first kernels (rows, columns, 3, count) as colours: grey is 0, each kernel scaled by its largest entry."""
    rows, columns, channels, count = weight.shape
    height, width = rows * KERNEL_CELL + GAP, columns * KERNEL_CELL + GAP
    lines = -(-count // KERNELS_IN_A_ROW)
    above = 24
    page = blank(above + lines * height + GAP, max(min(count, KERNELS_IN_A_ROW) * width + GAP, 300))
    write(page, GAP, GAP, f"{count} kernels {rows} x {columns}: grey is 0")
    for number in range(count):
        values = weight[..., number] if channels == 3 else weight[..., :1, number].repeat(3, axis=2)
        colours = 127.5 + 127.5 * values / (np.abs(values).max() or 1)
        tile = colours.astype(np.uint8).repeat(KERNEL_CELL, 0).repeat(KERNEL_CELL, 1)
        top, left = above + (number // KERNELS_IN_A_ROW) * height, GAP + (number % KERNELS_IN_A_ROW) * width
        page[top : top + len(tile), left : left + tile.shape[1]] = tile
    return page


def bars_picture(
    sizes: Mapping[str, tuple[int, int]],
    trained: str,
    accuracy: float,
    published: Mapping[str, float],
    settled: bool = False,
) -> np.ndarray:
    """Return bars of parameters, multiply-adds and accuracy for each network.

    Accuracies in grey are published ones (100 epochs of all of CIFAR-10); the one in orange is this run's, ``settled``
    if it is with statistics taken anew.
    """
    columns = ("million parameters", "million multiply-adds", "settled accuracy" if settled else "accuracy")
    page = blank(56 + len(sizes) * (BAR_ROWS + GAP), 110 + 3 * (BAR_COLUMNS + 60))
    lefts = [110 + place * (BAR_COLUMNS + 60) for place in range(3)]
    for left, title in zip(lefts, columns, strict=True):
        write(page, 8, left, title)
    write(page, 24, lefts[2], "grey: published - orange: this run", GREY)
    largest = [max((size[place] for size in sizes.values()), default=1) for place in (0, 1)]
    for number, (name, size) in enumerate(sizes.items()):
        top = 44 + number * (BAR_ROWS + GAP)
        write(page, top + 3, 4, name, ORANGE if name == trained else INK)
        for place in (0, 1):
            _bar(page, top, lefts[place], size[place] / largest[place], f"{size[place] / 1e6:.2f}", BLUE)
        if name == trained:
            _bar(page, top, lefts[2], accuracy, f"{accuracy:.0%}", ORANGE)
        elif name in published:
            _bar(page, top, lefts[2], published[name], f"{published[name]:.0%}", GREY)
    return page


def _bar(page: np.ndarray, top: int, left: int, share: float, text: str, colour: Sequence[int]) -> None:
    length = max(1, round(share * BAR_COLUMNS))
    page[top : top + BAR_ROWS, left : left + length] = colour
    write(page, top + 3, left + length + 4, text)
