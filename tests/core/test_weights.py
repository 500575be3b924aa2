"""Seeded checkpoints are the same everywhere, well scaled, and made in one step."""

import hashlib

import numpy as np
import pytest

from grader.prepare.weights import (
    WeightsError,
    checkpoint_shapes,
    read_checkpoint,
    seeded_checkpoint,
    seeded_parameters,
)

SHAPES = checkpoint_shapes({"parameters": {"conv": [4, 3, 3, 3], "fc": [5, 7]}})


def philox4x64(key, counter):
    """One block of Philox4x64-10 as in the paper: four 64-bit words, in plain Python integers."""
    mask = 2**64 - 1
    c, k = list(counter), list(key)
    for _ in range(10):
        high0, low0 = divmod(0xD2E7470EE14C6C93 * c[0], 2**64)
        high1, low1 = divmod(0xCA5A826395121157 * c[2], 2**64)
        c = [high1 ^ c[1] ^ k[0], low1, high0 ^ c[3] ^ k[1], low0]
        k = [(k[0] + 0x9E3779B97F4A7C15) & mask, (k[1] + 0xBB67AE8584CAA73B) & mask]
    return c


def test_numbers_follow_the_published_generator():
    """The first parameters equal those computed from the paper's definition of Philox."""
    key = int.from_bytes(hashlib.sha256(b"16:conv.weight").digest()[:16], "little")
    words = philox4x64((key % 2**64, key >> 64), (1, 0, 0, 0))
    halves = [half for word in words for half in (word % 2**32, word >> 32)]
    bound = np.float32(np.sqrt(6 / 27))
    expected = [np.float32((half >> 8) * 2.0**-23 - 1.0) * bound for half in halves]
    actual = seeded_parameters("conv.weight", (4, 3, 3, 3), 16).reshape(-1)[:8]
    np.testing.assert_allclose(actual, expected, rtol=1e-6)


def test_scale_is_he_uniform():
    """The variance of a weight is 2 / fan_in, its mean near zero."""
    weight = seeded_parameters("w", (256, 128, 3, 3), 1)
    assert weight.dtype == np.float32
    assert weight.std() == pytest.approx(np.sqrt(2 / (128 * 9)), rel=0.01)
    assert abs(weight.mean()) < 1e-4


def test_every_parameter_has_its_own_numbers():
    """Names and seeds separate parameters of the same shape."""
    arrays = [seeded_parameters(name, (5, 7), seed) for name, seed in (("a", 1), ("b", 1), ("a", 2))]
    assert not np.array_equal(arrays[0], arrays[1])
    assert not np.array_equal(arrays[0], arrays[2])


def test_a_checkpoint_is_made_once(tmp_path):
    """The second call finds the first one's folder and says nothing."""
    notes = []
    first = seeded_checkpoint(tmp_path, SHAPES, 3, None, notes.append)
    assert seeded_checkpoint(tmp_path, SHAPES, 3, None, notes.append) == first
    assert len(notes) == 1
    assert {name: array.shape for name, array in read_checkpoint(first).items()} == SHAPES


def test_overrides_replace_seeded_parameters(tmp_path):
    """A published last layer takes the place of the seeded one, in a checkpoint of its own."""
    fitted = np.full((5, 7), 0.25, np.float32)
    np.savez(tmp_path / "overrides.npz", **{"fc.weight": fitted})
    plain = seeded_checkpoint(tmp_path, SHAPES, 3, None, str)
    replaced = seeded_checkpoint(tmp_path, SHAPES, 3, tmp_path / "overrides.npz", str)
    assert plain != replaced
    np.testing.assert_array_equal(read_checkpoint(replaced)["fc.weight"], fitted)
    np.testing.assert_array_equal(read_checkpoint(replaced)["fc.bias"], read_checkpoint(plain)["fc.bias"])


def test_an_override_of_another_shape_is_refused(tmp_path):
    """The message names the parameter and both shapes."""
    np.savez(tmp_path / "overrides.npz", **{"fc.weight": np.zeros((7, 5), np.float32)})
    with pytest.raises(WeightsError, match=r"fc\.weight has shape \(7, 5\), expected \(5, 7\)"):
        seeded_checkpoint(tmp_path, SHAPES, 3, tmp_path / "overrides.npz", str)


def test_an_unwritable_cache_says_what_to_do(tmp_path):
    """A file where the cache should be gives an error that names the variable to set."""
    (tmp_path / "cache").write_text("in the way")
    with pytest.raises(WeightsError, match="GRADER_CACHE"):
        seeded_checkpoint(tmp_path / "cache", SHAPES, 3, None, str)
