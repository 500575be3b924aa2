"""Checks of convolution twice, pooling and flatten, forward and backward."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import Any

import numpy as np

from grader.lab import CHANNELS_LAST, GENERAL, Case, check, course_cases
from grader.lab.calls import forward_outputs
from grader.lab.layer_cases import convolution_cases, distinct, flatten_cases, normal, output_sizes, pooling_cases
from grader.lab.layer_geometry import any_convolution_cases, any_pooling_cases, output_shape, sides

from .checks_padding import conv_check, pad_of

LOOPS, GEMM = "Conv2D", "Conv2D_gemm"


def conv_cases(rng: np.random.Generator) -> Iterable[Case]:
    """Make the convolutions that many labs have, then other paddings, kernels and dilations, then one more batch."""
    yield from convolution_cases(rng, "HWIO", CHANNELS_LAST)
    yield from any_convolution_cases(rng)
    yield Case.of(
        "gradients of an earlier batch are there",
        c_in=2,
        c_out=3,
        kernel_shape=[3, 2],
        pad=1,
        stride=1,
        dilation=1,
        layout=CHANNELS_LAST,
        x=normal(rng, 2, 5, 6, 2),
        weight=normal(rng, 3, 2, 2, 3) / np.float32(np.sqrt(12)),
        bias=normal(rng, 3),
        out_grad=normal(rng, 2, 5, 7, 3),
        earlier_d_weight=normal(rng, 3, 2, 2, 3),
        earlier_d_bias=normal(rng, 3),
    )


def all_poolings(rng: np.random.Generator) -> Iterable[Case]:
    """Make the poolings that many labs have, then windows that are not square, and padding."""
    yield from pooling_cases(rng, CHANNELS_LAST)
    yield from any_pooling_cases(rng)
    yield Case.of(
        "window of two rows and one column",
        kernel_shape=[2, 1],
        pad=0,
        stride=2,
        layout=CHANNELS_LAST,
        x=distinct(rng, (2, 6, 7, 2), -3.0, 3.1),
        out_grad=normal(rng, 2, 3, 4, 2),
    )
    yield Case.of(
        "a step after one with other pictures",
        k=2,
        stride=2,
        layout=CHANNELS_LAST,
        x=distinct(rng, (1, 6, 4, 3), -3.0, 3.0),
        out_grad=normal(rng, 1, 3, 2, 3),
        earlier_x=distinct(rng, (2, 4, 6, 3), -3.0, 3.0),
        earlier_out_grad=normal(rng, 2, 2, 3, 3),
    ).beyond()


def is_open(case: Case) -> bool:
    """Whether the chapter leaves a case open: which of equal maxima counts, and layers that see several sizes."""
    return "equal" in case.name or case.domain == GENERAL


# The chapter defines all paddings, strides, dilations and kernels, so they are the course's.
pool_cases = course_cases(all_poolings, lambda case: not is_open(case))


def average_cases(rng: np.random.Generator) -> Iterable[Case]:
    """Make the same for the mean, where equal values and signs do not matter; the mean of whole numbers is a fraction."""
    yield from (case for case in pool_cases(rng) if "equal" not in case.name and "negative" not in case.name)
    yield Case.of(
        "a picture of whole numbers",
        k=2,
        stride=2,
        layout=CHANNELS_LAST,
        x=rng.integers(0, 256, size=(2, 6, 4, 3)).astype(np.int64),
        out_grad=normal(rng, 2, 3, 2, 3),
    ).beyond()


def column_cases(rng: np.random.Generator) -> Iterable[Case]:
    """Make the convolutions again, with a gradient of the matrix of im2col."""
    for case in conv_cases(rng):
        rows = int(np.prod(case.weight.shape[:3]))
        columns = int(np.prod(case.out_grad.shape[:3]))
        yield Case.of(case.name, **case.config, x=case.x, weight=case.weight, columns=normal(rng, rows, columns))


def activation_cases(rng: np.random.Generator) -> Iterable[Case]:
    """Make convolutions with activation functions."""
    for kind in (LOOPS, GEMM):
        for function in ("sigmoid", "relu", "affine(slope=2, intercept=1)"):
            rows, columns = sides(rng)
            yield Case.of(
                f"{kind} with {function}",
                kind=kind,
                acti_fn=function,
                c_in=2,
                c_out=3,
                kernel_shape=[3, 2],
                pad=[1, 0, 0, 1],
                stride=2,
                dilation=1,
                layout=CHANNELS_LAST,
                x=normal(rng, 2, rows, columns, 2),
                weight=normal(rng, 3, 2, 2, 3) / np.float32(np.sqrt(12)),
                bias=normal(rng, 3),
                out_grad=normal(rng, 2, *output_shape((rows, columns), (3, 2), (1, 0, 0, 1), 2, 1), 3),
            )


def flat_cases(rng: np.random.Generator) -> Iterable[Case]:
    """Make inputs for the three ways to keep an axis."""
    for case in flatten_cases(rng):
        yield Case.of(f"{case.name}, first axis kept", keep_dim="first", x=case.x, out_grad=case.out_grad)
    for keep_dim, columns in (("last", 3), ("none", 0)):
        x = normal(rng, 2, *output_sizes(rng), 3)
        shape = (-1, columns) if columns else (1, -1)
        yield Case.of(f"keep_dim {keep_dim!r}", keep_dim=keep_dim, x=x, out_grad=normal(rng, x.size).reshape(shape))
    first, second = normal(rng, 3, 4, 5, 2), normal(rng, 2, 5, 6, 2)
    yield Case.of(
        "called twice: backward for the last one",
        keep_dim="first",
        x=second,
        out_grad=normal(rng, 2, 60),
        earlier_x=first,
    ).beyond()


def kernel_of(case: Case) -> tuple[int, int]:
    """Return rows and columns of the kernel or window."""
    return tuple(case.config.get("kernel_shape") or (case.k, case.k))


def geometry(case: Case) -> tuple[Any, int, int]:
    """Return padding, stride and dilation."""
    return pad_of(case), case.stride, case.config.get("dilation", 1)


def convolution(student: Any, case: Case, kind: str) -> Any:
    """Return a convolution with the parameters of the case; a first pass lets it make its own, to be replaced."""
    pad, stride, dilation = geometry(case)
    layer = getattr(student.layers, kind)(
        case.c_out,
        kernel_of(case),
        pad=pad,
        stride=stride,
        dilation=dilation,
        acti_fn=case.config.get("acti_fn"),
    )
    layer.forward(case.x.copy(), retain_derived=False)
    layer.params["W"] = case.weight.copy()
    layer.params["b"] = case.bias.reshape(1, 1, 1, -1).copy()
    return layer


def gradients(layer: Any, case: Case) -> dict[str, Any]:
    """Return the gradients of input, weight and bias, after the forward pass that they build on.

    They are added to those of an earlier batch, if the case has some.
    """
    layer.forward(case.x.copy())
    if "earlier_d_weight" in case.arrays:
        earlier_bias = case.earlier_d_bias.reshape(1, 1, 1, -1)
        layer.gradients = {"W": case.earlier_d_weight.copy(), "b": earlier_bias.copy()}
    in_grad = layer.backward(case.out_grad.copy())
    return {
        "in_grad": in_grad,
        "d_weight": layer.gradients["W"],
        "d_bias": np.reshape(layer.gradients["b"], -1),
    }


def pooling(student: Any, case: Case, mode: str) -> Any:
    """Return a pooling layer."""
    pad = pad_of(case)
    return student.layers.Pool2D(kernel_of(case), stride=case.stride, pad=0 if pad is None else pad, mode=mode)


def in_grad(layer: Any, case: Case) -> np.ndarray:
    """Return the gradient of the input of a layer without parameters, as in a step of training after another."""
    if "earlier_x" in case.arrays:
        layer.forward(case.earlier_x.copy())
        layer.backward(case.earlier_out_grad.copy())
        layer.flush_gradients()
    layer.forward(case.x.copy())
    return layer.backward(case.out_grad.copy())


def columns_of(student: Any, case: Case, x: np.ndarray) -> tuple[np.ndarray, tuple[int, ...]]:
    """Return the submission's matrix of windows and its padding."""
    result = student.conv.im2col(x, case.weight.shape, *geometry(case))
    student.require(isinstance(result, tuple) and len(result) == 2, "`im2col` must return two things, (X_col, p)")
    columns, p = result
    # A right submission may write the next matrix into the same array.
    return np.array(columns), p


