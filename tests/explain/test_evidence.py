"""A pattern is named only if its rivals are excluded; what several calls of a layer say about state and threads."""

import numpy as np

from grader.compare import Tolerance, compare
from grader.explain import CaseRun, common_fingerprints, explain_runs
from grader.explain.messages import describe_finding
from grader.lab.checks import Case
from grader.project.fixtures import RecordedCase, RecordedMistake
from grader.run.session import Outcome
from grader.verdicts import Verdict

RNG = np.random.default_rng(11)
SHAPE = (3, 4, 6, 5)
EXPECTED = RNG.standard_normal(SHAPE)
INPUTS = RNG.standard_normal(SHAPE)


class Check:
    """What an explanation asks of a check."""

    id = "conv_forward"
    needs = ()
    learning = None


def run_of(expected, actual, metric="max", inputs=INPUTS, name="case", arrays=None, **config):
    """A run that should have returned some arrays and returned others; single ones are ``outputs``."""
    expected = expected if isinstance(expected, dict) else {"outputs": expected}
    actual = actual if isinstance(actual, dict) else {"outputs": actual}
    bounds = {key: Tolerance(1e-6, 0.0, metric) for key in expected}
    recorded = RecordedCase(Case(name, config, {"x": inputs, **(arrays or {})}), expected, bounds)
    return CaseRun(recorded, Outcome(None, outputs=actual), compare(expected, actual, bounds))


def names(*runs):
    """The patterns that all runs share."""
    return [item.name for item in common_fingerprints(runs)]


def hint(*runs, known=()):
    """The cause that is told."""
    return explain_runs(Check(), runs, list(known)).hint


def changed(index, array=EXPECTED):
    """Other numbers at an index."""
    wrong = array.copy()
    wrong[index] += 1.5
    return wrong


def test_zeros_where_negatives_belong_are_cut_negatives():
    """Zeros exactly at the negative numbers are said to be that; one zero more is not."""
    cut = np.maximum(EXPECTED, 0)
    assert names(run_of(EXPECTED, cut))[0] == "negatives_cut"
    more = cut.copy()
    more[np.unravel_index(cut.argmax(), SHAPE)] = 0
    assert "negatives_cut" not in names(run_of(EXPECTED, more))
    assert names(run_of(-np.abs(EXPECTED), 0 * EXPECTED), run_of(EXPECTED, cut)) == ["negatives_cut"]


def test_steps_are_no_samples():
    """Where the first axis is not that of the input, nothing is said of samples."""
    wrong = changed(np.s_[1:])
    assert "only_first_sample" in names(run_of(EXPECTED, wrong))
    steps = names(run_of(EXPECTED, wrong, inputs=INPUTS[:1]))
    assert "only_first_sample" not in steps and "from_entry_on" in steps


def test_a_border_is_wrong_on_its_whole_length():
    """A single wrong corner is no border."""
    found = names(run_of(EXPECTED, changed(np.s_[:, :, 0, 0])))
    assert "border" not in found and "only_entry_0_0_wrong" in found


def test_digits_are_lost_only_where_they_are():
    """An error of the size of float16's rounding is not called float16."""
    noisy = EXPECTED * (1 + 5e-4 * np.sign(INPUTS))
    assert names(run_of(EXPECTED, noisy)) == []
    assert names(run_of(EXPECTED, EXPECTED.astype(np.float16))) == ["half_precision"]


def test_a_mask_is_not_whole_numbers():
    """Zeros and ones are not called cut off fractions."""
    assert "whole_numbers" not in names(run_of(EXPECTED, (EXPECTED > 0) * 1.0))


def test_of_a_bounded_length_no_entry_is_spoken_of():
    """Under the metric l2 there is neither a share of entries nor a place."""
    run = run_of(EXPECTED, changed(np.s_[1:]), metric="l2")
    assert names(run) == []
    assert "entries" not in describe_finding(run.findings[0])
    assert names(run_of(EXPECTED, 3 * EXPECTED, metric="l2")) == ["factor"]


def test_large_errors_are_plain_figures():
    """An error of 219 times the largest value is written without an exponent."""
    wrong = EXPECTED.copy()
    wrong[0, 0, 0, 0] = 219 * np.abs(EXPECTED).max()
    text = describe_finding(run_of(EXPECTED, wrong).findings[0])
    assert "up to 220 times its largest value" in text


def test_a_factor_is_called_what_it_is_in_every_case():
    """A third is 1 / N only if it follows N."""
    one, two = EXPECTED, EXPECTED[:2]
    assert "1 / N" in hint(run_of(one, one / 3), run_of(two, two / 2, inputs=INPUTS[:2]))
    text = hint(run_of(one, one / 3), run_of(two, two / 3, inputs=INPUTS[:2]))
    assert "1 / N" not in text and "0.3333 times" in text


def test_a_pattern_of_one_case_is_not_the_cause_of_all():
    """A pattern that other failing cases do not show is not told."""
    assert names(run_of(EXPECTED, 2 * EXPECTED), run_of(EXPECTED, changed(0)), run_of(EXPECTED, 2 * EXPECTED)) == []


def test_an_offset_by_channel_is_compared_with_the_bias():
    """An offset that is minus the bias is the missing bias; another one is only described."""
    bias = RNG.standard_normal(4)
    added = bias[:, None, None]
    assert hint(run_of(EXPECTED + added, EXPECTED, arrays={"bias": bias})) == "The bias is not added."
    assert "3 times" in hint(run_of(EXPECTED + added, EXPECTED + 3 * added, arrays={"bias": bias}, c_in=3))
    other = hint(run_of(EXPECTED, EXPECTED + bias[::-1, None, None], arrays={"bias": bias}))
    assert "bias" not in other and "channel" in other


