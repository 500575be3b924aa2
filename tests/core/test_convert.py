"""A course's own checkpoint becomes plain arrays, and a pickle in it never runs in this process."""

import os
import zipfile

import numpy as np
import pytest

from grader.prepare.convert import converted_checkpoint
from grader.prepare.weights import WeightsFileError, read_checkpoint

SHAPES = {"conv.weight": (4, 3, 3, 3), "conv.bias": (4,)}
WEIGHT = np.arange(108, dtype=np.float64).reshape(4, 3, 3, 3) / 7
BIAS = np.linspace(-1, 1, 4)


class WritesFile:
    """Its unpickling writes a file, wherever that happens."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.system, (f"echo harmed > '{self.path}'",)


def pickled(tmp_path, content):
    """Save as the course does: a dictionary in an object array."""
    file = tmp_path / "ckpt.npy"
    np.save(file, np.array(content, dtype=object), allow_pickle=True)
    return file


def assert_converted(folder):
    """Both parameters are there, as float32."""
    arrays = read_checkpoint(folder)
    assert {name: array.dtype for name, array in arrays.items()} == dict.fromkeys(SHAPES, np.float32)
    np.testing.assert_array_equal(arrays["conv.weight"], WEIGHT.astype(np.float32))
    np.testing.assert_array_equal(arrays["conv.bias"], BIAS.astype(np.float32))


def test_a_pickled_dictionary_is_converted_once(tmp_path):
    """The course's file works, and the second call uses what the first has made."""
    file = pickled(tmp_path, {"conv": {"weight": WEIGHT, "bias": BIAS}})
    notes = []
    for _ in range(2):
        assert_converted(converted_checkpoint(tmp_path / "cache", file, SHAPES, notes.append))
    assert len(notes) == 1


@pytest.mark.parametrize("separator", [".", "/"])
def test_an_npz_is_converted(separator, tmp_path):
    """Names with a dot or a slash are both understood; other arrays in the file do not matter."""
    file = tmp_path / "ckpt.npz"
    np.savez(file, **{f"conv{separator}weight": WEIGHT, f"conv{separator}bias": BIAS, "epoch": np.array(3)})
    assert_converted(converted_checkpoint(tmp_path / "cache", file, SHAPES, str))


def test_a_hostile_pickle_does_nothing_here(tmp_path):
    """Code in the pickle runs in the jail at most: no file appears, and the error is a clear one."""
    canary = tmp_path / "canary"
    tmp_path.chmod(0o777)
    file = pickled(tmp_path, {"conv": {"weight": WritesFile(canary), "bias": BIAS}})
    with pytest.raises(WeightsFileError):
        converted_checkpoint(tmp_path / "cache", file, SHAPES, str)
    assert not canary.exists()
    assert not list((tmp_path / "cache").rglob("*.npy"))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"conv": {"weight": WEIGHT}}, r"lacks conv\.bias"),
        (
            {"conv": {"weight": WEIGHT[:2], "bias": BIAS}},
            r"conv\.weight has shape \(2, 3, 3, 3\), expected \(4, 3, 3, 3\)",
        ),
        ({"conv": {"weight": WEIGHT * np.nan, "bias": BIAS}}, r"conv\.weight must hold finite"),
        ([1, 2, 3], r"not a dictionary of layers"),
    ],
)
def test_what_does_not_fit_is_said(content, message, tmp_path):
    """A missing parameter, another shape, NaN, or something else altogether: the message says which."""
    file = pickled(tmp_path, content)
    with pytest.raises(WeightsFileError, match=message):
        converted_checkpoint(tmp_path / "cache", file, SHAPES, str)
    assert not list((tmp_path / "cache").rglob("*.npy"))


@pytest.mark.parametrize("name", ["ckpt.pth", "missing.npz"])
def test_other_files_are_refused(name, tmp_path):
    """An unknown kind of file and a missing one are named."""
    if name == "ckpt.pth":
        (tmp_path / name).write_bytes(b"?")
    with pytest.raises(WeightsFileError, match=name):
        converted_checkpoint(tmp_path / "cache", tmp_path / name, SHAPES, str)


def announced(tmp_path, header, data=b"", name="conv.weight"):
    """An archive whose array has a header of one's own."""
    file = tmp_path / "ckpt.npz"
    start = b"\x93NUMPY\x02\x00" + len(header).to_bytes(4, "little") + header
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(f"{name}.npy", start + data)
    return file


HEADER = "{{'descr': '<f8', 'fortran_order': False, 'shape': {shape}, }}\n"


@pytest.mark.parametrize(
    ("header", "data", "message"),
    [
        (HEADER.format(shape=(1 << 40, 1 << 10)).encode(), b"", "has shape"),
        (HEADER.format(shape=(1 << 32,)).encode(), b"", "has shape"),
        (b" " * (1 << 20), b"", "not an archive of plain arrays"),
        (b"(" * 9000, b"", "not an archive of plain arrays"),
        (HEADER.format(shape=SHAPES["conv.weight"]).encode(), b"\0" * (1 << 20), "not an archive of plain arrays"),
        (HEADER.format(shape=SHAPES["conv.weight"]).replace("<f8", "|O").encode(), b"", "not an archive"),
        (HEADER.format(shape=SHAPES["conv.weight"]).encode(), b"", "not an archive of plain arrays"),
    ],
    ids=["petabytes", "gigabytes", "long header", "deep header", "more data than shape", "objects", "no data"],
)
def test_an_announced_size_makes_no_room(header, data, message, tmp_path, monkeypatch):
    """What a few bytes announce is refused before an array of that size is made."""
    made = []
    real = np.lib.format.read_array
    monkeypatch.setattr(
        np.lib.format, "read_array", lambda stream, **options: made.append(stream) or real(stream, **options)
    )
    with pytest.raises(WeightsFileError, match=message):
        converted_checkpoint(tmp_path / "cache", announced(tmp_path, header, data), SHAPES, str)
    fits = HEADER.format(shape=SHAPES["conv.weight"]).encode()
    assert not made or (header.replace(b"|O", b"<f8") == fits and not data)


def test_an_array_that_nobody_wants_is_not_read(tmp_path):
    """However large it says that it is, another array of the file costs nothing."""
    file = announced(tmp_path, HEADER.format(shape=(1 << 40, 1 << 10)).encode(), name="other")
    with zipfile.ZipFile(file, "a") as archive:
        for name, array in (("conv.weight", WEIGHT), ("conv.bias", BIAS)):
            with archive.open(f"{name}.npy", "w") as stream:
                np.save(stream, array)
    assert_converted(converted_checkpoint(tmp_path / "cache", file, SHAPES, str))


def test_a_broken_npz_is_refused(tmp_path):
    """Bytes that are no archive give a message, not a traceback."""
    file = tmp_path / "ckpt.npz"
    file.write_bytes(b"PK\x03\x04 broken")
    with pytest.raises(WeightsFileError, match="not an archive of plain arrays"):
        converted_checkpoint(tmp_path / "cache", file, SHAPES, str)
