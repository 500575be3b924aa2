"""Fixtures come back as written, and anything else is refused by name."""

import json
from hashlib import sha256

import numpy as np
import pytest

from grader.compare import Tolerance
from grader.lab.checks import Case
from grader.project.fixtures import RecordedCase, read_fixture, replace_facts, write_fixture
from grader.project.kept import KeptFixture
from grader.project.manifest import Facts, FixtureError, Manifest, read_manifest
from tests.golden import ROOT

PUBLISHED = sorted(path.parent for path in (ROOT / "fixtures").rglob("manifest.json"))
ARRAY = np.arange(6, dtype=np.float32).reshape(2, 3)


@pytest.fixture
def folder(tmp_path):
    """A fixture with one check of two cases."""
    target = tmp_path / "lab" / "hidden"
    cases = [
        RecordedCase(
            Case.of(f"case {n}", stride=n, x=ARRAY * n),
            {"y": ARRAY + n, "layer/shape": np.array([2, 3])},
            {"y": Tolerance(1e-5, 0.0), "layer/shape": Tolerance(0, 0)},
        )
        for n in (1, 2)
    ]
    write_fixture(
        target, lab="lab", lab_version=1, kind="hidden", release="r1", checks={"conv": cases}, facts=Facts(seed=5)
    )
    return target


def test_round_trip(folder):
    """Settings, inputs, outputs, tolerances and facts survive."""
    fixture = read_fixture(folder)
    case = fixture.checks["conv"][1]
    assert fixture.hidden and fixture.facts.seed == 5
    assert case.case.stride == 2
    np.testing.assert_array_equal(case.case.x, ARRAY * 2)
    np.testing.assert_array_equal(case.expected["y"], ARRAY + 2)
    assert list(case.expected) == ["y", "layer/shape"]
    assert case.tolerances["y"] == Tolerance(1e-5, 0.0)


def test_same_content_gives_the_same_bytes(folder, tmp_path):
    """Writing what was read gives the same files, so a release can be reproduced."""
    fixture = read_fixture(folder)
    again = tmp_path / "again" / "hidden"
    write_fixture(
        again, lab="lab", lab_version=1, kind="hidden", release="r1", checks=fixture.checks, facts=fixture.facts
    )
    for file in folder.iterdir():
        assert (again / file.name).read_bytes() == file.read_bytes()


@pytest.mark.parametrize("place", PUBLISHED, ids=lambda place: place.relative_to(ROOT / "fixtures").as_posix())
def test_a_published_manifest_is_written_as_it_was_read(place):
    """Of every release, older ones too: nothing is added that it did not have, and its hash stays."""
    manifest = read_manifest(place)
    assert manifest.as_text() == (place / "manifest.json").read_text(encoding="utf-8")
    assert manifest.sealed().sha256 == manifest.sha256


def test_what_a_later_release_adds_is_kept(folder):
    """A fact and a note on a case that this grader does not know come through a change of the times."""
    data = json.loads((folder / "manifest.json").read_text())
    data["facts"]["weather"] = "rain"
    data["checks"]["conv"]["cases"][0]["note"] = "new"
    later = Manifest.model_validate(data).sealed()
    (folder / "manifest.json").write_text(later.as_text())
    replace_facts(folder, Facts(yardstick={"calls": [1.0]}))
    again = json.loads((folder / "manifest.json").read_text())
    assert again["facts"] == {"seed": 5, "weather": "rain", "yardstick": {"calls": [1.0]}}
    assert again["checks"]["conv"]["cases"][0]["note"] == "new"


def test_a_manifest_that_lacks_something_is_refused_by_its_place(folder):
    """Its hash is right, but a part that every release has is not there."""
    data = json.loads((folder / "manifest.json").read_text())
    del data["sha256"], data["checks"]["conv"]["cases"]
    text = json.dumps(data, sort_keys=True, separators=(",", ":"))
    data["sha256"] = sha256(text.encode()).hexdigest()
    (folder / "manifest.json").write_text(json.dumps(data))
    with pytest.raises(FixtureError, match=r"manifest\.json cannot be read \(checks\.conv\.cases"):
        read_fixture(folder)


