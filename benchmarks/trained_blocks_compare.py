"""Style transfer with the lab's trained blocks beside that with seeded weights: pictures and distances.

    python -m benchmarks.trained_blocks_compare [--steps 100] [--out docs/style_transfer.jpg]

Both are what ``grader run style_transfer`` makes of the lab's two pictures with the lab's solution, at the same
layers, everything else as it is by default. What is measured afterwards is measured here, from the pictures:
palette and spectrum, which need no network, and Gram matrices under the network of either run and under one of
other random numbers that no run has seen. Each distance is that of the result to the painting over that of the
photograph to the painting: 0 is the painting's own, 1 is as far as the photograph.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from .trained_blocks import LAYERS, MEAN, PICTURES, POOL, ROOT, Parameters, scaled

LAB = "style_transfer"
CONTENT, STYLE = (ROOT / "labs" / name for name in PICTURES[:2])
SEED_OF_LAB, SEED_OF_NEITHER = 19, 7
GRAM_LAYERS = ("conv1_2", "conv2_2", "conv3_1")
DIRECTIONS = 64  # on which colours are projected
# The seeded network has more layers; its losses are taken where the trained blocks have theirs.
SAME_LAYERS = ("content_layers=relu3_1", "style_layers=relu1_1,relu2_1,relu3_1")
KINDS = {"seeded": "seeded weights", "trained": "trained blocks"}


def run(kind: str, steps: int, settings: list[str], folder: Path) -> tuple[np.ndarray, float]:
    """Run the experiment; return its picture, uint8, red first, as large as in the network, and its seconds."""
    from grader.project.solution import write_solution

    submission = folder / "submission"
    if not submission.exists():
        write_solution(ROOT / "reference" / LAB, None, submission)
    place = folder / kind
    place.mkdir(exist_ok=True)
    (place / "labs").symlink_to(ROOT / "labs")
    words = [sys.executable, "-m", "grader", "run", LAB, "--submission", str(submission)]
    for setting in (f"steps={steps}", *settings):
        words += ["--set", setting]
    if kind == "seeded":
        words += ["--weights", "seeded"]
        for setting in SAME_LAYERS:
            words += ["--set", setting]
    started = time.monotonic()
    cache = os.environ.get("GRADER_CACHE", str(ROOT / ".cache"))
    subprocess.run(words, cwd=place, env={**os.environ, "PYTHONPATH": str(ROOT), "GRADER_CACHE": cache}, check=True)
    seconds = time.monotonic() - started
    (file,) = place.glob(f"results/{LAB}/*/side_by_side.png")
    three = read(file)
    return three[:, 2 * (three.shape[1] // 3) :], seconds


def read(file: Path, size: tuple[int, int] | None = None) -> np.ndarray:
    """Return a picture, uint8, red first, resized to rows and columns as the lab does it."""
    import cv2

    image = cv2.cvtColor(cv2.imread(str(file), cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB)
    return image if size is None else cv2.resize(image, (size[1], size[0]), interpolation=cv2.INTER_LINEAR)


def palette_distance(one: np.ndarray, other: np.ndarray) -> float:
    """Return the sliced Wasserstein distance of the colours of two pictures of one size.

    That is the mean distance of their sorted projections on fixed directions: N. Bonneel et al., "Sliced and Radon
    Wasserstein barycenters of measures", 2015.
    """
    directions = np.random.default_rng(0).standard_normal((3, DIRECTIONS))
    directions /= np.linalg.norm(directions, axis=0)
    first, second = (np.sort(picture.reshape(-1, 3) @ directions, axis=0) for picture in (one, other))
    return float(np.abs(first - second).mean())


def spectrum(picture: np.ndarray) -> np.ndarray:
    """Return the mean power of each colour by whole frequencies, from 1 to half the rows, in decibels."""
    window = np.hanning(picture.shape[0])[:, None, None] * np.hanning(picture.shape[1])[None, :, None]
    centred = (picture - picture.mean((0, 1))) * window
    power = np.abs(np.fft.fft2(centred, axes=(0, 1))) ** 2
    down, across = (np.fft.fftfreq(size) * picture.shape[0] for size in picture.shape[:2])
    ring = np.hypot(down[:, None], across[None]).round().astype(int)
    wanted = [power[ring == radius].mean(0) for radius in range(1, picture.shape[0] // 2)]
    return 10 * np.log10(np.array(wanted) + 1e-9)


def spectrum_distance(one: np.ndarray, other: np.ndarray) -> float:
    """Return by how many decibels two pictures differ, on average over the octaves of the frequency."""
    apart = np.abs(spectrum(one) - spectrum(other)).mean(1)
    octave = np.floor(np.log2(np.arange(1, len(apart) + 1))).astype(int)
    return float(np.mean([apart[octave == number].mean() for number in np.unique(octave)]))


def grams(picture: np.ndarray, parameters: Parameters) -> dict[str, np.ndarray]:
    """Return the Gram matrices of a picture under a network, divided by the number of places."""
    from reference.engine import conv2d, max_pool2d, relu

    x = np.ascontiguousarray((picture.astype(np.float32) - MEAN).transpose(2, 0, 1)[None])
    found = {}
    for name, _ in LAYERS:
        if name == POOL:
            x = max_pool2d(x, 2, 2)
            continue
        weight, bias = (parameters[f"{name}.{kind}"].astype(np.float32) for kind in ("weight", "bias"))
        x = relu(conv2d(x, weight, bias, padding=1))
        flat = x.reshape(x.shape[1], -1).astype(np.float64)
        found[name] = flat @ flat.T / flat.shape[1]
    return found


def gram_distance(parameters: Parameters, layer: str, one: np.ndarray, other: np.ndarray) -> float:
    """Return how far the Gram matrices of two pictures at a layer are apart."""
    first, second = (grams(picture, parameters)[layer] for picture in (one, other))
    return float(np.linalg.norm(first - second))


def seeded(seed: int) -> Parameters:
    """Return the lab's network of random numbers, or one of another seed, with maps of mean 1."""
    from grader.prepare.weights import seeded_parameters

    found: Parameters = {}
    channels = 3
    for name, outputs in LAYERS:
        if name == POOL:
            continue
        weight = seeded_parameters(f"{name}.weight", (outputs, channels, 3, 3), seed)
        found[f"{name}.weight"] = weight / 64 if name == "conv1_1" else weight
        found[f"{name}.bias"] = seeded_parameters(f"{name}.bias", (outputs,), seed)
        channels = outputs
    return scaled(found)


