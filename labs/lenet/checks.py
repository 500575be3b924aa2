"""The checks of the LeNet lab: padding, convolution twice, pooling, all gradients, the network and its training.

Pictures are (N, rows, columns, channels), weights (rows, columns, input channels, output channels). Every call into a
submission gets fresh copies: some right submissions change their input in place.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from grader.checks import CHANNELS_LAST, Case, Learning, Sampled, Speed, check
from grader.layer_cases import convolution_cases, flatten_cases, normal, output_sizes, pooling_cases
from grader.layer_geometry import any_convolution_cases, any_pooling_cases, output_shape, sides
from grader.observing import layers_observed

LOOPS, GEMM = "Conv2D", "Conv2D_gemm"
PADDINGS = (
    # name, pad, kernel, stride, dilation
    ("one number for all sides", 2, None, None, 1),
    ("no padding", 0, (3, 3), 1, 1),
    ("four numbers: above, below, left, right", (1, 2, 3, 0), None, None, 1),
    ("`valid`", "valid", (3, 3), 1, 1),
    ("`same`, odd kernel", "same", (3, 5), 1, 1),
    ("`same`, even kernel: one zero more at the end", "same", (2, 4), 1, 1),
    ("`same`, odd rows and even columns", "same", (5, 2), 1, 1),
    ("`same`, dilation 2", "same", (3, 2), 1, 2),
    ("`same`, 1x1 kernel", "same", (1, 1), 1, 1),
)
NETWORK_FILES = ("lenet.py", "layers.py", "conv.py")
LAYERS = ("Conv1", "Pool1", "Conv2", "Pool2", "Flatten", "FC3", "FC4", "FC5")
WITH_PARAMETERS = ("Conv1", "Conv2", "FC3", "FC4", "FC5")
SIDE, CLASSES = 28, 10
BATCH = 6
SMALL = {"fc3_out": 40, "fc4_out": 24}
# Every setting of the two convolutions and of the two poolings differs, so that none can stand in for another.
UNUSUAL = {
    "fc3_out": 20,
    "fc4_out": 12,
    "fc5_out": 7,
    "conv1_pad": 2,
    "conv2_pad": 1,
    "conv1_out_ch": 3,
    "conv2_out_ch": 5,
    "conv1_stride": 1,
    "pool1_stride": 2,
    "conv2_stride": 2,
    "pool2_stride": 1,
    "conv1_kernel_shape": [5, 4],
    "pool1_kernel_shape": [3, 2],
    "conv2_kernel_shape": [2, 3],
    "pool2_kernel_shape": [2, 4],
}
DIGITS = Path(__file__).with_name("mnist_subset.npz")
TRAINED, TESTED = 2000, 800
EPOCHS, TRAINING_BATCH = 3, 16
OPTIMIZER, GAIN = "adam(lr=0.005)", 3.0
TRAINING_LIMIT_S = 400.0
ACCURACY = 0.8
TIMED_BATCH, LOOPS_BATCH, REPEATS = 32, 4, 6
SECOND = {"c_in": 6, "c_out": 16, "kernel_shape": [5, 5], "pad": 0, "stride": 1, "dilation": 1}
FASTER = 10.0


def padding_cases(rng: np.random.Generator) -> Iterable[Case]:
    """Make every kind of padding."""
    for name, pad, kernel, stride, dilation in PADDINGS:
        rows, columns = output_sizes(rng)
        yield Case.of(
            name,
            pad=pad if not isinstance(pad, tuple) else list(pad),
            kernel_shape=None if kernel is None else list(kernel),
            stride=stride,
            dilation=dilation,
            x=normal(rng, 2, rows, columns, 3),
        )


def conv_cases(rng: np.random.Generator) -> Iterable[Case]:
    """Make the convolutions that many labs have, then other paddings, kernels and dilations."""
    yield from convolution_cases(rng, "HWIO", CHANNELS_LAST)
    yield from any_convolution_cases(rng)


def pool_cases(rng: np.random.Generator) -> Iterable[Case]:
    """Make the poolings that many labs have, then windows that are not square, and padding."""
    yield from pooling_cases(rng, CHANNELS_LAST)
    yield from any_pooling_cases(rng)


def average_cases(rng: np.random.Generator) -> Iterable[Case]:
    """Make the same for the mean, where equal values and signs do not matter."""
    return [case for case in pool_cases(rng) if "equal" not in case.name and "negative" not in case.name]


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


def pad_of(case: Case) -> Any:
    """Return the padding of a case as the submission takes it."""
    pad = case.config.get("pad", case.config.get("padding"))
    return tuple(pad) if isinstance(pad, list) else pad


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
    """Return the gradients of input, weight and bias, after the forward pass that they build on."""
    layer.forward(case.x.copy())
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
    """Return the gradient of the input of a layer without parameters."""
    layer.forward(case.x.copy())
    return layer.backward(case.out_grad.copy())


def columns_of(student: Any, case: Case, x: np.ndarray) -> tuple[np.ndarray, tuple[int, ...]]:
    """Return the submission's matrix of windows and its padding."""
    result = student.conv.im2col(x, case.weight.shape, *geometry(case))
    student.require(isinstance(result, tuple) and len(result) == 2, "`im2col` must return two things, (X_col, p)")
    columns, p = result
    return np.asarray(columns), p


