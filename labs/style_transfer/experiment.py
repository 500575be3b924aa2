"""The whole experiment: paint a photograph in the style of a painting with the submission's own layers.

One step is the handout's: forward, both losses, each brought back to the picture, Adam. Where the weights end before
a layer of the losses, the layers that there are take over, and a note says which.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from grader.lab.experiments import Record, Snapshot, kept_attributes, named, note, part_of, put_back

LONGEST_SIDE = 1280  # of the picture that is kept
MEASURED = ("relu1_1", "relu1_2", "relu2_1", "relu2_2", "relu3_1", "relu3_2", "relu4_1", "relu4_2", "relu5_1")
# Structural similarity, as in section III of its paper: a Gaussian window of 11 pixels, and the two constants.
WINDOW, SIGMA, K1, K2, LARGEST_VALUE = 11, 1.5, 0.01, 0.03, 255
GREY = (0.299, 0.587, 0.114)  # luma of red, green and blue
Features = Mapping[str, np.ndarray]


def run(student: Any, case: Any, state: Features) -> Iterator[Record]:
    """Yield a record after every step; see `grader.lab.experiments`."""
    transfer = Transfer(student, case)
    done = int(state.get("done", 0))
    picture, optimiser = transfer.begin(case, part_of(state, "optimiser/"), state.get("picture"))

    def snapshot() -> Snapshot:
        return Snapshot(
            state={
                "done": np.int64(done),
                "picture": np.array(picture),
                **{f"optimiser/{name}": value for name, value in kept_attributes(optimiser).items()},
            },
            pictures=transfer.pictures(picture),
            numbers=transfer.measures(picture),
        )

    if done >= case.steps:
        yield Record(done, done, {}, snapshot, transfer.notes)
    while done < case.steps:
        losses, gradient = transfer.gradient(picture)
        picture = optimiser.update(picture, gradient)
        done += 1
        curves = {"loss/total": sum(losses), "loss/content": losses[0], "loss/style": losses[1]}
        yield Record(done, case.steps, curves, snapshot, transfer.notes)


class Transfer:
    """The network, the pictures and what is wanted of them."""

    def __init__(self, student: Any, case: Any) -> None:
        self.student = student
        self.program = student.exp_3_3_style_transfer
        self.rows, self.columns = case.size
        self.content_weight, self.style_weight = case.alpha, case.beta
        file = student.resource_file("checkpoint")
        self.network = self.program.VGG19(param_path=file)
        self.network.build_model()
        self.network.init_model()
        self.network.load_model()
        self.notes: list[dict[str, Any]] = []
        names = usable_layers(file, self.network.param_layer_name)
        self.content_layers = self.chosen("content", case.content_layers, names)
        self.style_layers = self.chosen("style", case.style_layers, names)
        measured = [name for name in MEASURED if name in names]
        self.wanted = list(dict.fromkeys([*self.content_layers, *self.style_layers, *measured]))
        # Nothing behind the last layer that is looked at changes the result; it would only take time.
        last = max(names.index(name) for name in self.wanted)
        # A slice stays the list or the tuple that it was: the course's own line calls `list.index` on it.
        self.network.param_layer_name = self.network.param_layer_name[: last + 1]
        self.content, self.shape = self.loaded(case.content)
        self.painting, _ = self.loaded(case.style)
        seen = self.features(self.content)
        self.wanted_content = {name: seen[name] for name in self.content_layers}
        self.grams_of_content = {name: gram(value) for name, value in seen.items()}
        seen = self.features(self.painting)
        self.wanted_style = {name: seen[name] for name in self.style_layers}
        self.content_of_painting = {name: seen[name] for name in self.content_layers}
        self.grams_of_style = {name: gram(value) for name, value in seen.items()}
        self.content_loss = student.layers_3.ContentLossLayer()
        self.style_loss = student.layers_3.StyleLossLayer()

    def chosen(self, kind: str, asked: Sequence[str], names: Sequence[str]) -> list[str]:
        """Return the layers that were asked for and that the weights have, or the last ReLU that they have."""
        found = [name for name in asked if name in names]
        missing = [name for name in asked if name not in names]
        if not found:
            found = [name for name in names if name.startswith("relu")][-1:]
            self.student.require(bool(found), "the weights have no layer at which a loss could be taken")
        if missing:
            names_of = {"missing": ", ".join(missing), "found": ", ".join(found)}
            if kind == "content":
                said = note("the weights end before {missing}: content is taken at {found} only", **names_of)
            else:
                said = note("the weights end before {missing}: style is taken at {found} only", **names_of)
            self.notes.append(said)
        return found

    def loaded(self, data: np.ndarray) -> tuple[np.ndarray, Sequence[int]]:
        """Return a picture from the bytes of its file as the submission's ``load_image`` reads it."""
        with TemporaryDirectory() as folder:
            file = Path(folder, "picture.jpg" if bytes(data[:2]) == b"\xff\xd8" else "picture.png")
            file.write_bytes(data.tobytes())
            image, shape = self.network.load_image(str(file), self.rows, self.columns)
        return np.array(image), [int(number) for number in shape[:2]]

    def begin(self, case: Any, moments: Features, picture: np.ndarray | None) -> tuple[np.ndarray, Any]:
        """Return the picture to start from, or to go on from, and the optimiser."""
        if picture is None:
            np.random.seed(case.seed)
            picture = np.array(self.program.get_random_img(self.content.copy(), case.noise))
        optimiser = self.program.AdamOptimizer(case.rate, picture.shape)
        put_back(optimiser, moments)
        return picture, optimiser

    def features(self, picture: np.ndarray) -> dict[str, np.ndarray]:
        """Return the outputs that are looked at, as arrays of our own: the next pass may write into the old ones."""
        seen = self.network.forward(picture.copy(), list(self.wanted))
        return {name: np.array(seen[name]) for name in self.wanted}

    def gradient(self, picture: np.ndarray) -> tuple[tuple[float, float], np.ndarray]:
        """Return both losses, weighted, and their gradient with respect to the picture."""
        seen = self.features(picture)
        content, style = 0.0, 0.0
        at_layer: dict[str, np.ndarray] = {}
        for name in self.content_layers:
            weight = self.content_weight / len(self.content_layers)
            content += weight * float(self.content_loss.forward(seen[name], self.wanted_content[name]))
            at_layer[name] = weight * self.content_loss.backward(seen[name], self.wanted_content[name])
        for name in self.style_layers:
            weight = self.style_weight / len(self.style_layers)
            style += weight * float(self.style_loss.forward(seen[name], self.wanted_style[name]))
            share = weight * self.style_loss.backward(seen[name], self.wanted_style[name])
            at_layer[name] = at_layer[name] + share if name in at_layer else share
        gradient = np.zeros(picture.shape)
        for name, share in at_layer.items():
            gradient += self.network.backward(share, name)
        return (content, style), gradient

    def pictures(self, picture: np.ndarray) -> dict[str, np.ndarray]:
        """Return the result in the shape of the photograph, and the three pictures side by side."""
        scale = min(1.0, LONGEST_SIDE / max(self.shape))
        shape = [max(1, round(side * scale)) for side in self.shape]
        three = [self.drawn(each, [self.rows, self.columns]) for each in (self.content, self.painting, picture)]
        return {"stylised": self.drawn(picture, shape), "side_by_side": np.concatenate(three, axis=1)}

    def drawn(self, picture: np.ndarray, shape: Sequence[int]) -> np.ndarray:
        """Return a picture of the network as the submission's ``save_image`` writes it, (rows, columns, 3), uint8."""
        import cv2

        with TemporaryDirectory() as folder:
            file = str(Path(folder, "picture.png"))
            self.network.save_image(picture.copy(), (*shape, 3), file)
            image = cv2.imread(file, cv2.IMREAD_COLOR)
        self.student.require(image is not None, "`save_image` wrote no picture")
        return np.ascontiguousarray(image[:, :, ::-1])

    def measures(self, picture: np.ndarray) -> dict[str, float]:
        """Return how good the result is; the handout's section on quality says what the numbers mean."""
        seen = self.features(picture)
        numbers = {}
        for name in sorted(self.wanted, key=lambda name: name.removeprefix("relu")):
            start = distance(self.grams_of_content[name], self.grams_of_style[name])
            if start > 0:
                if name in self.style_layers:
                    told = named("style distance, {name} (in the loss)", name=name)
                else:
                    told = named("style distance, {name} (not in the loss)", name=name)
                numbers[told] = distance(gram(seen[name]), self.grams_of_style[name]) / start
        for name in self.content_layers:
            start = distance(self.content_of_painting[name], self.wanted_content[name])
            if start > 0:
                numbers[named("content distance, {name}", name=name)] = (
                    distance(seen[name], self.wanted_content[name]) / start
                )
        size = [self.rows, self.columns]
        numbers[named("structural similarity to the photograph")] = structural_similarity(
            self.drawn(picture, size), self.drawn(self.content, size)
        )
        return numbers


