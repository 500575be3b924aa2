"""Which step of the arithmetic of bytes is off is told exactly; plain Python computes right and wrong results."""

import math
import struct
from fractions import Fraction

import numpy as np
import pytest
import torch

from grader.compare import Tolerance, compare
from grader.explain import CaseRun
from grader.explain.byte_rules import by_bytes
from grader.lab.checks import Case
from grader.project.fixtures import RecordedCase
from grader.run.session import Outcome

EXACT = Tolerance(0.0, 0.0)
CLOSE = Tolerance(0.0, 1e-9)
RNG = np.random.default_rng(5)


def told(cases, right, wrong):
    """What is said if ``wrong(case)`` was returned in the place of ``right(case)``."""
    runs = []
    for case in cases:
        expected, actual = right(case), wrong(case)
        bounds = {name: CLOSE if array.dtype.kind == "f" else EXACT for name, array in expected.items()}
        findings = compare(expected, actual, bounds)
        runs.append(CaseRun(RecordedCase(case, expected, bounds), Outcome(None, outputs=actual), findings))
    assert any(not run.passed for run in runs)
    return by_bytes(runs)


# ---------------------------------------------------------------------------------------------- numbers to bytes


def numbers(name, x, position, scale):
    """A case of numbers."""
    return Case(name, {"position": position, "scale": scale}, {"x": np.asarray(x, np.float32)})


NUMBERS = [
    numbers("halves", np.arange(-20, 21) + 0.5, 0, 1.0),
    numbers("below a half", [0.49999997, -0.49999997, 8.499999, -8.499999], 0, 1.0),
    numbers("outside", RNG.uniform(-900, 900, 120), 1, 1.5),
    numbers("a layer", RNG.normal(0, 0.4, 144), -8, 1.25),
]


def away(value):
    """A fraction rounded to the nearest whole number, halves away from zero."""
    whole = math.floor(abs(value) + Fraction(1, 2))
    return whole if value >= 0 else -whole


def kept(value):
    """A number clipped to the range of a byte."""
    return min(max(value, Fraction(-128)), Fraction(127))


def wrapped(value):
    """What 8 bits keep of a whole number."""
    return (value + 128) % 256 - 128


def bytes_of(case, factor=lambda position, scale: scale / Fraction(2) ** position, rounding=away, bounds=kept):
    """Bytes made one by one of exact fractions; all factors of the cases are exact in float32, too."""
    unit = factor(case.config["position"], Fraction(case.config["scale"]))
    found = [wrapped(rounding(bounds(Fraction(float(x)) * unit))) for x in case.arrays["x"]]
    return {"q": np.array(found, np.int8)}


# 1.25 and 1.5 times a float32 number may need more digits than float32 has: what is right is computed there.
def right_bytes(case):
    """The same with the products rounded to float32 by PyTorch."""
    scaled = torch.from_numpy(case.arrays["x"]) * case.config["scale"] / 2.0 ** case.config["position"]
    return bytes_of(Case("", {"position": 0, "scale": 1.0}, {"x": scaled.numpy()}))


TO_BYTES = {
    "fraction is cut off": {"rounding": math.trunc},
    "rounded down": {"rounding": math.floor},
    "rounded up": {"rounding": math.ceil},
    "to even numbers": {"rounding": round},
    "Halves are rounded up": {"rounding": lambda value: math.floor(value + Fraction(1, 2))},
    "towards zero": {"rounding": lambda value: math.ceil(abs(value) - Fraction(1, 2)) * (1 if value > 0 else -1)},
    "wrap round: clip them": {"bounds": lambda value: value},
    "end at -127": {"bounds": lambda value: min(max(value, Fraction(-127)), Fraction(127))},
    "clipped at 128": {"bounds": lambda value: min(max(value, Fraction(-128)), Fraction(128))},
    "without a sign": {"bounds": lambda value: min(max(value, Fraction(0)), Fraction(255))},
    "2^position multiplies": {"factor": lambda position, scale: scale * Fraction(2) ** position},
    "2^position is left out": {"factor": lambda position, scale: scale},
    "The scale is left out": {"factor": lambda position, scale: 1 / Fraction(2) ** position},
}


@pytest.mark.parametrize("said", TO_BYTES)
def test_one_step_to_bytes(said):
    """One step that is off is told, and nothing else."""
    found = told(NUMBERS, right_bytes, lambda case: bytes_of(case, **TO_BYTES[said]))
    assert said in found
    assert found.count(".") <= 2 and " Or: " not in found


