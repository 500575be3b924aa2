"""The table of causes judges strictly, and every mistake of it can be made."""

from collections import Counter

import pytest

from benchmarks.causes import table
from benchmarks.causes_changes import borne_out, changes_of
from benchmarks.causes_judge import EXACTLY, FALSELY, NOTHING, PATTERN, USEFULLY, judge, same_numbers
from benchmarks.causes_manners import ROOT, Made, mistakes_of
from grader.compare import compare
from grader.explain import CaseRun, Explanation
from grader.project.fixtures import read_fixture
from grader.project.library import read_mistakes
from grader.project.places import Project
from grader.publishing.misconceptions import Misconception
from grader.run.session import Outcome
from grader.verdicts import Verdict


def made(names=("bias_forgotten",), words="bias not added"):
    """A mistake that was made."""
    return Made("vgg16", names, words, "conv_forward", "loops", ())


def said(hint="", name=None, message=""):
    """What a result says of a check."""
    return {"verdict": "wrong", "hint": hint, "misconception": name, "message": message}


@pytest.mark.parametrize(
    ("told", "wanted"),
    [
        (said("Add the bias.", "bias_forgotten"), EXACTLY),
        (said("The bias is not added."), EXACTLY),
        (said("Another name for the same numbers.", "bias_in_no_loop"), EXACTLY),
        (said("The kernel is turned by 180 degrees.", "kernel_flipped"), FALSELY),
        (said("The stride is ignored."), FALSELY),
        (said("The bias is missing, and the stride is ignored."), FALSELY),
        (said("The bias is not added. (In 7 of 8 cases that fail; the rest was not taken apart.)"), EXACTLY),
        (said("Only the last channel is right."), PATTERN),
        (said(message="The cases that fail are those with dilation."), PATTERN),
        (said(message="`outputs` differs in 3 % of its entries."), NOTHING),
    ],
)
def test_one_answer_is_judged(told, wanted):
    """A cause counts only if it speaks of nothing but the mistake; another name is false."""
    assert judge(made(), [told], {"bias_in_no_loop"}) == wanted


def test_a_change_of_the_solution_is_useful_in_its_own_hole():
    """It gives the same numbers; told of another hole it leads astray."""
    part = Misconception("bias_forgotten", "", ("conv_forward",), ("conv_forward",), "", ())
    mistake = Made("vgg16", ("bias_forgotten",), "bias not added", "conv_forward", "loops", (part,))
    for hole, wanted in (("conv_forward", USEFULLY), ("conv_backward", FALSELY)):
        hint = f"What is returned is what the solution gives when, in the hole `{hole}`, a term is missing."
        assert judge(mistake, [said(hint)], set()) == wanted


def test_a_false_cause_is_not_outweighed():
    """One false part makes the whole answer false, whatever the other part says."""
    answers = [said("The bias is not added."), said("The stride is ignored.")]
    assert judge(made(), answers, set()) == FALSELY


def test_a_factor_of_sizes_is_useful_where_a_mean_is_off():
    """It names the divisor that is missing; of another mistake it is a pattern."""
    answer = said("It is C H W times what is required.")
    assert judge(made(("mean_left_out",), "not averaged"), [answer], set()) == USEFULLY
    assert judge(made(), [answer], set()) == PATTERN


def test_a_condition_on_the_subject_is_useful():
    """What the failing cases have in common helps if the mistake is about it."""
    answer = said(message="The cases that fail are those with a stride other than 1.")
    assert judge(made(("stride_ignored",), "stride ignored"), [answer], set()) == USEFULLY


MANNERS = {"vgg16": {"loops", "matrices"}, "vgg19_dlp": {"taps", "layout"}}


@pytest.mark.parametrize(
    "lab", ["lenet", "vgg16", "vgg19", "style_transfer", "resnet18", "cifar10_zoo", "vgg19_dlp"]
)
def test_every_mistake_can_be_made(lab, tmp_path):
    """Each edit has its place in its program, which is Python; at least ten stand in each manner of a lab."""
    found = [item for item in mistakes_of(lab) if item.otherwise]
    for number, item in enumerate(found):
        assert item.write(tmp_path / str(number)), (item.names, item.manner)
        for file in (tmp_path / str(number)).glob("*.py"):
            compile(file.read_text(encoding="utf-8"), file.name, "exec")
    counts = Counter(item.manner for item in mistakes_of(lab))
    assert set(counts) == MANNERS.get(lab, {"loops", "matrices", "taps"})
    assert min(counts.values()) >= (7 if lab == "lenet" else 10)


def test_changes_of_variants_stand_in_what_differs():
    """Each is another program than the variant, in the function of a hole, on quick checks of that hole."""
    project = Project(ROOT)
    lab, reference = project.lab("style_transfer"), project.reference("style_transfer")
    found = list(changes_of(lab, reference, "numba_loops"))
    assert {mutant.hole for mutant, _checks in found} == {"conv_forward_raw", "conv_backward_raw"}
    assert len({mutant.source for mutant, _checks in found}) == len(found) > 100
    assert all(
        not lab.checks[check].slow and mutant.hole in lab.checks[check].holes
        for mutant, checks in found for check in checks
    )  # fmt: skip
    assert {hole for mutant, _ in changes_of(project.lab("vgg16"), project.reference("vgg16"), "im2col_gemm")
            for hole in mutant.hole.split("+")} >= {"conv_forward", "max_pool_backward"}  # fmt: skip


def test_a_named_cause_is_held_against_the_numbers():
    """What a known mistake returned bears out its own name and no other."""
    fixture = read_fixture(ROOT / "fixtures" / "vgg16" / "hidden", ["conv_forward"])
    known = {item.name: item for item in read_mistakes(fixture, "conv_forward")}
    made = [
        (recorded, Outcome(None, outputs=run.outputs if run.verdict is Verdict.WRONG else recorded.expected))
        for recorded, run in zip(fixture.checks["conv_forward"], known["bias_forgotten"].runs, strict=True)
    ]
    runs = [CaseRun(one, out, compare(one.expected, out.outputs, one.tolerances)) for one, out in made]
    for name, wanted in (("bias_forgotten", True), ("kernel_flipped", False)):
        assert borne_out("conv_forward", runs, fixture, Explanation(misconception=name)) is wanted
    assert borne_out("conv_forward", runs, fixture, Explanation(hint="It is 3 times what is required.")) is False
    assert borne_out("conv_forward", runs, fixture, Explanation(hint="The bias is not added.")) is None


def test_recorded_numbers_decide_which_names_are_the_same():
    """A mistake is the same as itself and not as another one."""
    (found,) = [
        item for item in mistakes_of("vgg16") if item.names == ("bias_forgotten",) and item.manner == "loops"
    ]
    assert "bias_forgotten" in same_numbers(found)
    assert "kernel_flipped" not in same_numbers(found)


def test_the_table_counts_each_answer_once():
    """A row for each kind and manner, and one for all of a lab."""
    row = {"lab": "lenet", "kind": "pooling", "manner": "loops", "judged": EXACTLY}
    lines = table([row, row | {"judged": FALSELY}, row | {"kind": "loss"}]).splitlines()
    assert [line.split()[:2] for line in lines[1:]] == [["lenet", "all"], ["lenet", "loss"], ["lenet", "pooling"]]
    assert lines[1].split()[2:] == ["2", "0", "0", "1", "0", "0"]
