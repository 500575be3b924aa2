"""Cases, samples of large activations, and the layers' times."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from grader.lab.checks import Case, Sampled, check, one_case, sample_positions
from grader.timing.layers import count_multiply_adds, steps


def test_a_case_sorts_settings_and_arrays():
    """Both are readable as attributes, and a missing name is said."""
    case = Case.of("a", stride=2, x=np.zeros(3))
    assert (case.stride, case.x.shape, set(case.config), set(case.arrays)) == (2, (3,), {"stride"}, {"x"})
    with pytest.raises(AttributeError, match="case 'a' has no 'y'"):
        case.y  # noqa: B018


@given(st.integers(1, 5_000_000), st.integers(1, 2000))
def test_samples_cover_every_stretch(total, size):
    """Positions are inside, ascending and distinct, one in each of ``size`` equal stretches."""
    positions = sample_positions("layer", total, size)
    assert len(positions) == min(size, total)
    assert positions[0] >= 0 and positions[-1] < total
    assert (np.diff(positions) > 0).all()
    if total > size:
        edges = [number * total // size for number in range(size + 1)]
        assert all(edges[i] <= position < edges[i + 1] for i, position in enumerate(positions))


def test_a_sample_keeps_shape_statistics_and_values():
    """The parts describe the whole array."""
    array = np.random.default_rng(0).standard_normal((2, 3, 40, 50)).astype(np.float32)
    parts = Sampled(array, "layer").parts()
    assert parts["shape"].tolist() == [2, 3, 40, 50]
    np.testing.assert_allclose(parts["stats"], [array.mean(), array.std(), array.min(), array.max()], rtol=1e-5)
    assert parts["values"].size == 1024 and np.isin(parts["values"], array).all()


def test_a_sample_of_nonsense_is_passed_on_for_the_worker_to_refuse():
    """None becomes an object array, which no frame carries."""
    assert Sampled(None, "layer").parts()["values"].dtype == object


def test_a_check_needs_a_title():
    """A check without a docstring is refused where it is defined."""
    with pytest.raises(ValueError, match="no docstring"):

        @check(tier=60, cases=one_case())
        def silent(student, case):
            return {}


def test_steps_are_differences_of_arrival():
    """A layer's time runs from the last part of the one before to its own last part; other outputs do not count."""
    arrived = {"a/shape": 1.0, "a/values": 1.5, "b/shape": 2.0, "b/values": 2.25, "logits": 9.0}
    assert steps(arrived) == {"a": 1.5, "b": 0.75}


@pytest.mark.parametrize(
    ("weight", "output", "count"),
    [
        ((64, 3, 3, 3), (1, 64, 224, 224), 86_704_128),
        ((512, 512, 3, 3), (1, 512, 14, 14), 462_422_016),
        ((4096, 25088), (1, 4096), 102_760_448),
        (None, (1, 64, 112, 112), None),
    ],
)
def test_multiply_adds_match_published_counts(weight, output, count):
    """VGG16's first and last convolution and its first fully connected layer, as published for the network."""
    assert count_multiply_adds(weight, np.array(output)) == count
