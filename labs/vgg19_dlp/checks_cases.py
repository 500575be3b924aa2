"""Makers of cases; they run where the lab is published, never where a submission is graded."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from grader.lab import Case
from grader.lab.layer_cases import random_crop

from .checks_wanted import (
    FILE_LAYERS,
    IMAGE_SIZE,
    PAIRS,
    SMALL_LAYERS,
    pairs_in,
    program_of,
)
from .pycnml import QuantParam, QuantTool
from .pycnml.floating import Floats, float_steps
from .pycnml.program import Program, on_device
from .pycnml.record import run

MEAN = (123.68, 116.779, 103.939)  # RGB, of values 0 to 255
DEMO_PICTURE = Path(__file__).with_name("pictures") / "chelsea.png"
TILE = 14
SMALL_PICTURES = 5
FIRST_GAIN = 1 / 64  # pixels are near 100; so the activations are near 1
SPREAD_OF_LOGITS = 2.0
MAT_TEXT, MAT_TEXT_BYTES = b"MATLAB 5.0 MAT-file", 116
PARTS = ((0, "weight"), (1, "bias"))
ATTEMPTS = 50
RANKS_ASKED = (0, 1, 3, 4, 5, 6, 30)
RANKS_IN_LIST = (0, 0, 1, 2, 4, 5, 12, 200)


def random_pairs(rng: np.random.Generator) -> np.ndarray:
    """Return 19 pairs of position and scale, flat, no two alike."""
    positions = rng.integers(-8, 3, PAIRS)
    return np.stack([positions, rng.uniform(1.0, 2.0, PAIRS)], axis=1).reshape(-1)


def pair_cases(rng: np.random.Generator) -> Iterable[Case]:
    """Make a file of quantisation parameters other than the lab's."""
    yield Case.of("another file of quantisation parameters", input=random_pairs(rng), filter=random_pairs(rng))


def picture_cases(rng: np.random.Generator) -> Iterable[Case]:
    """Make picture files that every way of scaling turns into the same numbers."""
    plain = np.empty((int(rng.integers(90, 200)), int(rng.integers(230, 330)), 3), np.uint8)
    plain[:] = (220, 120, 30) + rng.integers(-20, 21, size=3)
    network = SmallNetwork(rng)
    for name, image in (("coloured tiles, 224 x 224", tiles(rng)), ("one colour, another size", plain)):
        yield Case.of(name, picture=encoded(image), suffix=".png", **network.arrays)