def test_two_steps_to_bytes():
    """Two steps that are off are told as two."""
    found = told(NUMBERS, right_bytes, lambda case: bytes_of(case, rounding=math.trunc, bounds=lambda value: value))
    assert found.startswith("Two mistakes at once") and "cut off" in found and "wrap round" in found


@pytest.mark.parametrize(
    "wrong",
    [
        lambda case: {"q": np.flip(right_bytes(case)["q"])},
        lambda case: {"q": right_bytes(case)["q"] + np.int8(1)},
        lambda case: {"q": bytes_of(case, rounding=math.floor)["q"] * np.int8(-1)},
        lambda case: bytes_of(case, factor=lambda position, scale: scale / Fraction(2) ** position * 3),
    ],
)
def test_other_mistakes_in_bytes_are_not_named(wrong):
    """What no step explains is told of none."""
    assert told(NUMBERS, right_bytes, wrong) == ""


# -------------------------------------------------------------------------------------------- a position, a scale


PAIRS = [
    Case("powers", {}, {"absmax": np.array([127.0, 63.5, 254.0, 127 * 2.0**-7, 127 * 2.0**5])}),
    Case("above", {}, {"absmax": np.array([127.1, 255.0, 127 * 2.0**-7 * 1.000001, 127 * 2.0**5 * 1.000001])}),
    Case("any", {}, {"absmax": np.exp(RNG.uniform(-9, 9, 12))}),
    Case("edges", {}, {"absmax": np.array([0.0, 1e-20, 1e15])}),
]


def pairs(case, cut=math.trunc, one=lambda p: p > 0, divisor=127, low=-32, high=32, scale=None, zero=(0, 1.0)):
    """Pairs made one by one; a power of two is found without a logarithm, so that none is rounded away."""
    scale = scale or (lambda m, position: 127 * 2.0**position / m)
    found = []
    for m in case.arrays["absmax"]:
        if m == 0:
            found.append(zero)
            continue
        mantissa, exponent = math.frexp(m / divisor)
        p = exponent - 1 if mantissa == 0.5 else math.log2(m / divisor)
        position = max(low, min(high, cut(p + 1 if one(p) else p)))
        found.append((position, scale(m, position)))
    return {"position": np.array([p for p, _s in found], np.int64), "scale": np.array([s for _p, s in found])}


TO_PAIRS = {
    "position is rounded down": {"cut": math.floor},
    "rounded to the nearest": {"cut": round},
    "position is rounded up": {"cut": math.ceil},
    "1 is not added": {"one": lambda p: False},
    "1 is added to every logarithm": {"one": lambda p: True},
    "m / 128": {"divisor": 128},
    "between -32 and 32": {"low": -1000, "high": 1000},
    "Negative positions become 0": {"low": 0},
    "upside down": {"scale": lambda m, position: m / (127 * 2.0**position)},
    "127 is left out": {"scale": lambda m, position: 2.0**position / m},
    "2^position is left out of the scale": {"scale": lambda m, position: 127 / m},
    "pair for the number 0": {"zero": (0, 0.0)},
}


@pytest.mark.parametrize("said", TO_PAIRS)
def test_one_step_to_a_pair(said):
    """One step that is off is told; rounding down is not taken for rounding to the nearest."""
    found = told(PAIRS, pairs, lambda case: pairs(case, **TO_PAIRS[said]))
    assert said in found
    assert " Or: " not in found


def test_another_pair_is_not_named():
    """Positions that are all one too few, and scales by a factor of their own, follow from no step."""
    assert told(PAIRS, pairs, lambda case: pairs(case, cut=lambda p: math.trunc(p) - 1)) == ""
    assert told(PAIRS, pairs, lambda case: pairs(case, scale=lambda m, position: 100 * 2.0**position / m)) == ""


# ------------------------------------------------------------------------------------------------- sums of bytes


def sums_case(name, shape, outputs, size, stride, pad, low=-128):
    """A case of bytes."""
    qx = RNG.integers(low, 128, shape, dtype=np.int8)
    qw = RNG.integers(low, 128, (outputs, shape[1], size, size), dtype=np.int8)
    return Case(name, {"stride": stride, "pad": pad}, {"qx": qx, "qw": qw})


SUMS = [
    sums_case("3x3", (1, 3, 7, 6), 4, 3, 1, 1),
    sums_case("stride 2", (2, 5, 9, 8), 3, 3, 2, 0),
    sums_case("5x5", (1, 2, 10, 12), 2, 5, 3, 2),
    sums_case("large", (1, 300, 5, 5), 2, 3, 1, 1, low=100),
]


