"""Why a network did not learn: what is said for every course that a training can take."""

from __future__ import annotations

import numpy as np
import pytest

from grader.compare import Tolerance, compare
from grader.explain import CaseRun, explain_runs
from grader.explain.learning import confusion
from grader.explain.messages import describe_finding
from grader.lab.checks import Case, Check, Learning, one_case
from grader.project.fixtures import RecordedCase
from grader.run.session import Outcome
from grader.score.learning_curves import describe_learning, learning_curves

STEPS, PICTURES, CLASSES = 100, 200, 10
CHECK = Check("training", "Training", lambda student, case: None, 100, one_case(), learning=Learning(at_least=0.8))
RIGHT = np.arange(PICTURES) % CLASSES
FALLING = np.linspace(2.3, 0.2, STEPS)


def run(loss: np.ndarray, predictions: np.ndarray, **observed: float) -> CaseRun:
    """Return a run with this course; ``gradient__Conv1`` stands for the output ``gradient/Conv1``."""
    outputs = {"predictions": predictions}
    tolerances = {"predictions": Tolerance(0.0, 0.2, "share")}
    recorded = RecordedCase(Case("digits"), {"predictions": RIGHT}, tolerances)
    more = {name.replace("__", "/"): np.array(value) for name, value in observed.items()}
    outcome = Outcome(None, outputs=outputs, observed={"loss": loss, **more})
    return CaseRun(recorded, outcome, compare(recorded.expected, outputs, tolerances))


def told(*arguments: np.ndarray, **observed: float) -> tuple[str, str]:
    """Return message and hint."""
    found = explain_runs(CHECK, [run(*arguments, **observed)], [])
    return found.message, found.hint


def some_wrong(count: int) -> np.ndarray:
    """Return predictions of which the first ``count`` are wrong."""
    return np.where(np.arange(PICTURES) < count, (RIGHT + 1) % CLASSES, RIGHT)


def test_enough_right_predictions_pass():
    """A share of 0.8 allows 40 of 200 to be wrong and not one more."""
    assert run(FALLING, some_wrong(40)).passed
    assert not run(FALLING, some_wrong(41)).passed


def test_message_says_how_many_are_right():
    """What is seen and what is required stand in the message, and no prediction."""
    text = describe_finding(run(FALLING, some_wrong(100)).findings[0])
    assert text == "`predictions`: 100 of 200 are right, 50 %; at least 80% is required."


def test_nan_is_found_at_its_step():
    """The step of the first NaN is counted from 1, and the value before it is given."""
    loss = FALLING.copy()
    loss[40:] = np.nan
    message, hint = told(loss, some_wrong(180))
    assert "The loss is NaN in step 41 of 100." in message and f"it was {loss[39]:.3g}" in message
    assert "overflow in exp" in hint


def test_flat_loss_names_the_layers_without_gradient():
    """The layers whose gradient is zero in the first step are named, and no others."""
    message, hint = told(np.full(STEPS, 2.3), some_wrong(180), gradient__Conv1=0.0, gradient__FC3=0.5)
    assert "the gradients of `Conv1` are zero" in message and "FC3" not in message
    assert "stays where it was" in hint


def test_flat_loss_names_the_layers_that_do_not_move():
    """Where gradients arrive, the parameters that are what they were are named."""
    course = {"gradient__Conv1": 0.1, "moved__Conv1": 0.0, "moved__FC3": 1.0}
    message, _ = told(np.full(STEPS, 2.3), some_wrong(180), **course)
    assert "the parameters of `Conv1` are in the end what they were" in message


def test_guessing_is_called_guessing():
    """One in ten right, or one class for all, is said to be no better than guessing."""
    assert "one time in 10" in told(np.full(STEPS, 2.3), some_wrong(180))[0]
    assert "Every picture gets the same class." in told(np.full(STEPS, 2.3), np.zeros(PICTURES, np.int64))[0]


@pytest.mark.parametrize(
    ("loss", "words"),
    [
        (FALLING[::-1], "The loss grows"),
        (FALLING, "does not help with new pictures"),
        (np.linspace(2.3, 1.8, STEPS), "too slowly"),
    ],
)
def test_course_of_the_loss_gives_the_likely_cause(loss, words):
    """A growing, a falling and a slowly falling loss point at different causes."""
    assert words in told(loss, some_wrong(100))[1]


def test_no_loss_is_said():
    """A network that never asked for a loss took no step."""
    assert "no step was taken" in told(np.zeros(0), some_wrong(180))[0]


def test_curves_are_short_and_leave_gaps():
    """A long loss is cut to means of equal stretches; NaN becomes None; accuracy is measured outside."""
    loss = np.concatenate([np.linspace(2.0, 1.0, 900), np.full(100, np.nan)])
    found = run(loss, RIGHT, progress=np.stack([some_wrong(100), RIGHT]))
    curves = {curve.name: curve for curve in learning_curves(CHECK, found.recorded, found.outcome)}
    assert curves["loss"].steps == 1000 and len(curves["loss"].values) == 200
    assert curves["loss"].values[0] == pytest.approx(2.0, abs=0.01) and curves["loss"].values[-1] is None
    assert curves["accuracy"].values == [0.5, 1.0]


def test_what_passed_says_how_well():
    """The message of a training that reached its aim has the accuracy, the bound and the loss."""
    found = run(FALLING, some_wrong(20))
    text = describe_learning(CHECK, found.recorded, found.outcome)
    assert "90.0% of 200 pictures right; at least 80% are needed." in text and "in 100 steps" in text


@pytest.mark.parametrize("observed", [{"loss": np.array(["a"])}, {"loss": np.zeros((0, 3))}])
def test_odd_outputs_do_no_harm(observed):
    """What a submission sends in the place of a loss may be anything."""
    outcome = Outcome(None, outputs={"predictions": RIGHT}, observed={**observed, "progress": np.zeros(3)})
    recorded = run(FALLING, RIGHT).recorded
    assert learning_curves(CHECK, recorded, outcome) == []


def test_a_confusion_matrix_counts_every_picture():
    """Rows are the right classes: each of 10 has 20 pictures, and the first 30 were taken for the next class."""
    counts = confusion(CHECK, run(FALLING, some_wrong(30)))
    assert counts.sum(axis=1).tolist() == [PICTURES // CLASSES] * CLASSES
    assert np.trace(counts) == PICTURES - 30 and [counts[n, (n + 1) % CLASSES] for n in range(CLASSES)] == [3] * 10


@pytest.mark.parametrize("made", [RIGHT - 1, RIGHT + 1, RIGHT[:-1], RIGHT.astype(float)])
def test_what_are_no_classes_is_not_counted(made):
    """Negative or too large classes, too few of them, and numbers that are not whole give no matrix."""
    assert confusion(CHECK, run(FALLING, made)) is None
