"""The table of causes judges strictly, and every mistake of it can be made."""

import pytest

from benchmarks.causes import table
from benchmarks.causes_judge import EXACTLY, FALSELY, NOTHING, PATTERN, USEFULLY, judge, same_numbers
from benchmarks.causes_manners import Made, mistakes_of
from grader.publishing.misconceptions import Misconception


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


@pytest.mark.parametrize("lab", ["lenet", "vgg16"])
def test_every_mistake_can_be_made(lab, tmp_path):
    """Each edit has its place in its program, and loops, matrices and taps all occur."""
    found = mistakes_of(lab)
    assert all(item.write(tmp_path / str(number)) for number, item in enumerate(found))
    assert {item.manner for item in found} >= {"loops", "matrices"}


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
