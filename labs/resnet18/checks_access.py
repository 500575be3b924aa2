"""How the checks reach into a submission: where weights go in, where gradients and statistics come out.

A submission may keep its layers in attributes, lists or dictionaries, under names of its own, and may call its
parameters by the names that people use. This file looks for them; it calls nothing of a submission but ``train``,
``eval`` and ``parameters``.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from types import FunctionType, MethodType, ModuleType
from typing import Any

import numpy as np

NAMES = {
    "weight": ("weight", "W", "w", "gamma", "weights", "kernel"),
    "bias": ("bias", "b", "beta", "biases"),
    "mean": ("_mean", "running_mean", "moving_mean"),
    "variance": ("_variance", "running_var", "running_variance", "moving_variance", "moving_var", "_var"),
}
# A list of layers under one of these names adds only its numbers to a layer's place.
ROWS = ("layers", "_layers", "modules", "_modules", "children", "seq", "net_layers")
NOT_WALKED = (type, FunctionType, MethodType, ModuleType, np.ndarray, np.generic, str, bytes)
OF_A_SHORTCUT = ("shortcut", "bn3", "downsample", "skip", "proj", "identity")


@dataclass(frozen=True)
class Part:
    """One layer with parameters of its own, and its place, as ``net.1.0.conv1``."""

    place: str
    layer: Any

    @property
    def kind(self) -> str:
        """``conv``, ``norm`` or ``linear``."""
        if _slot(self.layer, "mean") is not None:
            return "norm"
        return {4: "conv", 2: "linear", 1: "norm"}.get(np.ndim(self.get("weight")), "other")

    def get(self, name: str) -> Any:
        """Return a parameter or a running statistic, None if there is none."""
        slot = _slot(self.layer, name)
        return None if slot is None else slot.value

    def put(self, name: str, value: np.ndarray) -> bool:
        """Set it in the shape that the layer has; return whether that was possible."""
        slot = _slot(self.layer, name)
        if slot is None or np.size(slot.value) != value.size:
            return False
        slot.put(_shaped_as(np.shape(slot.value), value))
        return True

    def gradient(self, name: str, shape: Sequence[int]) -> Any:
        """Return the gradient of a parameter in the given shape, None if it is not found."""
        found = _gradient(self.layer, name)
        if found is None or np.size(found) != np.prod(shape):
            return found
        if name == "weight" and len(shape) > 1 and np.shape(found) != np.shape(self.get(name)):
            # A gradient has the axes of its weight, whichever those are.
            return found
        return _shaped_from(np.asarray(found), tuple(shape))

    @property
    def count(self) -> tuple[int, int]:
        """Numbers of parameters and of running statistics."""
        sizes = [0 if self.get(name) is None else int(np.size(self.get(name))) for name in NAMES]
        return sum(sizes[:2]), sum(sizes[2:])


def _shaped_as(shape: Sequence[int], value: np.ndarray) -> np.ndarray:
    """Bring a canonical value to a layer's own shape: a transposed linear weight, a convolution kept as a matrix."""
    if value.ndim == 2 and tuple(shape) == value.shape[::-1] != value.shape:
        return value.T.copy()
    if value.ndim == 4 and len(shape) == 2:
        rows = value.reshape(len(value), -1)
        return (rows if tuple(shape) == rows.shape else rows.T).copy()
    return value.reshape(shape).copy()


def _shaped_from(found: np.ndarray, shape: Sequence[int]) -> np.ndarray:
    """Undo `_shaped_as`."""
    if len(shape) == 2 and found.shape == tuple(shape)[::-1] != tuple(shape):
        return found.T
    if len(shape) == 4 and found.ndim == 2 and found.shape[0] != shape[0]:
        return found.T.reshape(shape)
    return found.reshape(shape)


@dataclass(frozen=True)
class _Slot:
    """Where a value is kept: an attribute or a key, perhaps of an object that holds it as ``data``."""

    owner: Any
    name: str

    @property
    def value(self) -> Any:
        held = self._held()
        return held if isinstance(held, np.ndarray) else held.data

    def _held(self) -> Any:
        return self.owner[self.name] if isinstance(self.owner, dict) else getattr(self.owner, self.name)

    def put(self, value: np.ndarray) -> None:
        """Write in place where that loses nothing: other names for the array then have it as well."""
        held = self._held()
        old = self.value
        if old.dtype == value.dtype and old.shape == value.shape and old.flags.writeable:
            old[...] = value
        elif not isinstance(held, np.ndarray):
            held.data = value
        elif isinstance(self.owner, dict):
            self.owner[self.name] = value
        else:
            setattr(self.owner, self.name, value)


def _slot(layer: Any, name: str) -> _Slot | None:
    own = vars(layer)
    for holder in (own, own.get("params"), own.get("_parameters")):
        if not isinstance(holder, dict):
            continue
        for alias in NAMES[name]:
            held = holder.get(alias)
            if isinstance(held, np.ndarray) or isinstance(getattr(held, "data", None), np.ndarray):
                return _Slot(layer if holder is own else holder, alias)
    return None


