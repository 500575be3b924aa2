"""Makers of small cases for the layers that many labs share: what separates right from wrong, for any layout.

Sizes are drawn at random within families (strides other than 1, no padding, more rows than columns, several
samples, windows that overlap or leave a rest), so that public and hidden cases differ. Like `grader.lab.checks`, it
runs on both sides of the trust boundary and needs nothing but NumPy.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np

from grader.lab.checks import CHANNELS_FIRST, LAYOUT, Case

CONVOLUTIONS = (
    # name, N, C_in, C_out, K, P, S, rows and columns that no window reaches
    ("3x3 kernel, padding 1, as in VGG", 1, 3, 8, 3, 1, 1, 0),
    ("batch of two, no padding", 2, 4, 3, 3, 0, 1, 0),
    ("stride 2", 2, 3, 5, 3, 1, 2, 0),
    ("stride 2 that leaves a rest", 1, 5, 2, 3, 0, 2, 1),
    ("2x2 kernel, stride 3 that leaves a rest", 2, 2, 4, 2, 1, 3, 2),
    ("1x1 kernel", 2, 6, 3, 1, 0, 1, 0),
    ("1x1 kernel, stride 2 that leaves a rest", 1, 3, 4, 1, 0, 2, 1),
    ("5x5 kernel, padding 2", 1, 2, 3, 5, 2, 1, 0),
    ("5x5 kernel, padding 2, stride 2", 2, 3, 2, 5, 2, 2, 0),
    ("one channel in, one out", 3, 1, 1, 3, 1, 1, 0),
    ("one channel in, several out", 1, 1, 4, 3, 1, 1, 0),
    ("many channels", 1, 40, 12, 3, 1, 1, 0),
    ("three channels everywhere", 1, 3, 3, 3, 1, 1, 0),
)
POOLINGS = (
    # name, N, C, K, S, rows and columns that no window reaches, values
    ("2x2 window, stride 2, as in VGG", 1, 4, 2, 2, 0, "distinct"),
    ("batch of two, odd size", 2, 3, 2, 2, 1, "distinct"),
    ("3x3 window, stride 2: windows overlap", 2, 3, 3, 2, 0, "distinct"),
    ("3x3 window, stride 1: windows overlap much", 1, 2, 3, 1, 0, "distinct"),
    ("2x2 window, stride 3: gaps between windows", 2, 2, 2, 3, 1, "distinct"),
    ("2x2 window, stride 1, sizes that 2 divides", 1, 3, 2, 1, 0, "even sizes"),
    ("only negative values", 1, 3, 2, 2, 0, "negative"),
    ("equal maxima", 2, 3, 2, 2, 0, "ties"),
    ("equal maxima, overlapping windows", 1, 3, 3, 2, 1, "ties"),
)
# Axes of a convolution's weight made as (C_out, C_in, rows, columns), in the order of the layout.
WEIGHT_LAYOUTS = {"OIHW": (0, 1, 2, 3), "IHWO": (1, 2, 3, 0), "HWIO": (2, 3, 1, 0)}
# Axes of pictures made as (N, C, rows, columns), likewise.
PICTURE_LAYOUTS = {"NCHW": (0, 1, 2, 3), "NHWC": (0, 2, 3, 1)}


def layout_named(pictures: str) -> dict[str, str]:
    """Return the setting that names an unusual layout."""
    return {} if pictures == CHANNELS_FIRST else {LAYOUT: pictures}


def normal(rng: np.random.Generator, *shape: int) -> np.ndarray:
    """Return float32 numbers of mean 0 and standard deviation 1."""
    return rng.standard_normal(shape, dtype=np.float32)


def few_values(rng: np.random.Generator, *shape: int) -> np.ndarray:
    """Return float32 numbers of which only 16 differ, none of them round: large arrays that compress well."""
    values = np.linspace(-1.8, 1.8, 16, dtype=np.float32) * rng.uniform(0.9, 1.1, 16).astype(np.float32)
    return values[rng.integers(16, size=shape)]


def distinct(rng: np.random.Generator, shape: tuple[int, ...], low: float, high: float) -> np.ndarray:
    """Return float32 numbers between ``low`` and ``high``, no two of them equal, in random order."""
    count = int(np.prod(shape))
    return np.linspace(low, high, count, dtype=np.float32)[rng.permutation(count)].reshape(shape)


def output_sizes(rng: np.random.Generator) -> tuple[int, int]:
    """Return rows and columns of an output, never as many rows as columns."""
    rows = int(rng.integers(4, 7))
    return rows, rows + int(rng.choice((-1, 1, 2)))


def in_layout(pictures: str, array: np.ndarray) -> np.ndarray:
    """Bring an array of pictures (N, C, rows, columns) to a layout."""
    return array.transpose(PICTURE_LAYOUTS[pictures])


def convolution_cases(
    rng: np.random.Generator, layout: str = "OIHW", pictures: str = CHANNELS_FIRST
) -> Iterable[Case]:
    """Make cases with ``x``, ``weight`` in the given layout, ``bias`` and, for a backward pass, ``out_grad``.

    ``pictures`` is the layout of ``x`` and ``out_grad``. It is kept as the setting `LAYOUT` of the case where it is
    not the usual one, so that whoever looks at the arrays later knows it.
    """
    for name, batch, c_in, c_out, k, padding, stride, rest in CONVOLUTIONS:
        out_height, out_width = output_sizes(rng)
        height = (out_height - 1) * stride + k - 2 * padding + rest
        width = (out_width - 1) * stride + k - 2 * padding + rest
        x = normal(rng, batch, c_in, height, width)
        weight = normal(rng, c_out, c_in, k, k) / np.float32(np.sqrt(c_in) * k)
        yield Case.of(
            name,
            c_in=c_in,
            c_out=c_out,
            k=k,
            padding=padding,
            stride=stride,
            **layout_named(pictures),
            x=in_layout(pictures, x),
            weight=weight.transpose(WEIGHT_LAYOUTS[layout]),
            bias=normal(rng, c_out),
            out_grad=in_layout(pictures, normal(rng, batch, c_out, out_height, out_width)),
        )


def pooling_cases(rng: np.random.Generator, pictures: str = CHANNELS_FIRST) -> Iterable[Case]:
    """Make cases with ``x`` and, for a backward pass, ``out_grad``, both in the layout ``pictures``."""
    for name, batch, channels, k, stride, rest, values in POOLINGS:
        out_height, out_width = output_sizes(rng)
        if values == "even sizes":
            # A window that is reshaped out of the picture, as if stride and window were equal, fits here.
            out_height, out_width = out_height // 2 * 2 + 1, out_width // 2 * 2 + 1
        shape = (batch, channels, (out_height - 1) * stride + k + rest, (out_width - 1) * stride + k + rest)
        if values == "ties":
            x = rng.integers(-2, 2, size=shape).astype(np.float32)
        else:
            x = distinct(rng, shape, -3.0, -0.5 if values == "negative" else 3.0)
        yield Case.of(
            name,
            k=k,
            stride=stride,
            **layout_named(pictures),
            x=in_layout(pictures, x),
            out_grad=in_layout(pictures, normal(rng, batch, channels, out_height, out_width)),
        )


def relu_cases(rng: np.random.Generator) -> Iterable[Case]:
    """Make inputs with zeros of both signs.

    The gradient that arrives at a zero is zero, so that either convention for the slope there is right.
    """
    for name, shape in (("pictures", (2, 3, 5, 6)), ("features", (3, 17))):
        x = normal(rng, *shape) * np.float32(8.0 if name == "features" else 1.0)
        places = rng.permutation(x.size)
        x.reshape(-1)[places[:4]] = 0.0
        x.reshape(-1)[places[4:8]] = -0.0
        out_grad = normal(rng, *shape)
        out_grad[x == 0] = 0
        yield Case.of(name, x=x, out_grad=out_grad)


def flatten_cases(rng: np.random.Generator) -> Iterable[Case]:
    """Make inputs of one and of several samples, with a gradient of the flat output."""
    for name, batch in (("one sample", 1), ("several samples", 3)):
        shape = (batch, int(rng.integers(2, 5)), *output_sizes(rng))
        yield Case.of(name, x=normal(rng, *shape), out_grad=normal(rng, batch, int(np.prod(shape[1:]))))


def fully_connected_cases(rng: np.random.Generator, layout: str = "OI") -> Iterable[Case]:
    """Make cases with a weight in the given layout, square in one of them: a transposed one is no error there."""
    for name, batch, features, width in (
        ("one sample", 1, 30, 8),
        ("batch of four, more outputs than inputs", 4, 7, 19),
        ("as many outputs as inputs", 3, 12, 12),
    ):
        x = normal(rng, batch, features)
        weight = normal(rng, width, features) / np.float32(np.sqrt(features))
        yield Case.of(
            name,
            in_features=features,
            out_features=width,
            x=x,
            weight=weight if layout == "OI" else weight.T,
            bias=normal(rng, width),
            out_grad=normal(rng, batch, width),
        )


THREADS_SHAPE = (48, 24, 24)
CALLS = 3


def square_convolution_cases(rng: np.random.Generator, layout: str = "OIHW") -> Iterable[Case]:
    """Make convolutions as VGG has them, on square pictures: 3x3 kernels, padding 1, stride 1, one sample."""
    for name, c_in, c_out in (("3 to 8 channels", 3, 8), ("8 to 5 channels", 8, 5)):
        side = int(rng.integers(5, 9))
        yield _vgg_convolution(rng, f"square picture, {name}", layout, c_in, c_out, (side, side))


def square_pooling_cases(rng: np.random.Generator) -> Iterable[Case]:
    """Make a pooling as VGG has it, on a square picture of even size."""
    side = 2 * int(rng.integers(3, 6))
    x = distinct(rng, (1, 5, side, side), -3.0, 3.0)
    yield Case.of("square picture", k=2, stride=2, x=x, out_grad=normal(rng, 1, 5, side // 2, side // 2))


def repeated_convolution_cases(rng: np.random.Generator, layout: str = "OIHW") -> Iterable[Case]:
    """Make convolutions as VGG has them whose layer is called several times, see `grader.lab.calls`.

    In one the layer has seen another number of pictures of another size before; the other is large enough that two
    threads which write to the same place are noticed.
    """
    case = _vgg_convolution(rng, "called before with other pictures", layout, 3, 4, (6, 7))
    earlier = {"earlier_x": normal(rng, 2, 3, 8, 5), "earlier_out_grad": normal(rng, 2, 4, 8, 5)}
    yield replace(case, arrays={**case.arrays, **earlier}).beyond()
    channels, *size = THREADS_SHAPE
    many = _vgg_convolution(
        rng, "called three times, large enough for two threads", layout, channels, channels, size
    )
    yield replace(many, config={**many.config, "calls": CALLS})


def repeated_pooling_cases(rng: np.random.Generator) -> Iterable[Case]:
    """Make a pooling as VGG has it whose layer has seen other pictures before."""
    x = distinct(rng, (1, 3, 6, 8), -3.0, 3.0)
    yield Case.of(
        "called before with other pictures",
        k=2,
        stride=2,
        x=x,
        out_grad=normal(rng, 1, 3, 3, 4),
        earlier_x=distinct(rng, (2, 3, 4, 6), -3.0, 3.0),
        earlier_out_grad=normal(rng, 2, 3, 2, 3),
    ).beyond()


def _vgg_convolution(
    rng: np.random.Generator, name: str, layout: str, c_in: int, c_out: int, size: Sequence[int]
) -> Case:
    weight = normal(rng, c_out, c_in, 3, 3) / np.float32(np.sqrt(c_in) * 3)
    return Case.of(
        name,
        c_in=c_in,
        c_out=c_out,
        k=3,
        padding=1,
        stride=1,
        x=normal(rng, 1, c_in, *size),
        weight=weight.transpose(WEIGHT_LAYOUTS[layout]),
        bias=normal(rng, c_out),
        out_grad=normal(rng, 1, c_out, *size),
    )


def as_vgg_convolves(case: Case) -> bool:
    """Whether a convolution is one of VGG's: 3x3 kernel, padding 1, stride 1, one sample."""
    return (case.k, case.padding, case.stride, len(case.x)) == (3, 1, 1, 1)