def test_conditions_that_draw_the_same_line_are_all_named():
    """If all failing cases have several input and several output channels, neither is said alone."""
    runs = [run_of(EXPECTED, EXPECTED, c_in=1, c_out=1), run_of(EXPECTED, changed(0), c_in=2, c_out=3)]
    message = explain_runs(Check(), runs, []).message
    assert "more than one input channel and more than one output channel" in message


def test_unknown_numbers_are_spoken_of_only_where_there_are_numbers():
    """An exception is not said to be none of the known mistakes' numbers."""
    known = [RecordedMistake("m", "m", "m", "", [])]
    raised = CaseRun(run_of(EXPECTED, EXPECTED).recorded, Outcome(Verdict.EXCEPTION, "no", "ValueError"))
    other = run_of(EXPECTED, RNG.standard_normal(SHAPE))
    assert "known mistakes" in explain_runs(Check(), [other], known).message
    assert "known mistakes" not in explain_runs(Check(), [raised, other], known).message
    assert hint(raised, run_of(EXPECTED, 2 * EXPECTED), known=known) == ""


def test_nothing_is_said_twice():
    """What is given as the cause does not stand among the facts as well."""
    found = explain_runs(Check(), [run_of(EXPECTED, 0 * EXPECTED)], [])
    assert found.hint == "It is zero everywhere." and found.hint not in found.message


CALLS = ("outputs, call 1", "outputs, call 2", "outputs, call 3")


def called(*returned):
    """A run of a case that calls the layer several times."""
    return run_of(dict.fromkeys(CALLS, EXPECTED), dict(zip(CALLS, returned, strict=True)))


def test_other_wrong_entries_in_each_call_are_a_race():
    """Calls that get different entries wrong name threads; calls that are all wrong alike do not."""
    text = hint(called(changed(np.s_[0, 0]), changed(np.s_[1, 2]), changed(np.s_[2])))
    assert "threads" in text and "prange" in text and "np.empty" in text and "beyond the end" in text
    assert "thread" not in hint(called(*[changed(np.s_[0, 0])] * 3))


def test_calls_that_differ_name_memory_that_nobody_has_written():
    """An index too large in a compiled loop gives other numbers in each call, as threads and kept sums do."""
    text = hint(called(changed(np.s_[0, 0]), changed(np.s_[:2, 0]), changed(np.s_[:, 0])))
    assert "threads" in text and "kept" in text and "np.empty" in text and "beyond the end" in text


def test_a_first_call_that_alone_is_right_names_what_is_kept():
    """If every later call is wrong alike, something is kept, and threads are not blamed."""
    text = hint(called(EXPECTED, 2 * EXPECTED, 2 * EXPECTED))
    assert "kept from one call" in text and "thread" not in text


def test_gradients_that_replace_earlier_ones_are_told():
    """Where a gradient has to be added to one that is there, and is right but for that, it replaces it."""
    earlier = RNG.standard_normal((4, 3))
    expected, own = {"d_weight": EXPECTED[0, 0, :4, :3] + earlier}, {"d_weight": EXPECTED[0, 0, :4, :3]}
    alone = run_of({"d_weight": EXPECTED[1, 0, :4, :3]}, {"d_weight": EXPECTED[1, 0, :4, :3]})
    there = run_of(expected, own, arrays={"earlier_d_weight": earlier})
    text = hint(alone, there)
    assert "`=` where `+=` is needed" in text and "first time" not in text
    assert "+=" not in hint(
        alone, run_of(expected, {"d_weight": 2 * earlier}, arrays={"earlier_d_weight": earlier})
    )


def test_gradients_that_grow_from_call_to_call_are_told():
    """A gradient that is as many times too large as there were calls was not set back between them."""
    right = {"in_grad, call 1": EXPECTED, "in_grad, call 2": EXPECTED, "d_weight": EXPECTED[0, 0]}
    text = hint(run_of(right, right | {"d_weight": 2 * EXPECTED[0, 0]}, calls=2))
    assert "grow from call to call" in text
    assert "grow" not in hint(run_of(right, right | {"d_weight": 3 * EXPECTED[0, 0]}, calls=2))


def test_a_kernel_is_no_picture():
    """The first axis of a kernel's gradient is no sample, whatever the lab calls it."""
    wrong = changed(np.s_[1:])
    assert "only_first_sample" in names(run_of({"outputs": EXPECTED}, {"outputs": wrong}))
    for name in ("d_weight", "d_kernel"):
        found = names(run_of({name: EXPECTED}, {name: wrong}))
        assert not [item for item in found if "sample" in item or "channel" in item]


def test_advice_on_the_stride_needs_the_stride():
    """Every second entry is right by a stride of 2 only where there is one; one entry alone gives no advice."""
    wrong = changed(np.s_[:, :, 1::2])
    wrong[..., 1::2] += 1.5
    plain, moved = run_of(EXPECTED, wrong), run_of(EXPECTED, wrong, stride=2)
    assert "stride" not in hint(plain) and "stride" in hint(moved)
    single = EXPECTED + 1.5 + np.abs(INPUTS)
    single[:, :, 0, 0] = EXPECTED[:, :, 0, 0]
    assert hint(run_of(EXPECTED, single)) == "Only the entry at row 0, column 0 is right."


def test_a_call_after_another_input_names_what_is_kept():
    """If only the case fails that gave the layer something else before, it keeps something of that."""
    plain = run_of(EXPECTED, EXPECTED)
    after = run_of(EXPECTED, changed(0), arrays={"earlier_x": INPUTS[:1]})
    assert "keeps something of the first call" in hint(plain, after)
    assert "keeps" not in hint(run_of(EXPECTED, changed(0)), after)
