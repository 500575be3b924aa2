"""What publishing measured of a network's layers is carried over to the machine that grades."""

import pytest

from grader.score.document import LayerTime
from grader.timing.layer_record import LayerRecord, with_recorded
from grader.timing.yardstick import YardstickError

LAYERS = [LayerTime(name="conv1", forward_ms=20.0, backward_ms=60.0), LayerTime(name="own", forward_ms=1.0)]
RECORD = LayerRecord(
    {
        "reference": {"forward": {"conv1": 0.01}},
        "engine": {"forward": {"conv1": 0.001, "relu1": 0.002}, "backward": {"conv1": 0.004}},
    },
    {"products": [0.5, 0.25], "calls": [1.0]},
)


def slower():
    """Run the yardstick on a machine that takes twice as long."""
    return {"products": [0.75, 0.5], "calls": [1.0]}


def absent():
    """Fail to run the yardstick."""
    raise YardstickError("not here")


def test_times_are_scaled_by_the_fastest_repeat():
    """Twice the recorded milliseconds, for those layers and passes that were recorded."""
    found = with_recorded(LAYERS, {"layers": RECORD.as_data()}, slower)
    assert (found[0].reference_forward_ms, found[0].reference_backward_ms) == (20.0, None)
    assert (found[0].engine_forward_ms, found[0].engine_backward_ms) == (2.0, 8.0)
    assert found[0].forward_ms == 20.0 and found[1] == LAYERS[1]


@pytest.mark.parametrize(
    ("layers", "facts", "yardstick"),
    [([], {"layers": {}}, None), (LAYERS, {}, None), (LAYERS, {"layers": RECORD.as_data()}, absent)],
    ids=["no network was run", "older fixtures", "no yardstick"],
)
def test_what_is_not_known_is_left_out(layers, facts, yardstick):
    """Nothing is added, nothing is run in vain, and no grading fails for it."""
    assert with_recorded(layers, facts, yardstick) == layers
