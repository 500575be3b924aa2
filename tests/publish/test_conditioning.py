"""Cases that rounding decides are drawn again; how far it moves the others is measured."""

import contextlib
import dataclasses
from types import SimpleNamespace

import numpy as np
import pytest

from grader.inside.rounding import UNIT, UNITS, Roundings
from grader.lab.checks import Case, Check
from grader.publishing.conditioning import (
    MAX_DRAWS,
    REPEATS,
    SHARE_OF_TOLERANCE,
    Conditioner,
    moved_inputs,
    shares,
)
from grader.publishing.record_cache import RecordCache
from grader.publishing.recording import Recorder, RecordingError, make_cases, maker_of
from grader.publishing.tolerances import DerivedTolerance
from grader.run.session import Outcome


class Session:
    """Stands in for a box: a solution that squares, or lets a near tie choose one of two far gradients."""

    calls = 0

    def run(self, check, case, rounding=None):
        """Return the outputs of a check; with ``rounding`` sums come out a little different."""
        Session.calls += 1
        rng = np.random.default_rng(rounding)
        noise = 0.0 if not rounding else 1e-7 * rng.uniform(-1, 1)
        if check.id == "choice":
            return Outcome(
                None, outputs={"gradient": np.array([1.0, 0.0] if case.margin + noise > 0 else [0.0, 1.0])}
            )
        if check.id == "whole":
            return Outcome(None, outputs={"shape": np.array([3, 4])})
        return Outcome(None, outputs={"outputs": case.x**2 * (1 + noise)})

    def forget_time(self):
        """Nothing is limited here."""


def squares(rng):
    """Cases of smooth numbers."""
    yield Case.of("smooth", x=rng.standard_normal(9).astype(np.float32))


def margins(rng):
    """Cases of which about half stand at a tie."""
    yield Case.of("near a tie" if (tie := rng.random() < 0.5) else "clear", margin=1e-9 if tie else 1.0)


def ties(rng):
    """Cases that always stand at a tie."""
    yield Case.of("tie", margin=1e-9)


def lab_of(*checks):
    """A lab with these checks."""
    return SimpleNamespace(checks={check.id: check for check in checks})


def check_of(name, cases, metric="max"):
    """A check in a few words."""
    return Check(name, name, lambda student, case: None, 60, cases, metric=metric)


@pytest.fixture
def conditioner(tmp_path):
    """Return a maker of conditioners for a lab, with a cache of their own."""
    folder = tmp_path / "reference"
    folder.mkdir()
    (folder / "layer.py").write_text("pass\n")

    def make(lab):
        recorder = Recorder(
            lab, lambda path, slot: contextlib.nullcontext(Session()), RecordCache(tmp_path / "c", "")
        )
        return Conditioner(lab, recorder, [folder])

    return make


def test_a_case_that_rounding_decides_is_drawn_again(conditioner):
    """Whatever the seed, what is drawn in the end stands clear of ties, and the same seed draws the same."""
    lab = lab_of(check_of("choice", margins, "l2"))
    drawn = [conditioner(lab).draw(seed, {}) for seed in range(8)]
    assert all(item.cases["choice"][0].name == "clear" for item in drawn)
    assert any(item.draws for item in drawn) and not all(item.draws for item in drawn)
    again = [conditioner(lab).draw(seed, {}).draws for seed in range(8)]
    assert again == [item.draws for item in drawn]


def test_what_was_drawn_can_be_made_again_from_seed_and_draws(conditioner):
    """The seed and the number of draws, which a fixture keeps, give the same cases."""
    lab = lab_of(check_of("choice", margins, "l2"), check_of("square", squares))
    for seed in range(4):
        drawn = conditioner(lab).draw(seed, {})
        made = make_cases(lab, seed, drawn.draws)
        assert made["choice"][0].margin == drawn.cases["choice"][0].margin
        np.testing.assert_array_equal(made["square"][0].x, make_cases(lab, seed)["square"][0].x)


def test_a_maker_without_a_clear_case_is_refused_by_name(conditioner):
    """There is an end to drawing, and the message names the maker, the check and what to do."""
    with pytest.raises(RecordingError, match=rf"all {MAX_DRAWS} draws of {ties.__qualname__}.*choice.*near ties"):
        conditioner(lab_of(check_of("choice", ties, "l2"))).draw(1, {})


