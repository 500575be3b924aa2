"""Checks of convolution, pooling, activation, dropout and the other layers without statistics, both passes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from grader.lab import CHANNELS_LAST, Case, check
from grader.lab.calls import backward_outputs, forward_outputs
from grader.lab.layer_cases import distinct, few_values, flatten_cases, fully_connected_cases, normal

COURSE_CONVOLUTIONS = (
    # name, N, C_in, C_out, kernel, strides, padding, side, bias
    ("5x5 kernel, `same`, as in Baseline", 2, 3, 6, 5, 1, "same", 12, True),
    ("5x5 kernel, `valid`, as in LeNet5", 2, 3, 4, 5, 1, "valid", 12, True),
    ("3x3 kernel, `valid`, as in AlexNet8", 2, 4, 5, 3, 1, "valid", 8, True),
    ("3x3 kernel, `same`, as in VGG16", 2, 4, 6, 3, 1, "same", 8, True),
    ("3x3 kernel on 2x2 pixels, `same`, as in the last stage of VGG16", 3, 5, 4, 3, 1, "same", 2, True),
    ("1x1 kernel, `same`, as in InceptionBlk", 2, 6, 3, 1, 1, "same", 8, True),
    ("1x1 kernel, strides 2, `same`, as in InceptionBlk", 2, 4, 3, 1, 2, "same", 8, True),
    ("3x3 kernel, strides 2, `same`, no bias, as in ResnetBlock", 2, 4, 5, 3, 2, "same", 8, False),
    ("1x1 kernel, strides 2, `same`, no bias, as in ResnetBlock", 2, 4, 5, 1, 2, "same", 8, False),
)
MORE_CONVOLUTIONS = (
    # name, N, C_in, C_out, kernel, strides, padding, rows, columns
    ("strides 2, `same`, odd sides", 2, 3, 4, 3, 2, "same", 9, 7),
    ("strides 2, `same`, one side odd", 1, 2, 3, 5, 2, "same", 9, 8),
    ("strides 2, `valid`, a rest that no window reaches", 2, 3, 2, 3, 2, "valid", 8, 9),
    ("kernel of 2 rows and 4 columns, `same`", 2, 2, 3, (2, 4), 1, "same", 6, 7),
    ("strides 2 down and 3 across, `same`", 1, 3, 2, (3, 2), (2, 3), "same", 7, 8),
    ("strides larger than the kernel, `same`", 2, 2, 3, 2, 3, "same", 8, 7),
    ("three channels in, three out", 1, 3, 3, 3, 1, "valid", 6, 5),
)
COURSE_POOLINGS = (
    # name, N, C, window, strides, padding, side
    ("2x2 window, strides 2, `same`, as in Baseline", 2, 6, 2, 2, "same", 8),
    ("2x2 window, strides 2, `valid`, as in LeNet5", 2, 4, 2, 2, "valid", 10),
    ("3x3 window, strides 2, `valid`, as in AlexNet8: windows overlap", 2, 4, 3, 2, "valid", 10),
    ("3x3 window, strides 2, `valid`, odd side, as the last one of AlexNet8", 2, 3, 3, 2, "valid", 5),
    ("3x3 window, strides 1, `same`, as in InceptionBlk", 2, 4, 3, 1, "same", 6),
)
MORE_POOLINGS = (
    # name, N, C, window, strides, padding, rows, columns, values
    ("only negative values, `same`, windows over the border", 2, 3, 3, 1, "same", 5, 6, "negative"),
    ("2x2 window, `same`, odd sides, negative values", 2, 3, 2, 2, "same", 7, 5, "negative"),
    ("3x3 window, strides 2, `same`", 1, 2, 3, 2, "same", 8, 7, "distinct"),
    ("strides left out: as large as the window", 2, 2, 3, None, "valid", 9, 7, "distinct"),
    ("window of 3 rows and 2 columns, strides 1 and 2", 1, 3, (3, 2), (1, 2), "valid", 6, 7, "distinct"),
    ("equal maxima", 2, 3, 2, 2, "same", 8, 6, "ties"),
    ("equal maxima, windows overlap", 1, 3, 3, 2, "valid", 7, 9, "ties"),
)


def listed(value: Any) -> Any:
    """Return a pair as a list, which is what a case keeps."""
    return list(value) if isinstance(value, tuple) else value


def output_side(size: int, kernel: int, stride: int, padding: str) -> int:
    """Return rows or columns of an output."""
    return -(-size // stride) if padding == "same" else -(-(size - kernel + 1) // stride)


def convolution(rng: np.random.Generator, name: str, batch: int, c_in: int, c_out: int, **facts: Any) -> Case:
    """Make one case of a convolution; ``facts`` has kernel, strides, padding, rows, columns and whether a bias."""
    kernel, strides = facts["kernel"], facts["strides"]
    (k_rows, k_columns), (s_rows, s_columns) = (v if isinstance(v, tuple) else (v, v) for v in (kernel, strides))
    shape = (
        output_side(facts["rows"], k_rows, s_rows, facts["padding"]),
        output_side(facts["columns"], k_columns, s_columns, facts["padding"]),
    )
    weight = normal(rng, k_rows, k_columns, c_in, c_out) / np.float32(np.sqrt(c_in * k_rows * k_columns))
    return Case.of(
        name,
        filters=c_out,
        kernel_size=listed(kernel),
        strides=listed(strides),
        padding=facts["padding"],
        use_bias=facts["bias"],
        layout=CHANNELS_LAST,
        x=normal(rng, batch, facts["rows"], facts["columns"], c_in),
        weight=weight,
        **({"bias": normal(rng, c_out)} if facts["bias"] else {}),
        out_grad=normal(rng, batch, *shape, c_out),
    )


def course_convolutions(rng: np.random.Generator) -> Iterable[Case]:
    """Make the convolutions that the six networks have, on fewer pixels and channels."""
    for name, batch, c_in, c_out, kernel, strides, padding, side, bias in COURSE_CONVOLUTIONS:
        facts = {"kernel": kernel, "strides": strides, "padding": padding, "bias": bias}
        yield convolution(rng, name, batch, c_in, c_out, rows=side, columns=side, **facts)


def more_convolutions(rng: np.random.Generator) -> Iterable[Case]:
    """Make convolutions that Keras allows as well."""
    for name, batch, c_in, c_out, kernel, strides, padding, rows, columns in MORE_CONVOLUTIONS:
        facts = {"kernel": kernel, "strides": strides, "padding": padding, "bias": True}
        yield convolution(rng, name, batch, c_in, c_out, rows=rows, columns=columns, **facts)


def repeated_convolutions(rng: np.random.Generator) -> Iterable[Case]:
    """Make a convolution that is called three times, and one that has seen other pictures before."""
    facts = {"kernel": 3, "strides": 1, "padding": "same", "bias": True}
    often = convolution(
        rng, "called three times, large enough for two threads", 2, 8, 8, rows=20, columns=20, **facts
    )
    yield replace(often, config={**often.config, "calls": 3})
    case = convolution(rng, "called before with other pictures", 1, 3, 4, rows=6, columns=7, **facts)
    earlier = {"earlier_x": normal(rng, 2, 8, 5, 3), "earlier_out_grad": normal(rng, 2, 8, 5, 4)}
    yield replace(case, arrays={**case.arrays, **earlier}).beyond()


def repeated_poolings(rng: np.random.Generator) -> Iterable[Case]:
    """Make a pooling that has seen other pictures before."""
    facts = {"window": 2, "strides": 2, "padding": "same"}
    case = pooling(rng, "called before with other pictures", (1, 6, 8, 3), "positive", **facts)
    earlier = {"earlier_x": distinct(rng, (2, 4, 6, 3), 0.01, 3.0), "earlier_out_grad": normal(rng, 2, 2, 3, 3)}
    yield replace(case, arrays={**case.arrays, **earlier}).beyond()


def conv_cases(rng: np.random.Generator) -> Iterable[Case]:
    """Make the networks' own, repeated calls, and more general ones."""
    yield from course_convolutions(rng)
    yield from repeated_convolutions(rng)
    yield from (case.beyond() for case in more_convolutions(rng))