def orders(student: Any, case: Case) -> tuple[np.ndarray, np.ndarray]:
    """Return orders of rows and of columns that bring the submission's matrix to a form that all right ones share.

    Rows may be counted by kernel row, kernel column and channel in any order, columns by sample, row and column of
    the output; whatever the order, it is the same for all inputs. It is read off the matrix of an input in which no
    number occurs twice: columns are sorted by the numbers that they hold, then rows.
    """
    numbered = np.arange(1, case.x.size + 1, dtype=np.float64).reshape(case.x.shape)
    matrix, _ = columns_of(student, case, numbered)
    student.require(matrix.ndim == 2, f"X_col has {matrix.ndim} axes instead of 2")
    columns = np.lexsort(np.sort(matrix, axis=0)[::-1])
    rows = np.lexsort(matrix[:, columns].T[::-1])
    return rows, columns


layer_check = partial(check, files=("layers.py", "conv.py"))
conv_check = partial(check, files=("conv.py",))


@conv_check(tier=60, cases=padding_cases, holes=("pad", "same_padding"))
def padding(student, case):
    """Padding: one number, four numbers, `same`, `valid`."""
    kernel = case.kernel_shape
    result = student.conv.pad2D(
        case.x.copy(), pad_of(case), None if kernel is None else tuple(kernel), case.stride, case.dilation
    )
    student.require(isinstance(result, tuple) and len(result) == 2, "`pad2D` must return two things, (X_pad, p)")
    return {"padded": result[0], "p": result[1]}


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
    return {"outputs": pooling(student, case, "max").forward(case.x.copy())}


@layer_check(tier=60, cases=average_cases, needs=("padding",), holes=("pool_forward",))
def average_pool_forward(student, case):
    """Average pooling, forward pass."""
    return {"outputs": pooling(student, case, "average").forward(case.x.copy())}


@conv_check(tier=80, cases=column_cases, needs=("padding",), holes=("im2col",))
def im2col(student, case):
    """im2col: the windows as the columns of a matrix, rows and columns in any order."""
    columns, p = columns_of(student, case, case.x.copy())
    wanted = (int(np.prod(case.weight.shape[:3])), case.columns.shape[1])
    student.require(columns.shape == wanted, f"X_col has shape {columns.shape}, expected {wanted}")
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
    return {"in_grad": in_grad(student.layers.Flatten(case.keep_dim), case)}


def build_cases(rng: np.random.Generator) -> Iterable[Case]:
    """Make both networks, with the chapter's settings and with others."""
    for kind in ("LeNet", "LeNet_gemm"):
        for name, settings in (("the chapter's settings", {}), ("settings that all differ", UNUSUAL)):
            yield Case.of(f"{kind}, {name}", kind=kind, settings=settings, x=normal(rng, 2, SIDE, SIDE, 1))


