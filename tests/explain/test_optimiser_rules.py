"""Which part of Adam is off is told exactly; PyTorch moves the right one, a text of its own the wrong ones."""

import numpy as np
import pytest
import torch

from grader.compare import Tolerance, compare
from grader.explain import CaseRun
from grader.explain.optimiser_rules import by_steps
from grader.lab.checks import Case
from grader.project.fixtures import RecordedCase
from grader.run.session import Outcome

B1, B2, STEPS = 0.9, 0.999, 5
CASES = ((1.0, 1.0), (1e-7, 0.5))  # size of the gradients, rate


def gradients(number):
    """Gradients of a case, float64."""
    return CASES[number][0] * np.random.default_rng(number).standard_normal((STEPS, 3, 4))


def by_torch(number, amsgrad=False):
    """The moves of PyTorch's Adam."""
    weight = torch.zeros(3, 4, dtype=torch.float64, requires_grad=True)
    optimiser = torch.optim.Adam([weight], lr=CASES[number][1], betas=(B1, B2), eps=1e-8, amsgrad=amsgrad)
    values = [weight.detach().numpy().copy()]
    for gradient in gradients(number):
        weight.grad = torch.from_numpy(gradient)
        optimiser.step()
        values.append(weight.detach().numpy().copy())
    return np.diff(np.stack(values), axis=0)


def written(number, change):
    """The moves of an Adam whose lines are changed; ``change`` maps a part of the text to another."""
    text = (
        "t += 1\nm = b1 * m + (1 - b1) * g\nv = b2 * v + (1 - b2) * g**2\n"
        "move = -rate * (m / (1 - b1**t)) / (np.sqrt(v / (1 - b2**t)) + eps)\n"
    )
    for old, new in change.items():
        assert old in text
        text = text.replace(old, new)
    names = {"np": np, "b1": B1, "b2": B2, "t": 0, "m": 0.0, "v": 0.0, "eps": 1e-8, "rate": CASES[number][1]}
    moves = []
    for gradient in gradients(number):
        names["g"] = gradient
        exec(text, names)
        moves.append(names["move"])
    return np.stack(moves)


def told(moves):
    """What is said of the moves of all cases."""
    runs = []
    for number in range(len(CASES)):
        expected, actual = {"moves": by_torch(number)}, {"moves": moves(number)}
        case = Case("case", {"rate": CASES[number][1]}, {"grads": gradients(number)})
        bounds = {"moves": Tolerance(1e-9, 1e-7)}
        findings = compare(expected, actual, bounds)
        runs.append(CaseRun(RecordedCase(case, expected, bounds), Outcome(None, outputs=actual), findings))
    return by_steps(runs)


CHANGES = {
    "The second moment is not corrected": {"v / (1 - b2**t)": "v"},
    "Neither moment is corrected": {"v / (1 - b2**t)": "v", "m / (1 - b1**t)": "m"},
    "Epsilon stands under the root": {"(np.sqrt(v / (1 - b2**t)) + eps)": "np.sqrt(v / (1 - b2**t) + eps)"},
    "as TensorFlow does it": {"(np.sqrt(v / (1 - b2**t)) + eps)": "((np.sqrt(v) + eps) / np.sqrt(1 - b2**t))"},
    "Epsilon is missing": {" + eps": ""},
    "grows by 2": {"t += 1": "t += 2"},
    "one too large": {"**t": "**(t + 1)"},
    "stays at 1": {"t += 1": "t = 1"},
    "one too small from the second": {"**t": "**max(t - 1, 1)"},
    "magnitudes": {"g**2": "abs(g)"},
    "that of the first moment": {"g**2": "m**2"},
    "without the factor 1 - beta1": {"(1 - b1) * g": "g"},
    "In the first moment beta1 and 1 - beta1 are exchanged": {"b1 * m + (1 - b1) * g": "(1 - b1) * m + b1 * g"},
    "beta1 and beta2 are exchanged": {"b1": "b_", "b2": "b1", "b_": "b2"},
    "joins the learning rate without its root": {"v / (1 - b2**t)": "v / (1 - b2**t) ** 2"},
    "The second moment is corrected with t + 1": {"v / (1 - b2**t)": "v / (1 - b2 ** (t + 1))"},
    "Epsilon is 1e-05, not 1e-08.": {"eps": "1e-5"},
    "beta2 is 0.99, not 0.999.": {"b2": "0.99"},
    "The step is added": {"-rate": "rate"},
    "The correction of the first moment is rounded down": {"m / (": "m // ("},
    "The correction of the second moment is rounded down": {"v / (": "v // ("},
    "Both corrections are rounded down": {"m / (": "m // (", "v / (": "v // ("},
    "The step is rounded down": {
        "-rate * (m / (1 - b1**t)) /": "-(rate * (m / (1 - b1**t)) //",
        "+ eps)": "+ eps))",
    },
    "not multiplied by the learning rate": {"-rate * ": "-"},
    "The root of the second moment is not taken": {"np.sqrt(v / (1 - b2**t))": "v / (1 - b2**t)"},
    "In step 1 alone: The gradient itself stands in the place of the first moment.": {
        "b1 * m + (1 - b1) * g": "(g if t == 1 else b1 * m + (1 - b1) * g)"
    },
    "In step 1 alone: The second moment is not corrected": {"(1 - b2**t)": "(1 - b2**t if t > 1 else 1)"},
    "From step 3 on: The first moment is not corrected": {"(1 - b1**t)": "(1 - b1**t if t < 3 else 1)"},
    "In step 4 alone: The first moment is not kept": {"b1 * m": "(t != 4) * b1 * m"},
    "In step 5 alone: The step is added": {"-rate": "(-1) ** (t < 5) * rate"},
    "From step 2 on: Epsilon stands under the root": {
        "(np.sqrt(v / (1 - b2**t)) + eps)": "(np.sqrt(v / (1 - b2**t) + eps * (t > 1)) + eps * (t < 2))"
    },
    "grows by 2 in every update. The step is added": {"t += 1": "t += 2", "-rate": "rate"},
}  # fmt: skip


