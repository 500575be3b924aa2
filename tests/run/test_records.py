"""What an experiment sends is checked before it is used: the worker is the student's."""

import numpy as np
import pytest

from grader.experiment.records import RecordError, read_record, read_snapshot

GOOD = {"step": np.int64(3), "total": np.int64(5), "finished": np.bool_(False), "curve/loss": np.float64(2.5)}


def arrays(**changes):
    """A good record with other values."""
    changed = {**GOOD, **{name.replace("__", "/"): value for name, value in changes.items()}}
    return {name: np.asarray(value) for name, value in changed.items()}


def test_a_good_record_is_read():
    """Step, total, end and curves arrive as plain numbers."""
    record = read_record(arrays(), after=2)
    assert (record.step, record.total, record.finished, dict(record.curves)) == (3, 5, False, {"loss": 2.5})


@pytest.mark.parametrize(
    "changes",
    [
        {"step": np.int64(1)},
        {"step": np.int64(6)},
        {"step": np.float64(3)},
        {"step": np.array([3])},
        {"total": np.int64(1 << 62)},
        {"curve__loss": np.float64("nan")},
        {"curve__loss": np.float64("inf")},
        {"curve__loss": np.zeros(2)},
        {"curve__../loss": np.float64(1)},
        {"curve__a/b/c": np.float64(1)},
        {f"curve__c{number}": np.float64(1) for number in range(40)},
    ],
    ids=str,
)
def test_a_bad_record_is_refused(changes):
    """Steps that go back or too far, values that are no finite numbers, names that are none."""
    with pytest.raises(RecordError):
        read_record(arrays(**changes), after=2)


def test_a_good_snapshot_is_read():
    """State, pictures and results arrive under their own names."""
    sent = {"state/x": np.ones(3), "picture/art": np.zeros((2, 3, 3), np.uint8), "number/how good": np.float64(1)}
    kept = read_snapshot(sent, 4)
    assert list(kept.state) == ["x"] and list(kept.pictures) == ["art"] and kept.numbers == {"how good": 1.0}


@pytest.mark.parametrize(
    "sent",
    [
        {"state/x": np.array([1, np.nan])},
        {"picture/../../etc/passwd": np.zeros((2, 2), np.uint8)},
        {"picture/art": np.zeros((2, 2, 3))},
        {"picture/art": np.zeros((2, 2, 4), np.uint8)},
        {"picture/art": np.zeros((5000, 2), np.uint8)},
        {"picture/art": np.zeros((0, 2), np.uint8)},
        {f"picture/art{number}": np.zeros((2, 2), np.uint8) for number in range(40)},
        {"number/height": np.float64("inf")},
        {"number/height": np.zeros(2)},
        {"number/" + "h" * 100: np.float64(1)},
    ],
    ids=lambda sent: next(iter(sent))[:30],
)
def test_a_bad_snapshot_is_refused(sent):
    """Numbers that are not finite, names that lead elsewhere, pictures that are none or too large."""
    with pytest.raises(RecordError):
        read_snapshot(sent, 4)
