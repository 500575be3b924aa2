"""Judges what a result says of a mistake that was made on purpose.

exactly
    The mistake is called by its name, or by that of another one that returned the same numbers in every public and
    hidden case when the lab was published; or a cause is told that speaks of nothing but what the mistake is about.
usefully
    The cause is right as far as it goes (one of two mistakes, the right setting or place, a step that mends it, a
    change of the solution in the hole of the mistake that gives the same numbers), or what the failing cases have
    in common is what the mistake is about; or the check itself says what it found and what it expected by name.
pattern
    Only where or how large the error is, which is read off the arrays and says nothing of a cause.
FALSELY
    A known mistake is named that is neither the one made nor one with the same numbers; or the cause speaks of a
    subject of `SUBJECTS` that the mistake has nothing to do with. The words of a mistake are its name, title and
    explanation; `READ` lists causes that a person has read and found true although other words are used.
nothing
    Nothing is said but what was seen.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from benchmarks.causes_manners import ROOT, Made
from grader.explain.mistakes import same_arrays
from grader.project.fixtures import Fixture, read_fixture
from grader.project.library import read_mistakes
from grader.verdicts import Verdict

EXACTLY, USEFULLY, PATTERN, FALSELY, NOTHING = "exactly", "usefully", "pattern", "FALSELY", "nothing"
CLASSES = (EXACTLY, USEFULLY, PATTERN, FALSELY, NOTHING)
SUBJECTS = {
    "bias": r"\bbias",
    "stride": r"\bstride|step from one window|windows? (seems to )?move|apart",
    "padding": r"\bpad|\bzeros? (around|above|in front|at the end)|border|same`",
    "dilation": r"dilat",
    "turned": r"180|turned|flip|mirrored|upside",
    "exchanged": r"exchang|transpos|swapp|reshape|\border of|\border\b|read as|reverse|reorder|permut|counted by",
    "channels": r"channel|C_in|C_out|filter|kernel 0|one-hot",
    "samples": r"sample|batch|\bN\b",
    "left out": r"left out|leaves out|missing|forgot|not added|not reset|goes on into|without",
    "average": r"divid|mean|averag|shared|1 / ",
    "sum": r"\bsum|summed|whole gradient|whole window|all pixels|goes on into|not reset",
    "sign": r"sign|minus|negative|magnitude|subtract|\|x\|",
    "overwritten": r"overwrit|`=`|\+=|assign|over one another|overlap",
    "extreme": r"maxim|minim|median|largest|argmax",
    "digits": r"float16|half.precision|float32|whole number|digits|integer",
    "logarithm": r"\bln\b|logarithm|log\b|exp|overflow",
    "epsilon": r"epsilon|ε|root",
    "moment": r"moment|beta|\bm\b|\bv\b|step|rate|correct",
    "class": r"class|label",
    "mask": r"\bmask|dropout",
    "bytes": r"\bbits?\b|\bbytes?\b|clip|wrap",
    "rounding": r"\bround|cut off|fraction",
    "scale": r"\bscales?\b|scaled|2\^",
    "position": r"\bposition",
}  # fmt: skip
# Sentences that only say where or how large an error is.
PATTERNS = re.compile(
    r"(is|are) (right|wrong)\b|times what is required|this many times|a number of its own|off by one and the same"
    r"|error is small|all the right numbers|entries of \d+ (is|are) 0|zero everywhere|of the same number|one number"
    r"|axes? instead of|along its first axis|shape of `|axes are exchanged\.|It is the array"
    r"|could be rounding|entry is|All entries are the same|whole numbers|too (many|few)\.",
    re.IGNORECASE,
)
CONDITION = re.compile(r"The cases that fail are those with (?P<what>[^.]+)\.")
CHANGE = "What is returned is what the solution gives when"
CHANGED_HOLES = re.compile(r"in (?:the hole|one of the holes) `(\w+)`(?: and `(\w+)`)?")
EXPECTED = re.compile(r"`, expected `|; expected \[")
# How many cases a cause was found in is no cause.
FOUND_IN = re.compile(r"\((In \d+ of \d+ cases|Seen where)[^)]*\)")
# A factor that is made of the sizes of the case says which mean, sum or divisor is off.
NAMED_FACTOR = re.compile(r"It is [^.]*[NCHWKS][^.]* times what is required")
AS_WELL = "something else is wrong as well"
# (lab, name of the mistake, part of the cause): read, and true of that mistake in other words.
READ: tuple[tuple[str, str, str], ...] = (
    ("resnet18", "momentum_the_other_way_round", "momentum and 1 - momentum are exchanged"),
    ("lenet", "kernel_rows_and_columns_exchanged", "the weight column, row, channel"),
    ("lenet", "im2col_reshaped_instead_of_transposed", "without their axes being exchanged"),
    ("lenet", "bias_gradient_mean_divided_by_samples_rows_columns", "sum over samples and places, not their mean"),
    ("lenet", "maximum_starts_at_zero_negative_cut", "maximum seems to start at 0"),
    ("resnet18", "mean_gradient_not_divided", "All pixels of the window get the whole gradient"),
    ("lenet", "mean_gradient_not_divided", "All pixels of the window get the whole gradient"),
    ("resnet18", "negative_responses_cut_off", "Negative values are cut off to 0"),
    ("resnet18", "single_weight_gradient_overwritten", "Only the last entry of the gradient"),
    ("resnet18", "residual_added_although_switched_off", "added once too often"),
    ("resnet18", "identity_added_although_switched_off", "added once too often"),
    ("resnet18", "shortcut_added_in_place", "something writes into it"),
    ("style_transfer", "second_moment_not_squared", "made of magnitudes"),
    ("style_transfer", "weight_gradient_overwritten", "Only the last product of each sum"),
    ("style_transfer", "bias_gradient_overwritten", "Only the last product of each sum"),
    ("style_transfer", "speedup_place_by_columns", "counted by columns"),
    ("style_transfer", "relu_gradient_by_its_own_sign", "by its own sign"),
    ("style_transfer", "style_features_in_the_gradient", "The features of the style are multiplied"),
    ("style_transfer", "style_gradient_of_gram_only", "Gram matrix is not subtracted"),
    ("style_transfer", "style_gram_left_at_zero", "Gram matrix is not subtracted, or it is 0"),
    ("cifar10_zoo", "kernel_rows_and_columns_exchanged", "the weight channel, column, row"),
    ("cifar10_zoo", "momentum_exchanged", "In the running mean momentum and 1 - momentum are exchanged"),
    ("cifar10_zoo", "moving_deviation", "made of standard deviations"),
    ("cifar10_zoo", "input_gradient_overwritten", "overwritten"),
    ("cifar10_zoo", "kernel_transposed_backward", "180 degrees"),
    ("cifar10_zoo", "border_not_cut_off", "cut off at one end only"),
    ("cifar10_zoo", "kernel_read_as_outputs_first", "(C_out, K, K, C_in)"),
    ("cifar10_zoo", "pool_gradient_to_everyone", "get the whole gradient"),
    ("cifar10_zoo", "pool_border_of_zeros", "zeros of the padding take part"),
    ("resnet18", "weight_reshaped_instead_of_transposed_order", "were (C_in, K, K, C_out)"),
    ("resnet18", "only_the_last_tap_overwritten", "Only the last tap of the kernel is used"),
    ("vgg19", "sum_overwritten", "Only the last tap of the kernel is used"),
    ("vgg19", "padding_repeats_the_border", "border of the picture is repeated"),
    ("vgg19", "softmax_overflows", "exp of more than 88 overflows"),
    ("vgg19_dlp", "sums_of_sixteen_bits", "kept in 16 bits"),
    ("vgg19_dlp", "position_one_higher", "1 is added to every logarithm"),
    ("vgg19_dlp", "scale_upside_down", "The scale is upside down"),
    ("vgg19_dlp", "rounded_down", "The fraction is cut off"),
    ("vgg19_dlp", "floor_of_bytes", "rounded down"),
    ("vgg19_dlp", "half_added", "Halves are rounded up"),
)


def subjects_of(text: str) -> set[str]:
    """Return what a text speaks of."""
    return {name for name, pattern in SUBJECTS.items() if re.search(pattern, text, re.IGNORECASE)}


def parts_of(result: Mapping[str, Any], check: str) -> list[Mapping[str, Any]]:
    """Return what a result document says of a check that failed: of the course's cases and of those beyond it."""
    found = next((item for item in result["checks"] if item["id"] == check), None)
    parts = [found, found.get("beyond") or {}] if found is not None else []
    return [part for part in parts if part and part["verdict"] not in ("pass", "skipped")]


