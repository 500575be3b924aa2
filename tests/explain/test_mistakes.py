"""A known mistake is recognised by what it returned, if it explains every case; rounding does not hide it."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from grader.compare import Tolerance, compare
from grader.explain import CaseRun, explain, explain_runs
from grader.explain.mistakes import recognise
from grader.lab.checks import Case
from grader.project.fixtures import RecordedCase, RecordedMistake, RecordedRun, read_fixture
from grader.project.library import read_mistakes
from grader.project.places import Project
from grader.run.answers import Frame, place_of
from grader.run.session import Outcome
from grader.verdicts import Verdict

ROOT = Path(__file__).resolve().parents[2]
RNG = np.random.default_rng(3)
RIGHT = [RNG.standard_normal((2, 3, 4)).astype(np.float32) for _ in range(4)]
BIAS = [array + 1 for array in RIGHT]
FLIP = [array[:, ::-1] for array in RIGHT]
TOLERANCE = Tolerance(1e-5, 0.0)


class Check:
    """What an explanation asks of a check."""

    id = "conv_forward"
    needs = ()
    learning = None


def runs(returned):
    """Runs of the four cases; None stands for the right output, a verdict for an ending."""
    found = []
    for right, output in zip(RIGHT, returned, strict=True):
        recorded = RecordedCase(Case("case"), {"y": right}, {"y": TOLERANCE})
        if isinstance(output, Outcome):
            found.append(CaseRun(recorded, output))
            continue
        outputs = {"y": right if output is None else output}
        found.append(
            CaseRun(recorded, Outcome(None, outputs=outputs), compare({"y": right}, outputs, {"y": TOLERANCE}))
        )
    return found


def mistake(name, outputs, **more):
    """A mistake that returned these outputs; None where it was not noticed."""
    recorded = [
        RecordedRun(Verdict.PASS) if array is None else RecordedRun(Verdict.WRONG, {"y": array})
        for array in outputs
    ]
    return RecordedMistake(name, name, f"About {name}.", "formula (3)", recorded, **more)


KNOWN = [mistake("bias", BIAS), mistake("flip", FLIP), mistake("bias + flip", [a + 1 for a in FLIP])]


def named(returned, known=KNOWN):
    """The mistake recognised, by name."""
    found = recognise(runs(returned), known)
    return found.mistake.name if found else None


def test_the_same_numbers_are_recognised():
    """Each mistake is told from the others by its numbers."""
    assert named(BIAS) == "bias"
    assert named(FLIP) == "flip"


def test_rounding_and_precision_do_not_hide_a_mistake():
    """The same mistake in float64, with other rounding, has the same name."""
    noisy = [array.astype(np.float64) * (1 + 1e-6 * RNG.standard_normal(array.shape)) for array in BIAS]
    assert named(noisy) == "bias"


def test_two_mistakes_at_once_are_recognised():
    """A recorded pair is named as two, and the text says so."""
    both = [array + 1 for array in FLIP]
    assert named(both) == "bias + flip"
    assert explain_runs(Check(), runs(both), KNOWN).hint.startswith("Two mistakes at once")


def test_unknown_numbers_get_no_name():
    """Numbers that no mistake gave are not named."""
    assert named([array * 3 + 2 for array in RIGHT]) is None


def test_a_mistake_must_fail_where_the_submission_does_not():
    """A mistake that would have failed in a case that passes is ruled out."""
    assert named([None, *BIAS[1:]]) is None
    assert named([None, *BIAS[1:]], [mistake("late", [None, *BIAS[1:]])]) == "late"


def test_a_mistake_that_explains_half_is_named_with_that_reservation():
    """If other cases are wrong in another way, the hint says how many are explained."""
    mixed = [*BIAS[:2], RIGHT[2] * 5, RIGHT[3] * 7]
    assert "This explains `case` and `case`; in `case` and `case`" in explain_runs(Check(), runs(mixed), KNOWN).hint
    assert named([RIGHT[2] * 5, *BIAS[1:3], RIGHT[3] * 7]) is None


def test_an_exception_is_recognised_by_its_symptom():
    """The message of an exception identifies a mistake that raises."""
    raised = Outcome(Verdict.EXCEPTION, "'PoolLayer' object has no attribute 'argmax'", "AttributeError")
    ending = RecordedRun(Verdict.EXCEPTION, {}, "AttributeError", "'MaxPoolLayer' object has no attribute 'argmax'")
    other = replace(raised, message="'PoolLayer' object has no attribute 'stride'")
    known = RecordedMistake("argmax", "argmax", "It is argidx.", "", [ending] * 4)
    assert named([raised] * 4, [known]) == "argmax"
    assert named([other] * 4, [known]) is None
    assert named([other] * 4, [replace(known, symptom="no attribute")]) is None
    assert named([replace(raised, error_type="NameError")] * 4, [known]) is None


def test_an_exception_counts_only_where_it_was_raised():
    """The same message from another function, or only in some of the failing cases, is no evidence."""
    there, elsewhere = Frame("layer.py", 9, "forward", ""), Frame("layer.py", 9, "backward", "")
    said = "cannot reshape array of size 84 into shape (1,4)"
    raised = Outcome(Verdict.EXCEPTION, said, "ValueError", (there,))
    ending = RecordedRun(Verdict.EXCEPTION, {}, "ValueError", said, place_of([there]))
    known = RecordedMistake("zero", "zero", "It divides.", "", [ending] * 4)
    assert named([raised] * 4, [known]) == "zero"
    assert named([replace(raised, frames=(elsewhere,))] * 4, [known]) is None
    assert named([raised, raised, raised, BIAS[3]], [replace(known, runs=[ending] * 4)]) == "zero"
    other = replace(raised, message="cannot reshape array of size 80 into shape (1,4)")
    assert named([raised, raised, raised, other], [known]) is None
    assert named([BIAS[0], *[raised] * 3], KNOWN) is None


@pytest.mark.parametrize(
    "said",
    [
        "too many values to unpack (expected 2)", "not enough values to unpack (expected 4, got 2)",
        "list index out of range", "axes don't match array", "shape-mismatch for sum",
        "'NoneType' object is not iterable",
    ],
)  # fmt: skip
def test_what_python_says_of_many_mistakes_tells_none(said):
    """A message that names no name, type, shape or size comes of many mistakes at the same place."""
    there = Frame("layer.py", 9, "forward", "")
    raised = Outcome(Verdict.EXCEPTION, said, "ValueError", (there,))
    ending = RecordedRun(Verdict.EXCEPTION, {}, "ValueError", said, place_of([there]))
    known = RecordedMistake("first", "first", "It is the first.", "", [ending] * 4)
    assert named([raised] * 4, [known]) is None
    typed = "filter_data of conv1_1 holds float32 numbers, expected float64"
    told = replace(known, runs=[replace(ending, message=typed)] * 4)
    assert named([replace(raised, message=typed)] * 4, [told]) == "first"
    beside = replace(known, runs=[RecordedRun(Verdict.WRONG, {"y": BIAS[0]}), *[ending] * 3])
    assert named([BIAS[0], *[raised] * 3], [beside]) == "first"


def test_the_line_tells_what_an_exception_of_many_mistakes_does_not():
    """An exception that names nothing tells a mistake where the submission's line is one that only it has."""
    said = "list index out of range"
    there = Frame("layer.py", 9, "load", "self.net.load(idx, weight, self.pairs[ idx ])")
    raised = Outcome(Verdict.EXCEPTION, said, "IndexError", (there,))
    ending = RecordedRun(Verdict.EXCEPTION, {}, "IndexError", said, place_of([there]))
    known = RecordedMistake("by_layer", "by layer", "Count.", "", [ending] * 4, line=r"pairs\[\s*idx\s*\]")
    assert named([raised] * 4, [known]) == "by_layer"
    elsewhere = replace(there, code="weight = layers[idx - 1]")
    assert named([replace(raised, frames=(elsewhere,))] * 4, [known]) is None
    assert named([replace(raised, message="tuple index out of range")] * 4, [known]) is None
    assert named([replace(raised, frames=())] * 4, [replace(known, runs=[replace(ending, place=())] * 4)]) is None


