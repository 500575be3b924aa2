"""What a comparison of gradients with differences found, and how it is told to a student."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from rich.console import Console
from rich.text import Text

from grader.language.translation import _

# A whole multiple tells of a sum that was not summed; larger ratios come near a whole number by chance.
MIN_FACTOR, MAX_FACTOR, FACTOR_TOLERANCE = 2, 64, 0.01


@dataclass(frozen=True)
class Gradient:
    """What came of comparing one gradient in one setting.

    ``worst`` is the index of the entry that differs most, ``claimed`` what ``backward`` says there, ``measured``
    what the differences say. ``bound`` is the difference that is allowed.
    """

    setting: str
    of: str
    entries: int
    wrong: int
    error: float
    bound: float
    worst: tuple[int, ...] = ()
    claimed: float = 0.0
    measured: float = 0.0
    shape_message: str = ""

    @property
    def agrees(self) -> bool:
        """Whether all entries agree."""
        return self.wrong == 0 and not self.shape_message


@dataclass(frozen=True)
class GradientCheck:
    """The comparisons of one layer; ``message`` says why there are none or fewer."""

    name: str
    gradients: Sequence[Gradient]
    message: str = ""

    @property
    def agrees(self) -> bool:
        """Whether everything was compared and agrees."""
        return not self.message and bool(self.gradients) and all(item.agrees for item in self.gradients)

    def render(self, console: Console) -> None:
        """Print a line for each comparison, the worst entry of those that differ, and what to do next."""
        console.print(Text(_("{layer}: backward against differences of forward", layer=self.name), style="bold"))
        for item in self.gradients:
            console.print(Text(f"  {_line(item)}", style="green" if item.agrees else "red"), soft_wrap=True)
        if self.message:
            console.print(Text(self.message), soft_wrap=True)
        elif self.agrees:
            console.print(
                Text(_("All gradients agree with your own forward pass. (Is that right? `check` knows.)"))
            )
        else:
            first = next(item for item in self.gradients if not item.agrees)
            console.print(Text(_("Next: {what}", what=_advice(first)), style="cyan"), soft_wrap=True)


def _line(item: Gradient) -> str:
    head = _("gradient of {what}", what=item.of)
    if item.setting:
        head = f"{item.setting}: {head}"
    if item.shape_message:
        return f"{head}: {item.shape_message}"
    if item.agrees:
        return _(
            "{gradient}: {count} entries agree (largest difference {error}, allowed {allowed})",
            gradient=head,
            count=item.entries,
            error=f"{item.error:.1e}",
            allowed=f"{item.bound:.1e}",
        )
    return _(
        "{gradient}: {wrong} of {count} entries differ; worst at [{place}]: backward says {claimed}, differences "
        "of forward say {measured}",
        gradient=head,
        wrong=item.wrong,
        count=item.entries,
        place=", ".join(map(str, item.worst)),
        claimed=f"{item.claimed:.6g}",
        measured=f"{item.measured:.6g}",
    )


def _advice(item: Gradient) -> str:
    if item.shape_message:
        return _("let backward return an array of the shape of the input")
    if item.claimed == 0:
        return _(
            "backward leaves that entry at 0, but the output depends on it: is every window and channel visited?"
        )
    ratio = item.measured / item.claimed
    whole = round(ratio) if np.isfinite(ratio) else 0
    if MIN_FACTOR <= whole <= MAX_FACTOR and abs(ratio - whole) < FACTOR_TOLERANCE:
        return _(
            "the right value is {factor} times yours there: is something assigned where it must be added?",
            factor=whole,
        )
    return _("follow that one entry by hand: which outputs is it part of, and with which weight?")
