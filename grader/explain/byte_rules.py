"""Rules by which numbers become bytes, and sums of bytes numbers, in another way than is required.

Each step (scale, rounding, bounds, ...) has one way that is required and others that people take. A cause is told
if what was returned follows from it, exactly, in every case, wrong or right, and from no other that differs in as
few steps; what is required must follow from the required ways, or nothing is said.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import combinations, product
from typing import Any

import numpy as np

from grader.explain.case_run import CaseRun
from grader.explain.comparison import one_or_other
from grader.explain.decomposition import by_terms
from grader.explain.integer_sums import as_convolution, by_registers
from grader.language.translation import _, joined

# Of each step its ways: a sentence, empty for the required one, which comes first, and what it computes.
Ways = Mapping[str, tuple[str, Callable[..., Any]]]
Arrays = Mapping[str, np.ndarray]
LARGEST, SMALLEST = 127, -128
LIMIT = 32
# So far may float32 numbers of one rule lie apart that were computed in another order, relative to the largest.
FEW_BITS = 1e-6
MAX_AT_ONCE = 2


def by_bytes(runs: Sequence[CaseRun]) -> str:
    """Return which step of the arithmetic of bytes gives what was returned in every case; else nothing."""
    failing = [run for run in runs if not run.passed]
    if not failing or any(run.outcome.verdict is not None for run in runs):
        return ""
    if any(finding.kind != "values" for run in failing for finding in run.findings):
        return ""
    case = failing[0].recorded
    given, wanted = {*case.case.arrays, *case.case.config}, set(case.expected)
    if {"x", "position", "scale"} <= given and wanted == {"q"}:
        return _told(runs, _to_bytes(), _bytes_fit)
    if "absmax" in given and wanted == {"position", "scale"}:
        return _told(runs, _position_and_scale(), _pair_fits) or _zero_forgotten(runs)
    if {"sums", "pairs", "bias"} <= given and wanted == {"bits"}:
        return _told(runs, _to_numbers(), _numbers_fit) or _last_bits(failing)
    if {"qx", "qw"} <= given and wanted == {"sums"}:
        return by_registers(runs) or by_terms([as_convolution(run) for run in runs])
    return ""


def _told(
    runs: Sequence[CaseRun],
    steps: Sequence[Ways],
    fits: Callable[[CaseRun, Sequence[Callable[..., Any]], Arrays], bool],
) -> str:
    """Return the fewest ways of steps, other than those required, from which all that was returned follows."""
    required = [next(iter(ways)) for ways in steps]
    named = [ways[name][1] for ways, name in zip(steps, required, strict=True)]
    if not all(fits(run, named, run.recorded.expected) for run in runs):
        return ""
    ordered = sorted(runs, key=lambda run: run.passed)
    for count in range(1, MAX_AT_ONCE + 1):
        alive = []
        for changed in combinations(range(len(steps)), count):
            for names in product(*(list(steps[number])[1:] for number in changed)):
                chosen = list(named)
                for number, name in zip(changed, names, strict=True):
                    chosen[number] = steps[number][name][1]
                # What cannot be told from what is required is no cause.
                if all(
                    fits(run, chosen, run.outcome.outputs)
                    and (run.passed or not fits(run, chosen, run.recorded.expected))
                    for run in ordered
                ):
                    alive.append([steps[number][name][0] for number, name in zip(changed, names, strict=True)])
        if alive and count == 1:
            return one_or_other(text for texts in alive for text in texts)
        if len({tuple(texts) for texts in alive}) == 1:
            return joined([_("Two mistakes at once give exactly these numbers."), *alive[0]])
    return ""


# ---------------------------------------------------------------------------------------------- numbers to bytes


def _to_bytes() -> list[Ways]:
    def scaled(power: int, scale: int) -> Callable[..., Any]:
        def make(x: np.ndarray, position: int, own: float) -> np.ndarray:
            factor = x.dtype.type(own) if scale > 0 else 1 / x.dtype.type(own) if scale else x.dtype.type(1)
            return np.asarray(x * factor * x.dtype.type(2.0 ** (power * position)))

        return make

    def away(y: np.ndarray) -> np.ndarray:
        whole = np.trunc(y)
        return np.asarray(whole + (y - whole >= 0.5) - (y - whole <= -0.5))

    return [
        {
            "required": ("", scaled(-1, 1)),
            "power_multiplies": (_("2^position multiplies: it should divide."), scaled(1, 1)),
            "scale_divides": (_("The scale divides: it should multiply."), scaled(-1, -1)),
            "upside_down": (_("x is multiplied by 2^position / scale: it is the other way round."), scaled(1, -1)),
            "power_left_out": (_("2^position is left out."), scaled(0, 1)),
            "scale_left_out": (_("The scale is left out."), scaled(-1, 0)),
            "both_left_out": (
                _("The numbers are rounded as they are: neither scale nor 2^position is used."), scaled(0, 0)
            ),
        },
        {
            "required": ("", away),
            "cut_off": (_("The fraction is cut off: round to the nearest whole number."), np.trunc),
            "down": (_("Every number is rounded down: round to the nearest whole number."), np.floor),
            "up": (_("Every number is rounded up: round to the nearest whole number."), np.ceil),
            "half_to_even": (_("Halves are rounded to even numbers, as np.round does: they go away from zero."),
                             np.round),
            "half_up": (
                _("Halves are rounded up, negative ones too: they go away from zero."),
                lambda y: np.floor(y.astype(np.float64) + 0.5),
            ),
            "half_added": (
                _("A half is added in single precision: 0.49999997 becomes 1, and -2.5 becomes -2."),
                lambda y: np.floor(y.astype(np.float32) + np.float32(0.5)),
            ),
            "half_added_by_sign": (
                _("A half is added in single precision before the fraction is cut off: 0.49999997 becomes 1."),
                lambda y: np.trunc(y.astype(np.float32) + np.copysign(np.float32(0.5), y)),
            ),
            "to_zero": (
                _("Halves are rounded towards zero: they go away from zero."),
                lambda y: np.sign(y) * np.ceil(np.abs(y.astype(np.float64)) - 0.5),
            ),
        },
        {
            "required": ("", lambda y: np.clip(y, SMALLEST, LARGEST)),
            "not_clipped": (_("Numbers beyond -128 to 127 wrap round: clip them before they become bytes."), _kept),
            "symmetric": (_("Bytes end at -127: the smallest is -128."), lambda y: np.clip(y, -LARGEST, LARGEST)),
            "one_too_far": (
                _("Bytes are clipped at 128, which wraps round to -128: the largest is 127."),
                lambda y: np.clip(y, SMALLEST, LARGEST + 1),
            ),
            "unsigned": (
                _("Numbers are clipped to 0 and 255, as for bytes without a sign."), lambda y: np.clip(y, 0, 255)
            ),
            "negative_cut": (_("Negative numbers become 0."), lambda y: np.clip(y, 0, LARGEST)),
            "above_only": (_("Only large numbers are clipped: those below -128 wrap round."),
                           lambda y: np.minimum(y, LARGEST)),
            "below_only": (_("Only small numbers are clipped: those above 127 wrap round."),
                           lambda y: np.maximum(y, SMALLEST)),
        },
    ]  # fmt: skip


def _kept(y: np.ndarray) -> np.ndarray:
    return y


def _bytes_fit(run: CaseRun, ways: Sequence[Callable[..., Any]], outputs: Arrays) -> bool:
    case = run.recorded.case
    scaled, rounded, clipped = ways
    returned = outputs["q"].astype(np.int64)
    for dtype in (np.float32, np.float64):
        numbers = scaled(case.arrays["x"].astype(dtype), int(case.config["position"]), float(case.config["scale"]))
        if np.array_equal(rounded(clipped(numbers)).astype(np.int64).astype(np.int8), returned):
            return True
    return False


# ------------------------------------------------------------------------------------ largest number to a pair


def _position_and_scale() -> list[Ways]:
    def logarithm(divisor: float) -> Callable[[np.ndarray], np.ndarray]:
        return lambda m: np.log2(m / divisor)

    return [
        {
            "required": ("", logarithm(127)),
            "of_128": (_("The logarithm is that of m / 128: it should be m / 127."), logarithm(128)),
            "of_255": (_("The logarithm is that of m / 255: it should be m / 127."), logarithm(255)),
            "of_m": (_("The logarithm is that of m itself: it should be m / 127."), logarithm(1)),
            "natural": (_("It is the natural logarithm: it should be the one to base 2."),
                        lambda m: np.log(m / 127)),
            "decimal": (_("It is the logarithm to base 10: it should be the one to base 2."),
                        lambda m: np.log10(m / 127)),
        },
        {
            "required": ("", lambda p: np.where(p > 0, p + 1, p)),
            "never": (_("1 is not added to positive logarithms."), _kept),
            "always": (_("1 is added to every logarithm, not only to positive ones."), lambda p: p + 1),
            "at_zero": (_("1 is added where the logarithm is 0, too."), lambda p: np.where(p >= 0, p + 1, p)),
            "to_negative": (_("1 is added to negative logarithms, not to positive ones."),
                            lambda p: np.where(p < 0, p + 1, p)),
            "subtracted": (_("1 is subtracted from positive logarithms: it is added."),
                           lambda p: np.where(p > 0, p - 1, p)),
        },
        {
            "required": ("", np.trunc),
            "down": (_("The position is rounded down: only its fraction is cut off, towards zero."), np.floor),
            "up": (_("The position is rounded up: only its fraction is cut off, towards zero."), np.ceil),
            "nearest": (_("The position is rounded to the nearest: its fraction is cut off."), np.round),
        },
        {
            "required": ("", lambda p: np.clip(p, -LIMIT, LIMIT)),
            "not_clipped": (_("The position is not kept between -32 and 32."), _kept),
            "above_zero": (_("Negative positions become 0."), lambda p: np.clip(p, 0, LIMIT)),
            "at_31": (_("The position ends at -31 and 31: it goes to 32."),
                      lambda p: np.clip(p, 1 - LIMIT, LIMIT - 1)),
        },
        {
            "required": ("", lambda m, p: 127 * 2.0**p / m),
            "upside_down": (_("The scale is upside down: it is 127 * 2^position / m."),
                            lambda m, p: m / (127 * 2.0**p)),
            "power_divides": (_("2^position divides the scale: it should multiply."),
                              lambda m, p: 127 * 2.0**-p / m),
            "power_left_out": (_("2^position is left out of the scale."), lambda m, p: 127 / m),
            "without_127": (_("127 is left out of the scale."), lambda m, p: 2.0**p / m),
            "of_128": (_("The scale has 128 in the place of 127."), lambda m, p: 128 * 2.0**p / m),
            "of_255": (_("The scale has 255 in the place of 127."), lambda m, p: 255 * 2.0**p / m),
            "without_m": (_("m is left out of the scale."), lambda m, p: 127 * 2.0**p),
            "one": (_("The scale is always 1."), lambda m, p: np.ones_like(m)),
        },
    ]  # fmt: skip


def _pair_fits(run: CaseRun, ways: Sequence[Callable[..., Any]], outputs: Arrays) -> bool:
    """Whether positions, and scales for the positions that came out, follow for every number that is not 0."""
    numbers = run.recorded.case.arrays["absmax"].astype(np.float64)
    positive = numbers > 0
    m, position, scale = (array[positive] for array in (numbers, outputs["position"], outputs["scale"]))
    made = m
    for way in ways[:4]:
        made = way(made)
    whole = np.array_equal(made, position)
    scales = ways[4](m, position.astype(np.float64))
    zeros = np.array_equal(outputs["position"][~positive], run.recorded.expected["position"][~positive])
    zeros &= np.array_equal(outputs["scale"][~positive], run.recorded.expected["scale"][~positive])
    return bool(whole and zeros and np.allclose(scales, scale, rtol=1e-5, atol=0))


def _zero_forgotten(runs: Sequence[CaseRun]) -> str:
    """Say that only the pair for 0 is wrong, where it is."""
    for run in runs:
        expected, outputs = run.recorded.expected, run.outcome.outputs
        positive = run.recorded.case.arrays["absmax"] > 0
        near = np.isclose(outputs["scale"], expected["scale"], rtol=1e-5, atol=0)
        if not np.all((near & (outputs["position"] == expected["position"]))[positive]):
            return ""
    return _("Only the pair for the number 0 is wrong: its position is 0 and its scale 1.")


# ------------------------------------------------------------------------------------------ sums back to numbers


def _to_numbers() -> list[Ways]:
    return [
        {
            "required": ("", lambda a, b: 2.0 ** (a + b)),
            "upside_down": (_("2^position divides: it should multiply."), lambda a, b: 2.0 ** -(a + b)),
            "of_input": (_("Only the input's position is used, not the weight's."), lambda a, b: 2.0**a),
            "of_weight": (_("Only the weight's position is used, not the input's."), lambda a, b: 2.0**b),
            "difference": (_("The positions are subtracted: they are added."), lambda a, b: 2.0 ** (a - b)),
            "product": (_("The positions are multiplied: they are added."), lambda a, b: 2.0 ** (a * b)),
            "left_out": (_("The positions are left out."), lambda a, b: np.float64(1)),
        },
        {
            "required": ("", lambda a, b: 1 / (a * b)),
            "multiplied": (_("The scales multiply: they should divide."), lambda a, b: a * b),
            "of_input": (_("Only the input's scale is used, not the weight's."), lambda a, b: 1 / a),
            "of_weight": (_("Only the weight's scale is used, not the input's."), lambda a, b: 1 / b),
            "quotient": (_("The input's scale multiplies: both divide."), lambda a, b: a / b),
            "other_quotient": (_("The weight's scale multiplies: both divide."), lambda a, b: b / a),
            "sum": (_("The scales are added: they are multiplied."), lambda a, b: 1 / (a + b)),
            "left_out": (_("The scales are left out."), lambda a, b: np.float64(1)),
        },
        {
            "required": ("", lambda s, u, b: s * u + b),
            "left_out": (_("The bias is missing."), lambda s, u, b: s * u),
            "before": (_("The bias is added before the sums are scaled back: it comes afterwards."),
                       lambda s, u, b: (s + b) * u),
            "twice": (_("The bias is added twice."), lambda s, u, b: s * u + 2 * b),
            "subtracted": (_("The bias is subtracted."), lambda s, u, b: s * u - b),
            "of_channel_0": (_("Every channel gets the bias of channel 0."), lambda s, u, b: s * u + b[:, :1]),
        },
    ]  # fmt: skip


def _numbers_fit(run: CaseRun, ways: Sequence[Callable[..., Any]], outputs: Arrays) -> bool:
    arrays = run.recorded.case.arrays
    (a, scale_a), (b, scale_b) = arrays["pairs"].astype(np.float64)
    bias = arrays["bias"].astype(np.float64).reshape(1, -1, 1, 1)
    unit = np.float64(ways[0](a, b)) * np.float64(ways[1](scale_a, scale_b))
    return _are_near(ways[2](arrays["sums"].astype(np.float64), unit, bias), _floats(outputs["bits"]))


def _floats(bits: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(bits.astype(np.int32)).view(np.float32).astype(np.float64)


def _are_near(one: np.ndarray, other: np.ndarray) -> bool:
    if one.shape != other.shape or not np.isfinite(one).all() or not np.isfinite(other).all():
        return False
    return bool((np.abs(one - other) <= FEW_BITS * np.abs(one).max(initial=0.0)).all())


def _last_bits(failing: Sequence[CaseRun]) -> str:
    """Say that the numbers are right but for the last bits, where they are."""
    near = (
        _are_near(*(_floats(bits["bits"]) for bits in (run.recorded.expected, run.outcome.outputs)))
        for run in failing
    )
    if not all(near):
        return ""
    return _(
        "The numbers are right but for the last bits of float32: every step is to be in float32, and the steps in "
        "the order of the formula."
    )