def pooling(rng: np.random.Generator, name: str, shape: tuple[int, ...], values: str, **facts: Any) -> Case:
    """Make one case of a pooling; ``facts`` has window, strides and padding."""
    window, strides = facts["window"], facts["strides"]
    windows = window if isinstance(window, tuple) else (window, window)
    steps = windows if strides is None else strides if isinstance(strides, tuple) else (strides, strides)
    sides = [output_side(shape[1 + axis], windows[axis], steps[axis], facts["padding"]) for axis in (0, 1)]
    if values == "ties":
        x = rng.integers(-2, 2, size=shape).astype(np.float32)
    else:
        low, high = {"negative": (-3.0, -0.5), "positive": (0.01, 3.0), "distinct": (-3.0, 3.1)}[values]
        x = distinct(rng, shape, low, high)
    return Case.of(
        name,
        pool_size=listed(window),
        strides=listed(strides),
        padding=facts["padding"],
        layout=CHANNELS_LAST,
        x=x,
        out_grad=normal(rng, shape[0], *sides, shape[3]),
    )


def course_poolings(rng: np.random.Generator) -> Iterable[Case]:
    """Make the poolings that the networks have; behind ReLU or sigmoid there is nothing negative."""
    for name, batch, channels, window, strides, padding, side in COURSE_POOLINGS:
        shape = (batch, side, side, channels)
        yield pooling(rng, name, shape, "positive", window=window, strides=strides, padding=padding)