def sums(case, turn=(), product=lambda value: value, total=lambda value: value):
    """Sums made by loops over whole numbers of Python."""
    qx, qw = case.arrays["qx"], np.flip(case.arrays["qw"], turn)
    stride, pad, size = case.config["stride"], case.config["pad"], qw.shape[2]
    rows, columns = ((length + 2 * pad - size) // stride + 1 for length in qx.shape[2:])
    padded = np.pad(qx, ((0, 0), (0, 0), (pad, pad), (pad, pad))).astype(int).tolist()
    kernel = qw.astype(int).tolist()
    found = np.zeros((len(qx), len(qw), rows, columns), np.int32)
    for n, o, r, c in np.ndindex(*found.shape):
        found[n, o, r, c] = total(
            sum(
                product(padded[n][k][r * stride + i][c * stride + j] * kernel[o][k][i][j])
                for k, i, j in np.ndindex(*qw.shape[1:])
            )
        )
    return {"sums": found}


SUMMED = {
    "kernel seems to be turned by 180": {"turn": (2, 3)},
    "sums are kept in 16 bits": {"total": lambda value: (value + 2**15) % 2**16 - 2**15},
    "products are kept in 8 bits": {"product": wrapped},
    "clipped to the range of a byte": {"total": lambda value: min(max(value, -128), 127)},
}


@pytest.mark.parametrize("said", SUMMED)
def test_sums_of_bytes(said):
    """What a register loses is told, and what a convolution of numbers may do wrong, too."""
    found = told(SUMS, sums, lambda case: sums(case, **SUMMED[said]))
    assert said.split(" seems")[0].lower() in found.lower() and "180" in found if "180" in said else said in found


def test_sums_in_single_precision_are_the_same_but_where_they_are_large():
    """Sums that are one off in a case of large ones are told of no register."""
    assert told(SUMS, sums, lambda case: {"sums": sums(case)["sums"] // 2 * 2}) == ""


# ----------------------------------------------------------------------------------------- sums back to numbers


def floats(name, reach, pairs):
    """A case of sums."""
    arrays = {
        "sums": RNG.integers(-reach, reach, (2, 3, 4, 5), dtype=np.int32),
        "pairs": np.array(pairs),
        "bias": RNG.normal(0, 1, 3).astype(np.float32),
    }
    return Case(name, {}, arrays)


BACK = [floats("small", 2000, [[-3, 1.5], [-5, 1.125]]), floats("large", 2**23, [[-2, 1.75], [-9, 1.2]])]


def bits(case, text="s * 2.0 ** (a + b) / (u * v) + c", rounded=lambda value: value):
    """The bits of numbers made one by one by a formula in Python's doubles, kept as float32."""
    (a, u), (b, v) = case.arrays["pairs"]
    found = np.zeros(case.arrays["sums"].shape, np.int32)
    biases = case.arrays["bias"].astype(float)
    for n, o, r, c in np.ndindex(*found.shape):
        names = {
            "s": int(case.arrays["sums"][n, o, r, c]),
            "a": a,
            "b": b,
            "u": u,
            "v": v,
            "c": biases[o],
            "c0": biases[0],
        }
        found[n, o, r, c] = struct.unpack("i", struct.pack("f", rounded(eval(text, {}, names))))[0]
    return {"bits": found}


BACKWARDS = {
    "The bias is missing": "s * 2.0 ** (a + b) / (u * v)",
    "added before the sums are scaled back": "(s + c) * 2.0 ** (a + b) / (u * v)",
    "The bias is subtracted": "s * 2.0 ** (a + b) / (u * v) - c",
    "bias of channel 0": "s * 2.0 ** (a + b) / (u * v) + c0",
    "The scales multiply": "s * 2.0 ** (a + b) * (u * v) + c",
    "Only the input's scale": "s * 2.0 ** (a + b) / u + c",
    "2^position divides": "s / 2.0 ** (a + b) / (u * v) + c",
    "The positions are subtracted": "s * 2.0 ** (a - b) / (u * v) + c",
    "but for the last bits": "s * 2.0 ** (a + b) / (u * v) * (1 + 2e-7) + c",
}


@pytest.mark.parametrize("said", BACKWARDS)
def test_one_step_back_to_numbers(said):
    """One step that is off is told; digits that are lost are told as that."""
    found = told(BACK, bits, lambda case: bits(case, BACKWARDS[said]))
    assert said in found
    assert " Or: " not in found


def test_another_formula_is_not_named():
    """A factor that is none of the steps is told of none, nor is a wrong last bit taken for one."""
    assert told(BACK, bits, lambda case: bits(case, "s * 2.0 ** (a + b) / (u * v) * 1.01 + c")) == ""
    assert told(BACK, bits, lambda case: {"bits": bits(case)["bits"][:, ::-1].copy()}) == ""
