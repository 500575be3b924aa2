"""Files in MatConvNet's layout: what is written is found where the handout looks for it, and errors are plain."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.io

from grader.prepare.matconvnet import FILE_NAME, matconvnet_checkpoint, read_parameters, write_matconvnet
from grader.prepare.weights import WeightsError, WeightsFileError, seeded_parameters

MEAN = [123.0, 116.0, 104.0]
OPTIONS = {
    "seed": 4,
    "mean": MEAN,
    "layers": ["conv1_1", "relu1_1", "pool1", "fc6", "prob"],
    "parameters": {"conv1_1": [5, 3, 3, 3], "fc6": [6, 2 * 2 * 5]},
}


def ignore(text):
    """Take a note and forget it."""


@pytest.fixture
def parameters():
    """Return parameters of a tiny network, outputs first."""
    rng = np.random.default_rng(0)
    shapes = {"conv1_1.weight": (5, 3, 3, 3), "conv1_1.bias": (5,), "fc6.weight": (6, 20), "fc6.bias": (6,)}
    return {name: rng.standard_normal(shape, dtype=np.float32) for name, shape in shapes.items()}


def test_parameters_lie_where_the_handout_reads_them(tmp_path, parameters):
    """Nested cells, (rows, columns, C_in, C_out), biases in a row, and the average picture as the first field."""
    write_matconvnet(tmp_path / "net.mat", OPTIONS["layers"], parameters, MEAN)
    stored = scipy.io.loadmat(tmp_path / "net.mat")
    weight, bias = stored["layers"][0][0][0][0][0][0]
    np.testing.assert_array_equal(weight, parameters["conv1_1.weight"].transpose(2, 3, 1, 0))
    np.testing.assert_array_equal(bias, parameters["conv1_1.bias"][None])
    weight, bias = stored["layers"][0][3][0][0][0][0]
    assert weight.shape == (2, 2, 5, 6) and weight.dtype == np.float32
    np.testing.assert_array_equal(weight.reshape(20, 6), parameters["fc6.weight"].T)
    average = stored["normalization"][0][0][0]
    assert average.shape == (224, 224, 3)
    np.testing.assert_array_equal(np.mean(average, axis=(0, 1)), MEAN)


def test_what_is_written_is_read_back(tmp_path, parameters):
    """Reading gives the arrays that were written, by the same names."""
    write_matconvnet(tmp_path / FILE_NAME, OPTIONS["layers"], parameters, MEAN)
    found = read_parameters(tmp_path)
    assert found.keys() == parameters.keys()
    for name, array in parameters.items():
        np.testing.assert_array_equal(found[name], array)


def test_gains_and_rows_change_the_seeded_numbers(tmp_path):
    """A gain multiplies one weight; an override replaces one row and leaves the others."""
    row = np.arange(20, dtype=np.float32)
    np.savez(tmp_path / "overrides.npz", **{"fc6.weight[2]": row, "fc6.bias[2]": np.float32(7)})
    options = {**OPTIONS, "gains": {"conv1_1": 0.5}}
    folder = matconvnet_checkpoint(tmp_path / "cache", options, None, tmp_path / "overrides.npz", ignore)
    found = read_parameters(folder)
    np.testing.assert_array_equal(
        found["conv1_1.weight"], seeded_parameters("conv1_1.weight", (5, 3, 3, 3), 4) * np.float32(0.5)
    )
    seeded = seeded_parameters("fc6.weight", (6, 20), 4)
    np.testing.assert_array_equal(found["fc6.weight"][2], row)
    np.testing.assert_array_equal(np.delete(found["fc6.weight"], 2, 0), np.delete(seeded, 2, 0))
    assert found["fc6.bias"][2] == 7


def test_same_facts_same_folder(tmp_path):
    """A file is made once; other overrides give another one."""
    first = matconvnet_checkpoint(tmp_path, OPTIONS, None, None, ignore)
    assert matconvnet_checkpoint(tmp_path, OPTIONS, None, tmp_path / "absent.npz", ignore) == first
    np.savez(tmp_path / "overrides.npz", **{"fc6.bias": np.zeros(6, np.float32)})
    assert matconvnet_checkpoint(tmp_path, OPTIONS, None, tmp_path / "overrides.npz", ignore) != first


@pytest.mark.parametrize(
    "override",
    [
        {"fc6.weight[9]": np.zeros(20, np.float32)},
        {"fc6.weight[1]": np.zeros(19, np.float32)},
        {"fc7.bias": np.zeros(6, np.float32)},
    ],
)
def test_overrides_that_do_not_fit_are_refused(tmp_path, override):
    """A row that is not there, a row of another length and an unknown parameter are errors that name the key."""
    np.savez(tmp_path / "overrides.npz", **override)
    with pytest.raises(WeightsError, match=next(iter(override)).partition("[")[0]):
        matconvnet_checkpoint(tmp_path / "cache", OPTIONS, None, tmp_path / "overrides.npz", ignore)


def test_a_courses_own_mat_file_is_handed_on_as_it_is(tmp_path):
    """Of a .mat of the course only the names are read here: submissions read what it holds, in the jail."""
    scipy.io.savemat(tmp_path / "own.mat", {"layers": np.zeros((1, 1)), "normalization": np.zeros((1, 1))})
    assert matconvnet_checkpoint(tmp_path, OPTIONS, tmp_path / "own.mat", None, ignore) == tmp_path / "own.mat"
    with pytest.raises(WeightsFileError, match="no such file"):
        matconvnet_checkpoint(tmp_path, OPTIONS, tmp_path / "other.mat", None, ignore)


def test_canonical_parameters_of_a_course_are_brought_into_the_layout(tmp_path, parameters):
    """An .npz with outputs first becomes the same file as the parameters written directly."""
    np.savez(tmp_path / "own.npz", **parameters)
    folder = matconvnet_checkpoint(tmp_path / "cache", OPTIONS, tmp_path / "own.npz", None, ignore)
    for name, array in read_parameters(folder).items():
        np.testing.assert_array_equal(array, parameters[name])


def test_a_file_of_the_later_layout_says_which_one_is_needed(tmp_path):
    """MatConvNet has `meta` in the place of `normalization` since beta17; the file of the course is beta16's."""
    scipy.io.savemat(tmp_path / "new.mat", {"layers": np.zeros((1, 1)), "meta": np.zeros((1, 1))})
    with pytest.raises(WeightsFileError) as raised:
        matconvnet_checkpoint(tmp_path / "cache", OPTIONS, tmp_path / "new.mat", None, ignore)
    text = str(raised.value)
    assert "no variable `normalization` but `layers`, `meta`" in text
    assert "models/beta16/imagenet-vgg-verydeep-19.mat" in text


@pytest.mark.parametrize("content", [b"", b"<html>not found</html>", b"MATLAB 5.0 MAT-file" + bytes(200)])
def test_what_is_no_mat_file_is_refused(tmp_path, content):
    """A download that went wrong: the file is named, and what to do."""
    (tmp_path / "net.mat").write_bytes(content)
    with pytest.raises(WeightsFileError, match=r"net\.mat"):
        matconvnet_checkpoint(tmp_path / "cache", OPTIONS, tmp_path / "net.mat", None, ignore)
