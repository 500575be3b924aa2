"""A lab of one layer, small enough to publish in a test, and how a test changes a file of a project."""

from __future__ import annotations

from pathlib import Path

LAB = """
lab: toy
version: 1
title: Scale and shift
files:
  - path: layer.py
    classes: [ScaleLayer]
    holes: [scale_forward, scale_backward]
packages: [numpy]
tiers: {60: forward, 100: backward}
jail: {level: 1}
"""

CHECKS = '''
from grader.lab import Case, check


def cases(rng):
    """Three inputs."""
    for number in range(3):
        yield Case.of(
            f"case {number}",
            x=rng.standard_normal((2, 3)),
            weight=rng.standard_normal(3),
            bias=rng.standard_normal(3),
            out_grad=rng.standard_normal((2, 3)),
        )


@check(tier=60, cases=cases, holes=("scale_forward",), files=("layer.py",))
def scale_forward(student, case):
    """Scale, forward."""
    return {"y": student.layer.ScaleLayer(case.weight, case.bias).forward(case.x.copy())}


@check(tier=100, cases=cases, needs=("scale_forward",), holes=("scale_backward",), files=("layer.py",))
def scale_backward(student, case):
    """Scale, backward."""
    layer = student.layer.ScaleLayer(case.weight, case.bias)
    layer.forward(case.x.copy())
    return {"x_grad": layer.backward(case.out_grad.copy())}
'''

REFERENCE = """
class ScaleLayer:
    def __init__(self, weight, bias):
        self.weight = weight
        self.bias = bias

    def forward(self, x):
        ### BEGIN SOLUTION scale_forward: scale, then shift
        return x * self.weight + self.bias
        ### END SOLUTION

    def backward(self, out_grad):
        ### BEGIN SOLUTION scale_backward: scale the gradient
        return out_grad * self.weight
        ### END SOLUTION
"""

FORWARD, BACKWARD = "x * self.weight + self.bias", "out_grad * self.weight"


def variant(forward: str, backward: str) -> str:
    """Write both holes otherwise."""
    return REFERENCE.replace(FORWARD, forward).replace(f"return {BACKWARD}", f"return {backward}")


VARIANTS = {
    "other_order": variant("self.bias + self.weight * x", "self.weight * out_grad"),
    "single_precision": variant(
        "(x.astype('f4') * self.weight.astype('f4') + self.bias.astype('f4'))", f"({BACKWARD}).copy()"
    ),
    "by_rows": variant("(1 * x) * self.weight + self.bias", "type(out_grad).__mul__(out_grad, self.weight)"),
}

MISCONCEPTIONS = """
from grader.publishing.misconceptions import Edit, Misconception

MISCONCEPTIONS = [
    Misconception(
        "bias_forgotten", "bias not added", ("scale_forward",), ("scale_forward",), "Add the bias.",
        (Edit("layer.py", "x * self.weight + self.bias", "x * self.weight"),), "formula (1)", common=True,
    ),
    Misconception(
        "scaled_twice", "scaled twice", ("scale_forward",), ("scale_forward",), "Scale once.",
        (Edit("layer.py", "return x *", "return x * self.weight *"),), "formula (1)",
    ),
    Misconception(
        "gradient_not_scaled", "gradient not scaled", ("scale_backward",), ("scale_backward",), "Scale it.",
        (Edit("layer.py", "return out_grad * self.weight", "return out_grad * 1"),), "formula (2)",
    ),
]
"""


# The baseline sleeps: what it takes does not depend on the machine.
SLOWLY = """
    def forward_slowly(self, x):
        import time

        time.sleep(0.4)
        scaled = self.weight * x
        return scaled + self.bias
"""

TIMED_CHECKS = '''

from grader.lab import Speed


def slow_cases(rng):
    """One input."""
    yield Case.of("slow", x=rng.standard_normal((2, 3)), weight=rng.standard_normal(3), bias=rng.standard_normal(3))


def timed_cases(rng):
    """Repeats of the same work on other values."""
    for _ in range(4):
        yield from slow_cases(rng)


@check(tier=None, cases=slow_cases, needs=("scale_forward",), files=("layer.py",))
def scale_slowly(student, case):
    """Scale, slowly."""
    return {"y": student.layer.ScaleLayer(case.weight, case.bias).forward_slowly(case.x.copy())}


@check(
    tier=100,
    cases=timed_cases,
    needs=("scale_forward",),
    files=("layer.py",),
    speed=Speed("scale_slowly", at_least=2.5, hint="Do not sleep."),
)
def scale_quickly(student, case):
    """Scale, quickly."""
    return {"y": student.layer.ScaleLayer(case.weight, case.bias).forward(case.x.copy())}
'''


def add_timing(root: Path) -> None:
    """Add a check that must be fast, with its baseline, to a project that `make` has written."""
    reference = root / "reference" / "toy"
    for file in (*reference.glob("**/layer.py"), root / "labs/toy/layer.py"):
        file.write_text(file.read_text() + SLOWLY)
    checks = root / "labs" / "toy" / "checks.py"
    checks.write_text(checks.read_text() + TIMED_CHECKS)


def make(root: Path) -> Path:
    """Write the project and return its folder."""
    lab, reference = root / "labs" / "toy", root / "reference" / "toy"
    for folder in (lab, reference, *(reference / "variants" / name for name in VARIANTS)):
        folder.mkdir(parents=True)
    (lab / "lab.yaml").write_text(LAB)
    (lab / "checks.py").write_text(CHECKS)
    (lab / "README.md").write_text("# Scale and shift\n")
    (reference / "layer.py").write_text(REFERENCE)
    (reference / "misconceptions.py").write_text(MISCONCEPTIONS)
    for name, text in VARIANTS.items():
        (reference / "variants" / name / "layer.py").write_text(text)
    from grader.publishing.skeleton import write_skeletons

    write_skeletons(reference, lab, ["layer.py"])
    return root


ENGINE = '''
"""A toy of an engine."""


def scaled(x, weight, bias=0.0):
    """Scale and shift."""
    return x * weight + bias
'''

ON_ENGINE = """
from engine import scaled
from exactness import EXACT


class ScaleLayer:
    def __init__(self, weight, bias):
        self.weight, self.bias = weight, bias
        assert EXACT in (True, False)

    def forward(self, x):
        return scaled(x, self.weight, self.bias)

    def backward(self, out_grad):
        return scaled(out_grad, self.weight)
"""


def add_engine(root: Path) -> None:
    """Add an engine, and the lab's version on it, to a project that `make` has written."""
    for file, text in (("engine/__init__.py", ENGINE), ("toy/engine/layer.py", ON_ENGINE)):
        path = root / "reference" / file
        path.parent.mkdir()
        path.write_text(text)


def edit(project, file, old, new):
    """Change one place of a file."""
    path = project.root / file
    text = path.read_text(encoding="utf-8")
    assert text.count(old) == 1, (file, old)
    path.write_text(text.replace(old, new), encoding="utf-8")
