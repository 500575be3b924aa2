"""What is kept of an experiment: a checkpoint to go on from, and curves, pictures and results to look at.

The checkpoint is the truth and is written last, in one step; everything else can be made from it.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from grader.drawing import Curve, draw_curves, style, to_png
from grader.experiment.records import Kept
from grader.lab.experiments import STATE
from grader.project.one_parser import read_arrays
from grader.project.places import ProjectError
from grader.report.files import ReportError, write_bytes, write_text

FORMAT = "grader/run/v1"
CHECKPOINT_NAME = "checkpoint.npz"
CURVES_NAME = "curves.png"
SUMMARY_NAME = "run.json"
STEPS_FOLDER = "steps"
_FACTS, _CURVE = "facts", "curve/"


@dataclass
class Checkpoint:
    """A run up to ``step``.

    Attributes
    ----------
    state : arrays for the experiment, by names that begin with ``state/``.
    curves : of the whole run.
    facts : plain data for a person: options, hash of the submission, seconds, results.
    """

    step: int = 0
    state: Mapping[str, np.ndarray] = field(default_factory=dict)
    curves: dict[str, Curve] = field(default_factory=dict)
    facts: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class RunFolder:
    """The folder of one run; it is made when something is kept for the first time.

    ``beside`` draws the panels of the curves side by side.
    """

    path: Path
    beside: bool = False

    def read(self) -> Checkpoint | None:
        """Return the checkpoint, None if there is none.

        Raises
        ------
        ProjectError : it is damaged.
        """
        file = self.path / CHECKPOINT_NAME
        if not file.is_file():
            return None
        try:
            arrays = read_arrays(file)
            facts = json.loads(bytes(arrays.pop(_FACTS)).decode())
            if facts.pop("format") != FORMAT:
                raise ValueError("another version's format")
            curves = {
                name: Curve(arrays[f"{_CURVE}{name}/steps"].tolist(), arrays[f"{_CURVE}{name}/values"].tolist())
                for name in facts.pop("curves")
            }
            state = {name: array for name, array in arrays.items() if name.startswith(STATE)}
            return Checkpoint(int(facts.pop("step")), state, curves, facts)
        except (OSError, ValueError, KeyError, EOFError, TypeError, zipfile.BadZipFile) as error:
            raise ProjectError(
                "{file} is damaged ({error}), so the run cannot go on from it; begin again with --fresh",
                file=file,
                error=error,
            ) from None

    def forget(self) -> None:
        """Delete the pictures of the steps of an earlier run that was not gone on with."""
        for file in (self.path / STEPS_FOLDER).glob("*.png"):
            file.unlink(missing_ok=True)

    def write(self, checkpoint: Checkpoint, kept: Kept) -> None:
        """Keep a checkpoint and what there is to look at; a reader finds the old or the new, never a part.

        Raises
        ------
        ReportError : something cannot be written.
        """
        for name, picture in kept.pictures.items():
            data = png(picture, self.path / f"{name}.png")
            write_bytes(self.path / STEPS_FOLDER / f"{name}-{checkpoint.step:06d}.png", data)
            write_bytes(self.path / f"{name}.png", data)
        with style():
            write_bytes(self.path / CURVES_NAME, to_png(draw_curves({"": checkpoint.curves}, beside=self.beside)))
        summary = {"step": checkpoint.step, **checkpoint.facts}
        write_text(self.path / SUMMARY_NAME, json.dumps(summary, indent=1, ensure_ascii=False) + "\n")
        write_bytes(self.path / CHECKPOINT_NAME, _packed(checkpoint))


def png(picture: np.ndarray, file: Path) -> bytes:
    """Return a picture, uint8 with red first or grey, as the content of a PNG file.

    Raises
    ------
    ReportError : it cannot be encoded.
    """
    import cv2

    flipped = np.ascontiguousarray(picture[:, :, ::-1] if picture.ndim == 3 else picture)
    done, data = cv2.imencode(".png", flipped)
    if not done:
        raise ReportError("{file}: the picture could not be encoded", file=file)
    return bytes(data.tobytes())


def _packed(checkpoint: Checkpoint) -> bytes:
    facts = {
        "format": FORMAT,
        "step": checkpoint.step,
        "curves": list(checkpoint.curves),
        **checkpoint.facts,
    }
    arrays: dict[str, np.ndarray] = dict(checkpoint.state)
    for name, curve in checkpoint.curves.items():
        arrays[f"{_CURVE}{name}/steps"] = np.array(curve.steps, np.int64)
        arrays[f"{_CURVE}{name}/values"] = np.array(curve.values, np.float64)
    arrays[_FACTS] = np.frombuffer(json.dumps(facts).encode(), np.uint8)
    stream = io.BytesIO()
    np.savez(stream, **arrays)  # type: ignore[arg-type]
    return stream.getvalue()