def step_cases(rng: np.random.Generator) -> Iterable[Case]:
    """Make parameters, pictures that look like strokes, and labels."""
    x = normal(rng, BATCH, SIDE, SIDE, 1)
    for axis in (1, 2):
        x = (x + np.roll(x, 1, axis) + np.roll(x, -1, axis)) / np.float32(np.sqrt(3))
    labels = rng.permutation(CLASSES)[:BATCH].astype(np.int64)
    yield Case.of(
        "six pictures",
        layout=CHANNELS_LAST,
        x=x,
        labels=labels,
        out_grad=normal(rng, BATCH, CLASSES),
        **parameters(rng, **SMALL),
    )


def parameters(rng: np.random.Generator, fc3_out: int, fc4_out: int) -> dict[str, np.ndarray]:
    """Return weights and biases of a LeNet by ``<layer>.<name>``; no bias is 0."""
    shapes = {
        "Conv1": (5, 5, 1, 6),
        "Conv2": (5, 5, 6, 16),
        "FC3": (256, fc3_out),
        "FC4": (fc3_out, fc4_out),
        "FC5": (fc4_out, CLASSES),
    }
    found = {}
    for name, shape in shapes.items():
        scale = np.sqrt(2 / (np.prod(shape[:-1]) + np.prod(shape[:-2]) * shape[-1]))
        found[f"{name}.W"] = normal(rng, *shape) * np.float32(scale)
        bias_shape = (1, 1, 1, shape[-1]) if len(shape) == 4 else (1, shape[-1])
        found[f"{name}.b"] = normal(rng, *bias_shape) * np.float32(0.1)
    return found


def network(student: Any, case: Case, **settings: Any) -> Any:
    """Return a LeNet_gemm with the parameters of the case; a first pass lets it make its own, to be replaced."""
    net = student.lenet.LeNet_gemm(**settings)
    net._set_params()
    net.forward(np.zeros((1, SIDE, SIDE, 1), np.float32))
    net.flush_gradients()
    for name in WITH_PARAMETERS:
        for part in ("W", "b"):
            net.layers[name].params[part] = case.arrays[f"{name}.{part}"].copy()
    return net


network_check = partial(check, tier=100, files=NETWORK_FILES)


@network_check(
    cases=build_cases, needs=("conv_forward", "gemm_forward", "max_pool_forward"), holes=("lenet_layers",)
)
def lenet_build(student, case):
    """LeNet: the eight layers, for both kinds of convolution and any settings."""
    settings = {key: tuple(v) if isinstance(v, list) else v for key, v in case.settings.items()}
    net = getattr(student.lenet, case.kind)(**settings)
    net._set_params()
    names = tuple(net.layers)
    student.require(
        names == LAYERS, f"the layers are {', '.join(names)}; expected {', '.join(LAYERS)}, in this order"
    )
    kind = LOOPS if case.kind == "LeNet" else GEMM
    x = case.x.copy()
    shapes = layer_shapes(net, len(x))
    for name in LAYERS:
        layer = net.layers[name]
        if name.startswith("Conv"):
            student.require(
                isinstance(layer, getattr(student.layers, kind)),
                f"{name} of {case.kind} is a {type(layer).__name__}, expected {kind}",
            )
        x = np.asarray(layer.forward(x))
        student.require(x.shape == shapes[name], f"{name} gives {x.shape}, expected {shapes[name]}")
    for name in ("Pool1", "Pool2"):
        one_is_larger = np.full((1, 8, 8, 1), -1.0)
        one_is_larger[0, 3, 3, 0] = -0.5
        largest = np.max(net.layers[name].forward(one_is_larger))
        student.require(largest == -0.5, f"{name} is not a max pooling")
    for name in WITH_PARAMETERS:
        steep = name == "FC5"
        slopes = net.layers[name].acti_fn.grad(np.array([-20.0, 20.0]))
        student.require(
            np.allclose(slopes, 1.0 if steep else 0.0, atol=1e-6),
            f"{name} has not the activation function {'f(x) = x' if steep else 'sigmoid'}",
        )