def judge(made: Made, parts: Iterable[Mapping[str, Any]], same: set[str]) -> str:
    """Return the worst of what is said falsely, else the best of what is said at all."""
    found = {_judge(made, part, same) for part in parts}
    if FALSELY in found:
        return FALSELY
    return next((name for name in (EXACTLY, USEFULLY, PATTERN) if name in found), NOTHING)


def _judge(made: Made, part: Mapping[str, Any], same: set[str]) -> str:
    hint, name = FOUND_IN.sub("", str(part.get("hint") or "")), part.get("misconception")
    if any(
        (made.lab, one, text) for lab, one, text in READ if lab == made.lab and one in made.names and text in hint
    ):
        return EXACTLY
    if name:
        names = set(name.split(" + "))
        if names == set(made.names) or name in same or (len(made.names) == 1 and names & same == names):
            return EXACTLY
        if names <= set(made.names) and AS_WELL in hint:
            return USEFULLY
        known = set(made.names) | same
        return FALSELY if not names & known and _strange(made, hint) else USEFULLY if AS_WELL in hint else FALSELY
    if hint.startswith(CHANGE):
        holes = {hole for found in CHANGED_HOLES.findall(hint) for hole in found}
        own = {hole for one in made.parts for hole in one.holes}
        return USEFULLY if not own or own & holes else FALSELY
    about = subjects_of(made.words)
    if hint and not PATTERNS.search(hint):
        return FALSELY if _strange(made, hint) or not subjects_of(hint) & about else EXACTLY
    if NAMED_FACTOR.search(hint) and about & {"average", "sum"}:
        return USEFULLY
    if not hint and EXPECTED.search(str(part.get("message") or "")):
        return USEFULLY
    condition = CONDITION.search(str(part.get("message") or ""))
    if condition and subjects_of(condition["what"]) & about:
        return USEFULLY
    if hint and subjects_of(hint) & about and not _strange(made, hint):
        return USEFULLY
    return PATTERN if hint or condition else NOTHING


def _strange(made: Made, hint: str) -> set[str]:
    """Return what a cause speaks of that the mistake has nothing to do with."""
    return subjects_of(hint) - subjects_of(made.words)


def same_numbers(made: Made) -> set[str]:
    """Return the known mistakes that returned what the made one did, in every recorded case of its check."""
    alike: set[str] | None = None
    for kind in ("public", "hidden"):
        fixture = read_fixture(ROOT / "fixtures" / made.lab / kind, [made.check])
        found = _alike(fixture, made)
        alike = found if alike is None else alike & found
    return alike or set()


def _alike(fixture: Fixture, made: Made) -> set[str]:
    mistakes = read_mistakes(fixture, made.check)
    own = next((item for item in mistakes if item.name == " + ".join(made.names)), None)
    if own is None:
        return set()
    found = set()
    for other in mistakes:
        pairs = zip(own.runs, other.runs, fixture.checks[made.check], strict=False)
        if all(
            a.verdict is b.verdict
            and (a.verdict is Verdict.PASS or same_arrays(a.outputs, b.outputs, c.tolerances))
            for a, b, c in pairs
        ):
            found.add(other.name)
    return found