def test_the_figure_is_the_largest_movement_over_the_tolerance(conditioner):
    """A smooth case moves by its rounding, of which the share of the tolerance is told."""
    lab = lab_of(check_of("square", squares), check_of("whole", squares))
    drawn = {"hidden": conditioner(lab).draw(3, {})}
    known = {("square", "outputs"): DerivedTolerance("square", "outputs", "max", 1e-5, 0.0, "")}
    square, whole = shares(lab, drawn, known)
    # Inputs and outputs move by at most two units each and 1e-7.
    assert 0 < square.share < (3 * UNITS * UNIT + 1e-7) / 1e-5 <= SHARE_OF_TOLERANCE
    assert whole.share == 0.0


def test_every_case_runs_often_and_what_is_kept_is_not_run_again(conditioner):
    """At least twenty runs stand behind a figure; a second publishing takes it from the cache."""
    lab = lab_of(check_of("square", squares))
    Session.calls = 0
    first = conditioner(lab).draw(5, {})
    assert Session.calls == 1 + REPEATS >= 21
    second = conditioner(lab).draw(5, {})
    assert Session.calls == 1 + REPEATS and second.movements == first.movements


def test_inputs_move_a_little_and_ties_among_them_stay():
    """Equal inputs are equal for every program; zeros stay zeros, and whole numbers stay as they are."""
    x = np.array([[1.5, -2.0, 0.0], [1.5, 3.25, -2.0]], np.float32)
    case = Case.of("ties", k=2, x=x, labels=np.array([1, 2]))
    moved = moved_inputs(case, 11)
    assert moved.x.dtype == np.float32 and moved.k == 2
    assert (moved.x != x).sum() >= 3
    np.testing.assert_array_equal(moved.x[0, 0], moved.x[1, 0])
    np.testing.assert_array_equal(moved.x[0, 1], moved.x[1, 2])
    assert moved.x[0, 2] == 0
    np.testing.assert_allclose(moved.x, x, rtol=UNITS * UNIT + 2.0**-23)
    np.testing.assert_array_equal(moved.labels, case.labels)
    assert dataclasses.asdict(moved_inputs(case, 11))["arrays"]["x"].tobytes() == moved.x.tobytes()


LAYERS = """
import numpy as np

class Double:
    def forward(self, x):
        return 2 * x
    def backward(self, g):
        return 2 * g

class Chosen:
    def __init__(self, fast):
        self.forward = self.quick if fast else self.slow
    def quick(self, x):
        return x * 3
    def slow(self, x):
        return x + x + x

class Network:
    def __init__(self):
        self.layers = [Double(), Chosen(True)]
    def forward(self, x):
        for layer in self.layers:
            x = layer.forward(x)
        return x, "more"
"""


@pytest.fixture
def layers(tmp_path, monkeypatch):
    """A module of layers as a solution has them."""
    (tmp_path / "rounded_layers.py").write_text(LAYERS)
    monkeypatch.syspath_prepend(str(tmp_path))
    import importlib

    yield importlib.import_module("rounded_layers"), Roundings((tmp_path,))
    import sys

    del sys.modules["rounded_layers"]


def test_every_layer_returns_a_little_else_while_it_is_asked_for(layers):
    """Both passes move, also of layers that choose their method when they are made; zeros stay, and so do types."""
    module, roundings = layers
    x = np.random.default_rng(2).standard_normal(500).astype(np.float32)
    x[:5] = 0
    with roundings.active(1):
        double, chosen = module.Double(), module.Chosen(False)
        found = [double.forward(x), double.backward(x), chosen.forward(x)]
        twice = double.forward(x)
    for array, factor in zip(found, (2, 2, 3), strict=True):
        assert array.dtype == np.float32 and not array[:5].any()
        assert (array != factor * x).mean() > 0.5
        np.testing.assert_allclose(array, factor * x, rtol=1e-6, atol=1e-6)
    assert (twice != found[0]).any()
    np.testing.assert_array_equal(double.forward(x), 2 * x)


def test_the_same_seed_moves_alike_and_another_one_does_not(layers):
    """So that publishing can be repeated."""
    module, roundings = layers
    x = np.linspace(1, 2, 100, dtype=np.float32)
    results = []
    for seed in (4, 4, 5):
        with roundings.active(seed):
            results.append(module.Network().forward(x)[0])
    np.testing.assert_array_equal(results[0], results[1])
    assert (results[0] != results[2]).any()


def test_checks_that_share_a_maker_are_drawn_together(conditioner):
    """A backward pass builds on the forward pass of the same input, so both get the next draw."""
    lab = lab_of(check_of("choice", margins, "l2"), dataclasses.replace(check_of("whole", margins), group="other"))
    assert maker_of(lab.checks["choice"]) == maker_of(lab.checks["whole"])
    drawn = next(item for item in (conditioner(lab).draw(seed, {}) for seed in range(9)) if item.draws)
    assert [case.margin for case in drawn.cases["choice"]] == [case.margin for case in drawn.cases["whole"]]
