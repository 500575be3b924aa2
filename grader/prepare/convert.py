"""Converts a course's own checkpoint file to the safe form, once, without ever unpickling it in this process."""

from __future__ import annotations

import io
import re
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from math import prod
from pathlib import Path

import numpy as np

from grader.jail import Box, Ending, Level, Limits, View
from grader.jail.model import MIB
from grader.jail.scratch import scratch_folder
from grader.language.message import sentence
from grader.language.translation import _, listed
from grader.prepare.weights import Note, WeightsFileError, in_one_step
from grader.project.one_parser import read_array, read_array_header
from grader.project.places import file_digest

CALL_LIMIT_S = 120.0
MAX_NAMES = 10_000
MEMORY_MIB = 6144
# Of a header of an array; of one number, as long as a long double.
MAX_HEADER_BYTES = 16 * 1024
MAX_ITEM_BYTES = 16
NOT_READABLE = (OSError, ValueError, KeyError, EOFError, RuntimeError, NotImplementedError)
Shapes = Mapping[str, tuple[int, ...]]
# conv1_1_w and conv1_1_b, as some public files name weight and bias.
_SHORT = re.compile(r"(?<=\d)_[wb]$")


def converted_checkpoint(cache: Path, file: Path, shapes: Shapes, note: Note, *, partial: bool = False) -> Path:
    """Return the folder of the converted ``file``: ``.npz``, or ``.npy`` with a pickled dictionary.

    With ``partial`` the file may lack parameters, but not all of them.

    Raises
    ------
    WeightsFileError : the file cannot be read, or lacks a parameter, or has one of another shape.
    """
    readers: dict[str, Callable[[Path, Shapes], Iterator[tuple[str, np.ndarray]]]] = {
        ".npz": _read_npz,
        ".npy": _read_pickled,
    }
    reader = readers.get(file.suffix)
    if reader is None:
        raise WeightsFileError(
            "{file}: a checkpoint must be one of {readers}", file=file, readers=", ".join(readers)
        )
    if not file.is_file():
        raise WeightsFileError("{file}: there is no such file", file=file)
    kind = "partial" if partial else "converted"
    folder = cache / "checkpoints" / f"{kind}-{file_digest(file)[:16]}"
    if folder.is_dir():
        return folder
    note(sentence("converting {name}, once", name=file.name))

    def fill(fresh: Path) -> None:
        left = dict(shapes)
        for name, array in reader(file, shapes):
            wanted = left.pop(name, None)
            if wanted is None:
                continue
            _require_shape(file, name, array.shape, wanted)
            if array.dtype.kind != "f" or not np.isfinite(array).all():
                raise WeightsFileError(
                    "{file}: {name} must hold finite floating-point numbers", file=file, name=name
                )
            np.save(fresh / f"{name}.npy", array.astype(np.float32, copy=False), allow_pickle=False)
        if left and not (partial and len(left) < len(shapes)):
            names = [*sorted(left)[:5], *([_("{count} more", count=len(left) - 5)] if len(left) > 5 else [])]
            raise WeightsFileError("{file} lacks {names}", file=file, names=listed(names))

    return in_one_step(folder, file.stat().st_size, fill)


def _require_shape(file: Path, name: str, shape: tuple[int, ...], wanted: tuple[int, ...]) -> None:
    if shape != tuple(wanted):
        raise WeightsFileError(
            "{file}: {name} has shape {shape}, expected {wanted}",
            file=file,
            name=name,
            shape=shape,
            wanted=tuple(wanted),
        )


def _spelled_out(found: re.Match[str]) -> str:
    return ".weight" if found[0] == "_w" else ".bias"


def _read_npz(file: Path, shapes: Shapes) -> Iterator[tuple[str, np.ndarray]]:
    """Yield the parameters that are wanted.

    A few bytes can announce any size, in the archive's directory and in the header of an array; what they announce
    is looked at before room is made for it.
    """
    try:
        with zipfile.ZipFile(file) as stored:
            members = stored.infolist()
            if len(members) > MAX_NAMES:
                raise ValueError(f"{len(members)} arrays")
            for member in members:
                name = _SHORT.sub(_spelled_out, member.filename.removesuffix(".npy")).replace("/", ".")
                wanted = shapes.get(name)
                if wanted is None:
                    continue
                with stored.open(member) as stream:
                    # The length of a header is its own to choose, too.
                    start = io.BytesIO(stream.read(MAX_HEADER_BYTES))
                shape, _dtype = read_array_header(start)
                _require_shape(file, name, shape, wanted)
                if member.file_size > prod(wanted) * MAX_ITEM_BYTES + MAX_HEADER_BYTES:
                    raise ValueError(f"{name}: {member.file_size} bytes")
                with stored.open(member) as stream:
                    yield name, read_array(stream)
    except (*NOT_READABLE, zipfile.BadZipFile, zlib.error) as error:
        raise WeightsFileError(
            "{file} is not an archive of plain arrays ({error})", file=file, error=error
        ) from None


def _read_pickled(file: Path, shapes: Shapes) -> Iterator[tuple[str, np.ndarray]]:
    with scratch_folder("converting") as empty:
        view = View(empty, empty, ("numpy", "numba", "llvmlite"), {"weights": file.resolve()})
        largest = max((prod(shape) for shape in shapes.values()), default=0) * np.dtype(np.float32).itemsize
        limits = Limits(memory_mib=MEMORY_MIB, reply_mib=largest // MIB + 1, threads=1)
        try:
            with Box(view, limits, handler="grader.inside.convert") as box:
                if box.level < Level.LANDLOCK:
                    raise WeightsFileError(
                        "{file} is a pickle, which can run any code when opened, and this host cannot isolate it; "
                        "convert it elsewhere to an .npz with names like layer1_conv1.weight",
                        file=file,
                    )
                worker = box.worker()
                answer = worker.call({"op": "names"}, deadline_s=CALL_LIMIT_S)
                names = answer.info.get("names") if answer.ok else None
                if not isinstance(names, list) or not all(isinstance(name, str) for name in names[:MAX_NAMES]):
                    said = answer.info.get("message", "")
                    raise WeightsFileError("{file} is not a dictionary of layers: {said}", file=file, said=said)
                for name in (name for name in names[:MAX_NAMES] if name in shapes):
                    answer = worker.call({"op": "get", "name": name}, deadline_s=CALL_LIMIT_S)
                    if answer.ok and "value" in answer.arrays:
                        yield name, answer.arrays["value"]
        except Ending as ending:
            raise WeightsFileError(
                "{file} could not be read in the jail: {message}", file=file, message=ending.message
            ) from None