def yardsticks(networks: Mapping[str, Parameters]) -> dict[str, Any]:
    """Return what measures how far two pictures are apart, by the name of the row of the table."""
    found: dict[str, Any] = {"palette": palette_distance, "spectrum": spectrum_distance}
    for title, network in networks.items():
        for layer in GRAM_LAYERS:
            found[f"Gram matrix of {layer}, {title}"] = partial(gram_distance, network, layer)
    return found


def draw(pictures: Mapping[str, np.ndarray], out: Path) -> None:
    """Write the pictures with their titles, two in a row."""
    import cv2
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    rows = (len(pictures) + 1) // 2
    figure = Figure(figsize=(11, 3.6 * rows), dpi=110, layout="constrained")
    canvas = FigureCanvasAgg(figure)
    for axes, (title, picture) in zip(figure.subplots(rows, 2).flat, pictures.items(), strict=False):
        axes.imshow(picture, interpolation="bicubic")
        axes.set_title(title)
        axes.set_axis_off()
    canvas.draw()
    image = np.asarray(canvas.buffer_rgba())[:, :, :3]
    out.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(out), cv2.cvtColor(image, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, 88])


def main() -> None:
    """Run both, print the table, write the picture."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--steps", type=int, default=100)
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", dest="settings")
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "style_transfer.jpg")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        runs = {kind: run(kind, options.steps, options.settings, Path(name)) for kind in reversed(KINDS)}
    rows, columns = next(iter(runs.values()))[0].shape[:2]
    photograph, painting = (read(file, (rows, columns)) for file in (CONTENT, STYLE))
    with np.load(ROOT / "labs" / LAB / "weights" / "trained_blocks.npz") as stored:
        trained = dict(stored)
    networks = {
        "trained blocks": trained,
        "seeded weights": seeded(SEED_OF_LAB),
        "other random numbers": seeded(SEED_OF_NEITHER),
    }
    lines = [
        f"| distance to the painting after {options.steps} steps | {' | '.join(KINDS.values())} |",
        "|---|---|---|",
    ]
    figures: dict[str, Any] = {}
    for title, apart in yardsticks(networks).items():
        whole = apart(photograph, painting)
        figures[title] = {kind: apart(runs[kind][0], painting) / whole for kind in KINDS}
        lines.append(f"| {title} | {' | '.join(f'{value:.2f}' for value in figures[title].values())} |")
    print("\n".join(lines))
    print(json.dumps({kind: round(seconds) for kind, (_, seconds) in runs.items()}))
    titles = {kind: f"{KINDS[kind]}, {options.steps} steps" for kind in runs}
    shown = {"the photograph": photograph, "the painting": painting}
    draw(shown | {titles[kind]: runs[kind][0] for kind in KINDS}, options.out)


if __name__ == "__main__":
    main()