def more_poolings(rng: np.random.Generator) -> Iterable[Case]:
    """Make negative values, ties, and windows that Keras allows as well."""
    for name, batch, channels, window, strides, padding, rows, columns, values in MORE_POOLINGS:
        shape = (batch, rows, columns, channels)
        yield pooling(rng, name, shape, values, window=window, strides=strides, padding=padding)


def pool_cases(rng: np.random.Generator) -> Iterable[Case]:
    """Make the networks' own, repeated calls, and more general ones."""
    yield from course_poolings(rng)
    yield from repeated_poolings(rng)
    yield from (case.beyond() for case in more_poolings(rng))


def course_activations(rng: np.random.Generator) -> Iterable[Case]:
    """Make inputs for the functions that the networks have."""
    for function, shape in (
        ("relu", (2, 5, 4, 3)),
        ("relu", (3, 17)),
        ("sigmoid", (2, 4, 5, 3)),
        ("softmax", (5, 10)),
    ):
        yield activation(rng, f"{function}, {len(shape)} axes", function, normal(rng, *shape))


def more_activations(rng: np.random.Generator) -> Iterable[Case]:
    """Make tanh, and inputs for which exp overflows in float32."""
    yield activation(rng, "tanh", "tanh", normal(rng, 3, 7))
    large = activation(rng, "softmax, logits near 90", "softmax", large_logits(rng))
    # Backward its numbers would depend on the last digit of the logits.
    yield replace(large, arrays={**large.arrays, "out_grad": np.zeros_like(large.out_grad)})
    yield activation(rng, "softmax over the channels of pictures", "softmax", normal(rng, 2, 3, 2, 5))


def large_logits(rng: np.random.Generator) -> np.ndarray:
    """Return logits for which exp overflows in float32; one stands out, because float32 cannot tell others apart well."""
    logits = normal(rng, 3, 10) + np.float32(85)
    logits[np.arange(3), rng.permutation(10)[:3]] += np.float32(7)
    return logits


def activation(rng: np.random.Generator, name: str, function: str, x: np.ndarray) -> Case:
    """Make one case; where ReLU has two slopes no gradient arrives, so that either convention is right."""
    if function == "relu":
        x.reshape(-1)[rng.permutation(x.size)[:4]] = 0.0
    out_grad = normal(rng, *x.shape)
    out_grad[x == 0] = 0
    return Case.of(name, function=function, x=x, out_grad=out_grad)


def activation_cases(rng: np.random.Generator) -> Iterable[Case]:
    """Make both."""
    yield from course_activations(rng)
    yield from (case.beyond() for case in more_activations(rng))


def gap_cases(rng: np.random.Generator) -> Iterable[Case]:
    """Make the last feature maps of Inception10 and ResNet18, narrower, and one that is not square."""
    for name, shape in (
        ("8x8 pixels", (2, 8, 8, 5)),
        ("4x4 pixels, one sample", (1, 4, 4, 6)),
        ("3x5", (3, 3, 5, 2)),
    ):
        case = Case.of(name, layout=CHANNELS_LAST, x=normal(rng, *shape), out_grad=normal(rng, shape[0], shape[3]))
        yield case if shape[1] == shape[2] else case.beyond()


def dense_cases(rng: np.random.Generator) -> Iterable[Case]:
    """Make fully connected layers, kernels (inputs, outputs)."""
    return fully_connected_cases(rng, "IO")


def flat_cases(rng: np.random.Generator) -> Iterable[Case]:
    """Make feature maps to flatten."""
    return flatten_cases(rng)


