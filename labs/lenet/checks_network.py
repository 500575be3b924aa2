"""Checks of LeNet: its layers, both passes, two steps, training, and the speed of its matrix layers."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from grader.lab import CHANNELS_LAST, Case, Learning, Sampled, Speed, check
from grader.lab.layer_cases import normal
from grader.lab.layer_geometry import output_shape
from grader.lab.observing import Returned, layers_observed

from .checks_layers import GEMM, LOOPS, convolution

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
        names == LAYERS,
        "the layers are {names}; expected {LAYERS}, in this order",
        names=", ".join(names),
        LAYERS=", ".join(LAYERS),
    )
    kind = LOOPS if case.kind == "LeNet" else GEMM
    x = case.x.copy()
    shapes = layer_shapes(net, len(x))
    for name in LAYERS:
        layer = net.layers[name]
        if name.startswith("Conv"):
            student.require(
                isinstance(layer, getattr(student.layers, kind)),
                "{name} of {kind} is a {name2}, expected {kind2}",
                name=name,
                kind=case.kind,
                name2=type(layer).__name__,
                kind2=kind,
            )
        x = np.asarray(layer.forward(x))
        student.require(
            x.shape == shapes[name],
            "{name} gives {shape}, expected {shapes}",
            name=name,
            shape=x.shape,
            shapes=shapes[name],
        )
    for name in ("Pool1", "Pool2"):
        one_is_larger = np.full((1, 8, 8, 1), -1.0)
        one_is_larger[0, 3, 3, 0] = -0.5
        largest = np.max(net.layers[name].forward(one_is_larger))
        student.require(largest == -0.5, "{name} is not a max pooling", name=name)
    for name in WITH_PARAMETERS:
        steep = name == "FC5"
        slopes = net.layers[name].acti_fn.grad(np.array([-20.0, 20.0]))
        student.require(
            np.allclose(slopes, 1.0 if steep else 0.0, atol=1e-6),
            "{name} has not the activation function {function}",
            name=name,
            function="f(x) = x" if steep else "sigmoid",
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
    returned = Returned()
    with layers_observed(net.layers, student.emit, after=returned.note):
        result = net.forward(case.x.copy())
    student.require(isinstance(result, tuple) and len(result) == 2, "`forward` must return two things, (out, Xs)")
    return {"logits": result[0], **kept(student, result[1], "Xs", returned)}


def kept(student: Any, arrays: Any, name: str, returned: Returned) -> dict[str, np.ndarray]:
    """Return facts of what a pass returns by the names of the layers."""
    student.require(
        hasattr(arrays, "keys") and set(LAYERS) <= set(arrays),
        "`{name}` must have an array for every layer",
        name=name,
    )
    return {
        f"{name} of {layer}": Sampled(returned.at_first(arrays[layer]), f"{name} of {layer}").parts()["stats"]
        for layer in LAYERS
    }


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
    returned = Returned()
    with layers_observed(net.layers, student.emit, "backward", returned.note):
        result = net.backward(case.out_grad.copy())
    student.require(isinstance(result, tuple) and len(result) == 2, "`backward` must return two things, (out, dXs)")
    for name in WITH_PARAMETERS:
        for part in ("W", "b"):
            student.emit(f"{name} d{part}", Sampled(net.layers[name].gradients[part], f"{name} d{part}"))
    return {"picture": Sampled(result[0], "picture"), **kept(student, result[1], "dXs", returned)}


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


def digits(part: str, file: Path = DIGITS) -> tuple[np.ndarray, np.ndarray]:
    """Return pictures (N, 28, 28), uint8, and labels of the vendored digits, ``train`` or ``test``."""
    with np.load(file) as stored:
        return stored[f"x_{part}"], stored[f"y_{part}"].astype(np.int64)


def scaled(pictures: np.ndarray) -> np.ndarray:
    """Return pictures as the network takes them: (N, 28, 28, 1), float32, from -1 to 1."""
    return (pictures[..., None].astype(np.float32) / 255 - 0.5) * 2


def training_cases(rng: np.random.Generator, tested: Path = DIGITS) -> Iterable[Case]:
    """Choose the pictures to train with and to test with, the first parameters, and the seed of the order."""
    pictures, labels = digits("test", tested)
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
    learning=Learning(at_least=ACCURACY, kept_back=DIGITS.name),
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


timed_check = partial(check, files=("layers.py", "conv.py"), slow=True, group="timing", limit_s=60.0)


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
