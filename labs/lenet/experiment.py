"""The whole experiment: train LeNet on handwritten digits with the submission's own network and layers.

A record covers a few mini-batches, which the submission's ``fit`` takes as if they were all there is. Everything
random comes from the seed and the step, so that a run that was left goes on as if it had not been.
"""

from __future__ import annotations

import gzip
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from grader.lab.experiments import Record, Snapshot, named, note, part_of

CLASSES = 10
BATCHES_A_RECORD = 5
TEST_BATCH = 128
NETWORKS = {"gemm": "LeNet_gemm", "loops": "LeNet"}
SUBSET = Path(__file__).with_name("mnist_subset.npz")
FULL = (
    "train-images-idx3-ubyte.gz",
    "train-labels-idx1-ubyte.gz",
    "t10k-images-idx3-ubyte.gz",
    "t10k-labels-idx1-ubyte.gz",
)
IDX_HEADER_BYTES = {"idx3": 16, "idx1": 8}
SIDE = 28
# Pictures: digits are enlarged three times, eight in a row.
ENLARGED, IN_A_ROW, SHOWN, CAPTION_ROWS, GAP = 3, 8, 40, 22, 6
KERNEL_CELL, KERNELS_IN_A_ROW = 18, 6
RIGHT_COLOUR, WRONG_COLOUR, PAPER = (0, 110, 60), (200, 40, 0), 255
# The digits 0 to 9, three columns and five rows each.
GLYPHS = (
    "111101101101111", "010110010010111", "111001111100111", "111001111001111", "101101111001001",
    "111100111001111", "111100111101111", "111001001010010", "111101111101111", "111101111001111",
)  # fmt: skip


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

    def snapshot() -> Snapshot:
        return Snapshot({"done": np.int64(done), **training.state()}, *training.results())

    if done >= total:
        yield Record(done, done, {}, snapshot, notes)
    while done < total:
        done, curves = training.advance(done)
        yield Record(done, total, curves, snapshot, notes)


