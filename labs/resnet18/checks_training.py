"""Checks that train: LeNet learns digits, and a narrow ResNet18 learns faster with its shortcuts than without.

Equal rate, weights and order of the digits. `python -m benchmarks.resnet18 shortcut` measures the spread over seeds.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from grader.lab import Case, Learning, check

from .checks_access import Part, set_mode
from .checks_lenet import CONVOLUTIONS, load_lenet
from .checks_resnet import has_shortcut, without_shortcuts
from .checks_values import Values, gradients, lenet_shapes, load, resnet_shapes, values_of

DIGITS = Path(__file__).with_name("mnist_subset.npz")
EPOCHS, BATCH, TESTED, VALIDATED = 5, 64, 500, 200
TEST_BATCH = 100
LENET_RATE, RESNET_RATE, WIDTH = 0.1, 0.01, 16
LENET_ACCURACY, RESNET_ACCURACY = 0.65, 0.5
# Loss of the last epoch with shortcuts, as a share of that without.
SHORTCUT_SHARE = 0.6
TRAINING_LIMIT_S = 600.0
CLASSES = 10


def training_cases(rng: np.random.Generator, tested: Path = DIGITS) -> Iterable[Case]:
    """Choose digits to test with, and the seed of the first weights and of the order."""
    with np.load(tested) as stored:
        pictures, labels = stored["x_test"], stored["y_test"].astype(np.int64)
    # The first test digits of the lab serve for validation.
    chosen = VALIDATED + rng.permutation(len(labels) - VALIDATED)[:TESTED]
    yield Case.of(
        "1000 digits, 5 epochs",
        seed=int(rng.integers(1 << 31)),
        test=pictures[chosen],
        predictions=labels[chosen],
    )


class Trained:
    """A submission's network and the layers of it that learn; descends by plain gradients."""

    def __init__(self, net: Any, parts: Mapping[str, Part], values: Values, rate: float) -> None:
        self.net, self.parts, self.values, self.rate = net, parts, values, rate

    def step(self, student: Any, x: np.ndarray, labels: np.ndarray) -> float:
        """Learn from one batch; return its loss."""
        set_mode(self.net, True)
        loss, out_grad = student.nndl.cross_entropy(np.asarray(self.net.forward(x.copy())), labels)
        self.net.backward(out_grad.astype(np.float32))
        for name, gradient in gradients(student, self.parts, self.values).items():
            owner, _, key = name.rpartition(".")
            old = self.values[owner][key]
            self.values[owner][key] = (old - self.rate * gradient).astype(np.float32)
            self.parts[owner].put(key, self.values[owner][key])
        return loss

    def norms(self) -> Iterator[tuple[str, float, float]]:
        """Yield name, gradient's norm and norm of every weight."""
        for name, part in self.parts.items():
            value = self.values[name]["weight"]
            yield name, float(np.linalg.norm(part.gradient("weight", value.shape))), float(np.linalg.norm(value))

    def predict(self, x: np.ndarray) -> np.ndarray:
        """Return the class with the largest logit for every picture."""
        set_mode(self.net, False)
        parts = [self.net.forward(x[start : start + TEST_BATCH].copy()) for start in range(0, len(x), TEST_BATCH)]
        return np.argmax(np.concatenate(parts), axis=1)


def trained(student: Any, learner: Trained, case: Case, losses: list[float]) -> tuple[np.ndarray, list[np.ndarray]]:
    """Train; return the predictions of the epoch that was best on the validation digits, and those of all epochs."""
    nndl = student.nndl
    train, dev, test = nndl.MNIST_dataset("train"), nndl.MNIST_dataset("dev"), nndl.prepared(case.test)
    progress: list[np.ndarray] = []
    scores = []
    for epoch in range(EPOCHS):
        order = np.random.Generator(np.random.Philox(key=case.seed + epoch)).permutation(len(train))
        for start in range(0, len(order), BATCH):
            chosen = order[start : start + BATCH]
            losses.append(learner.step(student, train.images[chosen], train.labels[chosen]))
        scores.append(float(np.mean(learner.predict(dev.images) == dev.labels)))
        progress.append(learner.predict(test))
    return progress[int(np.argmax(scores))], progress


def report(student: Any, learner: Trained, losses: list[float], progress: list[np.ndarray], before: Values) -> None:
    """Send what may explain why nothing was learned."""
    student.emit("loss", np.array(losses))
    student.emit("progress", np.stack(progress))
    for name, _, _ in learner.norms():
        student.emit(f"moved/{name}", np.linalg.norm(learner.values[name]["weight"] - before[name]["weight"]))


def kept(values: Values) -> Values:
    """Return the same arrays in dictionaries of their own."""
    return {name: dict(part) for name, part in values.items()}


training_check = partial(check, slow=True, group="training", limit_s=TRAINING_LIMIT_S, cases=training_cases)


@training_check(
    tier=80,
    files=("lenet5.py", "op.py"),
    needs=("lenet_backward",),
    learning=Learning(at_least=LENET_ACCURACY, kept_back=DIGITS.name),
)
def lenet_training(student, case):
    """LeNet-5 learns to read handwritten digits."""
    net = student.lenet5.Model_LeNet(in_channels=1, num_classes=CLASSES)
    before = values_of(lenet_shapes(1, CLASSES), case.seed, biased=CONVOLUTIONS, fresh=True)
    learner = Trained(net, load_lenet(student, net, before), kept(before), LENET_RATE)
    losses: list[float] = []
    predictions, progress = trained(student, learner, case, losses)
    report(student, learner, losses, progress, before)
    return {"predictions": predictions}


def narrow_net(student: Any, case: Case, residual: bool) -> tuple[Trained, Values]:
    """Return a ResNet18 of width 16 with its first weights."""
    net = student.resnet.Model_ResNet18(in_channels=1, num_classes=CLASSES, use_residual=residual, width=WIDTH)
    shapes = resnet_shapes(1, CLASSES, WIDTH, has_shortcut(net, residual))
    values = values_of(shapes, case.seed, biased={"net.0.0"}, fresh=True)
    parts = load(student, net, values, "Model_ResNet18")
    learning = parts if residual else without_shortcuts(parts)
    return Trained(net, learning, kept(values), RESNET_RATE), values


@training_check(
    tier=100,
    files=("resnet.py", "op.py"),
    needs=("resnet_backward",),
    learning=Learning(at_least=RESNET_ACCURACY, kept_back=DIGITS.name),
)
def shortcut_training(student, case):
    """A narrow ResNet18 learns digits, and with its shortcuts its loss falls faster than without."""
    losses: dict[bool, list[float]] = {True: [], False: []}
    learner, before = narrow_net(student, case, True)
    predictions, progress = trained(student, learner, case, losses[True])
    report(student, learner, losses[True], progress, before)
    without, _ = narrow_net(student, case, False)
    trained(student, without, case, losses[False])
    student.emit("loss_without_shortcuts", np.array(losses[False]))
    last = {residual: float(np.mean(values[-(len(values) // EPOCHS) :])) for residual, values in losses.items()}
    student.require(
        last[True] <= SHORTCUT_SHARE * last[False],
        "the loss of epoch {epoch} is {loss} with shortcuts and {without} without; with them at most {share} times "
        "that without is required",
        epoch=EPOCHS,
        loss=f"{last[True]:.3f}",
        without=f"{last[False]:.3f}",
        share=SHORTCUT_SHARE,
    )
    return {"predictions": predictions}