def usable_layers(file: str, names: Iterable[str]) -> list[str]:
    """Return the names of the layers, in order, up to where the weights of the file end."""
    import scipy.io

    ordered = [str(name) for name in names]
    listed = scipy.io.loadmat(file, variable_names=["usable"]).get("usable")
    if listed is None:
        return ordered
    usable = {str(cell[0]) for cell in listed.reshape(-1)}
    return [name for name in ordered if name in usable]


def gram(features: np.ndarray) -> np.ndarray:
    """Return the Gram matrix of features (1, C, H, W), divided by the number of places: (C, C)."""
    flat = np.asarray(features, np.float64).reshape(features.shape[1], -1)
    return flat @ flat.T / flat.shape[1]


def distance(one: np.ndarray, other: np.ndarray) -> float:
    """Return the Euclidean norm of the difference."""
    return float(np.linalg.norm(np.asarray(one, np.float64) - other))


def structural_similarity(one: np.ndarray, other: np.ndarray) -> float:
    """Return the mean structural similarity [1]_ of two pictures (rows, columns, 3), uint8, by their grey values.

    .. [1] Z. Wang et al., "Image quality assessment: from error visibility to structural similarity", IEEE
       Transactions on Image Processing 13(4), 2004, equation 13, over all places where the window fits.
    """
    import cv2

    def blurred(values: np.ndarray) -> np.ndarray:
        edge = WINDOW // 2
        return cv2.GaussianBlur(values, (WINDOW, WINDOW), SIGMA)[edge:-edge, edge:-edge]

    x, y = (picture.astype(np.float64) @ np.array(GREY) for picture in (one, other))
    if min(x.shape) < WINDOW:
        return float("nan")
    mean_x, mean_y = blurred(x), blurred(y)
    variance_x, variance_y = blurred(x * x) - mean_x**2, blurred(y * y) - mean_y**2
    covariance = blurred(x * y) - mean_x * mean_y
    c1, c2 = (K1 * LARGEST_VALUE) ** 2, (K2 * LARGEST_VALUE) ** 2
    similarity = (2 * mean_x * mean_y + c1) * (2 * covariance + c2)
    return float(np.mean(similarity / ((mean_x**2 + mean_y**2 + c1) * (variance_x + variance_y + c2))))
