"""What the failing cases of a check have in common, and the passing ones have not."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from grader.explain.case_run import CaseRun
from grader.lab.checks import Case
from grader.language.translation import _, listed

Condition = tuple[str, Callable[[Case], bool]]
# Of the telling ones, which come first.
MAX_CONDITIONS = 3
INPUT_NAMES = ("x", "inputs", "logits")


def conditions() -> Iterator[Condition]:
    """Yield questions about a case, the telling ones first. A setting that a case lacks makes the answer False."""
    yield _("a stride other than 1"), lambda case: _setting(case, "stride", 1) != 1
    yield _("dilation"), lambda case: _setting(case, "dilation", 1) != 1
    yield _("`same` padding"), lambda case: case.config.get("pad") == "same"
    yield _("padding that differs from side to side"), lambda case: isinstance(case.config.get("pad"), list | tuple)
    yield _("padding"), lambda case: _padded(case) is True
    yield _("no padding"), lambda case: _padded(case) is False
    yield _("a kernel that is not square"), lambda case: len(set(case.config.get("kernel_shape") or ())) > 1
    yield _("more than one sample"), lambda case: _length(case, 0) > 1
    yield _("more than one input channel"), lambda case: _setting(case, "c_in", 1) > 1
    yield _("more than one output channel"), lambda case: _setting(case, "c_out", 1) > 1
    yield _("a kernel larger than 1"), lambda case: _setting(case, "k", 1) > 1
    yield _("windows that overlap"), lambda case: 0 < _setting(case, "stride", 0) < _setting(case, "k", 0)
    yield (
        _("a window that differs from the stride"),
        lambda case: _setting(case, "stride", 1) != _setting(case, "k", 1),
    )
    yield _("a stride larger than the window"), lambda case: _setting(case, "stride", 0) > _setting(case, "k", 99)
    yield _("only negative inputs"), lambda case: _all_negative(case)
    yield _("large inputs"), lambda case: _largest(case) > 50


def common_condition(runs: Sequence[CaseRun]) -> str:
    """Return what exactly the failing cases have in common; empty if there is nothing, or all fail.

    Where several conditions draw the same line, all of them are named: the cases cannot tell which one it is.
    """
    failing = [run.recorded.case for run in runs if not run.passed]
    passing = [run.recorded.case for run in runs if run.passed]
    if not failing or not passing:
        return ""
    found = [
        text
        for text, holds in conditions()
        if all(holds(case) for case in failing) and not any(holds(case) for case in passing)
    ]
    return listed(found[:MAX_CONDITIONS])


def _setting(case: Case, name: str, default: int) -> int:
    value = case.config.get(name, default)
    return value if isinstance(value, int) else default


def _padded(case: Case) -> bool | None:
    """Return whether the case has padding; None if nothing says so."""
    pad = case.config.get("pad", case.config.get("padding"))
    if isinstance(pad, str):
        return pad != "valid"
    if isinstance(pad, list | tuple):
        return any(pad)
    return pad > 0 if isinstance(pad, int) else None


def _length(case: Case, axis: int) -> int:
    for name in INPUT_NAMES:
        if name in case.arrays and case.arrays[name].ndim > axis:
            return int(case.arrays[name].shape[axis])
    return 1


def _all_negative(case: Case) -> bool:
    return "x" in case.arrays and case.arrays["x"].size > 0 and bool((case.arrays["x"] < 0).all())


def _largest(case: Case) -> float:
    arrays = [case.arrays[name] for name in INPUT_NAMES if name in case.arrays]
    return max((float(abs(array).max(initial=0)) for array in arrays), default=0.0)