def orders(student: Any, case: Case) -> tuple[np.ndarray, np.ndarray]:
    """Return orders of rows and of columns that bring the submission's matrix to a form that all right ones share.

    Rows may be counted by kernel row, kernel column and channel in any order, columns by sample, row and column of
    the output; whatever the order, it is the same for all inputs. It is read off the matrix of an input in which no
    number occurs twice: columns are sorted by the numbers that they hold, then rows.
    """
    numbered = np.arange(1, case.x.size + 1, dtype=np.float64).reshape(case.x.shape)
    matrix, _ = columns_of(student, case, numbered)
    student.require(matrix.ndim == 2, "X_col has {ndim} axes instead of 2", ndim=matrix.ndim)
    columns = np.lexsort(np.sort(matrix, axis=0)[::-1])
    rows = np.lexsort(matrix[:, columns].T[::-1])
    return rows, columns


layer_check = partial(check, files=("layers.py", "conv.py"))


@conv_check(tier=60, cases=conv_cases, needs=("padding",), holes=("conv2d",))
def conv2d(student, case):
    """The function conv2D: convolution with loops."""
    return {"outputs": student.conv.conv2D(case.x.copy(), case.weight.copy(), case.stride, *others(case))}


def others(case: Case) -> tuple[Any, int]:
    """Return padding and dilation."""
    pad, _, dilation = geometry(case)
    return pad, dilation