def concat_cases(rng: np.random.Generator) -> Iterable[Case]:
    """Make the four branches of a block, and parts of different width."""
    for name, axis, widths in (
        ("four branches, axis 3", 3, (3, 3, 3, 3)),
        ("other widths, last axis", -1, (1, 4, 2)),
    ):
        parts = {f"part{number}": normal(rng, 2, 4, 5, width) for number, width in enumerate(widths)}
        out_grad = normal(rng, 2, 4, 5, sum(widths))
        case = Case.of(name, axis=axis, parts=len(widths), layout=CHANNELS_LAST, **parts, out_grad=out_grad)
        yield case if len(set(widths)) == 1 else case.beyond()


def dropout_cases(rng: np.random.Generator) -> Iterable[Case]:
    """Make the two rates of the networks, on enough values to see the share."""
    for name, rate, shape in (("rate 0.2, feature maps", 0.2, (4, 20, 25, 10)), ("rate 0.5", 0.5, (10, 2048))):
        # No zero among them, and few different ones, so that a fixture stays small.
        x = few_values(rng, *shape)
        yield Case.of(name, rate=rate, x=x, out_grad=few_values(rng, *shape))


def tupled(value: Any) -> Any:
    """Return a list of a case as the pair that it was."""
    return tuple(value) if isinstance(value, list) else value


def conv_layer(student: Any, case: Case) -> Any:
    """Return a convolution with the parameters of the case; a first pass lets it make its own, to be replaced."""
    layer = student.layers.Conv2D(
        case.filters,
        tupled(case.kernel_size),
        strides=tupled(case.strides),
        padding=case.padding,
        use_bias=case.use_bias,
    )
    return with_parameters(layer, case)


def with_parameters(layer: Any, case: Case) -> Any:
    """Give a layer kernel and bias of the case."""
    layer(case.x.copy())
    layer.kernel.assign(case.weight.copy())
    if "bias" in case.arrays:
        layer.bias.assign(case.bias.copy())
    return layer


def gradients(layer: Any, case: Case) -> dict[str, Any]:
    """Return the gradients of input, kernel and bias, after the forward pass that they build on."""
    wanted = {"d_kernel": "kernel"} if "weight" in case.arrays else {}
    wanted |= {"d_bias": "bias"} if "bias" in case.arrays else {}
    return backward_outputs(
        layer, case, lambda: {key: np.array(getattr(layer, name).gradient) for key, name in wanted.items()}
    )


layer_check = partial(check, files=("layers.py",))


@layer_check(tier=60, cases=conv_cases, holes=("same_padding", "conv_forward"))
def conv_forward(student, case):
    """Conv2D, forward pass."""
    return forward_outputs(conv_layer(student, case), case)


@layer_check(tier=60, cases=pool_cases, holes=("same_padding", "pool_forward"))
def max_pool_forward(student, case):
    """MaxPool2D, forward pass."""
    return forward_outputs(pool_layer(student, case), case)


def pool_layer(student: Any, case: Case) -> Any:
    """Return a pooling layer; what a case leaves out is left out."""
    steps = {} if case.strides is None else {"strides": tupled(case.strides)}
    return student.layers.MaxPool2D(tupled(case.pool_size), padding=case.padding, **steps)


@layer_check(tier=60, cases=activation_cases, holes=("activation_forward",))
def activation_forward(student, case):
    """Activation: relu, sigmoid, tanh, softmax, forward pass."""
    return {"outputs": student.layers.Activation(case.function)(case.x.copy())}


@layer_check(tier=60, cases=dense_cases, holes=("dense_forward",))
def dense_forward(student, case):
    """Dense, forward pass."""
    return {"outputs": with_parameters(student.layers.Dense(case.out_features), case)(case.x.copy())}


@layer_check(tier=60, cases=flat_cases, holes=("flatten_forward",))
def flatten_forward(student, case):
    """Flatten, forward pass."""
    return {"outputs": student.layers.Flatten()(case.x.copy())}


@layer_check(tier=60, cases=gap_cases, holes=("gap_forward",))
def gap_forward(student, case):
    """GlobalAveragePooling2D, forward pass."""
    return {"outputs": student.layers.GlobalAveragePooling2D()(case.x.copy())}


def parts_of(case: Case) -> list[np.ndarray]:
    """Return copies of what is to be put one behind the other."""
    return [case.arrays[f"part{number}"].copy() for number in range(case.parts)]


@layer_check(tier=60, cases=concat_cases, holes=("concat_forward",))
def concatenation(student, case):
    """The function concat, forward pass."""
    return {"outputs": student.layers.concat(parts_of(case), axis=case.axis)}