def test_an_argument_too_many_names_the_function():
    """Python says which function takes how many arguments: that is the mistake's own message."""
    there = Frame("demo.py", 9, "forward", "return self.net.forward(self.input_data)")
    said = "CnmlNet.forward() takes 1 positional argument but 2 were given"
    raised = Outcome(Verdict.EXCEPTION, said, "TypeError", (there,))
    ending = RecordedRun(Verdict.EXCEPTION, {}, "TypeError", said, place_of([there]))
    known = RecordedMistake("given", "given", "Nothing.", "", [ending] * 4)
    assert named([raised] * 4, [known]) == "given"
    assert named([replace(raised, message=said.replace("forward", "setInputData"))] * 4, [known]) is None


def test_a_part_of_the_cases_is_explained_by_more_than_a_few_whole_numbers():
    """Where all positions are one too few, rounding up to a half and rounding down agree: neither is named."""
    right = [np.array([-3, 4, 2, 0, 7, -9]), np.array([5, -2, 1, 8, -6, 3])]
    many = [np.arange(40).reshape(5, 8) * 7 % 41, np.arange(40).reshape(5, 8) * 3 % 41]

    def named_whole(right, returned, recorded):
        found = []
        for expected, array in zip(right, returned, strict=True):
            case = RecordedCase(Case("case"), {"y": expected}, {"y": Tolerance(0.0, 0.0)})
            wrong = compare(case.expected, {"y": array}, case.tolerances)
            found.append(CaseRun(case, Outcome(None, outputs={"y": array}), wrong))
        told = recognise(found, [mistake("rounded", recorded)])
        return told.mistake.name if told else None

    less = [array - 1 for array in right]
    assert named_whole(right, less, less) == "rounded"
    assert named_whole(right, [less[0], right[1] - 2], less) is None
    turned = [array[:, ::-1] for array in many]
    assert named_whole(many, [turned[0], many[1] + 5], turned) == "rounded"
    assert named_whole(many, [many[0] - 1, many[1] + 5], [array - 1 for array in many]) is None


