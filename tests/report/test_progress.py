"""Progress on a terminal and in a log."""

from __future__ import annotations

import io
import threading

from rich.console import Console

from grader.language.translation import speaking
from grader.report import progress as module
from grader.report.progress import Progress


def in_a_log(monkeypatch, first_s: float, every_s: float) -> tuple[io.StringIO, Console]:
    monkeypatch.setattr(module, "FIRST_LINE_AFTER_S", first_s)
    monkeypatch.setattr(module, "LINE_EVERY_S", every_s)
    file = io.StringIO()
    return file, Console(file=file, width=80)


def test_quick_work_says_nothing(monkeypatch):
    """In a log, work that ends before the first line is due leaves no line."""
    file, console = in_a_log(monkeypatch, 60.0, 60.0)
    with Progress("vgg16: grading", total=3, console=console) as progress:
        for _ in range(3):
            progress.step("convolution")
            progress.advance()
    assert file.getvalue() == ""


def test_a_long_step_says_so_while_it_lasts(monkeypatch):
    """In a log, a step is announced while it runs, with the count, and without any escape code."""
    file, console = in_a_log(monkeypatch, 0.01, 60.0)
    said = threading.Event()
    monkeypatch.setattr(file, "flush", said.set, raising=False)
    progress = Progress("vgg16: grading", console=console)
    progress.total = 7
    progress.advance(2)
    progress.step("[red]convolution\x1b[31m")
    with progress:
        assert said.wait(20)
    line = file.getvalue()
    assert line.startswith("vgg16: grading: [red]convolution") and "(2/7, " in line
    assert line.count("\n") == 1 and "\x1b" not in line


def test_a_line_keeps_the_language_of_the_start(monkeypatch):
    """Though what is done meanwhile speaks English for a while, as pictures do."""
    file, console = in_a_log(monkeypatch, 0.01, 60.0)
    said = threading.Event()
    monkeypatch.setattr(file, "flush", said.set, raising=False)
    with speaking("zh"):
        progress = Progress("vgg16", console=console)
    with speaking("en"), progress:
        assert said.wait(20)
    assert "完成 0" in file.getvalue()


def test_a_line_of_the_report_makes_the_bar_wait(capsys):
    """On a terminal the bar is taken away first, the line goes to standard output, and the bar is drawn again."""
    console = Console(file=io.StringIO(), width=80, force_terminal=True, _environ={"TERM": "xterm"})
    with Progress("vgg16: running", console=console) as progress:
        order = []
        stop = progress._bar.stop
        progress._bar.stop = lambda: (order.append(capsys.readouterr().out), stop())
        progress.say("results: [here]")
        del progress._bar.stop
        assert progress._bar.live.is_started and order == [""]
    assert capsys.readouterr().out == "results: [here]\n"


def test_steps_do_not_print_lines_of_their_own(monkeypatch):
    """In a log, a thousand steps within one interval print one line."""
    file, console = in_a_log(monkeypatch, 0.01, 60.0)
    said = threading.Event()
    monkeypatch.setattr(file, "flush", said.set, raising=False)
    with Progress(console=console) as progress:
        assert said.wait(20)
        for number in range(1000):
            progress.step(f"step {number}")
            progress.advance()
    assert file.getvalue().count("\n") == 1


def test_terminal_is_left_as_it_was():
    """On a terminal the live bar shows the step and is gone, with the cursor back, when the work ends or fails."""
    file = io.StringIO()
    console = Console(file=file, width=80, force_terminal=True, _environ={"TERM": "xterm"})
    try:
        with Progress("vgg16: grading", total=2, console=console) as progress:
            progress.step("[red]convolution")
            progress.advance()
            raise RuntimeError
    except RuntimeError:
        pass
    assert "[red]convolution" in file.getvalue()
    assert file.getvalue().rindex("\x1b[?25h") > file.getvalue().rindex("\x1b[?25l")


def test_default_goes_to_standard_error(capsys):
    """Standard output stays free for the report."""
    with Progress("x") as progress:
        progress.note("y")
    assert capsys.readouterr().out == ""