@layer_check(tier=60, cases=dropout_cases, holes=("dropout_forward",))
def dropout_modes(student, case):
    """Dropout: a mask in training, made up for by a factor; nothing otherwise."""
    layer = student.layers.Dropout(case.rate)
    first = np.asarray(layer(case.x.copy(), training=True))
    second = np.asarray(layer(case.x.copy(), training=True))
    student.require(
        first.shape == case.x.shape,
        "the output has shape {shape}, expected {wanted}",
        shape=first.shape,
        wanted=case.x.shape,
    )
    left = first != 0
    share = float(1 - left.mean())
    # The share of zeros is within 0.02 of the rate, many times its spread.
    student.require(
        abs(share - case.rate) < 0.02,
        "in training, {share} of the values became 0, expected {rate}",
        share=f"{share:.0%}",
        rate=f"{case.rate:.0%}",
    )
    student.require(bool((left != (second != 0)).any()), "two calls used the same mask; each needs a fresh one")
    student.emit("outputs", layer(case.x.copy(), training=False))
    # What is left is a multiple of the input, everywhere the same.
    return {
        "factor": np.where(left, first / case.x, np.float32(1 / (1 - case.rate))).astype(np.float32)[:2],
        "zeros": np.round(np.array(share) / 0.1).astype(np.int64),
    }


@layer_check(tier=80, cases=conv_cases, needs=("conv_forward",), holes=("conv_backward",))
def conv_backward(student, case):
    """Conv2D, backward pass: the gradients of input, kernel and bias."""
    return gradients(conv_layer(student, case), case)


@layer_check(tier=80, cases=pool_cases, needs=("max_pool_forward",), holes=("pool_backward",))
def max_pool_backward(student, case):
    """MaxPool2D, backward pass."""
    return gradients(pool_layer(student, case), case)


@layer_check(tier=80, cases=activation_cases, needs=("activation_forward",), holes=("activation_backward",))
def activation_backward(student, case):
    """Activation, backward pass."""
    return gradients(student.layers.Activation(case.function), case)


@layer_check(tier=80, cases=dense_cases, needs=("dense_forward",), holes=("dense_backward",))
def dense_backward(student, case):
    """Dense, backward pass: the gradients of input, kernel and bias."""
    return gradients(with_parameters(student.layers.Dense(case.out_features), case), case)


@layer_check(tier=80, cases=flat_cases, needs=("flatten_forward",), holes=("flatten_backward",))
def flatten_backward(student, case):
    """Flatten, backward pass."""
    return gradients(student.layers.Flatten(), case)


@layer_check(tier=80, cases=gap_cases, needs=("gap_forward",), holes=("gap_backward",))
def gap_backward(student, case):
    """GlobalAveragePooling2D, backward pass."""
    return gradients(student.layers.GlobalAveragePooling2D(), case)


@layer_check(tier=80, cases=concat_cases, needs=("concatenation",), holes=("concat_backward",))
def concatenation_backward(student, case):
    """The function concat, backward pass: every part gets its piece of the gradient."""
    layer = student.layers.Concatenate(case.axis)
    layer(parts_of(case))
    pieces = layer.backward(case.out_grad.copy())
    student.require(isinstance(pieces, list | tuple), "`backward` must return a list with a gradient for each part")
    student.require(
        len(pieces) == case.parts,
        "{count} gradients came back for {parts} parts",
        count=len(pieces),
        parts=case.parts,
    )
    return {f"part{number} gradient": piece for number, piece in enumerate(pieces)}


@layer_check(tier=80, cases=dropout_cases, needs=("dropout_modes",), holes=("dropout_backward",))
def dropout_backward(student, case):
    """Dropout, backward pass: the mask and factor of the forward pass."""
    layer = student.layers.Dropout(case.rate)
    outputs = np.asarray(layer(case.x.copy(), training=True))
    in_grad = np.asarray(layer.backward(case.out_grad.copy()))
    student.require(
        in_grad.shape == case.x.shape,
        "dx has shape {shape}, expected {wanted}",
        shape=in_grad.shape,
        wanted=case.x.shape,
    )
    # Output over input, and gradient over gradient, are the same mask: their difference is 0 everywhere.
    difference = in_grad / case.out_grad - outputs / case.x
    layer(case.x.copy(), training=False)
    student.emit("in_grad", layer.backward(case.out_grad.copy()))
    return {"difference of masks": np.round(difference[:2], 4).astype(np.float32) + np.float32(1)}