def test_what_a_check_requires_is_known_by_its_symptom():
    """A requirement that is not held is said in the check's own words, of which a part may do."""
    failed = Outcome(Verdict.WRONG, "conv2 has padding 0, expected 1", "NotHeld")
    ending = RecordedRun(Verdict.WRONG, {}, "NotHeld", "conv1 has padding 0, expected 1")
    known = RecordedMistake("padding", "padding", "It is 1.", "", [ending] * 4)
    assert named([failed] * 4, [known]) is None
    assert named([failed] * 4, [replace(known, symptom="has padding 0")]) == "padding"


def test_what_a_check_requires_without_a_value_tells_no_mistake():
    """A sentence that any failure of the requirement brings, such as that all layers need an array, names none."""
    failed = Outcome(Verdict.WRONG, "`Xs` must have an array for every layer", "NotHeld")
    ending = RecordedRun(Verdict.WRONG, {}, "NotHeld", "`Xs` must have an array for every layer")
    assert named([failed] * 4, [RecordedMistake("last", "last", "The last is not run.", "", [ending] * 4)]) is None


def test_nan_and_zeros_alone_show_nothing():
    """NaN or zeros at the same places come of many causes; beside finite numbers that agree they do no harm."""
    nan, zero = [array * np.nan for array in RIGHT], [array * 0 for array in RIGHT]
    assert named(nan, [mistake("nan", nan)]) is None
    assert named(zero, [mistake("zero", zero)]) is None
    assert named([*BIAS[:3], nan[3]], [mistake("bias", [*BIAS[:3], nan[3]])]) == "bias"


def test_arbitrary_numbers_count_where_a_mistake_reads_outside():
    """Where a mistake reads outside of an array its numbers are arbitrary, but not where they are its own."""
    garbage = [*BIAS[:2], *[np.concatenate([array[:1] * -7, array[1:] * 1e20]) for array in RIGHT[2:]]]
    known = mistake("outside", [*BIAS[:2], RIGHT[2] * -7, RIGHT[3] * -7], reads_outside=True)
    assert named(garbage, [known]) == "outside"
    assert named([RIGHT[0] * 2, RIGHT[1] * 3, *garbage[2:]], [known]) is None
    # What it reads inside has to be there, too.
    assert named([*BIAS[:2], *[array * 1e20 for array in RIGHT[2:]]], [known]) is None


def test_a_wrong_shape_alone_tells_no_mistake():
    """Of a mistake that reads outside and has a wrong shape, some of its numbers have to be there as well."""
    turned = [np.ascontiguousarray(array.swapaxes(1, 2)) for array in RIGHT]
    read = [np.ascontiguousarray(array.reshape(2, 4, 3)) for array in RIGHT]
    known = mistake("outside", read, reads_outside=True)
    assert named(turned, [known]) is None
    outside = [array.copy() for array in read]
    for array in outside:
        array[:, 2:] = 1e20
    assert named(outside, [known]) == "outside"


def test_infinite_and_nan_are_one():
    """An overflow may come out as either."""
    overflow = [array.copy() for array in RIGHT]
    recorded = [array.copy() for array in RIGHT]
    for seen, known in zip(overflow, recorded, strict=True):
        seen[0, 0, 0], known[0, 0, 0] = np.inf, np.nan
    assert named(overflow, [mistake("overflow", recorded)]) == "overflow"


