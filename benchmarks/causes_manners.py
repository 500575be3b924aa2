"""What the table of causes runs: known mistakes in a lab's solution, and mistakes in programs written otherwise."""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

from benchmarks.causes_lenet import WRITTEN_OTHERWISE as LENET
from benchmarks.causes_variants import STYLE_TRANSFER, VGG19, VGG19_DLP
from benchmarks.causes_variants_blocks import CIFAR10_ZOO, RESNET18
from grader.publishing.misconceptions import (
    Edit,
    Misconception,
    MisconceptionError,
    Mistaken,
    load_misconceptions,
    write_mistaken,
)

ROOT = Path(__file__).resolve().parent.parent
MANNERS = {
    "im2col_gemm": "matrices", "einsum_windows": "taps", "float32_loops": "loops", "float64_inside": "loops",
    "index_arrays": "matrices", "sliding_windows": "taps", "numba_loops": "loops",
    "numba_parallel": "loops", "strided_float32": "matrices", "tensordot_float64": "taps", "strided_einsum": "taps",
    "im2col_windows": "matrices", "im2col": "matrices", "kernel_places": "taps", "im2col_loops": "matrices",
    "windows_einsum": "taps", "moveaxis_cast_first": "taps", "loops_and_keywords": "layout",
    "lists_and_flatten": "layout",
}  # fmt: skip
# How the solutions themselves are written, where not in loops over the places of the output.
OWN = {"vgg19": "taps", "cifar10_zoo": "matrices", "vgg19_dlp": "taps"}
OTHERWISE = {
    "vgg19": VGG19, "style_transfer": STYLE_TRANSFER, "resnet18": RESNET18, "cifar10_zoo": CIFAR10_ZOO,
    "vgg19_dlp": VGG19_DLP,
}  # fmt: skip
KINDS = (
    ("network", r"^(network|lenet|load|build|picture|training)"),
    ("activation", r"relu|^activation_(for|back)ward"),
    ("bytes", r"quant|int8"),
    ("convolution", r"conv|im2col|col2im|gemm|padding|activation|edges"),
    ("pooling", r"pool|^gap|equal_maxima"),
    ("linear", r"fully_connected|^linear|^dense"),
    ("norm", r"norm|^bn_"),
    ("loss", r"loss|cross_entropy|softmax"),
    ("optimiser", r"adam|sgd|momentum"),
)


@dataclass(frozen=True)
class Made:
    """A mistake as it is made in one program.

    Attributes
    ----------
    names : what it may be called: its own name, or those of two at once.
    words : what is known of it in words; a cause may speak of nothing else.
    check : the check that must fail.
    """

    lab: str
    names: tuple[str, ...]
    words: str
    check: str
    manner: str
    parts: tuple[Misconception, ...]

    @property
    def otherwise(self) -> bool:
        """Whether the program is a variant of the solution."""
        return any(part.variant for part in self.parts)

    @property
    def kind(self) -> str:
        """The kind of layer, for the table."""
        return next((kind for kind, pattern in KINDS if re.search(pattern, self.check)), "other")

    def write(self, folder: Path) -> bool:
        """Write the submission; False if the program has no such place."""
        try:
            write_mistaken(ROOT / "reference" / self.lab, Mistaken(self.parts), folder)
        except MisconceptionError:
            return False
        return True


def mistakes_of(lab: str) -> list[Made]:
    """Return every known mistake of a lab in its own program, and those made in programs written otherwise."""
    known = load_misconceptions(ROOT / "reference" / lab)
    words = {item.name: " ".join((item.name.replace("_", " "), item.title, item.explanation)) for item in known}
    found = [
        Made(lab, (item.form_of or item.name,), words[item.name], item.loses[0],
             MANNERS.get(item.variant or "", OWN.get(lab, "loops")), (item,))
        for item in known if item.loses
    ]  # fmt: skip
    return found + list(_otherwise(lab, words))


def _otherwise(lab: str, words: dict[str, str]) -> Iterator[Made]:
    for name, check, variant, file, edits in _written(lab):
        names = tuple(name.split(" + "))
        said = " ".join(words.get(part, part.replace("_", " ")) for part in names)
        pairs = tuple(Edit(file, old, new) for old, new in edits)
        part = Misconception(names[0], "", (), (check,), "", pairs, variant=variant)
        yield Made(lab, names, said, check, MANNERS[variant], (part,))


def _written(lab: str) -> Iterable[tuple[str, str, str, str, tuple[tuple[str, str], ...]]]:
    if lab == "lenet":
        return LENET
    if lab == "vgg16":
        rows = _module(ROOT / "tests" / "explain" / "rewritten.py").REWRITTEN
        return [(name, check, variant, "layer.py", edits) for name, check, variant, edits in rows]
    return [
        (name, check, variant, file, tuple(zip(texts[::2], texts[1::2], strict=True)))
        for variant, file, rows in OTHERWISE[lab]
        for name, check, *texts in rows
    ]


def _module(file: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"_{file.stem}", file)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
