"""The whole experiment: train one of the six networks on CIFAR-10 with the submission's own layers.

A record covers a few mini-batches. Everything random comes from the seed and the step, so that a run that was left goes on
as if it had not been.
"""

from __future__ import annotations

import tarfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import numpy as np

from grader.lab.experiments import Record, Snapshot, named, note, part_of

from .experiment_pictures import (
    CLASSES,
    bars_picture,
    confusion_picture,
    features_picture,
    kernels_picture,
    predictions_picture,
)

SUBSET = Path(__file__).with_name("cifar10_subset.npz")
ARCHIVE_FOLDER = "cifar-10-batches-bin"
SIDE, CHANNELS = 32, 3
# A record takes about as long for every network: full-width ResNet18 needs ten times as long for a batch as Inception10.
BATCHES_A_RECORD = {"Baseline": 8, "LeNet5": 8, "Inception10": 2}
# Layers keep what their backward pass would need: with more pictures at a time, full-width ResNet18 fills the memory.
TESTED_AT_ONCE, SETTLED_BY, SETTLED_AT_ONCE = 20, 384, 32
NETS = ("Baseline", "LeNet5", "AlexNet8", "VGG16", "Inception10", "ResNet18")
ARGUMENTS = {"Inception10": (2, 10), "ResNet18": ([2, 2, 2, 2],)}
MOMENTUM = 0.99
# Moving statistics that are less than this share of their first value count as settled.
SETTLED = 0.02
# Of another project with these networks, TensorFlow 2, 100 epochs of all of CIFAR-10, enlarged by shifted and mirrored copies.
PUBLISHED = {"AlexNet8": 0.784, "VGG16": 0.923, "Inception10": 0.930, "ResNet18": 0.951}


def run(student: Any, case: Any, state: Mapping[str, np.ndarray]) -> Iterator[Record]:
    """Yield a record after every few mini-batches; see `grader.lab.experiments`."""
    training = Training(student, case, state)
    done = int(state.get("done", 0))
    total = case.epochs * training.batches
    notes = [
        note(
            "pictures to learn from: {train}, to test with: {test}; steps of an epoch: {steps}",
            train=len(training.x),
            test=len(training.x_test),
            steps=training.batches,
        )
    ]
    notes += training.warnings(total)

    def snapshot() -> Snapshot:
        return Snapshot({"done": np.int64(done), **training.state()}, *training.results(done))

    if done >= total:
        yield Record(done, done, {}, snapshot, notes)
    while done < total:
        done, curves = training.advance(done)
        yield Record(done, total, curves, snapshot, notes)