def _gradient(layer: Any, name: str) -> Any:
    own = vars(layer)
    aliases = [form for alias in NAMES[name] for form in (alias, f"d{alias}", f"d_{alias}", f"{alias}_grad")]
    for holder in (own.get("grads"), own.get("gradients"), own.get("grad"), own.get("_grads")):
        if isinstance(holder, dict):
            for alias in aliases:
                if holder.get(alias) is not None:
                    return holder[alias]
    slot = _slot(layer, name)
    held = None if slot is None else slot._held()
    if (
        held is not None
        and not isinstance(held, np.ndarray)
        and isinstance(getattr(held, "grad", None), np.ndarray)
    ):
        return held.grad
    for alias in NAMES[name]:
        for form in (
            f"d{alias}",
            f"d_{alias}",
            f"{alias}_grad",
            f"grad_{alias}",
            f"{alias}_gradient",
            f"grad{alias}",
        ):
            if isinstance(own.get(form), np.ndarray):
                return own[form]
    return None


def parts_of(thing: Any) -> list[Part]:
    """Return the layers with parameters inside a submission's layer or network, in the order of its parameters."""
    parts = list(_walk(thing, "", set()))
    try:
        listed = [id(array) for array in thing.parameters()]
    except Exception:
        return parts
    places = [listed.index(id(part.get("weight"))) if id(part.get("weight")) in listed else -1 for part in parts]
    if -1 in places:
        return parts
    return [part for _, part in sorted(zip(places, parts, strict=True), key=lambda item: item[0])]


def _walk(thing: Any, place: str, seen: set[int]) -> Iterator[Part]:
    if isinstance(thing, NOT_WALKED) or id(thing) in seen:
        return
    seen.add(id(thing))
    if isinstance(thing, (list, tuple)):
        children = [(str(number), child) for number, child in enumerate(thing)]
    elif isinstance(thing, dict):
        children = [(str(key), child) for key, child in thing.items()]
    elif hasattr(thing, "__dict__"):
        if _slot(thing, "weight") is not None:
            yield Part(place, thing)
            return
        children = [("" if _is_row(name, child) else name, child) for name, child in vars(thing).items()]
    else:
        return
    for name, child in children:
        yield from _walk(child, ".".join(word for word in (place, name) if word), seen)


def _is_row(name: str, child: Any) -> bool:
    return name in ROWS and isinstance(child, (list, tuple, dict))


def set_mode(thing: Any, training: bool) -> None:
    """Let a layer or network work as in training or as in use, and every batch norm in it."""
    method = getattr(thing, "train" if training else "eval", None)
    if callable(method):
        method()
    for part in parts_of(thing):
        for name in ("training", "is_training", "train_mode"):
            if name in vars(part.layer) or hasattr(type(part.layer), name):
                setattr(part.layer, name, training)


def matched(student: Any, thing: Any, wanted: Sequence[tuple[str, str]], what: str) -> dict[str, Part]:
    """Return the parts of a network by the handout's names and in its order, that of ``wanted``: (name, kind).

    They are taken by name where all names are there, else in order: convolutions among convolutions, batch norms
    among batch norms, those of a shortcut by themselves.
    """
    parts = parts_of(thing)
    by_place = {part.place: part for part in parts}
    if all(name in by_place for name, _ in wanted):
        return {name: by_place[name] for name, _ in wanted}
    found: dict[str, Part] = {}
    hinted = any(part.kind == "norm" and _in_shortcut(part) for part in parts)
    for kind in ("conv", "shortcut", "norm", "shortcut norm", "linear"):
        names = [name for name, each in wanted if _kind_of(name, each, hinted) == kind]
        own = [part for part in parts if _own_kind(part, hinted) == kind]
        student.require(
            len(own) == len(names),
            "{what} has {count} layers with parameters of the kind {kind}, expected {wanted}",
            what=what,
            count=len(own),
            kind=kind,
            wanted=len(names),
        )
        found |= dict(zip(names, own, strict=True))
    return {name: found[name] for name, _ in wanted}


def _in_shortcut(part: Part) -> bool:
    words = part.place.rpartition(".")[2], part.place.rpartition(".")[0].rpartition(".")[2]
    return any(hint in word.lower() for word in words for hint in OF_A_SHORTCUT)


def _kind_of(name: str, kind: str, hinted: bool) -> str:
    if name.endswith("shortcut"):
        return "shortcut"
    return "shortcut norm" if hinted and name.endswith("bn3") else kind


def _own_kind(part: Part, hinted: bool) -> str:
    if part.kind == "conv" and np.shape(part.get("weight"))[2:] == (1, 1):
        return "shortcut"
    return "shortcut norm" if hinted and part.kind == "norm" and _in_shortcut(part) else part.kind