def test_a_pattern_can_stand_for_a_mistake():
    """A mistake whose numbers depend on the order of operations is known by its pattern."""
    halves = [array.astype(np.float16) for array in RIGHT]
    known = mistake("half", BIAS, fingerprint="half_precision")
    assert explain_runs(Check(), runs(halves), [known]).misconception == "half"


def test_an_error_of_the_size_of_a_tolerance_agrees_with_no_other():
    """A mistake whose effect is as small as what is allowed is not named for another small one."""
    up, down = ([array + sign * 1.5e-5 for array in RIGHT] for sign in (1, -1))
    assert named(up, [mistake("up", up)]) == "up"
    assert named(down, [mistake("up", up)]) is None


def test_both_ways_to_say_that_a_product_does_not_fit_are_one():
    """np.dot and @ say in other words which sizes meet; other sizes are another mistake."""
    x, weight = np.ones((2, 30)), np.ones((8, 30))
    said = []
    for multiply, other in ((np.matmul, weight), (np.dot, weight), (np.dot, np.ones((7, 30)))):
        try:
            multiply(x, other)
        except ValueError as error:
            said.append(str(error))
    ending = RecordedRun(Verdict.EXCEPTION, {}, "ValueError", said[0])
    known = RecordedMistake("transposed", "transposed", "Transpose it.", "", [ending] * 4)
    assert named([Outcome(Verdict.EXCEPTION, said[1], "ValueError")] * 4, [known]) == "transposed"
    assert named([Outcome(Verdict.EXCEPTION, said[2], "ValueError")] * 4, [known]) is None


WIDTH = "layer 4, `fc7`, has output 1000, expected 4096"
CALLED = "layer 6 is called `conv2_0`, expected `conv2_1`"


@pytest.mark.parametrize(
    ("symptom", "known", "said", "is_named"),
    [
        ("has output", WIDTH, WIDTH.replace("has output 1000", "has output 4097"), 0),
        ("has output", WIDTH, WIDTH.replace("layer 4, `fc7`", "layer 2, `fc6`"), 1),
        ("expected `conv2_1`", CALLED, CALLED.replace("layer 6", "layer 5"), 1),
        ("expected `conv2_1`", CALLED, CALLED.replace("conv2_0", "block2_conv1"), 0),
    ],
)
def test_a_symptom_is_that_of_the_same_numbers(symptom, known, said, is_named):
    """A width of 4097 is not one of 1000; which layer of the network is wrong may differ."""
    recorded = [RecordedRun(Verdict.WRONG, {}, "NotHeld", known)] * 4
    failed = Outcome(Verdict.WRONG, said, "NotHeld")
    item = RecordedMistake("width", "width", "About widths.", "", recorded, symptom=symptom)
    assert named([failed] * 4, [item]) == ("width" if is_named else None)


def test_cases_beyond_the_course_decide_between_mistakes_that_agree_in_it():
    """A mistake of its own zeros of `same` agrees with another one on some pictures, and others tell them apart."""
    project = Project(ROOT)
    check, fixture = project.lab("cifar10_zoo").checks["conv_forward"], read_fixture(
        project.fixtures("cifar10_zoo", "hidden"), ["conv_forward"]
    )  # fmt: skip
    cases = fixture.checks[check.id]
    ambiguous = 0
    for known in read_mistakes(fixture, check.id):
        if not known.name.startswith("same_padding") or known.is_pair:
            continue
        parts = {"course": [], "general": []}
        for recorded, run in zip(cases, known.runs, strict=True):
            outputs = run.outputs if run.verdict is Verdict.WRONG else recorded.expected
            findings = compare(recorded.expected, outputs, recorded.tolerances)
            parts[recorded.case.domain].append(CaseRun(recorded, Outcome(None, outputs=outputs), findings))
        ambiguous += explain(check, parts["course"], fixture).misconception != known.name
        assert explain(check, parts["course"], fixture, beyond=parts["general"]).misconception == known.name
    assert ambiguous


def test_a_name_that_goes_first_needs_evidence_as_any_other():
    """It goes before another one with the same numbers, never before one that explains more."""
    alike = [*KNOWN, mistake("other", BIAS)]
    told = {first: explain_runs(Check(), runs(BIAS), alike, first=[first]) for first in ("other", "bias", "flip")}
    assert {first: found.misconception for first, found in told.items()} == {
        "other": "other", "bias": "bias", "flip": "bias",
    }  # fmt: skip