def layer_shapes(net: Any, batch: int) -> dict[str, tuple[int, ...]]:
    """Return the shape of what every layer must give for pictures of digits, by the settings of the network."""
    shapes: dict[str, tuple[int, ...]] = {}
    shape: tuple[int, ...] = (SIDE, SIDE)
    for number in (1, 2):
        channels = getattr(net, f"conv{number}_out_ch")
        for kind in ("conv", "pool"):
            kernel, stride = (getattr(net, f"{kind}{number}_{part}") for part in ("kernel_shape", "stride"))
            pad = getattr(net, f"conv{number}_pad") if kind == "conv" else 0
            shape = output_shape(shape, kernel, pad, stride, 1)
            shapes[f"{kind.capitalize()}{number}"] = (batch, *shape, channels)
    shapes["Flatten"] = (batch, int(np.prod(shapes["Pool2"][1:])))
    return shapes | {f"FC{number}": (batch, getattr(net, f"fc{number}_out")) for number in (3, 4, 5)}


@network_check(
    cases=step_cases,
    needs=("lenet_build", "flatten_forward", "activation"),
    holes=("lenet_forward",),
    group="network",
)
def lenet_forward_pass(student, case):
    """LeNet_gemm, forward pass: every layer's output."""
    net = network(student, case, **SMALL)
    with layers_observed(net.layers, student.emit):
        result = net.forward(case.x.copy())
    student.require(isinstance(result, tuple) and len(result) == 2, "`forward` must return two things, (out, Xs)")
    return {"logits": result[0]}


@network_check(
    cases=step_cases,
    needs=("lenet_forward_pass", "max_pool_backward", "flatten_backward", "gemm_backward"),
    holes=("lenet_backward",),
    group="network",
)
def lenet_backward_pass(student, case):
    """LeNet_gemm, backward pass: every layer's gradients."""
    net = network(student, case, **SMALL)
    net.forward(case.x.copy())
    with layers_observed(net.layers, student.emit, "backward"):
        result = net.backward(case.out_grad.copy())
    student.require(isinstance(result, tuple) and len(result) == 2, "`backward` must return two things, (out, dXs)")
    for name in WITH_PARAMETERS:
        for part in ("W", "b"):
            student.emit(f"{name} d{part}", Sampled(net.layers[name].gradients[part], f"{name} d{part}"))
    return {"picture": Sampled(result[0], "picture")}


@network_check(cases=step_cases, needs=("lenet_backward_pass",), holes=("lenet_step",), group="network")
def lenet_step(student, case):
    """Two steps of training: the loss before each, and every parameter after them."""
    losses = LossesNoted(student.chapter6.CrossEntropy())
    net = network(student, case, **SMALL, loss=losses)
    # All pictures are in one batch, so that their order does not matter.
    net.fit(case.x.copy(), np.eye(CLASSES)[case.labels], n_epochs=2, batch_size=BATCH, epo_verbose=False)
    student.require(losses.values != [], "`fit` did not call `self.loss(y_true, y_pred)`")
    student.emit("losses", np.array(losses.values))
    return {
        f"{name} {part}": Sampled(net.layers[name].params[part], f"{name} {part}")
        for name in WITH_PARAMETERS
        for part in ("W", "b")
    }


class LossesNoted:
    """Stands in for a network's loss and keeps the value of every batch."""

    def __init__(self, loss: Any) -> None:
        self.original = loss
        self.values: list[float] = []

    def __call__(self, y_true: np.ndarray, y_pred: np.ndarray) -> Any:
        value = self.original(y_true, y_pred)
        self.values.append(float(value))
        return value

    def loss(self, y_true: np.ndarray, y_pred: np.ndarray) -> Any:
        """Return the loss, whichever way it is asked for."""
        return self(y_true, y_pred)

    def grad(self, y_true: np.ndarray, y_pred: np.ndarray) -> Any:
        """Return the gradient of the logits."""
        return self.original.grad(y_true, y_pred)


def digits(part: str) -> tuple[np.ndarray, np.ndarray]:
    """Return pictures (N, 28, 28), uint8, and labels of the vendored digits, ``train`` or ``test``."""
    with np.load(DIGITS) as stored:
        return stored[f"x_{part}"], stored[f"y_{part}"].astype(np.int64)


