"""The whole experiment: train LeNet-5, or ResNet18 with and without its shortcuts, with the submission's own layers.

A record is one step of every net. Everything random comes from the seed and the step, so that a run that was left
goes on as if it had not been.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from grader.lab.experiments import Record, Snapshot, named, note, part_of

FOLDER = Path(__file__).parent
PACKAGE = "_resnet18_lab"
CLASSES, VALIDATE_EVERY = 10, 15
PREDICT_BATCH = 100
FULL_WIDTH = 64
HANDOUT_RATES = {"LeNet-5": 0.1, "with shortcuts": 0.01, "without shortcuts": 0.005}
EQUAL_RATE = 0.01
PUBLISHED = {"LeNet-5": 0.87, "with shortcuts": 0.88, "without shortcuts": 0.81}
# Layer to what it gets and what it gives.
LENET_STAGES = {
    "conv1": ("picture", "C1 before its ReLU"),
    "conv3": ("after S2", "C3 before its ReLU"),
    "conv5": ("after S4", ""),
    "linear6": ("after C5", ""),
    "linear7": ("after F6", "logits"),
}
RESNET_STAGES = {
    "net.0.0": ("", "first convolution before its batch norm"),
    **{f"net.{k}.0.conv1": (f"after module {k}", "") for k in range(1, 5)},
    "net.7": ("mean of module 5", "logits"),
}
STAGES = {"LeNet-5": LENET_STAGES, "with shortcuts": RESNET_STAGES, "without shortcuts": RESNET_STAGES}
NOT_LIKE_FOR_LIKE = note(
    "the course trains with shortcuts at rate 0.01 and without them at 0.005, so its two figures do not compare like "
    "with like"
)


def lab_module(name: str) -> Any:
    """Import one of the lab's files beside this one, which import one another as a package."""
    if PACKAGE not in sys.modules:
        package = ModuleType(PACKAGE)
        package.__path__ = [str(FOLDER)]
        sys.modules[PACKAGE] = package
    return importlib.import_module(f"{PACKAGE}.{name}")


def run(student: Any, case: Any, state: Mapping[str, np.ndarray]) -> Iterator[Record]:
    """Yield a record after every step; see `grader.lab.experiments`."""
    training = Training(student, case, state)
    done = int(state.get("done", 0))
    total = case.epochs * training.steps_an_epoch

    def snapshot() -> Snapshot:
        return Snapshot({"done": np.int64(done), **training.state()}, training.pictures(), training.numbers())

    if done >= total:
        yield Record(done, done, {}, snapshot, training.notes)
    while done < total:
        curves = training.step(done)
        done += 1
        if done % VALIDATE_EVERY == 0 or done % training.steps_an_epoch == 0:
            curves |= training.validated()
        yield Record(done, total, curves, snapshot, training.notes)


