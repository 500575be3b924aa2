"""The engine's benchmark times only what agrees with the independent result."""

from __future__ import annotations

import json

import numpy as np
import pytest

from benchmarks import engine, engine_cases

CASE = "linear/64 4096>1000/forward"


class Library:
    """Stands for a library's process: a result, and one hundredth of a second for each run."""

    results: dict[str, list[float]]
    asked: list[tuple[str, str]]

    def __init__(self, library, threads, busy=False):
        self.library, self.busy = library, True

    def ask(self, **request):
        self.asked.append((self.library, request["do"]))
        if request["do"] == "result":
            np.savez(request["file"], output=np.array(self.results[self.library]))
        if request["do"] == "time":
            return [0.01] * request["count"]
        return "its kernels" if request["do"] == "describe" else True

    def close(self):
        pass


def run(monkeypatch, folder, ours, theirs):
    """Run the command for one case with these results; returns its exit status and what it wrote."""
    monkeypatch.setattr(Library, "results", {"ours": ours, "torch": theirs}, raising=False)
    monkeypatch.setattr(Library, "asked", [], raising=False)
    monkeypatch.setattr(engine, "Worker", Library)
    monkeypatch.setattr(engine, "find_spec", lambda name: True)
    monkeypatch.setattr("sys.argv", ["engine", "--only", CASE, "--quick", "--out", str(folder)])
    try:
        engine.main()
        status = None
    except SystemExit as end:
        status = end.code
    written = json.loads((folder / "engine.json").read_text(encoding="utf-8"))["cases"][CASE]
    return status, written


def test_a_right_result_is_timed_and_its_difference_kept(monkeypatch, tmp_path, capsys):
    """The command succeeds and reports times, the difference, the processor and its features."""
    status, written = run(monkeypatch, tmp_path, [1.0, 2.0], [1.0, 2.00001])
    assert status is None
    assert written["times"]["ours"]["median"] == written["times"]["torch nchw"]["median"] == 0.01
    assert written["compared"]["difference"] == pytest.approx(5e-6, rel=1e-3)
    printed = capsys.readouterr().out
    assert "differs by 5.0e-06" in printed and "10.00 ms" in printed and "its kernels" in printed


@pytest.mark.parametrize("wrong", [[1.0, 2.1], [1.0, float("nan")]])
def test_a_wrong_result_gets_no_time_and_the_command_fails(wrong, monkeypatch, tmp_path, capsys):
    """Nothing is timed; the case, its difference and the bound are named; the exit status is not 0."""
    status, written = run(monkeypatch, tmp_path, wrong, [1.0, 2.0])
    assert status and CASE in status
    assert written["times"] == {} and written["compared"]["right"] is False
    assert not any(do == "time" for _, do in Library.asked)
    printed = capsys.readouterr().out
    assert "WRONG" in printed and " ms," not in printed and "**wrong**" in printed


def test_every_case_has_a_bound():
    """No case is timed without a measure of its difference."""
    for case in engine_cases.CASES:
        measure, bound = engine_cases.limit_of(case)
        assert measure in ("largest", "norm") and 0 <= bound < 0.1


def test_results_of_other_shapes_or_names_are_no_results():
    """A comparison of different things is an error, not a small difference."""
    value = {"output": np.ones(3)}
    with pytest.raises(ValueError, match="shape"):
        engine_cases.difference("largest", value, {"output": np.ones((3, 1))})
    with pytest.raises(ValueError, match="names"):
        engine_cases.difference("norm", value, {"gradient": np.ones(3)})