def scaled(pictures: np.ndarray) -> np.ndarray:
    """Return pictures as the network takes them: (N, 28, 28, 1), float32, from -1 to 1."""
    return (pictures[..., None].astype(np.float32) / 255 - 0.5) * 2


def training_cases(rng: np.random.Generator) -> Iterable[Case]:
    """Choose the pictures to train with and to test with, the first parameters, and the seed of the order."""
    pictures, labels = digits("test")
    chosen = rng.permutation(len(labels))[:TESTED]
    train = rng.permutation(len(digits("train")[1]))[:TRAINED]
    yield Case.of(
        f"{TRAINED} digits, {EPOCHS} epochs",
        seed=int(rng.integers(1 << 31)),
        train=train,
        test=pictures[chosen],
        predictions=labels[chosen],
        **wider(parameters(rng, 128, 84)),
    )


def wider(values: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Return parameters with larger weights: with sigmoids, learning begins sooner."""
    return {name: value * np.float32(GAIN) if name.endswith(".W") else value for name, value in values.items()}


@network_check(
    cases=training_cases,
    needs=("lenet_step",),
    group="training",
    slow=True,
    limit_s=TRAINING_LIMIT_S,
    learning=Learning(at_least=ACCURACY),
)
def lenet_training(student, case):
    """LeNet_gemm learns to read handwritten digits."""
    pictures, labels = (part[case.train] for part in digits("train"))
    x, y = scaled(pictures), np.eye(CLASSES)[labels]
    test = scaled(case.test)
    losses = LossesNoted(student.chapter6.CrossEntropy())
    net = network(student, case, optimizer=OPTIMIZER, loss=losses)
    before = {name: np.array(net.layers[name].params["W"]) for name in WITH_PARAMETERS}
    note_gradients(student, net, x[:TRAINING_BATCH], y[:TRAINING_BATCH])
    np.random.seed(case.seed)
    losses.values.clear()
    progress = []
    for _ in range(EPOCHS):
        net.fit(x, y, n_epochs=1, batch_size=TRAINING_BATCH, epo_verbose=False)
        progress.append(predicted(net, test))
    student.emit("loss", np.array(losses.values))
    student.emit("progress", np.stack(progress))
    for name, weight in before.items():
        student.emit(f"moved/{name}", np.linalg.norm(net.layers[name].params["W"] - weight))
    return {"predictions": progress[-1]}


def note_gradients(student: Any, net: Any, x: np.ndarray, y: np.ndarray) -> None:
    """Send how large the gradient of every layer's weight is for one batch."""
    logits, _ = net.forward(x)
    net.backward(net.loss.grad(y, student.chapter6.softmax(logits)))
    for name in WITH_PARAMETERS:
        student.emit(f"gradient/{name}", np.linalg.norm(net.layers[name].gradients["W"]))
    net.flush_gradients()


def predicted(net: Any, pictures: np.ndarray) -> np.ndarray:
    """Return the class with the largest logit for every picture, some at a time."""
    found = []
    for start in range(0, len(pictures), 100):
        logits, _ = net.forward(pictures[start : start + 100])
        found.append(np.argmax(logits, axis=1))
        # Nothing of this may be left when training goes on.
        net.flush_gradients()
    return np.concatenate(found)


def second_convolution(rng: np.random.Generator, batch: int) -> Case:
    """Make the second convolution of LeNet for a batch."""
    return Case.of(
        f"LeNet's second convolution, batch of {batch}",
        **SECOND,
        layout=CHANNELS_LAST,
        x=normal(rng, batch, 12, 12, 6),
        weight=normal(rng, 5, 5, 6, 16) / np.float32(np.sqrt(150)),
        bias=normal(rng, 16),
        out_grad=normal(rng, batch, 8, 8, 16),
    )


def part_of_a_batch(rng: np.random.Generator) -> Iterable[Case]:
    """Make a few pictures, for loops that are timed several times."""
    yield second_convolution(rng, LOOPS_BATCH)


def one_batch(rng: np.random.Generator) -> Iterable[Case]:
    """Make one batch."""
    yield second_convolution(rng, TIMED_BATCH)


def timed_gemm_cases(rng: np.random.Generator) -> Iterable[Case]:
    """Make batches that differ in their numbers only."""
    return [second_convolution(rng, TIMED_BATCH) for _ in range(REPEATS)]


timed_check = partial(check, files=("layers.py", "conv.py"), timed=True, slow=True, group="timing", limit_s=60.0)


def both_passes(student: Any, case: Case, kind: str) -> dict[str, Any]:
    """Run a convolution forward and backward, and send what each gives at once: its arrival is timed."""
    layer = convolution(student, case, kind)
    student.emit("forward", Sampled(layer.forward(case.x.copy()), "forward"))
    in_grad = layer.backward(case.out_grad.copy())
    return {"backward": Sampled(in_grad, "backward"), "d_weight": layer.gradients["W"]}


@timed_check(tier=None, cases=one_batch, needs=("conv_backward",))
def loops_timing(student, case):
    """LeNet's second convolution with loops, forward and backward: right, and how long it takes."""
    return both_passes(student, case, LOOPS)


@timed_check(
    tier=100,
    cases=timed_gemm_cases,
    needs=("gemm_backward",),
    speed=Speed(
        against="loops_timing",
        at_least=FASTER,
        cases=part_of_a_batch,
        scale=TIMED_BATCH / LOOPS_BATCH,
        multiply_adds=3 * TIMED_BATCH * 64 * 150 * 16,
        hint="Every loop over samples, places or channels that is left in Python costs more than the product itself: "
        "let im2col and col2im loop over the entries of the kernel only.",
    ),
)
def gemm_timing(student, case):
    """LeNet's second convolution as a product of matrices, forward and backward: right, and faster than loops."""
    return both_passes(student, case, GEMM)


exercise = partial(check, tier=None, files=("exercises.py",))


def dilated_cases(rng: np.random.Generator) -> Iterable[Case]:
    """Make kernels to spread."""
    for dilation, kernel in ((1, (3, 3)), (2, (3, 2)), (3, (2, 4))):
        yield Case.of(f"dilation {dilation}", dilation=dilation, weight=normal(rng, *kernel, 2, 3))


def grouped_cases(rng: np.random.Generator) -> Iterable[Case]:
    """Make grouped convolutions, from one group to one for each channel."""
    for groups, c_in, c_out, stride, pad, dilation in ((1, 4, 6, 1, 1, 1), (2, 4, 6, 2, 0, 1), (4, 4, 8, 1, 1, 2)):
        yield Case.of(
            f"{groups} groups" if groups > 1 else "one group",
            groups=groups,
            c_in=c_in,
            c_out=c_out,
            stride=stride,
            pad=pad,
            dilation=dilation,
            layout=CHANNELS_LAST,
            x=normal(rng, 2, *sides(rng), c_in),
            weight=normal(rng, 3, 3, c_in // groups, c_out),
        )


def separable_cases(rng: np.random.Generator) -> Iterable[Case]:
    """Make depthwise separable convolutions."""
    for name, stride, pad in (("padding 1", 1, 1), ("stride 2, no padding", 2, 0)):
        yield Case.of(
            name,
            stride=stride,
            pad=pad,
            layout=CHANNELS_LAST,
            x=normal(rng, 2, *sides(rng), 3),
            depth_weight=normal(rng, 3, 3, 1, 3),
            point_weight=normal(rng, 1, 1, 3, 5),
        )


def count_cases(rng: np.random.Generator) -> Iterable[Case]:
    """Make sizes of convolutions, the README's among them."""
    for kernel, c_in, c_out, groups in ((3, 64, 128, 4), (5, 6, 16, 2), (1, 12, 8, 1)):
        size = f"{kernel}x{kernel}, {c_in} to {c_out}, {groups} groups"
        yield Case.of(size, kernel_shape=[kernel, kernel], c_in=c_in, c_out=c_out, groups=groups)


def lp_cases(rng: np.random.Generator) -> Iterable[Case]:
    """Make poolings between the average and the maximum."""
    for p, window, stride, pad in ((1, (2, 2), 2, 0), (2, (3, 3), 2, 1), (3.5, (2, 3), 1, 0)):
        x = normal(rng, 2, *sides(rng), 3)
        yield Case.of(f"p = {p}", p=p, kernel_shape=list(window), stride=stride, pad=pad, layout=CHANNELS_LAST, x=x)


def mean_cases(rng: np.random.Generator) -> Iterable[Case]:
    """Make pictures."""
    yield Case.of("two samples", layout=CHANNELS_LAST, x=normal(rng, 2, *sides(rng), 4))


def shift_cases(rng: np.random.Generator) -> Iterable[Case]:
    """Make functions to shift, and how far: some are equivariant, some for even shifts only, some not at all."""
    for kind, rows, columns in (
        ("blur", 1, 2),
        ("blur every second", 2, 4),
        ("blur every second", 1, 0),
        ("brighter below", 1, 0),
        ("brighter below", 0, 3),
    ):
        yield Case.of(
            f"{kind}, {rows} down, {columns} right",
            kind=kind,
            rows=rows,
            columns=columns,
            margin=5,
            x=normal(rng, 1, 20, 22, 2),
        )


def shiftable(kind: str) -> Any:
    """Return a function of pictures that keeps their rows and columns."""

    def blur(x: np.ndarray) -> np.ndarray:
        return x + 0.5 * np.roll(x, 1, axis=1) + 0.25 * np.roll(x, -1, axis=2)

    def every_second(x: np.ndarray) -> np.ndarray:
        return blur(x)[:, ::2, ::2].repeat(2, axis=1).repeat(2, axis=2)

    def brighter_below(x: np.ndarray) -> np.ndarray:
        return x * np.linspace(0, 1, x.shape[1])[None, :, None, None]

    return {"blur": blur, "blur every second": every_second, "brighter below": brighter_below}[kind]


@exercise(cases=dilated_cases, holes=("dilated_kernel",))
def exercise_dilated(student, case):
    """Dilated convolution: the kernel with zeros between its entries."""
    return {"wide_weight": student.exercises.dilated_kernel(case.weight.copy(), case.dilation)}


@exercise(cases=grouped_cases, needs=("conv2d_gemm",), holes=("grouped_convolution",))
def exercise_grouped(student, case):
    """Grouped convolution."""
    arguments = case.x.copy(), case.weight.copy(), case.groups, case.stride, case.pad, case.dilation
    return {"outputs": student.exercises.grouped_conv2D(*arguments)}


@exercise(cases=separable_cases, needs=("conv2d_gemm",), holes=("depthwise_separable",))
def exercise_separable(student, case):
    """Depthwise separable convolution."""
    arguments = case.x.copy(), case.depth_weight.copy(), case.point_weight.copy(), case.stride, case.pad
    return {"outputs": student.exercises.depthwise_separable_conv2D(*arguments)}


@exercise(cases=count_cases, holes=("parameter_counts",))
def exercise_counts(student, case):
    """Numbers of weights of a plain, a grouped and a depthwise separable convolution."""
    counts = student.exercises.parameter_counts(tuple(case.kernel_shape), case.c_in, case.c_out, case.groups)
    student.require(np.shape(counts) == (3,), "`parameter_counts` must return three numbers")
    return {"counts": np.array([int(count) for count in counts])}


@exercise(cases=lp_cases, needs=("padding",), holes=("lp_pooling",))
def exercise_lp_pooling(student, case):
    """L^p pooling."""
    window = tuple(case.kernel_shape)
    return {"outputs": student.exercises.lp_pool2D(case.x.copy(), window, case.stride, case.p, case.pad)}


@exercise(cases=mean_cases, holes=("global_average_pool",))
def exercise_global_average(student, case):
    """Global average pooling."""
    return {"outputs": student.exercises.global_average_pool(case.x.copy())}


@exercise(cases=shift_cases, holes=("equivariance",))
def exercise_equivariance(student, case):
    """How far functions are from being equivariant to shifts."""
    arguments = shiftable(case.kind), case.x.copy(), case.rows, case.columns, case.margin
    return {"error": student.exercises.equivariance_error(*arguments)}