class Training:
    """The network and its data."""

    def __init__(self, student: Any, case: Any, state: Mapping[str, np.ndarray]) -> None:
        self.seed, self.batch = case.seed, case.batch
        train, labels, test, test_labels = subset() if case.data == "subset" else full(student)
        count = case.images or len(train)
        self.x, self.y = prepared(train[:count]), one_hot(labels[:count])
        self.digits, self.x_test, self.labels_test = test, prepared(test), test_labels.astype(np.int64)
        self.batches = -(-len(self.x) // self.batch)
        np.random.seed(self.seed)
        self.network = getattr(student.lenet, NETWORKS[case.layers])(optimizer=f"adam(lr={case.rate})")
        self.network.loss = self.heard = Heard(self.network.loss)
        if state:
            self.go_on_from(state)

    def advance(self, done: int) -> tuple[int, dict[str, float]]:
        """Let the network learn from the next mini-batches; return how many were done so far, and the curves."""
        epoch, place = divmod(done, self.batches)
        end = min(place + BATCHES_A_RECORD, self.batches)
        order = np.random.default_rng([self.seed, epoch]).permutation(len(self.x))
        chosen = order[place * self.batch : end * self.batch]
        np.random.seed((self.seed * 1_000_003 + done) % 2**32)
        self.heard.forget()
        self.network.fit(
            self.x[chosen], self.y[chosen], n_epochs=1, batch_size=self.batch, verbose=False, epo_verbose=False
        )
        curves = self.heard.means()
        if end == self.batches:
            curves |= self.tested()
        return epoch * self.batches + end, curves

    def tested(self) -> dict[str, float]:
        """Return loss and accuracy on the pictures that the network does not learn from."""
        logits = self.logits()
        shifted = logits - logits.max(axis=1, keepdims=True)
        log_probabilities = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
        places = np.arange(len(logits)), self.labels_test
        return {
            "loss/test": float(-log_probabilities[places].mean()),
            "accuracy/test": float(np.mean(logits.argmax(axis=1) == self.labels_test)),
        }

    def logits(self) -> np.ndarray:
        """Return the network's outputs for all test pictures, float64."""
        parts = []
        for start in range(0, len(self.x_test), TEST_BATCH):
            logits, _ = self.network.forward(self.x_test[start : start + TEST_BATCH].copy())
            parts.append(np.array(logits, np.float64))
            # What a forward pass keeps for the backward pass must not be there when training goes on.
            self.network.flush_gradients()
        return np.concatenate(parts)

    def state(self) -> dict[str, Any]:
        """Return all parameters, and what the optimisers keep, under names such as ``FC3/params/W``."""
        found: dict[str, Any] = {}
        for name, layer in self.network.layers.items():
            found |= {f"{name}/params/{key}": np.array(value) for key, value in layer.params.items()}
            found |= leaves(getattr(layer.optimizer, "cache", {}), f"{name}/optimizer")
        return found

    def go_on_from(self, state: Mapping[str, np.ndarray]) -> None:
        """Put back what `state` returned; one forward pass lets the layers make their parameters first."""
        self.network._set_params()
        self.network.forward(self.x[:1].copy())
        self.network.flush_gradients()
        for name, layer in self.network.layers.items():
            for key, value in part_of(state, f"{name}/params/").items():
                layer.params[key] = value.copy()
            for key, value in part_of(state, f"{name}/optimizer/").items():
                put_leaf(layer.optimizer.cache, key.split("/"), value)

    def results(self) -> tuple[dict[str, np.ndarray], dict[str, float]]:
        """Return pictures of the mistakes and of the first kernels, and the accuracy on the test pictures."""
        logits = self.logits()
        said = logits.argmax(axis=1)
        wrong = np.flatnonzero(said != self.labels_test)
        numbers = {
            named("test accuracy"): 1 - len(wrong) / len(said),
            named("wrong, of {count} digits", count=len(said)): float(len(wrong)),
        }
        if len(wrong):
            pairs = self.labels_test[wrong] * CLASSES + said[wrong]
            kinds, counts = np.unique(pairs, return_counts=True)
            digit, read = divmod(int(kinds[counts.argmax()]), CLASSES)
            numbers[named("most often: a {digit} read as a {read}", digit=digit, read=read)] = float(counts.max())
        # The surest mistakes first.
        margin = logits[wrong, said[wrong]] - logits[wrong, self.labels_test[wrong]]
        shown = wrong[np.argsort(-margin, kind="stable")][:SHOWN]
        pictures = {
            "misclassified": mistakes_picture(self.digits[shown], self.labels_test[shown], said[shown]),
            "kernels": kernels_picture(np.asarray(self.network.layers["Conv1"].params["W"])),
        }
        return pictures, numbers


class Heard:
    """Stands in for a network's loss and listens: keeps loss and accuracy of every mini-batch."""

    def __init__(self, loss: Any) -> None:
        self.loss = loss
        self.forget()

    def forget(self) -> None:
        """Start anew."""
        self.losses: list[float] = []
        self.right = self.seen = 0

    def __call__(self, y_true: np.ndarray, y_pred: np.ndarray) -> Any:
        value = self.loss(y_true, y_pred)
        self.losses.append(float(value))
        self.right += int(np.sum(np.argmax(y_pred, axis=1) == np.argmax(y_true, axis=1)))
        self.seen += len(y_true)
        return value

    def __getattr__(self, name: str) -> Any:
        return getattr(self.loss, name)

    def means(self) -> dict[str, float]:
        """Return the mean loss and the accuracy since the start; nothing if the loss was not called."""
        if not self.losses:
            return {}
        return {"loss/train": float(np.mean(self.losses)), "accuracy/train": self.right / self.seen}


def subset() -> tuple[np.ndarray, ...]:
    """Return pictures and labels that come with the lab."""
    with np.load(SUBSET) as stored:
        return tuple(stored[name] for name in ("x_train", "y_train", "x_test", "y_test"))


def full(student: Any) -> tuple[np.ndarray, ...]:
    """Return pictures and labels of all of MNIST, in the format of its public files."""
    folder = Path(student.resource_file("mnist")).parent
    found = []
    for name in FULL:
        kind = "idx3" if "idx3" in name else "idx1"
        data = np.frombuffer(gzip.decompress((folder / name).read_bytes()), np.uint8)[IDX_HEADER_BYTES[kind] :]
        found.append(data.reshape(-1, SIDE, SIDE) if kind == "idx3" else data)
    return tuple(found)


def prepared(pictures: np.ndarray) -> np.ndarray:
    """Return pictures as the network takes them: (N, 28, 28, 1), float32, -1 to 1."""
    return (pictures.astype(np.float32) / np.float32(127.5) - np.float32(1))[..., None]


def one_hot(labels: np.ndarray) -> np.ndarray:
    """Return labels as rows with a single one, float32."""
    return np.eye(CLASSES, dtype=np.float32)[labels]


def leaves(tree: Any, prefix: str) -> dict[str, np.ndarray]:
    """Return the arrays and numbers in nested dictionaries, under names with slashes."""
    if isinstance(tree, Mapping):
        found: dict[str, np.ndarray] = {}
        for key, value in tree.items():
            found |= leaves(value, f"{prefix}/{key}")
        return found
    return {prefix: np.array(tree)} if np.asarray(tree).dtype.kind in "fiub" else {}


def put_leaf(tree: Any, keys: list[str], value: np.ndarray) -> None:
    """Put a leaf back into nested dictionaries; a number comes back as a number."""
    for key in keys[:-1]:
        tree = tree.setdefault(key, {})
    tree[keys[-1]] = value.item() if value.ndim == 0 else value.copy()


def mistakes_picture(digits: np.ndarray, labels: np.ndarray, said: np.ndarray) -> np.ndarray:
    """Return a picture of digits (N, 28, 28), uint8, with the right label (left) and the network's below each."""
    side = SIDE * ENLARGED
    rows = max(1, -(-len(digits) // IN_A_ROW))
    page = np.full((rows * (side + CAPTION_ROWS + GAP), IN_A_ROW * (side + GAP), 3), PAPER, np.uint8)
    for number, digit in enumerate(digits):
        top, left = (number // IN_A_ROW) * (side + CAPTION_ROWS + GAP), (number % IN_A_ROW) * (side + GAP)
        page[top : top + side, left : left + side] = (
            (255 - digit).repeat(ENLARGED, 0).repeat(ENLARGED, 1)[..., None]
        )
        for value, colour, offset in ((labels[number], RIGHT_COLOUR, 18), (said[number], WRONG_COLOUR, side - 30)):
            glyph = np.array([bit == "1" for bit in GLYPHS[int(value)]]).reshape(5, 3)
            mask = glyph.repeat(ENLARGED, 0).repeat(ENLARGED, 1)
            place = page[top + side + 4 : top + side + 19, left + offset : left + offset + 9]
            place[mask] = colour
    return page


def kernels_picture(weight: np.ndarray) -> np.ndarray:
    """Return a picture of kernels (rows, columns, 1, count): red is positive, blue negative, white nothing."""
    rows, columns, _, count = weight.shape
    lines = -(-count // KERNELS_IN_A_ROW)
    height, width = rows * KERNEL_CELL + 2 * GAP, columns * KERNEL_CELL + 2 * GAP
    page = np.full((lines * height, min(count, KERNELS_IN_A_ROW) * width, 3), PAPER, np.uint8)
    for number in range(count):
        values = weight[:, :, 0, number] / (np.abs(weight[:, :, 0, number]).max() or 1)
        cells = np.full((rows, columns, 3), PAPER, np.float64)
        cells[..., 1:] -= np.maximum(values, 0)[..., None] * 215
        cells[..., :2] -= np.maximum(-values, 0)[..., None] * 215
        tile = np.round(cells).astype(np.uint8).repeat(KERNEL_CELL, 0).repeat(KERNEL_CELL, 1)
        top, left = (number // KERNELS_IN_A_ROW) * height + GAP, (number % KERNELS_IN_A_ROW) * width + GAP
        page[top : top + len(tile), left : left + tile.shape[1]] = tile
        # A frame, so that a kernel's white cells are told from the paper.
        page[[top - 1, top + len(tile)], left - 1 : left + tile.shape[1] + 1] = 150
        page[top - 1 : top + len(tile) + 1, [left - 1, left + tile.shape[1]]] = 150
    return page