class Training:
    """The nets, the digits, and what happened so far."""

    def __init__(self, student: Any, case: Any, state: Mapping[str, np.ndarray]) -> None:
        self.student, self.case = student, case
        nndl = student.nndl
        self.train = nndl.MNIST_dataset("train", case.images)
        self.dev, self.test = nndl.MNIST_dataset("dev"), nndl.MNIST_dataset("test")
        self.steps_an_epoch = -(-len(self.train) // case.batch)
        names = ["LeNet-5"] if case.model == "lenet" else [
            name for name, choice in (("with shortcuts", "no"), ("without shortcuts", "yes")) if case.residual != choice
        ]  # fmt: skip
        self.nets = {name: Net(student, case, name) for name in names}
        for name, net in self.nets.items():
            net.go_on_from(part_of(state, f"{name}/"))
        self.notes = [
            note(
                "digits to learn from: {train}, to validate with: {dev}, to test with: {test}; steps of an epoch: {steps}",
                train=len(self.train),
                dev=len(self.dev),
                test=len(self.test),
                steps=self.steps_an_epoch,
            ),
            note(
                "test accuracy that the course printed: {figures}",
                figures=", ".join(f"{PUBLISHED[name]:.2f} ({name})" for name in self.nets),
            ),
        ]
        if case.model == "resnet":
            self.notes.append(NOT_LIKE_FOR_LIKE)
        self.edges = self.drawn_edges()

    def step(self, done: int) -> dict[str, float]:
        """Let every net learn from the same mini-batch; return the losses."""
        epoch, place = divmod(done, self.steps_an_epoch)
        order = np.random.default_rng([self.case.seed, epoch]).permutation(len(self.train))
        chosen = order[place * self.case.batch : (place + 1) * self.case.batch]
        found = {}
        for name, net in self.nets.items():
            loss = net.learner.step(self.student, self.train.images[chosen], self.train.labels[chosen])
            net.losses = [*net.losses, loss][-net.kept_losses :]
            if done == 0:
                net.first_norms = net.norms()
            found[f"loss/{name}"] = loss
        return found

    def validated(self) -> dict[str, float]:
        """Return the accuracy on the validation digits; keep the parameters that did best."""
        found = {}
        for name, net in self.nets.items():
            score = float(np.mean(net.learner.predict(self.dev.images) == self.dev.labels))
            net.keep_if_best(score)
            found[f"accuracy/{name}"] = score
        return found

    def state(self) -> dict[str, Any]:
        """Return all that is needed to go on."""
        return {f"{name}/{key}": value for name, net in self.nets.items() for key, value in net.state().items()}

    def numbers(self) -> dict[str, float]:
        """Return the results so far."""
        found: dict[str, float] = {}
        for name, net in self.nets.items():
            logits = net.best_logits(self.test.images)
            found[named("test accuracy, {name}", name=name)] = float(
                np.mean(logits.argmax(axis=1) == self.test.labels)
            )
            found[named("best validation accuracy, {name}", name=name)] = net.best_score
            last = float(np.mean(net.losses)) if net.losses else np.nan
            found[named("training loss of the last epoch, {name}", name=name)] = last
        if len(self.nets) == 2 and all(net.losses for net in self.nets.values()):
            first, second = (float(np.mean(net.losses)) for net in self.nets.values())
            found[named("loss with shortcuts / loss without")] = first / second
        return found

    def pictures(self) -> dict[str, np.ndarray]:
        """Return confusion matrices, worst mistakes, feature maps, kernels, gradients' norms and edges."""
        draw = lab_module("experiment_pictures")
        found = {}
        for name, net in self.nets.items():
            logits = net.best_logits(self.test.images)
            short = name.replace(" ", "_").replace("-", "").lower()
            found[f"confusion_{short}"] = draw.confusion(self.test.labels, logits.argmax(axis=1), name)
            found[f"mistakes_{short}"] = draw.mistakes(self.test.pictures, self.test.labels, logits, name)
            found[f"features_{short}"] = draw.feature_maps(
                self.test.pictures[0], net.features(self.test.images[:1])
            )
            found[f"kernels_{short}"] = draw.kernels(net.first_kernels(), name)
        found["gradient_norms"] = draw.gradient_norms({name: net.first_norms for name, net in self.nets.items()})
        return found | self.edges

    def drawn_edges(self) -> dict[str, np.ndarray]:
        """Return the photograph beside its edges; without it, say so: a training is not lost by it."""
        try:
            return {"edges": lab_module("experiment_pictures").edges(self.student, self.case.picture)}
        except NotImplementedError:
            self.notes.append(note("edge.py is not written yet, so there is no picture of edges"))
        except Exception as error:
            self.notes.append(
                note("there is no picture of edges: {why}", why=f"{type(error).__name__}: {error}"[:150])
            )
        return {}


class Net:
    """One net that learns, and its best parameters so far."""

    def __init__(self, student: Any, case: Any, name: str) -> None:
        training, values = lab_module("checks_training"), lab_module("checks_values")
        self.name, self.best_score = name, -1.0
        self.losses: list[float] = []
        self.kept_losses = -(-case.images // case.batch)
        self.first_norms: dict[str, float] = {}
        rate = case.rate or (HANDOUT_RATES[name] if case.rates == "handout" or name == "LeNet-5" else EQUAL_RATE)
        if name == "LeNet-5":
            lenet = lab_module("checks_lenet")
            net = student.lenet5.Model_LeNet(in_channels=1, num_classes=CLASSES)
            first = values.values_of(
                values.lenet_shapes(1, CLASSES), case.seed, biased=lenet.CONVOLUTIONS, fresh=True
            )
            parts = learning = lenet.load_lenet(student, net, first)
        else:
            resnet = lab_module("checks_resnet")
            residual = name == "with shortcuts"
            width = {} if case.width == FULL_WIDTH else {"width": case.width}
            net = student.resnet.Model_ResNet18(in_channels=1, num_classes=CLASSES, use_residual=residual, **width)
            shapes = values.resnet_shapes(1, CLASSES, case.width, resnet.has_shortcut(net, residual))
            first = values.values_of(shapes, case.seed, biased={"net.0.0"}, fresh=True)
            parts = values.load(student, net, first, "Model_ResNet18")
            learning = parts if residual else resnet.without_shortcuts(parts)
        self.parts, self.shapes = parts, {n: dict(v) for n, v in first.items()}
        self.learner = training.Trained(net, learning, training.kept(first), rate)
        self.best = self.values()

    def values(self) -> dict[str, np.ndarray]:
        """Return parameters and running statistics by name, as the handout shapes them."""
        found = {}
        for name, kinds in self.shapes.items():
            for kind, like in kinds.items():
                learned = kind in ("weight", "bias")
                value = self.learner.values[name][kind] if learned else self.parts[name].get(kind)
                found[f"{name}.{kind}"] = np.array(value, np.float32).reshape(like.shape)
        return found

    def put(self, values: Mapping[str, np.ndarray]) -> None:
        """Set parameters and running statistics."""
        for key, value in values.items():
            name, _, kind = key.rpartition(".")
            self.parts[name].put(kind, value)
            if kind in ("weight", "bias"):
                self.learner.values[name][kind] = value.copy()

    def keep_if_best(self, score: float) -> None:
        """Keep the parameters if the validation digits were never read better."""
        if score > self.best_score:
            self.best_score, self.best = score, self.values()

    def best_logits(self, images: np.ndarray) -> np.ndarray:
        """Return the logits of the best parameters so far; training goes on from the present ones."""
        now = self.values()
        self.put(self.best)
        lab_module("checks_access").set_mode(self.learner.net, False)
        starts = range(0, len(images), PREDICT_BATCH)
        logits = [np.array(self.learner.net.forward(images[s : s + PREDICT_BATCH].copy()), float) for s in starts]
        self.put(now)
        return np.concatenate(logits)

    def norms(self) -> dict[str, float]:
        """Return the norm of every weight's gradient, relative to that of the weight, convolutions and linear."""
        return {
            name: gradient / weight
            for name, gradient, weight in self.learner.norms()
            if self.shapes[name]["weight"].ndim > 1 and weight
        }

    def features(self, image: np.ndarray) -> dict[str, np.ndarray]:
        """Return the maps of one picture on its way: what layers that begin a stage get, and what some give."""
        found: dict[str, np.ndarray] = {}
        listened = [self.parts[part].layer for part in STAGES[self.name] if part in self.parts]
        for part, (before, after) in STAGES[self.name].items():
            if part in self.parts:
                layer = self.parts[part].layer
                layer.forward = _listening(layer.forward, before, after, found)
        now = self.values()
        try:
            self.put(self.best)
            lab_module("checks_access").set_mode(self.learner.net, False)
            self.learner.net.forward(image.copy())
        finally:
            self.put(now)
            for layer in listened:
                del layer.forward
        return found

    def first_kernels(self) -> np.ndarray:
        """Return the kernels of the first convolution as the best parameters have them, (P, D, U, V)."""
        return self.best[f"{next(iter(STAGES[self.name]))}.weight"]

    def state(self) -> dict[str, Any]:
        """Return what is needed to go on, the same names and shapes every time."""
        return {
            **{f"now/{key}": value for key, value in self.values().items()},
            **{f"best/{key}": value for key, value in self.best.items()},
            **{f"norm/{key}": np.float64(value) for key, value in self.first_norms.items()},
            "best_score": np.float64(self.best_score),
            "losses": np.array([*self.losses, *[np.nan] * (self.kept_losses - len(self.losses))], np.float64),
        }

    def go_on_from(self, state: Mapping[str, np.ndarray]) -> None:
        """Put back what `state` returned, if it is a state."""
        if not state:
            return
        self.put(part_of(state, "now/"))
        self.best = part_of(state, "best/")
        self.first_norms = {key: float(value) for key, value in part_of(state, "norm/").items()}
        self.best_score = float(state["best_score"])
        self.losses = [float(loss) for loss in state["losses"] if np.isfinite(loss)]


def _listening(forward: Any, before: str, after: str, found: dict[str, np.ndarray]) -> Any:
    """Return a forward that notes the first picture of its input and of its output; an empty label leaves one out."""

    def listened(x: Any, *rest: Any) -> Any:
        if before:
            found[before] = np.array(x, np.float32)[0]
        y = forward(x, *rest)
        if after:
            found[after] = np.array(y, np.float32)[0]
        return y

    return listened
