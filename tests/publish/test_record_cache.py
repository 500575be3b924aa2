"""What was run before is taken from the cache, and only if nothing that it depends on has changed."""

import numpy as np
import pytest

from grader.lab.checks import Case
from grader.project.fixtures import RecordedRun
from grader.publishing.record_cache import RecordCache, digest_of_files
from grader.verdicts import Verdict

CASES = [Case.of("one", k=3, x=np.arange(4.0)), Case.of("two", k=3, x=np.arange(5.0))]
RUNS = [
    RecordedRun(None, {"y": np.arange(3, dtype=np.float32), "layer/shape": np.array([3])}),
    RecordedRun(Verdict.EXCEPTION, {}, "ValueError", "no"),
]


@pytest.fixture
def cache(tmp_path):
    """An empty cache."""
    return RecordCache(tmp_path / "records", "context")


def test_an_entry_comes_back_as_written(cache):
    """Verdicts, messages, arrays and their types survive."""
    key = cache.key("solution", "conv", CASES)
    cache.write(key, RUNS)
    found = cache.read(key)
    assert [(run.verdict, run.error_type, run.message) for run in found] == [
        (None, "", ""),
        (Verdict.EXCEPTION, "ValueError", "no"),
    ]
    np.testing.assert_array_equal(found[0].outputs["y"], RUNS[0].outputs["y"])
    assert found[0].outputs["y"].dtype == np.float32 and list(found[0].outputs) == ["y", "layer/shape"]


def test_the_key_changes_with_everything_that_matters(cache, tmp_path):
    """Solution, check, cases' names, settings, numbers and types, and the context."""
    others = [
        cache.key("another", "conv", CASES),
        cache.key("solution", "pool", CASES),
        cache.key("solution", "conv", CASES[:1]),
        cache.key("solution", "conv", [Case.of("one", k=4, x=np.arange(4.0)), CASES[1]]),
        cache.key("solution", "conv", [Case.of("one", k=3, x=np.arange(4.0) + 1e-9), CASES[1]]),
        cache.key("solution", "conv", [Case.of("one", k=3, x=np.arange(4.0, dtype=np.float32)), CASES[1]]),
        RecordCache(tmp_path, "other context").key("solution", "conv", CASES),
    ]
    assert len({cache.key("solution", "conv", CASES), *others}) == len(others) + 1


def test_a_damaged_entry_is_run_again(cache):
    """A truncated file counts as absent."""
    key = cache.key("solution", "conv", CASES)
    cache.write(key, RUNS)
    file = next(cache.folder.rglob("*.npz"))
    file.write_bytes(file.read_bytes()[:50])
    assert cache.read(key) is None


def test_endings_that_depend_on_the_load_are_not_kept(cache):
    """A time-out may not happen next time."""
    key = cache.key("solution", "conv", CASES)
    cache.write(key, [RecordedRun(Verdict.TIMEOUT)])
    assert cache.read(key) is None


def test_the_digest_sees_names_and_contents(tmp_path):
    """Renaming a file or moving text between files changes it."""
    digests = set()
    for first, second in (("a", "b"), ("ab", ""), ("", "ab")):
        (tmp_path / "x.py").write_text(first)
        (tmp_path / "y.py").write_text(second)
        digests.add(digest_of_files(tmp_path.glob("*.py")))
    assert len(digests) == 3
