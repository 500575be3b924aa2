"""What publishing measured of a network's layers is carried over to the machine that grades."""

import pytest

from grader.project.manifest import Facts, LayerRecord
from grader.score.document import LayerTime
from grader.timing.layer_record import with_recorded
from grader.timing.yardstick import YardstickError

LAYERS = [LayerTime(name="conv1", forward_ms=20.0, backward_ms=60.0), LayerTime(name="own", forward_ms=1.0)]
RECORD = LayerRecord(
    solutions={
        "reference": {"forward": {"conv1": 0.01}},
        "engine": {"forward": {"conv1": 0.001, "relu1": 0.002}, "backward": {"conv1": 0.004}},
    },
    yardstick={"products": [0.5, 0.25], "calls": [1.0]},
)


def slower():
    """Run the yardstick on a machine that takes twice as long."""
    return {"products": [0.75, 0.5], "calls": [1.0]}


def absent():
    """Fail to run the yardstick."""
    raise YardstickError("not here")


def test_times_are_scaled_by_the_fastest_repeat():
    """Twice the recorded milliseconds, for those layers and passes that were recorded."""
    found = with_recorded(LAYERS, Facts(layers=RECORD), slower)
    assert (found[0].reference_forward_ms, found[0].reference_backward_ms) == (20.0, None)
    assert (found[0].engine_forward_ms, found[0].engine_backward_ms) == (2.0, 8.0)
    assert found[0].forward_ms == 20.0 and found[1] == LAYERS[1]


@pytest.mark.parametrize(
    ("layers", "facts", "yardstick"),
    [([], Facts(layers=RECORD), None), (LAYERS, Facts(), None), (LAYERS, Facts(layers=RECORD), absent)],
    ids=["no network was run", "older fixtures", "no yardstick"],
)
def test_what_is_not_known_is_left_out(layers, facts, yardstick):
    """Nothing is added, nothing is run in vain, and no grading fails for it."""
    assert with_recorded(layers, facts, yardstick) == layers