def as_vgg_pools(case: Case) -> bool:
    """Whether a pooling is one of VGG's: one sample, even sizes, 2x2 windows apart, no equal maxima."""
    even = all(length % 2 == 0 for length in case.x.shape[2:])
    return (case.k, case.stride, len(case.x)) == (2, 2, 1) and even and "equal" not in case.name


def one_sample(case: Case) -> bool:
    """Whether the input of a case, its first array, has one sample."""
    return len(next(iter(case.arrays.values()))) == 1


def logits_cases(rng: np.random.Generator, few: int, many: int) -> Iterable[Case]:
    """Make ``logits`` and ``labels`` of ``few`` and of ``many`` classes.

    The large ones overflow float32 where the maximum is not subtracted before ``exp``. They lie far apart, because
    float32 does not tell neighbouring logits of this size apart well enough, and no label is the largest's: a loss
    of almost nothing would be lost in rounding.
    """
    for name, batch, classes in (
        ("one sample", 1, few),
        ("batch of five", 5, few),
        ("batch of three, more classes", 3, many),
    ):
        yield Case.of(
            name,
            logits=normal(rng, batch, classes),
            labels=rng.integers(0, classes, size=batch).astype(np.int64),
        )
    places = np.stack([rng.permutation(few) for _ in range(2)])
    labels = np.argmin(places, axis=1).astype(np.int64)
    yield Case.of(
        "logits near 100", logits=(90 + 10 * places + normal(rng, 2, few)).astype(np.float32), labels=labels
    )


def random_crop(rng: np.random.Generator, image: np.ndarray, least: float = 0.85) -> np.ndarray:
    """Return a part of a picture (rows, columns, channels), at least that share of each side, perhaps mirrored."""
    height, width = image.shape[:2]
    rows, columns = (int(size * rng.uniform(least, 1.0)) for size in (height, width))
    top, left = int(rng.integers(height - rows + 1)), int(rng.integers(width - columns + 1))
    part = image[top : top + rows, left : left + columns]
    return np.ascontiguousarray(part[:, ::-1] if rng.random() < 0.5 else part)


def dithered(rng: np.random.Generator, picture: np.ndarray, most: int = 16) -> np.ndarray:
    """Return a picture of bytes with noise of at most ``most`` added, and room made for it at both ends.

    In an area of one colour all sums of a convolution are equal, and a matrix product rounds equal sums differently
    by their place: which of them is the maximum of a window would be left to rounding.
    """
    room = 255 - 2 * most
    darker = np.rint(picture * (room / 255)).astype(np.int64) + most
    return (darker + rng.integers(-most, most + 1, size=picture.shape)).astype(np.uint8)