class Training:
    """The network and its data."""

    def __init__(self, student: Any, case: Any, state: Mapping[str, np.ndarray]) -> None:
        self.student, self.name = student, case.net
        self.seed, self.batch = case.seed, case.batch
        train, labels, self.pictures, test_labels = subset() if case.data == "subset" else full(student)
        count = case.images or len(train)
        self.x, self.y = train[:count], labels[:count].astype(np.int64)
        self.x_test, self.labels_test = scaled(self.pictures), test_labels.astype(np.int64)
        self.batches = -(-len(self.x) // self.batch)
        student.tape.set_seed(self.seed)
        np.random.seed(self.seed)
        self.net = getattr(student.nets, self.name)(*narrowed(ARGUMENTS.get(self.name, ()), self.name, case.width))
        self.net.compile(
            student.layers.Adam(learning_rate=case.rate),
            student.layers.SparseCategoricalCrossentropy(self.ends_in_logits()),
        )
        if state:
            self.go_on_from(state)

    def ends_in_logits(self) -> bool:
        """Whether the network's outputs are logits: they do not add up to 1."""
        outputs = np.asarray(self.net.forward(self.x_test[:2]))
        return not np.allclose(outputs.sum(axis=1), 1, atol=1e-3)

    def norms(self) -> list[Any]:
        """Return the layers with moving statistics."""
        return [layer for layer in self.net.leaves() if hasattr(layer, "moving_variance")]

    def unsettled(self, done: int) -> bool:
        """Whether the moving statistics still hold much of their first values."""
        return bool(self.norms()) and MOMENTUM**done > SETTLED

    def warnings(self, total: int) -> list[dict[str, Any]]:
        """Say what a person should know before they look at the accuracy."""
        found = []
        if self.unsettled(total):
            found += [
                note(
                    "batch normalisation has not settled: at the end (steps: {steps}) its moving statistics are "
                    "{share} first values, so what the network answers says little",
                    share=f"{MOMENTUM**total:.0%}",
                    steps=total,
                ),
                note("`settled accuracy` and the pictures are with statistics taken anew from training pictures"),
            ]
        if self.name == "LeNet5" and len(self.x) * (total / self.batches) < 50_000:
            found.append(note("LeNet5 with its sigmoids stays at chance for a long time on so few pictures"))
        return found

    def advance(self, done: int) -> tuple[int, dict[str, float]]:
        """Let the network learn from the next mini-batches; return how many were done so far, and the curves."""
        epoch, place = divmod(done, self.batches)
        end = min(place + BATCHES_A_RECORD.get(self.name, 1), self.batches)
        order = np.random.default_rng([self.seed, epoch]).permutation(len(self.x))
        self.student.tape.set_seed([self.seed, done])
        np.random.seed((self.seed * 1_000_003 + done) % 2**32)
        losses, shares = [], []
        for number in range(place, end):
            chosen = order[number * self.batch : (number + 1) * self.batch]
            loss, share = self.net.train_on_batch(scaled(self.x[chosen]), self.y[chosen])
            losses.append(loss)
            shares.append(share)
        curves = {
            "accuracy/Training Accuracy": float(np.mean(shares)),
            "loss/Training Loss": float(np.mean(losses)),
        }
        done = epoch * self.batches + end
        if end == self.batches:
            curves |= self.validated("")
            if self.unsettled(done):
                with self.settled():
                    curves |= self.validated(" settled")
        return done, curves

    def validated(self, kind: str) -> dict[str, float]:
        """Return accuracy and loss of the test pictures as points of curves."""
        probabilities = self.probabilities(self.x_test)
        right = np.clip(probabilities[np.arange(len(probabilities)), self.labels_test], 1e-7, 1)
        return {
            f"accuracy/Validation Accuracy{kind}": self.accuracy(probabilities),
            f"loss/Validation Loss{kind}": float(-np.log(right).mean()),
        }

    def probabilities(self, x: np.ndarray) -> np.ndarray:
        """Return the network's probabilities, float64, some pictures at a time."""
        parts = [
            np.array(self.net.forward(x[start : start + TESTED_AT_ONCE]), np.float64)
            for start in range(0, len(x), TESTED_AT_ONCE)
        ]
        found = np.concatenate(parts)
        if self.net.loss.from_logits:
            powers = np.exp(found - found.max(axis=1, keepdims=True))
            found = powers / powers.sum(axis=1, keepdims=True)
        return found

    def accuracy(self, probabilities: np.ndarray) -> float:
        """Return the share of the test pictures whose class is right."""
        return float(np.mean(probabilities.argmax(axis=1) == self.labels_test))

    @contextmanager
    def settled(self) -> Iterator[None]:
        """Put statistics taken anew from training pictures in place of the moving ones; afterwards all is as before."""
        norms = self.norms()
        kept = [(layer.moving_mean.value, layer.moving_variance.value) for layer in norms]
        few = self.x[:SETTLED_BY]
        batches = [scaled(few[start : start + SETTLED_AT_ONCE]) for start in range(0, len(few), SETTLED_AT_ONCE)]
        sums = [[np.zeros_like(mean, np.float64), np.zeros_like(variance, np.float64)] for mean, variance in kept]
        try:
            for batch in batches:
                for layer, (mean, variance) in zip(norms, kept, strict=True):
                    layer.moving_mean.value, layer.moving_variance.value = (
                        np.zeros_like(mean),
                        np.zeros_like(variance),
                    )
                self.net.forward(batch, training=True)
                # From 0, one batch leaves a hundredth of its own statistics.
                for layer, total in zip(norms, sums, strict=True):
                    total[0] += np.asarray(layer.moving_mean.value, np.float64) / (1 - MOMENTUM) / len(batches)
                    total[1] += np.asarray(layer.moving_variance.value, np.float64) / (1 - MOMENTUM) / len(batches)
            for layer, total in zip(norms, sums, strict=True):
                layer.moving_mean.value, layer.moving_variance.value = (part.astype(np.float32) for part in total)
            yield
        finally:
            for layer, (mean, variance) in zip(norms, kept, strict=True):
                layer.moving_mean.value, layer.moving_variance.value = mean, variance

    def state(self) -> dict[str, Any]:
        """Return all variables and what the optimiser keeps."""
        found = {f"variable/{number}": np.array(v.value) for number, v in enumerate(self.net.variables)}
        numbers = {id(variable): number for number, variable in enumerate(self.net.trainable_variables)}
        return found | leaves(vars(self.net.optimizer), "optimizer", numbers)

    def go_on_from(self, state: Mapping[str, np.ndarray]) -> None:
        """Put back what `state` returned."""
        for number, variable in enumerate(self.net.variables):
            variable.assign(state[f"variable/{number}"])
        variables = self.net.trainable_variables
        for name, value in part_of(state, "optimizer/").items():
            put_leaf(self.net.optimizer, name.split("/"), value, variables)

    def results(self, done: int) -> tuple[dict[str, np.ndarray], dict[str, float]]:
        """Return pictures, and results in numbers; while the moving statistics have not settled, with others."""
        unsettled = self.unsettled(done)
        numbers = {}
        if unsettled:
            accuracy_of_moving = self.accuracy(self.probabilities(self.x_test))
        with self.settled() if unsettled else nullcontext():
            probabilities = self.probabilities(self.x_test)
            stages = self.stages()
        accuracy = self.accuracy(probabilities)
        numbers[named("settled accuracy") if unsettled else named("test accuracy")] = accuracy
        if unsettled:
            numbers[named("test accuracy with moving statistics that have not settled")] = accuracy_of_moving
        if self.norms():
            numbers[named("first values left in the moving statistics")] = MOMENTUM**done
        table = np.zeros((10, 10), np.int64)
        np.add.at(table, (self.labels_test, probabilities.argmax(axis=1)), 1)
        wrong = table - np.diag(np.diag(table))
        if wrong.any():
            right, answer = divmod(int(wrong.argmax()), 10)
            told = named("most often wrong: {right} taken for {said}", right=CLASSES[right], said=CLASSES[answer])
            numbers[told] = float(wrong.max())
        pictures = {
            "predictions": predictions_picture(self.pictures, self.labels_test, probabilities),
            "confusion": confusion_picture(table),
            "features": features_picture(self.pictures[0], stages),
            "networks": bars_picture(self.sizes(), self.name, accuracy, PUBLISHED, settled=unsettled),
        }
        first = next(
            (layer for layer in self.net.leaves() if np.ndim(getattr(layer.kernel, "value", 0)) == 4), None
        )
        if first is not None:
            pictures["kernels"] = kernels_picture(np.asarray(first.kernel.value))
        return pictures, numbers

    def stages(self) -> list[np.ndarray]:
        """Return the feature maps (rows, columns, channels) of the first test picture, the last ones of each size."""
        tape = self.student.tape.Tape()
        self.net(tape.watch(self.x_test[:1]))
        maps = [record.output.value[0] for record in tape.records if record.output.value.ndim == 4]
        return [now for now, after in zip(maps, [*maps[1:], None], strict=True)
                if after is None or after.shape[0] != now.shape[0]]  # fmt: skip

    def sizes(self) -> dict[str, tuple[int, int]]:
        """Return parameters and multiply-adds for one picture of all networks that run."""
        found = {}
        for name in NETS:
            try:
                net = getattr(self.student.nets, name)(*ARGUMENTS.get(name, ()))
                tape = self.student.tape.Tape()
                net(tape.watch(self.x_test[:1]))
            except Exception:
                # Not written yet, or not right: the network that trains is not lost by another.
                continue
            layers = {id(r.layer): r for r in tape.records if hasattr(r.layer, "kernel")}.values()
            work = sum(
                int(np.prod(record.output.shape[1:])) * int(np.prod(record.layer.kernel.shape[:-1]))
                for record in layers
            )
            found[name] = (net.count_params(), work)
        return found


def narrowed(arguments: tuple[Any, ...], name: str, width: int) -> tuple[Any, ...]:
    """Return the arguments of a network with another number of first channels, where it takes one."""
    return (*arguments, width) if width and name in ARGUMENTS else arguments


def subset() -> tuple[np.ndarray, ...]:
    """Return pictures and labels that come with the lab."""
    with np.load(SUBSET) as stored:
        return tuple(stored[name].reshape(-1) if name[0] == "y" else stored[name]
                     for name in ("x_train", "y_train", "x_test", "y_test"))  # fmt: skip


def full(student: Any) -> tuple[np.ndarray, ...]:
    """Return all of CIFAR-10 from its public archive: a label and 3072 bytes, channels first, for each picture."""
    parts: dict[str, list[np.ndarray]] = {"data": [], "test": []}
    with tarfile.open(student.resource_file("cifar10")) as archive:
        for name in [*(f"data_batch_{number}.bin" for number in range(1, 6)), "test_batch.bin"]:
            content = archive.extractfile(f"{ARCHIVE_FOLDER}/{name}")
            assert content is not None
            rows = np.frombuffer(content.read(), np.uint8).reshape(-1, 1 + CHANNELS * SIDE * SIDE)
            parts[name.partition("_")[0]].append(rows)
    found: list[np.ndarray] = []
    for rows in (np.concatenate(parts["data"]), np.concatenate(parts["test"])):
        pictures = rows[:, 1:].reshape(-1, CHANNELS, SIDE, SIDE).transpose(0, 2, 3, 1)
        found += [np.ascontiguousarray(pictures), rows[:, 0]]
    return tuple(found)


def scaled(pictures: np.ndarray) -> np.ndarray:
    """Return pictures as the networks take them: float32, 0 to 1."""
    return pictures.astype(np.float32) / np.float32(255)


def leaves(tree: Any, prefix: str, numbers: Mapping[int, int]) -> dict[str, np.ndarray]:
    """Return the arrays and numbers in nested containers, under names that say how to put them back.

    What an optimiser keeps for a variable under its ``id`` is named by the variable's number.
    """
    found: dict[str, np.ndarray] = {}
    if isinstance(tree, Mapping):
        for key, value in tree.items():
            part = f"v{numbers[key]}" if key in numbers else f"k{key}"
            found |= leaves(value, f"{prefix}/{part}", numbers)
        return found
    if isinstance(tree, list | tuple):
        for number, value in enumerate(tree):
            found |= leaves(value, f"{prefix}/{'l' if isinstance(tree, list) else 't'}{number}", numbers)
        return found
    return {prefix: np.array(tree)} if np.asarray(tree).dtype.kind in "fiub" else {}


def put_leaf(owner: Any, path: list[str], value: np.ndarray, variables: list[Any]) -> None:
    """Put a leaf back; containers that are not there yet are made, a number comes back as a number."""
    attribute = path[0][1:]
    if len(path) == 1:
        setattr(owner, attribute, value.item() if value.ndim == 0 else value.copy())
    else:
        setattr(owner, attribute, with_leaf(getattr(owner, attribute), path[1:], value, variables))


def with_leaf(tree: Any, path: list[str], value: np.ndarray, variables: list[Any]) -> Any:
    """Return the container with the leaf in it."""
    if not path:
        return value.item() if value.ndim == 0 else value.copy()
    kind, name = path[0][0], path[0][1:]
    if kind in "vk":
        tree = {} if tree is None else tree
        key: Any = id(variables[int(name)]) if kind == "v" else name
        tree[key] = with_leaf(tree.get(key), path[1:], value, variables)
        return tree
    items = list(tree or ())
    items += [None] * (int(name) + 1 - len(items))
    items[int(name)] = with_leaf(items[int(name)], path[1:], value, variables)
    return items if kind == "l" else tuple(items)
