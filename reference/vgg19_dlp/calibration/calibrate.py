"""Makes the lab's file of quantisation parameters: ``python -m reference.vgg19_dlp.calibration.calibrate``.

The float network is run on the lab's pictures, whole and in parts. `QuantTool` sees what goes into each of the 19
layers with parameters, and each weight, and gives a pair of position and scale for each.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import cv2
import numpy as np

from grader.prepare.matconvnet import read_parameters
from grader.prepare.resources import prepare_named
from grader.project.places import Project
from labs.vgg19_dlp.checks_wanted import PAIRS, VGG19_LAYERS, program_of
from labs.vgg19_dlp.pycnml import QuantParam, QuantTool
from labs.vgg19_dlp.pycnml.floating import float_steps

LAB = "vgg19_dlp"
NAME = "vgg19_quant_param_new.npz"
PARTS = 2  # of each picture, besides the whole
SEED = 5
MEAN = (123.68, 116.779, 103.939)


def pictures(folder: Path) -> Iterator[np.ndarray]:
    """Yield the lab's pictures as the network takes them, (1, 3, 224, 224), whole and in parts."""
    rng = np.random.Generator(np.random.Philox(SEED))
    for file in sorted(folder.iterdir()):
        image = cv2.cvtColor(cv2.imread(str(file)), cv2.COLOR_BGR2RGB)
        height, width = image.shape[:2]
        parts = [image]
        for _ in range(PARTS):
            rows, columns = (int(size * rng.uniform(0.7, 1.0)) for size in (height, width))
            top, left = int(rng.integers(height - rows + 1)), int(rng.integers(width - columns + 1))
            parts.append(image[top : top + rows, left : left + columns][:, ::-1])
        for part in parts:
            scaled = cv2.resize(np.ascontiguousarray(part), (224, 224), interpolation=cv2.INTER_LINEAR)
            yield (scaled.astype(np.float32) - np.array(MEAN, np.float32)).transpose(2, 0, 1)[None]


def calibrated(lab_folder: Path, parameters: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Return ``input`` and ``filter``, each (position, scale) of 19 layers, flat, float64.

    ``parameters`` maps ``<layer>.<parameter>`` to arrays, convolutions as (C_out, C_in, rows, columns).
    """
    program = program_of(VGG19_LAYERS, [QuantParam()] * PAIRS)
    floats = {
        place: (parameters[f"{layer.name}.weight"], parameters[f"{layer.name}.bias"])
        for place, layer in enumerate(program.layers)
        if layer.quant is not None
    }
    tool = QuantTool()
    inputs, filters = {}, {}
    for picture in pictures(lab_folder / "pictures"):
        before = picture
        for layer, value in float_steps(program, floats, picture):
            if layer.quant is not None:
                inputs[layer.name] = tool.getQuantParam(before.reshape(-1).astype(np.float64), layer.name)
            before = value
    for place, (weight, _) in floats.items():
        name = program.layers[place].name
        filters[name] = tool.getQuantParam(weight.reshape(-1).astype(np.float64), f"{name} filter")
    return {
        kind: np.array([number for pair in found.values() for number in (pair.position, pair.scale)], np.float64)
        for kind, found in (("input", inputs), ("filter", filters))
    }


def main() -> None:
    """Write the file beside the lab's handout."""
    project = Project.find()
    lab = project.lab(LAB)
    folder = prepare_named(project, lab, ["checkpoint"], None, print)["checkpoint"]
    np.savez(lab.folder / NAME, **calibrated(lab.folder, read_parameters(folder)))


if __name__ == "__main__":
    main()