def cat_cases(rng: np.random.Generator) -> Iterable[Case]:
    """Crop and mirror the cat at the network's own size."""
    import cv2

    image = cv2.cvtColor(cv2.imread(str(DEMO_PICTURE), cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB)
    scaled = cv2.resize(random_crop(rng, image), (IMAGE_SIZE, IMAGE_SIZE), interpolation=cv2.INTER_AREA)
    yield Case.of("cat, 224 x 224 pixels", picture=encoded(scaled), suffix=".png")


def small_cases(rng: np.random.Generator) -> Iterable[Case]:
    """Make small networks of the same layers with their file, their pairs, pictures and labels.

    The labels of ``asked`` are the first class of the first picture, others that are among the first five and some
    that are not, and the one that follows the first class, which whoever counts from 1 takes for it; those of
    ``labels`` are classes of any rank, one for each picture, so that the counts differ.
    """
    for name in ("a small network", "another small network"):
        network, order = ranked_network(rng)
        asked = np.append(order[0][rng.permutation(RANKS_ASKED)], (order[0][0] + 1) % len(order[0]))
        ranks = rng.permutation(RANKS_IN_LIST)[:SMALL_PICTURES]
        labels = [classes[rank] for classes, rank in zip(order, ranks, strict=True)]
        yield Case.of(
            name,
            **network.arrays,
            **{f"picture{number}": encoded(picture) for number, picture in enumerate(network.pictures)},
            asked=asked.astype(np.int64),
            labels=np.array(labels, np.int64),
        )


def tiles(rng: np.random.Generator) -> np.ndarray:
    """Return a picture of coloured tiles, uint8 (224, 224, 3), red first."""
    colours = rng.integers(0, 256, size=(TILE, TILE, 3), dtype=np.uint8)
    return colours.repeat(IMAGE_SIZE // TILE, axis=0).repeat(IMAGE_SIZE // TILE, axis=1)


def encoded(image: np.ndarray) -> np.ndarray:
    """Return the bytes of a PNG file, without loss."""
    import cv2

    written, data = cv2.imencode(".png", np.ascontiguousarray(image[:, :, ::-1]))
    assert written
    return np.asarray(data).reshape(-1)


def normalised(image: np.ndarray) -> np.ndarray:
    """Return a picture (rows, columns, 3) as the device takes it, flat, float32."""
    return (image.astype(np.float32) - np.array(MEAN, np.float32)).transpose(2, 0, 1).reshape(-1)


class SmallNetwork:
    """A network with random parameters: its arrays for a case, its pictures, and the network as the device has it."""

    def __init__(self, rng: np.random.Generator) -> None:
        from grader.prepare.matconvnet import write_matconvnet

        self.pictures = [tiles(rng) for _ in range(SMALL_PICTURES)]
        program = program_of(SMALL_LAYERS, [QuantParam()] * PAIRS)
        floats = random_parameters(rng, program)
        self._spread_logits(program, floats)
        tool = QuantTool()
        inputs = calibrated_inputs(tool, program, floats, [normalised(picture) for picture in self.pictures])
        filters = [tool.getQuantParam(flat64(weight), f"filter {place}") for place, (weight, _) in floats.items()]
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "small.mat"
            names = {f"{program.layers[place].name}.{part}": (place, n) for place in floats for n, part in PARTS}
            parameters = {name: floats[place][number] for name, (place, number) in names.items()}
            write_matconvnet(file, FILE_LAYERS, parameters, MEAN)
            stored = np.frombuffer(file.read_bytes(), np.uint8).copy()
        # It begins with a text that tells when it was written; a case depends on its seed alone.
        stored[:MAT_TEXT_BYTES] = np.frombuffer(MAT_TEXT.ljust(MAT_TEXT_BYTES), np.uint8)
        self.arrays = {"mat": stored, "input": flat_pairs(inputs), "filter": flat_pairs(filters)}
        self.device = program_of(SMALL_LAYERS, pairs_in(self.arrays["input"]))
        for (place, (weight, bias)), quant in zip(floats.items(), filters, strict=True):
            kind = program.layers[place].kind
            self.device.parameters[place] = on_device(flat64(weight), flat64(bias), kind, weight.shape, quant)

    def _spread_logits(self, program: Program, floats: dict[int, tuple[np.ndarray, np.ndarray]]) -> None:
        """Scale the last layer, so that the largest probabilities differ in half precision."""
        values = [value for _, value in float_steps(program, floats, normalised(self.pictures[0]))]
        last = max(floats)
        floats[last] = (floats[last][0] * np.float32(SPREAD_OF_LOGITS / values[last].std()), floats[last][1])


def random_parameters(rng: np.random.Generator, program: Program) -> dict[int, tuple[np.ndarray, np.ndarray]]:
    """Return He-uniform weights and small biases by a layer's place, float32."""
    floats: dict[int, tuple[np.ndarray, np.ndarray]] = {}
    for place, layer in enumerate(program.layers):
        if layer.quant is not None:
            shape = program.weight_shape(place)
            bound = np.sqrt(6 / np.prod(shape[1:])) * (1 if floats else FIRST_GAIN)
            weight = rng.uniform(-bound, bound, shape).astype(np.float32)
            floats[place] = (weight, rng.uniform(-0.2, 0.2, shape[0]).astype(np.float32))
    return floats


def calibrated_inputs(
    tool: QuantTool, program: Program, floats: Floats, pictures: Iterable[np.ndarray]
) -> list[QuantParam]:
    """Return, for each layer with parameters, position and scale of what the float network gives it."""
    found: dict[str, QuantParam] = {}
    for picture in pictures:
        before = picture
        for layer, value in float_steps(program, floats, picture):
            if layer.quant is not None:
                found[layer.name] = tool.getQuantParam(flat64(before), layer.name)
            before = value
    return list(found.values())


def flat64(array: np.ndarray) -> np.ndarray:
    """Return numbers as the library takes them."""
    return array.reshape(-1).astype(np.float64)


def flat_pairs(pairs: Iterable[QuantParam]) -> np.ndarray:
    """Return (position, scale, position, scale, ...), float64."""
    return np.array([number for pair in pairs for number in (pair.position, pair.scale)], np.float64)


def ranked_network(rng: np.random.Generator) -> tuple[SmallNetwork, list[np.ndarray]]:
    """Return a network and, for each of its pictures, the classes from the likeliest on.

    The first seven probabilities of each picture differ: of equal ones in half precision, the order means nothing.
    """
    for _ in range(ATTEMPTS):
        network = SmallNetwork(rng)
        outputs = [run(network.device, normalised(picture)) for picture in network.pictures]
        orders = [np.argsort(-output, kind="stable") for output in outputs]
        pairs = zip(outputs, orders, strict=True)
        if all(len(set(output[order[:7]].tolist())) == 7 for output, order in pairs):
            return network, orders
    raise ValueError("no small network has likeliest classes that differ in half precision")
