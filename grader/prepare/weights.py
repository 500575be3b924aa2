"""Checkpoints of full-size networks: made from a seed, or converted from a course's own file.

A checkpoint is a folder of ``<layer>.<parameter>.npy`` files, float32, that workers map read-only. The seeded one
is synthetic: He-uniform numbers from the raw words of the Philox counter-based generator [1]_, which are the same
with every NumPy version and on every platform, with some parameters (the last layer) replaced by published ones.

.. [1] J. Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011. Scale: K. He et al., "Delving deep
   into rectifiers", ICCV 2015, equation 10.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from grader.language.errors import BadInput, GraderFailed
from grader.language.message import Message, sentence
from grader.project.one_parser import read_arrays
from grader.project.writing import replaced_folder

BIAS_BOUND = 0.05
# Part of the cache's key: raise it when what is written for the same facts changes.
FORMAT_VERSION = 2
# A file in the folder of a seeded checkpoint, from which a program knows what it was given.
SYNTHETIC_MARK = "synthetic.txt"
ABOUT_SYNTHETIC = """\
The parameters in this folder are synthetic: numbers from a seeded random generator, with a last layer that is
fitted to the lab's own pictures. A class that they give to another picture says nothing about it.
"""
WORDS_PER_CHUNK = 1 << 22
Note = Callable[[Message | str], None]


class WeightsError(GraderFailed):
    """A checkpoint cannot be made or read; the message says what was expected."""


class WeightsFileError(BadInput):
    """The file with a course's own weights is unusable."""


def seeded_parameters(name: str, shape: tuple[int, ...], seed: int) -> np.ndarray:
    """Return one parameter, float32: He-uniform for weights (two axes or more), small and uniform for biases.

    ``fan_in`` is the product of all axes but the first: weights are (out, in, ...).
    """
    count = int(np.prod(shape))
    bound = BIAS_BOUND if len(shape) == 1 else float(np.sqrt(6.0 / np.prod(shape[1:])))
    key = int.from_bytes(hashlib.sha256(f"{seed}:{name}".encode()).digest()[:16], "little")
    source = np.random.Philox(key=key)
    values = np.empty(count + count % 2, dtype=np.float32)
    for start in range(0, values.size, 2 * WORDS_PER_CHUNK):
        part = values[start : start + 2 * WORDS_PER_CHUNK]
        words = source.random_raw(part.size // 2).astype("<u8", copy=False).view("<u4")
        np.multiply(words >> np.uint32(8), np.float32(2.0**-23), out=part, casting="unsafe")
        part -= np.float32(1.0)
        part *= np.float32(bound)
    return values[:count].reshape(shape)


def seeded_checkpoint(
    cache: Path, shapes: Mapping[str, tuple[int, ...]], seed: int, overrides: Path | None, note: Note
) -> Path:
    """Return the folder of the seeded checkpoint, making it in the cache if it is not there.

    ``shapes`` maps ``<layer>.<parameter>`` to shapes; ``overrides`` is an ``.npz`` of parameters that replace the
    seeded ones.
    """
    replaced = _read_overrides(overrides, shapes) if overrides is not None and overrides.is_file() else {}
    text = json.dumps([FORMAT_VERSION, sorted((name, list(shape)) for name, shape in shapes.items()), seed])

    def fill(fresh: Path) -> None:
        for name, shape in shapes.items():
            array = replaced[name] if name in replaced else seeded_parameters(name, shape, seed)
            np.save(fresh / f"{name}.npy", array.astype(np.float32, copy=False), allow_pickle=False)
        (fresh / SYNTHETIC_MARK).write_text(ABOUT_SYNTHETIC, encoding="utf-8")

    def announce(size: str) -> None:
        note(sentence("making the seeded checkpoint, once ({value} MiB)", value=size))

    return cached_checkpoint(cache, "seeded", text, replaced, shapes, announce, fill)


def cached_checkpoint(
    cache: Path,
    kind: str,
    facts: str,
    replaced: Mapping[str, np.ndarray],
    shapes: Mapping[str, tuple[int, ...]],
    announce: Callable[[str], None],
    fill: Callable[[Path], None],
) -> Path:
    """Return the folder of the checkpoint that follows from ``facts`` and ``replaced``, filled if it is not there.

    ``announce`` is told its size in MiB before it is filled.
    """
    digest = hashlib.sha256(facts.encode())
    for name, array in sorted(replaced.items()):
        digest.update(name.encode() + array.tobytes())
    folder = cache / "checkpoints" / f"{kind}-{digest.hexdigest()[:16]}"
    if folder.is_dir():
        return folder
    size = sum(int(np.prod(shape)) for shape in shapes.values()) * 4
    announce(f"{size / 2**20:.0f}")
    return in_one_step(folder, size, fill)


def _read_overrides(file: Path, shapes: Mapping[str, tuple[int, ...]]) -> dict[str, np.ndarray]:
    found = read_arrays(file)
    for name, array in found.items():
        if name not in shapes or array.shape != tuple(shapes[name]):
            raise WeightsError(
                "{file}: {name} has shape {shape}, expected {name2}",
                file=file,
                name=name,
                shape=array.shape,
                name2=shapes.get(name, sentence("no such name")),
            )
    return found


def in_one_step(folder: Path, size: int, fill: Callable[[Path], None]) -> Path:
    """Fill a new folder beside ``folder`` and rename it, so that a killed run leaves nothing half-made."""
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        free = shutil.disk_usage(folder.parent).free
    except OSError as error:
        raise WeightsError(
            "the cache {parent} cannot be written ({strerror}); name another with the variable GRADER_CACHE",
            parent=folder.parent,
            strerror=error.strerror,
        ) from None
    if free < size * 1.1:
        raise WeightsError(
            "the checkpoint needs {value} MiB in {parent}, where {value2} MiB are free; make room or name "
            "another folder with the variable GRADER_CACHE",
            value=size >> 20,
            parent=folder.parent,
            value2=free >> 20,
        )
    try:
        with replaced_folder(folder) as fresh:
            fill(fresh)
            # The box reads it as another user.
            fresh.chmod(0o755)
            for file in fresh.iterdir():
                file.chmod(0o644)
    except OSError as error:
        if not folder.is_dir():
            raise WeightsError(
                "the checkpoint could not be written to {folder} ({strerror})",
                folder=folder,
                strerror=error.strerror,
            ) from None
    return folder


def read_checkpoint(folder: Path) -> dict[str, np.ndarray]:
    """Return all parameters of a checkpoint folder, mapped read-only."""
    return {file.stem: np.load(file, mmap_mode="r", allow_pickle=False) for file in sorted(folder.glob("*.npy"))}


def checkpoint_shapes(options: Mapping[str, Any]) -> dict[str, tuple[int, ...]]:
    """Return ``<layer>.<parameter>`` shapes from the ``parameters`` of a resource in ``lab.yaml``.

    Each layer gives its weight's shape; the bias has the length of the weight's first axis.
    """
    shapes: dict[str, tuple[int, ...]] = {}
    for layer, shape in options["parameters"].items():
        shapes[f"{layer}.weight"] = tuple(int(n) for n in shape)
        shapes[f"{layer}.bias"] = (int(shape[0]),)
    return shapes