@pytest.mark.parametrize("text", CHANGES)
def test_the_part_is_told(text):
    """One part, or two at once, is named where it gives the moves of every step and case."""
    assert text in told(lambda number: written(number, CHANGES[text]))


def test_of_several_pairs_none_is_told():
    """What one step cannot tell apart is not guessed: two parts are named only where no other two give the same."""
    first = {"moves": by_torch(0)[:1]}
    case = Case("case", {"rate": CASES[0][1]}, {"grads": gradients(0)[:1]})
    wrong = {"moves": -3.7 * by_torch(0)[:1]}
    bounds = {"moves": Tolerance(1e-9, 1e-7)}
    assert by_steps([CaseRun(RecordedCase(case, first, bounds), Outcome(None, outputs=wrong),
                             compare(first, wrong, bounds))]) == ""  # fmt: skip
    # sqrt(1 - b2) times the step: a missing root of the correction, or two other parts at once.
    small = {"moves": np.sqrt(1 - B2) * by_torch(0)[:1]}
    said = by_steps([CaseRun(RecordedCase(case, first, bounds), Outcome(None, outputs=small),
                             compare(first, small, bounds))])  # fmt: skip
    assert "count of steps" not in said


def test_amsgrad_is_told():
    """The largest second moment is named, as PyTorch takes it."""
    assert "AMSGrad" in told(lambda number: by_torch(number, amsgrad=True))


def test_other_moves_get_no_cause():
    """Moves that follow no form of Adam in one case are not explained."""
    assert told(lambda number: by_torch(number) * (1 + 0.5 * np.arange(STEPS))[:, None, None]) == ""


def test_a_right_case_excludes_a_part():
    """Epsilon is not called missing where tiny gradients are moved rightly."""
    assert told(lambda number: by_torch(number) if number else -by_torch(number)) == ""


def told_of_values(moves):
    """What is said of a variable, of which values after each step are compared, not moves."""
    runs = []
    for number in range(len(CASES)):
        start = 1 + np.random.default_rng(9 + number).random((3, 4))
        given = {f"gradient w {step + 1}": gradient for step, gradient in enumerate(1e-2 * gradients(0))}
        names = [f"w {step + 1}" for step in range(STEPS)]
        expected, actual = (
            dict(zip(names, start + np.cumsum(made(0), axis=0), strict=True)) for made in (tiny, moves)
        )
        bounds = dict.fromkeys(names, Tolerance(1e-5, 1e-5))
        case = RecordedCase(Case("case", {"rate": 1e-3}, {"w": start, **given}), expected, bounds)
        runs.append(CaseRun(case, Outcome(None, outputs=actual), compare(expected, actual, bounds)))
    return by_steps(runs)


def tiny(number, change=()):
    """The moves with a small rate and small gradients."""
    sizes = {"g**2": "(g / 100) ** 2", "(1 - b1) * g": "(1 - b1) * g / 100", "-rate": "-1e-3"}
    text = {old: sizes[old] for old in sizes} | dict(change)
    return written(number, text)


def test_values_that_hardly_move_are_not_told_apart_by_their_moves():
    """A step that is not divided by the root is no decay with beta2, though the values agree."""
    undivided = " / (np.sqrt(v / (1 - b2**t)) + eps)"
    told = told_of_values(lambda number: tiny(number, {undivided: ""}))
    assert told == "The step is not divided by the root of the second moment."
    assert told_of_values(lambda number: tiny(number, {undivided: " / (2 + np.sin(9 * g))"})) == ""
    assert "The step is added" in told_of_values(lambda number: tiny(number, {"-rate": "1e-3"}))
    slower = {"b1 * m": "b2 * m", "(1 - b1) * g": "(1 - b2) * g / 100"}
    assert "The first moment decays with beta2" in told_of_values(lambda number: tiny(number, slower))
