"""What stands in for libraries that are beside the point of a lab, so that importing them costs nobody a mark.

Pictures are read as the lab itself reads them, by OpenCV; drawing and progress bars have no effect.
"""

from __future__ import annotations

import importlib
import importlib.abc
import importlib.machinery
import importlib.util
import sys
from collections.abc import Iterable, Iterator
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np

from grader.inside import scipy_misc

DRAWING = ("matplotlib", "seaborn", "pylab", "mpl_toolkits", "IPython", "plotly")
PROGRESS = ("tqdm",)
PICTURES = ("PIL", "imageio")
ROOTS = (*DRAWING, *PROGRESS, *PICTURES)
# Ways of scaling; whichever is asked for, pictures are scaled as the lab scales them.
FILTERS = ("NEAREST", "BOX", "BILINEAR", "HAMMING", "BICUBIC", "LANCZOS", "ANTIALIAS")


class Nothing:
    """Takes any call and any attribute, and does nothing."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return self

    def __enter__(self) -> Nothing:
        return self

    def __exit__(self, *error: Any) -> None:
        return None

    def __iter__(self) -> Iterator[Any]:
        return iter(())

    def __getitem__(self, key: Any) -> Nothing:
        return self

    def __setitem__(self, key: Any, value: Any) -> None:
        return None


class Picture:
    """What ``PIL.Image.open`` gives: as much of it as labs need to hand a picture to a network."""

    def __init__(self, array: np.ndarray) -> None:
        self._array = array

    @property
    def size(self) -> tuple[int, int]:
        """Columns and rows, in this order."""
        return (self._array.shape[1], self._array.shape[0])

    @property
    def mode(self) -> str:
        """``L`` for grey, ``RGB`` for colours."""
        return "L" if self._array.ndim == 2 else "RGB"

    def __array__(self, dtype: Any = None, copy: Any = None) -> np.ndarray:
        return np.array(self._array, dtype=dtype)

    def resize(self, size: tuple[int, int], resample: Any = None, *more: Any, **named: Any) -> Picture:
        """Return it in another size: columns, rows."""
        return Picture(scipy_misc.imresize(self._array, (size[1], size[0])))

    def convert(self, mode: str = "RGB", *more: Any) -> Picture:
        """Return it in grey (``L``) or in colours (``RGB``)."""
        if mode == "L" and self._array.ndim == 3:
            return Picture((self._array @ np.array([0.299, 0.587, 0.114]) + 0.5).astype(np.uint8))
        if mode == "RGB" and self._array.ndim == 2:
            return Picture(np.repeat(self._array[:, :, None], 3, axis=2))
        return self

    def save(self, name: str, *more: Any, **named: Any) -> None:
        """Write it to a file."""
        scipy_misc.imsave(name, self._array)

    def close(self) -> None:
        """Do nothing: the file is closed already."""

    def __enter__(self) -> Picture:
        return self

    def __exit__(self, *error: Any) -> None:
        return None


def _open(name: Any, *more: Any, **named: Any) -> Picture:
    return Picture(scipy_misc.imread(name))


def _from_array(array: Any, *more: Any, **named: Any) -> Picture:
    return Picture(np.asarray(array, dtype=np.uint8))


def _save(name: Any, array: Any, *more: Any, **named: Any) -> None:
    scipy_misc.imsave(name, array)


def _through(items: Iterable[Any] = (), *more: Any, **named: Any) -> Iterable[Any]:
    """Stand for a progress bar around ``items``."""
    return items if items is not None else Nothing()


def _subplots(*args: Any, **named: Any) -> tuple[Nothing, Nothing]:
    return Nothing(), Nothing()


CONTENT: dict[str, dict[str, Any]] = {
    "PIL.Image": {
        "open": _open,
        "fromarray": _from_array,
        "Image": Picture,
        **dict.fromkeys(FILTERS),
        "Resampling": SimpleNamespace(**dict.fromkeys(FILTERS)),
    },
    "imageio": {"imread": scipy_misc.imread, "imwrite": _save, "imsave": _save},
    "imageio.v2": {"imread": scipy_misc.imread, "imwrite": _save, "imsave": _save},
    "imageio.v3": {"imread": scipy_misc.imread, "imwrite": _save},
    "matplotlib.pyplot": {"imread": scipy_misc.imread, "imsave": _save, "subplots": _subplots},
    "matplotlib.image": {"imread": scipy_misc.imread, "imsave": _save},
    "tqdm": {"tqdm": _through, "trange": range},
    "tqdm.auto": {"tqdm": _through, "trange": range},
    "tqdm.notebook": {"tqdm": _through, "trange": range},
}


class StandIns(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Import hook that gives a stand-in for each of `ROOTS`, except for names that the submission has itself."""

    def __init__(self, own: Iterable[str]) -> None:
        self.roots = frozenset(ROOTS) - frozenset(own)
        self.used: set[str] = set()

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> Any:
        """Return the spec of a stand-in, or None to let the usual search go on."""
        root = name.partition(".")[0]
        if root not in self.roots:
            return None
        return importlib.machinery.ModuleSpec(name, self, is_package=True)

    def create_module(self, spec: Any) -> ModuleType:
        """Return a module that has what `CONTENT` says, and nothing of effect besides."""
        return _Module(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        """Note that it was asked for."""
        self.used.add(module.__name__.partition(".")[0])
        vars(module).update(CONTENT.get(module.__name__, {}))


class _Module(ModuleType):
    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        full = f"{self.__name__}.{name}"
        if full in CONTENT:
            return importlib.import_module(full)
        if self.__name__.partition(".")[0] in PICTURES:
            raise AttributeError(f"the stand-in for {self.__name__} has no {name!r}; read pictures with OpenCV")
        return sys.modules.get(full) or Nothing()