def test_equal_arrays_are_stored_once(tmp_path):
    """Repeats that share a large weight do not store it again, and each has it when it is read."""
    noise = np.random.default_rng(1).standard_normal(10_000)
    cases = [RecordedCase(Case.of(f"repeat {n}", x=ARRAY + n, weight=noise), {}, {}) for n in range(5)]
    for count in (1, 5):
        write_fixture(
            tmp_path / str(count),
            lab="lab",
            lab_version=1,
            kind="hidden",
            release="r1",
            checks={"conv": cases[:count]},
            facts=Facts(),
        )
    sizes = [(tmp_path / name / "conv.npz").stat().st_size for name in ("1", "5")]
    assert sizes[1] < 1.1 * sizes[0]
    for n, recorded in enumerate(read_fixture(tmp_path / "5").checks["conv"]):
        np.testing.assert_array_equal(recorded.case.weight, noise)
        np.testing.assert_array_equal(recorded.case.x, ARRAY + n)


@pytest.mark.parametrize("damage", ["flip", "truncate", "empty", "remove"])
def test_a_damaged_array_file_is_refused_by_name(folder, damage):
    """One flipped bit, a cut end, an empty or a missing file: the message names it."""
    file = folder / "conv.npz"
    data = bytearray(file.read_bytes())
    if damage == "flip":
        data[len(data) // 2] ^= 1
    file.write_bytes({"flip": bytes(data), "truncate": bytes(data[:-20]), "empty": b"", "remove": b""}[damage])
    if damage == "remove":
        file.unlink()
    with pytest.raises(FixtureError, match=r"conv\.npz"):
        read_fixture(folder)


def test_an_edited_manifest_is_refused(folder):
    """Widening a tolerance by hand is noticed."""
    file = folder / "manifest.json"
    manifest = json.loads(file.read_text())
    manifest["checks"]["conv"]["cases"][0]["outputs"][0]["atol"] = 1e9
    file.write_text(json.dumps(manifest))
    with pytest.raises(FixtureError, match=r"manifest\.json was changed"):
        read_fixture(folder)


def test_a_missing_fixture_says_how_to_publish(tmp_path):
    """The message names the command that would make it."""
    with pytest.raises(FixtureError, match="python -m grader publish lab"):
        read_fixture(tmp_path / "lab" / "hidden")


def test_a_failed_write_keeps_the_old_fixture(folder):
    """An error while writing leaves what was published before."""
    before = (folder / "manifest.json").read_bytes()
    broken = [RecordedCase(Case("bad", {"setting": object()}, {}), {}, {})]
    with pytest.raises(TypeError):
        write_fixture(
            folder, lab="lab", lab_version=1, kind="hidden", release="r2", checks={"conv": broken}, facts=Facts()
        )
    assert (folder / "manifest.json").read_bytes() == before
    assert [path.name for path in folder.parent.iterdir()] == ["hidden"]


def test_a_check_that_was_not_published_is_refused_by_name(folder):
    """A check that is newer than the fixture is our own fault, and said to be."""
    with pytest.raises(FixtureError, match=r"no cases of pool: .* publish it again"):
        read_fixture(folder, ["conv", "pool"])


def test_missing_fixtures_for_a_checkpoint_name_lab_and_option(tmp_path):
    """Who grades with a file of their own has to publish with it first, and is told how."""
    with pytest.raises(FixtureError, match=r"vgg16 has no .* publish vgg16 --weights FILE"):
        read_fixture(tmp_path / "vgg16" / "weights-0123456789ab" / "hidden")


def test_a_kept_fixture_is_read_once_until_it_is_published_again(folder, monkeypatch):
    """While the manifest stays what it was nothing else is read; another is noticed, and so is a missing one."""
    kept = KeptFixture()
    first = kept.read(folder, ["conv"])
    assert first.release == "r1" and first.sha256 == read_fixture(folder).sha256
    with monkeypatch.context() as held:
        held.setattr("grader.project.kept.read_fixture", lambda *_: pytest.fail("it was read again"))
        assert kept.read(folder, ["conv"]) is first
    assert not kept.read(folder, ()).checks
    write_fixture(
        folder, lab="lab", lab_version=1, kind="hidden", release="r2", checks=first.checks, facts=first.facts
    )
    assert kept.read(folder, ["conv"]).release == "r2"
    (folder / "manifest.json").unlink()
    with pytest.raises(FixtureError, match="publish"):
        kept.read(folder, ["conv"])


def test_nothing_can_be_written_into_a_kept_fixture(folder):
    """What one grading did to its arrays would be graded with by the next."""
    recorded = KeptFixture().read(folder).checks["conv"][0]
    for array in (*recorded.case.arrays.values(), *recorded.expected.values()):
        with pytest.raises(ValueError, match="read-only"):
            array[...] = 0
