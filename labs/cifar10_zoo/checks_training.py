"""Checks of training: one step of Baseline, and that it learns from pictures of CIFAR-10."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from grader.lab import Case, Learning, Sampled

from .checks_nets import CLASSES, PICTURES, SAMPLE, net_case, net_check, prepared
from .checks_normalization import MOMENTUM, with_n
from .checks_plans import NARROW, Watched, parameter_layers

NET = "Baseline"
STEP_BATCH = 8
MASKS = ((16, 16, 6), (120,))
KEPT = 0.8
EPOCHS, BATCH = 10, 32
# Ten classes by chance: 0.1. See lab.yaml for what was measured.
ACCURACY, LARGEST_LOSS = 0.2, 1.5
TRAINING_LIMIT_S = 300.0


def step_cases(rng: np.random.Generator) -> Iterable[Case]:
    """Make a batch, its labels, and the masks of both dropouts."""
    case = net_case(rng, NET, STEP_BATCH, name="one step of training")
    masks = {
        f"mask{number}": (rng.random((STEP_BATCH, *shape)) < KEPT) for number, shape in enumerate(MASKS, start=1)
    }
    labels = rng.integers(CLASSES, size=(STEP_BATCH, 1)).astype(np.int64)
    yield Case.of(case.name, **case.config, **case.arrays, labels=labels, **masks)


@net_check(tier=60, cases=step_cases, needs=("baseline_outputs", "bn_training", "dropout_modes", "loss_forward"))
def baseline_step(student, case):
    """Baseline: one step of training with given masks: the loss, all gradients, and all variables after it."""
    net = prepared(student, case)
    dry = Watched(student, net, case.x[:1].copy())
    layers = parameter_layers(dry.records)
    dropouts = [record.layer for record, kind in zip(dry.records, dry.kinds, strict=True) if kind == "Dropout"]
    for number, layer in enumerate(dropouts, start=1):
        use_mask(layer, case.arrays[f"mask{number}"])
    norm = next(layer for layer in layers if hasattr(layer, "moving_variance"))
    old = np.array(norm.moving_variance.value)
    loss = student.layers.SparseCategoricalCrossentropy(from_logits=False)
    outputs = net.forward(case.x.copy(), training=True)
    student.emit("loss", np.array(loss(case.labels.copy(), outputs)))
    net.backward(loss.backward())
    variables = [variable for layer in layers for variable in layer.trainable_variables]
    gradients = {id(variable): np.array(variable.gradient) for variable in variables}
    student.layers.Adam().apply_gradients([(gradients[id(variable)].copy(), variable) for variable in variables])
    student.emit("moving_mean", norm.moving_mean.value)
    student.emit("moving_variance", with_n(student, old, norm.moving_variance.value, case.x[..., 0].size))
    for number, layer in enumerate(layers):
        for variable in layer.trainable_variables:
            role = variable.name.rpartition("/")[2].partition(":")[0]
            value = np.asarray(variable.value)
            axes = NARROW[NET].get(number, {})
            cut = tuple(slice(axes.get(axis, axes.get(axis - value.ndim))) for axis in range(value.ndim))
            # A convolution's bias is undone by the normalisation behind it: its gradient is rounding and nothing else.
            if number > 0 or role == "kernel":
                name = f"{type(layer).__name__} {number} {role}"
                gradient = gradients[id(variable)][cut]
                if hasattr(layer, "moving_variance") or number == 0:
                    # Through the normalisation single entries cancel; their length does not depend on rounding.
                    student.emit(f"{name} gradient's length", np.array(np.linalg.norm(gradient)))
                else:
                    student.emit(f"{name} gradient", Sampled(gradient, name, SAMPLE))
                student.emit(f"{name} afterwards", Sampled(value[cut], name, SAMPLE))


def use_mask(layer: Any, mask: np.ndarray) -> None:
    """Let a dropout use the mask of the case; what a wider reading has more is zero and stays so."""

    def masked(values: np.ndarray, training: bool = True) -> np.ndarray:
        whole = np.zeros(values.shape, values.dtype)
        whole[..., : mask.shape[-1]] = mask / np.asarray(KEPT, values.dtype)
        return values * whole if training else values

    layer.forward = masked
    layer.backward = masked


def training_cases(rng: np.random.Generator, tested: Path = PICTURES) -> Iterable[Case]:
    """Choose the order of the pictures by a seed, and the first parameters."""
    with np.load(tested) as stored:
        test, labels = stored["x_test"], stored["y_test"].reshape(-1).astype(np.int64)
    chosen = rng.permutation(len(labels))
    yield Case.of(
        f"1000 pictures, {EPOCHS} epochs",
        net=NET,
        arguments=[],
        seed=int(rng.integers(1 << 31)),
        test=test[chosen],
        predictions=np.tile(labels[chosen], 2),
    )


@net_check(
    tier=100,
    cases=training_cases,
    needs=("baseline_step", "conv_backward", "max_pool_backward", "bn_backward", "dense_backward", "dropout_backward",
           "activation_backward", "flatten_backward", "loss_backward", "adam_steps"),
    group="training",
    slow=True,
    limit_s=TRAINING_LIMIT_S,
    learning=Learning(at_least=ACCURACY, kept_back=PICTURES.name),
)  # fmt: skip
def baseline_learns(student, case):
    """Baseline learns from 1000 pictures of CIFAR-10, and knows others better than by chance."""
    with np.load(PICTURES) as stored:
        x, y = (
            stored["x_train"].astype(np.float32) / np.float32(255),
            stored["y_train"].reshape(-1).astype(np.int64),
        )
    # With their mirror images there are twice as many to judge by.
    test = np.concatenate([case.test, case.test[:, :, ::-1]]).astype(np.float32) / np.float32(255)
    student.tape.set_seed(case.seed)
    net = student.nets.Baseline()
    net.compile(student.layers.Adam(), student.layers.SparseCategoricalCrossentropy(from_logits=False))
    watched = Watched(student, net, test[:1].copy())
    names = {
        id(layer): f"{number} {type(layer).__name__}"
        for number, layer in enumerate(parameter_layers(watched.records))
    }
    before = {key: [np.array(v.value) for v in layer.variables] for key, layer in layers_of(watched)}
    rng = np.random.default_rng(case.seed)
    losses: list[float] = []
    steps = -(-len(x) // BATCH)
    progress = []
    for epoch in range(EPOCHS):
        order = rng.permutation(len(x))
        for start in range(0, len(x), BATCH):
            chosen = order[start : start + BATCH]
            loss, _ = net.train_on_batch(x[chosen], y[chosen])
            losses.append(loss)
            if epoch == 0 and start == 0:
                note_gradients(student, watched, names)
        progress.append(np.argmax(net.predict(test), axis=1))
    student.emit("loss", np.array(losses))
    student.emit("progress", np.stack(progress))
    for key, layer in layers_of(watched):
        distance = sum(
            float(np.linalg.norm(v.value - old)) for v, old in zip(layer.variables, before[key], strict=True)
        )
        student.emit(f"moved/{names[key]}", np.array(distance))
    last = float(np.mean(losses[-steps:]))
    student.require(
        last < LARGEST_LOSS,
        "after {epochs} epochs the loss of training is {loss}; it must be below {bound}",
        epochs=EPOCHS,
        loss=f"{last:.2f}",
        bound=LARGEST_LOSS,
    )
    return {"predictions": progress[-1]}


def layers_of(watched: Watched) -> list[tuple[int, Any]]:
    """Return the layers with variables under their identity."""
    return [(id(layer), layer) for layer in parameter_layers(watched.records)]


def note_gradients(student: Any, watched: Watched, names: dict[int, str]) -> None:
    """Send how large the gradient of every layer is in the first step."""
    for key, layer in layers_of(watched):
        size = sum(float(np.linalg.norm(variable.gradient)) for variable in layer.trainable_variables)
        student.emit(f"gradient/{names[key]}", np.array(size))