@layer_check(tier=60, cases=conv_cases, needs=("conv2d",), holes=("conv_forward",))
def conv_forward(student, case):
    """Layer Conv2D (loops), forward pass."""
    return {"outputs": convolution(student, case, LOOPS).forward(case.x.copy())}


@layer_check(tier=60, cases=pool_cases, needs=("padding",), holes=("pool_forward",))
def max_pool_forward(student, case):
    """Max pooling, forward pass."""
    return forward_outputs(pooling(student, case, "max"), case)


@layer_check(tier=60, cases=average_cases, needs=("padding",), holes=("pool_forward",))
def average_pool_forward(student, case):
    """Average pooling, forward pass."""
    return forward_outputs(pooling(student, case, "average"), case)


@conv_check(tier=80, cases=column_cases, needs=("padding",), holes=("im2col",))
def im2col(student, case):
    """im2col: the windows as the columns of a matrix, rows and columns in any order."""
    columns, p = columns_of(student, case, case.x.copy())
    wanted = (int(np.prod(case.weight.shape[:3])), case.columns.shape[1])
    student.require(
        columns.shape == wanted, "X_col has shape {shape}, expected {wanted}", shape=columns.shape, wanted=wanted
    )
    rows, order = orders(student, case)
    return {"columns": columns[rows][:, order], "p": p}


@conv_check(tier=80, cases=column_cases, needs=("im2col",), holes=("col2im",))
def col2im(student, case):
    """col2im: the columns added up at the pixels that im2col takes them from."""
    rows, order = orders(student, case)
    columns = np.empty(case.columns.shape, case.columns.dtype)
    columns[np.ix_(rows, order)] = case.columns
    _, p = columns_of(student, case, case.x.copy())
    dilation = case.config.get("dilation", 1)
    image = np.asarray(student.conv.col2im(columns, case.x.shape, case.weight.shape, p, case.stride, dilation))
    # The chapter's own listing returns the channels first and turns the result round where it is used.
    first = (case.x.shape[0], case.x.shape[3], *case.x.shape[1:3])
    return {"image": image.transpose(0, 2, 3, 1) if image.shape == first != case.x.shape else image}


@conv_check(tier=80, cases=conv_cases, needs=("im2col",), holes=("conv2d_gemm",))
def conv2d_gemm(student, case):
    """The function conv2D_gemm: convolution as a product of matrices."""
    return {"outputs": student.conv.conv2D_gemm(case.x.copy(), case.weight.copy(), case.stride, *others(case))}


@layer_check(tier=80, cases=conv_cases, needs=("conv_forward",), holes=("conv_backward",))
def conv_backward(student, case):
    """Layer Conv2D (loops), backward pass: the gradients of input, weight and bias."""
    return gradients(convolution(student, case, LOOPS), case)


@layer_check(tier=80, cases=conv_cases, needs=("conv2d_gemm",), holes=("gemm_forward",))
def gemm_forward(student, case):
    """Layer Conv2D_gemm (matrices), forward pass."""
    return {"outputs": convolution(student, case, GEMM).forward(case.x.copy())}


@layer_check(tier=80, cases=conv_cases, needs=("gemm_forward", "col2im"), holes=("gemm_backward",))
def gemm_backward(student, case):
    """Layer Conv2D_gemm (matrices), backward pass: the gradients of input, weight and bias."""
    return gradients(convolution(student, case, GEMM), case)


@layer_check(
    tier=80,
    cases=activation_cases,
    needs=("conv_backward", "gemm_backward"),
    holes=("conv_backward", "gemm_backward"),
)
def activation(student, case):
    """Convolution with an activation function, forward and backward."""
    layer = convolution(student, case, case.kind)
    return {"outputs": layer.forward(case.x.copy(), retain_derived=False), **gradients(layer, case)}


@layer_check(tier=80, cases=pool_cases, needs=("max_pool_forward",), holes=("pool_backward",))
def max_pool_backward(student, case):
    """Max pooling, backward pass."""
    return {"in_grad": in_grad(pooling(student, case, "max"), case)}


@layer_check(tier=80, cases=average_cases, needs=("average_pool_forward",), holes=("pool_backward",))
def average_pool_backward(student, case):
    """Average pooling, backward pass."""
    return {"in_grad": in_grad(pooling(student, case, "average"), case)}


@layer_check(tier=80, cases=flat_cases, holes=("flatten_forward",))
def flatten_forward(student, case):
    """Flatten, forward pass."""
    return {"outputs": student.layers.Flatten(case.keep_dim).forward(case.x.copy())}


@layer_check(tier=80, cases=flat_cases, needs=("flatten_forward",), holes=("flatten_backward",))
def flatten_backward(student, case):
    """Flatten, backward pass."""
    layer = student.layers.Flatten(case.keep_dim)
    if "earlier_x" in case.arrays:
        layer.forward(case.earlier_x.copy())
    layer.forward(case.x.copy())
    return {"in_grad": layer.backward(case.out_grad.copy())}
