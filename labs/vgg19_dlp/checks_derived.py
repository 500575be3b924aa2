"""What follows from the arrays that a submission sent. Runs in the grader, with the lab's own emulator."""

from __future__ import annotations

import hashlib
import io
import re
from pathlib import Path
from typing import Any

import numpy as np

from grader.lab import Case, Sampled, Unlike
from grader.lab.observing import START

from .checks_wanted import (
    SMALL_LAYERS,
    VGG19_LAYERS,
    Arrays,
    layer_outputs,
    pairs_in,
    program_of,
    require_axes,
    require_layers,
    require_loaded,
)
from .pycnml import record
from .pycnml.program import Program, steps

QUANTIZATION = Path(__file__).with_name("vgg19_quant_param_new.npz")
# What stands before the names of the arrays of a record. Without a slash, which stands between a layer's name and a
# part of its output.
SEEN, LOADED, PICTURE = "asked for: ", "loaded: ", "picture"
COUNTS = re.compile(r"accuracy([15])\s*:\s*[\d.]+\s*\((\d{1,6})/(\d{1,6})\)")


def asked(sent: Arrays) -> dict[str, np.ndarray]:
    """Return the record among what was sent."""
    return {
        name.removeprefix(start): array
        for start in (SEEN, LOADED)
        for name, array in sent.items()
        if name.startswith(start)
    }


def lab_pairs() -> tuple[np.ndarray, np.ndarray]:
    """Return the pairs of the inputs and of the weights from the lab's own file."""
    with np.load(QUANTIZATION, allow_pickle=False) as stored:
        return stored["input"], stored["filter"]


def layers_wanted(case: Case, sent: Arrays) -> dict[str, Any]:
    """Compare the list of layers."""
    return layer_outputs(require_layers(asked(sent), program_of(VGG19_LAYERS, pairs_in(case.input))))


def full_program(sent: Arrays) -> tuple[Program, dict[str, Any]]:
    """Return VGG19 as it was built and loaded, and samples and hashes of its parameters."""
    inputs, filters = lab_pairs()
    program = require_layers(asked(sent), program_of(VGG19_LAYERS, pairs_in(inputs)))
    outputs: dict[str, Any] = {}
    for name, held in require_loaded(program, pairs_in(filters)).items():
        for part, array in (("weight", held.weight), ("bias", held.bias)):
            for kind, value in Sampled(array, f"{name} {part}").parts().items():
                outputs[f"{name} {part}/{kind}"] = value
            digest = hashlib.sha256(np.ascontiguousarray(array)).digest()
            outputs[f"{name} {part}/sha256"] = np.frombuffer(digest, np.uint8)
    return program, outputs


def parameters_wanted(case: Case, sent: Arrays) -> dict[str, Any]:
    """Return samples and hashes of all parameters, taken here from the bytes that were sent."""
    return full_program(sent)[1]


def network_run(case: Case, sent: Arrays) -> dict[str, Any]:
    """Run VGG19 as it was built and loaded on the picture as it was set; return every layer's output."""
    program, _ = full_program(sent)
    picture = settled(picture_in(sent))
    outputs: dict[str, Any] = {START: np.int64(0)}
    value = picture
    for layer, value in steps(program, picture):
        sample = Sampled(value.astype(np.float32), layer.name.lower()).parts()
        outputs |= {f"{layer.name.lower()}/{part}": array for part, array in sample.items()}
    return outputs | ending(value)


def small_program(case: Case, sent: Arrays) -> tuple[Program, dict[str, Any]]:
    """Return the small network with the parameters that were loaded, and these as outputs, in the device's shape."""
    import scipy.io

    program = require_layers(asked(sent), program_of(SMALL_LAYERS, pairs_in(case.input)))
    stored = scipy.io.loadmat(io.BytesIO(case.mat.tobytes()), variable_names=["layers"])["layers"][0]
    by_name = {str(cell[0, 0]["name"][0]): cell[0, 0] for cell in stored}
    kinds = {layer.name: layer.kind for layer in program.layers}
    outputs = {}
    for name, held in require_loaded(program, pairs_in(case.filter)).items():
        require_axes(name, held, by_name[name]["weights"][0][0], kinds[name])
        outputs[f"{name} weight"], outputs[f"{name} bias"] = held.weight, held.bias
    return program, outputs


def small_parameters(case: Case, sent: Arrays) -> dict[str, Any]:
    """Compare the order of the axes with that of the file; return the parameters."""
    return small_program(case, sent)[1]


def small_run(case: Case, sent: Arrays) -> dict[str, Any]:
    """Run the small network with the parameters that were loaded on the picture as it was set."""
    program, _ = small_program(case, sent)
    return ending(record.run(program, settled(picture_in(sent))))


def ending(output: np.ndarray) -> dict[str, Any]:
    """Return the probabilities and the class of a network's output."""
    probabilities = output.astype(np.float32).reshape(-1)
    return {"probabilities": probabilities, "class": np.array(int(np.argmax(probabilities)))}


def settled(picture: np.ndarray) -> np.ndarray:
    """Return a picture to three decimals, as many as the averages have.

    Whether these were subtracted in single or in double precision decides some roundings to float16, and with them
    the last digits of a result.
    """
    return np.round(picture.astype(np.float64), 3).astype(np.float32)


def picture_in(sent: Arrays) -> np.ndarray:
    """Return the picture that was set, (1, 3, 224, 224), float32.

    Raises
    ------
    Unlike : none was set, or one with numbers that are not finite.
    """
    picture = sent[PICTURE]
    if picture.dtype != np.float32 or picture.size != 3 * 224 * 224 or not np.isfinite(picture).all():
        raise Unlike("no picture was handed to the device: `load_image` ends with setInputData")
    return picture.reshape(1, 3, 224, 224)


def picture_set(case: Case, sent: Arrays) -> dict[str, Any]:
    """Return the picture in the device's shape."""
    return {"input_data": picture_in(sent)}


def counts_printed(case: Case, sent: Arrays) -> dict[str, Any]:
    """Return how many of how many pictures were said to be right, first and among the first five."""
    text = sent["printed"].astype(np.uint8).tobytes().decode("utf-8", "replace")
    found = {number: (int(right), int(total)) for number, right, total in COUNTS.findall(text)}
    for number in ("1", "5"):
        if number not in found:
            raise Unlike(
                "`evaluate` printed no line `accuracy{number}: %f (%d/%d) ` with the share and the counts of its "
                "pictures",
                number=number,
            )
    return {"accuracy1": np.array(found["1"]), "accuracy5": np.array(found["5"])}
