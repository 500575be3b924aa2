"""Notes which libraries a submission imports while it runs, however the import is spelled.

An audit hook cannot be removed, but code in the same process can mislead it: this is a signal, not a wall.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Sequence
from types import CodeType, FrameType
from typing import Any

MAX_NOTED = 64
SITE_FOLDERS = ("/opt/site/", "/site-packages/", "/dist-packages/", "/site/")
# Functions that import whatever name they are asked for.
LAZY_IMPORTS = ("__getattr__", "__dir__")
# Libraries that have layers, networks, gradients or their kernels ready-made.
READY_MADE = frozenset(
    (
        "autograd", "caffe", "caffe2", "chainer", "cntk", "cupy", "dask", "fastai", "flax", "haiku", "jax",
        "jaxlib", "jittor", "keras", "lasagne", "lightning", "mindspore", "mlx", "mxnet", "nnabla", "oneflow",
        "onnx", "onnxruntime", "paddle", "pytorch_lightning", "scipy", "skimage", "sklearn", "tensorflow",
        "tflearn", "theano", "timm", "tinygrad", "torch", "torchaudio", "torchvision",
    )
)  # fmt: skip
# What stands around the work in the box: none of it is a library for the work.
GRADER = frozenset(("grader",))
# What an allowed library needs for itself, from packages that are in the box and ruled out for the submission.
NEEDED = {"numba": ("llvmlite", "scipy.linalg")}


class ImportWatch:
    """Collects imports that the submission causes, as (place, dotted name).

    Parameters
    ----------
    student_folder : where the submission's files lie; its own lines are the causes that count.
    trusted_folders : where the lab and the grader's own modules lie, which may import everything.
    is_refused : whether the lab rules a dotted name out.
    free_files : given files, in which everything may be imported.
    present : packages in the box; what is not there is no library's secret door to it.
    """

    def __init__(
        self,
        student_folder: str,
        trusted_folders: Iterable[str],
        is_refused: Callable[[str], bool],
        free_files: Sequence[str] = (),
        present: Sequence[str] = (),
    ) -> None:
        self.student_folder = _as_folder(student_folder)
        self.trusted_folders = tuple(map(_as_folder, trusted_folders))
        self.is_refused = is_refused
        self.free_files = frozenset(free_files)
        self.present = frozenset(present)
        self.noted: list[tuple[str, str]] = []
        sys.addaudithook(self._on_event)

    def note(self, name: str, frame: FrameType | None) -> bool:
        """Note that ``name`` is used, and return True, if the submission is the cause and not another library."""
        place = self._cause(name, frame)
        if place and len(self.noted) < MAX_NOTED:
            self.noted.append((place, name))
        return bool(place)

    def _on_event(self, event: str, arguments: tuple[Any, ...]) -> None:
        if event == "import":
            # The second argument is the file of a compiled module, whatever name it is loaded under.
            names = [str(arguments[0]), _module_in(arguments[1])]
        elif event == "exec":
            # `importlib` raises no "import" event, but every module's code is run by `exec`, under its file's name.
            names = [_module_in(arguments[0].co_filename)] if isinstance(arguments[0], CodeType) else []
        elif event == "ctypes.dlopen":
            names = [_module_in(arguments[0])]
        else:
            return
        for name in filter(self.is_refused, names):
            self.note(name, sys._getframe(1))

    def _cause(self, name: str, frame: FrameType | None) -> str:
        """Return the place in the submission that is the cause; empty if a library or the grader is."""
        root = name.partition(".")[0]
        own: FrameType | None = None  # outermost frame of the named package itself
        while frame is not None:
            filename = _slashed(frame.f_code.co_filename)
            package = _module_in(filename).partition(".")[0]
            if filename.startswith(self.student_folder):
                file = filename[len(self.student_folder) :]
                if file in self.free_files or self._for_itself(own):
                    return ""
                return f"{file}, line {frame.f_lineno}"
            if package == root:
                own = frame
            elif filename.startswith(self.trusted_folders) or self._may_import(package, root, own, name):
                return ""
            # The standard library, and libraries without need of it, do only what they are told.
            frame = frame.f_back
        return "" if self._for_itself(own) else "a thread"

    def _may_import(self, package: str, root: str, own: FrameType | None, name: str) -> bool:
        """Tell whether a library imports what is not in the box anyway, or what it needs for itself."""
        if not package:
            return False
        return root not in self.present or _needs(package, name if own is None else _module(own))

    def _for_itself(self, own: FrameType | None) -> bool:
        """Tell whether the named package was running, in a part that may be used, and not asked for just a name."""
        return own is not None and own.f_code.co_name not in LAZY_IMPORTS and not self.is_refused(_module(own))


def _needs(package: str, asked: str) -> bool:
    parts = NEEDED.get(package, ())
    return any(asked == part or asked.startswith(f"{part}.") or part.startswith(f"{asked}.") for part in parts)


def _module(frame: FrameType) -> str:
    return _module_in(frame.f_code.co_filename)


def _module_in(filename: object) -> str:
    """Return the dotted name of the installed module whose file this is, by its path; empty if it is none."""
    if not isinstance(filename, str):
        return ""
    filename = _slashed(filename)
    for folder in SITE_FOLDERS:
        if folder in filename:
            path, _, name = filename.rpartition(folder)[2].rpartition("/")
            # A compiled module's name ends at the first dot: _sigtools.cpython-311-x86_64-linux-gnu.so
            parts = [*path.split("/"), name.partition(".")[0]]
            return ".".join(part for part in parts if part and part != "__init__")
    return ""


def _as_folder(path: str) -> str:
    return _slashed(path).rstrip("/") + "/"


def _slashed(path: str) -> str:
    return path if os.sep == "/" else path.replace(os.sep, "/")


def refusal(
    allow: Sequence[str] | None, forbid: Sequence[str], own: Iterable[str], present: Iterable[str]
) -> Callable[[str], bool]:
    """Return a predicate on dotted names: whether the lab rules that library out.

    Ruled out is what would do the student's work: what the lab forbids by name, libraries with ready-made layers,
    the grader itself, and packages in the box that are there for the lab's own files. What is no library at all,
    such as a helper that was not handed in, and what is beside the point, such as drawing, is not: it is missing,
    or has no effect.
    ``own`` are names of the submission's modules. They do not count where a package of that name is ``present`` in
    the box, because that one is imported.
    """
    allowed = None if allow is None else frozenset(allow)
    mine = (frozenset(own) | {"stu_upload"}) - frozenset(present)
    doing_the_work = READY_MADE | GRADER | frozenset(present)

    def is_refused(name: str) -> bool:
        if any(name == refused or name.startswith(f"{refused}.") for refused in forbid):
            return True
        root = name.partition(".")[0]
        if not root or allowed is None or root in mine or root in sys.stdlib_module_names:
            return False
        return root not in allowed and root in doing_the_work

    return is_refused
