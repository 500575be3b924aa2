"""The report on a terminal: tiers and their checks, what failed and why, the layers, and the score."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from grader.language.text import clean, one_line
from grader.language.translation import _, marked, ngettext
from grader.report.layer_table import COMPARED, is_compared, layer_table
from grader.report.learning_chart import spark_lines, trained
from grader.report.look import Look
from grader.report.speed_table import speed_table, timed
from grader.report.summary import (
    facts_line,
    gates,
    headline,
    holds_beyond,
    passed,
    seconds,
    standing,
)
from grader.score.document import BeyondResult, CheckResult, GradeResult
from grader.verdicts import Verdict, verdict_word

HASH_CHARACTERS = 12
OUTPUT_LINES = 6
NOTES_SHOWN = 3
LABEL_WIDTH = 8
GATE_STYLES = {"pass": "bold green", "waiting": "yellow", "failed": "bold", "skipped": "dim"}
WITHOUT_TIER = marked("Exercises without points")


def render(result: GradeResult, console: Console, *, verbose: bool = False) -> None:
    """Print ``result``; with ``verbose`` also what is cut otherwise: all notes, all output, reference times.

    Nothing from the submission is interpreted: no markup, no control character, no escape code.
    """
    look = Look.of(console)
    _print_header(result, console, look)
    console.print(_check_table(result, look))
    for block in [*_failures(result, look, verbose), *_beyond(result, look, verbose)]:
        console.print()
        console.print(block)
    print_measured(result, console, look, verbose=verbose)
    print_notes(result, console, look, verbose=verbose)
    _print_closing(result, console, look)


def _print_header(result: GradeResult, console: Console, look: Look) -> None:
    console.print()
    title = Text(look.text(one_line(result.lab_title)), style="bold")
    console.print(
        title.append(
            "  " + _("{lab} version {version}", lab=result.lab, version=result.lab_version), style="dim not bold"
        )
    )
    count = len(result.submission.files)
    console.print(
        Text(
            look.text(
                ngettext(
                    "{path}: {count} file, sha256 {digest}",
                    "{path}: {count} files, sha256 {digest}",
                    count,
                    path=one_line(result.submission.path),
                    digest=result.submission.sha256[:HASH_CHARACTERS],
                )
            ),
            style="dim",
        )
    )
    console.print()


def _check_table(result: GradeResult, look: Look) -> Table:
    table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0), expand=True)
    table.add_column(justify="right", width=3, no_wrap=True)
    table.add_column(ratio=1, overflow="fold")
    table.add_column(no_wrap=True)
    table.add_column(justify="right", no_wrap=True)
    table.add_column(justify="right", no_wrap=True)
    first = True
    for gate in gates(result):
        if not first:
            table.add_row()
        first = False
        table.add_row(
            Text(str(gate.tier.score), style="bold"),
            Text(look.text(one_line(gate.tier.title)), style="bold"),
            Text(gate.word, style=GATE_STYLES[gate.kind]),
        )
        _add_checks(table, gate.checks, look)
    others = [check for check in result.checks if check.tier not in {tier.score for tier in result.tiers}]
    if others:
        if not first:
            table.add_row()
        table.add_row("", Text(_(WITHOUT_TIER), style="bold"))
        _add_checks(table, others, look)
    return table


def _add_checks(table: Table, checks: Sequence[CheckResult], look: Look) -> None:
    for check in checks:
        style = look.style(check.verdict)
        table.add_row(
            Text(look.sign(check.verdict), style=style),
            Text(look.text(one_line(check.title)), style="dim" if check.verdict is Verdict.SKIPPED else ""),
            Text(verdict_word(check.verdict), style=style),
            Text(f"{check.cases_passed}/{check.cases_total}" if check.cases_total else "", style="dim"),
            Text(seconds(check.seconds) if check.seconds else "", style="dim"),
        )


def _failures(result: GradeResult, look: Look, verbose: bool) -> list[Padding]:
    """Return one block for each thing to be said: checks that failed in the same way are named together."""
    blocks: list[Padding] = []
    failed = [check for check in result.checks if not passed(check)]
    unfinished = [check for check in failed if check.verdict is Verdict.UNFINISHED]
    skipped = [check for check in failed if check.verdict is Verdict.SKIPPED]
    groups: dict[tuple[Verdict, str], list[CheckResult]] = {}
    for check in failed:
        if check.verdict not in (Verdict.UNFINISHED, Verdict.SKIPPED):
            groups.setdefault((check.verdict, check.message), []).append(check)
    blocks += [_failure(checks, look, verbose) for checks in groups.values()]
    if unfinished:
        blocks.append(_listing(_("Not written yet"), unfinished, look, next_step=unfinished[0].next))
    if skipped:
        blocks.append(_listing(_("Not run"), skipped, look, next_step=""))
    return blocks


def _failure(checks: Sequence[CheckResult], look: Look, verbose: bool) -> Padding:
    check = checks[0]
    style = look.style(check.verdict)
    heading = Text()
    heading.append(f"{look.sign(check.verdict)} {verdict_word(check.verdict)}", style=style)
    for index, item in enumerate(checks):
        heading.append(_(", ") if index else "  ")
        heading.append(look.text(one_line(item.title)), style="bold")
        heading.append(f" ({item.id})", style="dim")
    grid = _grid()
    grid.add_row(heading)
    _add_told(grid, check, look, verbose)
    return Padding(grid, 0)


def _beyond(result: GradeResult, look: Look, verbose: bool) -> list[Padding]:
    """Return one block for what holds as the course uses it and breaks beyond it, with the cause of each."""
    if not result.breaks_beyond:
        return []
    grid = _grid()
    grid.add_row(Text(look.text(_("Beyond the course (decides no tier)")), style="bold yellow"))
    for check in result.breaks_beyond:
        if check.beyond is None:
            continue
        heading = Text(look.text(one_line(check.title)), style="bold").append(
            f" ({check.id})", style="dim not bold"
        )
        inner = _grid()
        inner.add_row(heading)
        inner.add_row(Padding(Text(look.text(holds_beyond(check.beyond))), (0, 0, 0, 2)))
        _add_told(inner, check.beyond, look, verbose)
        grid.add_row(Padding(inner, (0, 0, 0, 2)))
    return [Padding(grid, 0)]


def _add_told(grid: Table, check: CheckResult | BeyondResult, look: Look, verbose: bool) -> None:
    """Add what was seen, the case, the likely cause, and what to do next."""
    if check.message:
        grid.add_row(Padding(Text(look.text(clean(check.message))), (0, 0, 0, 2)))
    details = _details()
    if check.failed_case:
        _add_detail(details, _("case"), Text(look.text(one_line(check.failed_case)), style="dim"))
    if check.hint:
        _add_detail(details, _("cause"), Text(look.text(clean(check.hint))))
    if verbose and check.misconception:
        _add_detail(details, _("mistake"), Text(look.text(one_line(check.misconception)), style="dim"))
    if check.output:
        lines = clean(check.output).splitlines()
        shown = lines if verbose else lines[-OUTPUT_LINES:]
        _add_detail(details, _("printed"), Text(look.text("\n".join(shown)), style="dim"))
    if check.next:
        _add_detail(details, _("next"), Text(look.text(one_line(check.next)), style="cyan"))
    if details.row_count:
        grid.add_row(Padding(details, (0, 0, 0, 2)))


def _listing(title: str, checks: Sequence[CheckResult], look: Look, *, next_step: str) -> Padding:
    """Return a short block: a line for each check instead of a paragraph."""
    verdict = checks[0].verdict
    grid = _grid()
    grid.add_row(Text(f"{look.sign(verdict)} {title}", style=look.style(verdict)))
    for check in checks:
        line = Text(look.text(one_line(check.title)))
        line.append(f" ({check.id})", style="dim")
        if verdict is Verdict.SKIPPED and check.message:
            line.append(": " + look.text(one_line(check.message)), style="dim")
        grid.add_row(Padding(line, (0, 0, 0, 2)))
    if next_step:
        details = _details()
        _add_detail(details, _("next"), Text(look.text(one_line(next_step)), style="cyan"))
        grid.add_row(Padding(details, (0, 0, 0, 2)))
    return Padding(grid, 0)


def _grid() -> Table:
    grid = Table.grid(expand=True)
    grid.add_column(overflow="fold")
    return grid


def _details() -> Table:
    grid = Table.grid(expand=True)
    grid.add_column(width=LABEL_WIDTH, no_wrap=True)
    grid.add_column(ratio=1, overflow="fold")
    return grid


def _add_detail(grid: Table, label: str, text: Text) -> None:
    grid.add_row(Text(label, style="dim"), text)


def print_measured(result: GradeResult, console: Console, look: Look, *, verbose: bool = False) -> None:
    """Print what was measured: the layers of a network, how a training went, how fast a check ran."""
    if result.layers:
        console.print()
        console.print(layer_table(result.layers, look, console.width, verbose=verbose))
        if is_compared(result.layers):
            console.print(Text(look.text(_(COMPARED)), style="dim"))
    for check in trained(result.checks):
        console.print()
        for line in spark_lines(check, look, console.width):
            console.print(line)
    for check, speed in timed(result.checks):
        console.print()
        console.print(speed_table(check, speed, look, console.width))


def print_notes(result: GradeResult, console: Console, look: Look, *, verbose: bool = False) -> None:
    """Print what was left out of the submission or changed outside the holes."""
    notes = [one_line(note) for note in result.submission.notes]
    if not notes:
        return
    console.print()
    for note in notes if verbose else notes[:NOTES_SHOWN]:
        console.print(Text(look.text(_("Note: {note}", note=note)), style="dim"))
    if not verbose and len(notes) > NOTES_SHOWN:
        console.print(Text(_("Note: {count} more with --verbose", count=len(notes) - NOTES_SHOWN), style="dim"))


def _print_closing(result: GradeResult, console: Console, look: Look) -> None:
    console.print()
    for warning in standing(result):
        console.print(Text(look.text(_("Warning: {warning}", warning=warning)), style="bold yellow"))
    done = all(passed(check) for check in result.checks)
    console.print(Text(look.text(headline(result)), style="bold green" if done else "bold"))
    console.print(Text(look.text(facts_line(result)), style="dim"))
    first = next((check.next for check in result.checks if not passed(check) and check.next), "")
    if result.mode == "check" and first:
        console.print(Text.assemble(_("Next: "), (look.text(one_line(first)), "cyan")), soft_wrap=True)
