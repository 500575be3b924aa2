"""What ``check`` shows a student: where one stands, the first thing that is wrong and why, all checks, next."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rich.console import Console, ConsoleOptions
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from grader.language.text import clean, one_line
from grader.language.translation import _, listed, ngettext
from grader.report.console import GATE_STYLES, WITHOUT_TIER, print_measured, print_notes
from grader.report.look import Look
from grader.report.summary import facts_line, gates, holds_beyond, passed, seconds, standing
from grader.score.document import BeyondResult, CheckResult, GradeResult
from grader.student.roots import root_of
from grader.student.standing import FIRST, Next, Standing, clickable, next_of
from grader.verdicts import Verdict, verdict_word

BAR_WIDTH = 20
LABEL_WIDTH = 8
NARROW = 72
SHORTEST_TITLE = 12
# The eye follows a row from its title to its verdict no further.
WIDEST = 110
PRINTED_LINES = 6
MESSAGE_LINES = 12
# Of failures: told in full, told with their cause only; the rest stand in the table.
IN_FULL, IN_SHORT = 1, 2
NAMED = 3


def show_check(
    result: GradeResult, where: Standing, after: Next, console: Console, *, verbose: bool = False
) -> None:
    """Print the report of ``check``; ``after`` is what to do when everything that ran has passed.

    With ``verbose`` nothing is folded or cut. Nothing from the submission is interpreted: no markup, no control
    character, no escape code.
    """
    look = Look.of(console)
    console.print(Text(look.text(f"{result.lab}  {one_line(result.lab_title)}"), style="bold", no_wrap=True),
                  overflow="ellipsis")  # fmt: skip
    for line in standing_lines(where, look):
        console.print(line, soft_wrap=True)
    for block in failures(where, look, verbose=verbose):
        console.print()
        console.print(block)
    for block in _beyond(result, where, look, verbose):
        console.print()
        console.print(block)
    for block in printed_blocks(where, look, verbose=verbose):
        console.print()
        console.print(block)
    console.print()
    console.print(_table(result, where, look, console.width, verbose))
    print_measured(result, console, look, verbose=verbose)
    print_notes(result, console, look, verbose=verbose)
    console.print()
    for warning in standing(result):
        console.print(Text(look.text(_("Warning: {warning}", warning=warning)), style="bold yellow"))
    if verbose:
        console.print(Text(look.text(facts_line(result)), style="dim"))
    step = after if all(map(passed, where.scored or where.extra)) else where.next()
    console.print(Text(look.text(_summary(result, where)), style="bold green" if not where.failing else "bold"))
    for line in next_lines(step, look):
        console.print(line, soft_wrap=True)


def standing_lines(where: Standing, look: Look) -> Iterator[Text]:
    """Yield the bars of checks and holes, and what changed since the last time."""
    checks = where.scored or where.extra
    held = sum(map(passed, checks))
    line = _bar(_("checks"), held, len(checks), look)
    counted = {check.id for check in checks}
    gained, lost = (len(counted & set(names)) for names in (where.changed.gained, where.changed.lost))
    if where.changed.known and gained > lost:
        line.append(_(", {count} more than last time", count=gained - lost), style="green")
    elif where.changed.known and lost > gained:
        line.append(_(", {count} fewer than last time", count=lost - gained), style="yellow")
    yield line
    if where.holes:
        yield _bar(_("holes"), sum(hole.written for hole in where.holes), len(where.holes), look)
    yield from change_lines(where, look)


def change_lines(where: Standing, look: Look) -> Iterator[Text]:
    """Yield which checks pass now and did not, and which do not any more: those that the bar counts, if any."""
    counted = {check.id for check in where.scored or where.extra}
    for names, word, style in (
        (where.changed.gained, _("new: {names}"), "green"),
        (where.changed.lost, _("no longer: {names}"), "yellow"),
    ):
        if names:
            told = [name for name in names if name in counted] or names
            yield Text("  " + look.text(word.format(names=_some(told))), style=style)


def next_lines(step: Next, look: Look) -> Iterator[Text]:
    """Yield the one thing to do next; a command that goes with a sentence has a line of its own, to be pasted."""
    if step.text:
        yield Text.assemble(_("Next: "), (look.text(step.text), "cyan"))
        if step.command:
            yield Text("  " + look.text(step.command), style="cyan")
    elif step.command:
        yield Text.assemble(_("Next: "), (look.text(step.command), "cyan"))


def _bar(label: str, count: int, of: int, look: Look) -> Text:
    filled = round(BAR_WIDTH * count / of) if of else 0
    full, empty = ("█", "░") if look.rich_signs else ("#", ".")
    line = Text("  ").append(look.text(label)).append(" " * max(1, LABEL_WIDTH - Text(label).cell_len))
    line.append(full * filled, style="green").append(empty * (BAR_WIDTH - filled), style="dim")
    return line.append("  " + look.text(_("{count} of {total}", count=count, total=of)), style="bold")


def _summary(result: GradeResult, where: Standing) -> str:
    checks = where.scored or where.extra
    return _(
        "{passed} of {count} checks pass ({seconds})",
        passed=sum(map(passed, checks)),
        count=len(checks),
        seconds=seconds(result.times.total),
    )


def _some(names: Sequence[str]) -> str:
    """Name a few and count the others."""
    more = len(names) - NAMED
    shown = [f"`{name}`" for name in names[:NAMED]]
    return listed([*shown, *([_("{count} more", count=more)] if more > 0 else [])])


def _alike(where: Standing, checks: Sequence[CheckResult]) -> list[list[CheckResult]]:
    """Put checks together that failed in the same way, such as one file that does not load."""
    groups: dict[tuple[str, ...], list[CheckResult]] = {}
    for check in checks:
        groups.setdefault(root_of(where.lab, where.folder, check), []).append(check)
    return list(groups.values())


def failures(where: Standing, look: Look, *, verbose: bool = False) -> Iterator[Padding]:
    """Yield a block for each thing that is wrong: the first in full, two in short, and how many more there are."""
    groups = _alike(where, [check for check in where.failing if verbose or check.verdict is not Verdict.UNFINISHED])
    for number, checks in enumerate(groups):
        if verbose or number < IN_FULL + IN_SHORT:
            yield _failure(where, checks, look, verbose, short=not verbose and number >= IN_FULL)
    left = sum(map(len, groups[IN_FULL + IN_SHORT :]))
    if left and not verbose:
        text = ngettext(
            "{count} more failed; --verbose tells of it", "{count} more failed; --verbose tells of them", left
        )
        yield Padding(Text(look.text(text), style="dim"), 0)


@dataclass(frozen=True)
class _Heading:
    """A check's title and its name, on one line where ``cut``: what a student reads first is the cause below it."""

    lead: Text
    title: Text
    name: Text
    cut: bool

    def __rich_console__(self, _console: Console, options: ConsoleOptions) -> Iterator[Text]:
        title = self.title.copy()
        if self.cut:
            room = options.max_width - self.lead.cell_len - self.name.cell_len
            title.truncate(max(room, SHORTEST_TITLE), overflow="ellipsis")
        yield Text.assemble(self.lead, title, self.name)


def _failure(where: Standing, checks: Sequence[CheckResult], look: Look, verbose: bool, *, short: bool) -> Padding:
    check = checks[0]
    style = look.style(check.verdict)
    lead = Text(f"{look.sign(check.verdict)} {verdict_word(check.verdict)}  ", style=style)
    title, name = Text(look.text(one_line(check.title)), style="bold"), Text(f" ({check.id})", style="dim")
    if len(checks) > 1:
        names = _some([c.id for c in checks])
        title, name = Text(look.text(_("{count} checks: {names}", count=len(checks), names=names))), Text()
    grid = _grid()
    grid.add_row(_Heading(lead, title, name, cut=not verbose and len(checks) == 1))
    _tell(grid, where, check, look, verbose, short=short)
    if verbose:
        step = next_of(where.lab, where.folder, check)
        grid.add_row(_detail(_("next"), Text(look.text(step.command or step.text), style="cyan")))
    return Padding(grid, 0)


def _tell(
    grid: Table, where: Standing, check: CheckResult | BeyondResult, look: Look, verbose: bool, *, short: bool
) -> None:
    """Add the cause first, then what was seen, in which case, and what was printed."""
    message = clickable(clean(check.message), where.lab, where.folder)
    lines = message.splitlines()
    if not verbose:
        lines = lines[:1] if short else lines[:MESSAGE_LINES]
    hint = clickable(clean(check.hint), where.lab, where.folder)
    if hint:
        grid.add_row(_detail(_("cause"), Text(look.text(hint))))
    if lines and not (short and hint):
        grid.add_row(_detail(_("seen"), Text(look.text("\n".join(lines)), style="dim" if hint else "")))
    if check.failed_case and not short and check.verdict not in FIRST:
        grid.add_row(_detail(_("case"), Text(look.text(one_line(check.failed_case)), style="dim")))
    if verbose and check.misconception:
        grid.add_row(_detail(_("mistake"), Text(look.text(one_line(check.misconception)), style="dim")))
    if check.output and not short:
        grid.add_row(_printed(check.output, look, verbose))


def _printed(output: str, look: Look, verbose: bool, of: str = "") -> Padding:
    """Return the end of what the student's code printed."""
    lines = clean(output).splitlines()
    shown = lines if verbose else lines[-PRINTED_LINES:]
    label = Text(look.text(of)) if of else Text()
    return _detail(_("printed"), label.append(look.text("\n".join(shown)), style="dim"))


def printed_blocks(where: Standing, look: Look, *, verbose: bool = False) -> Iterator[Padding]:
    """Yield what checks printed that passed, each text once; beside a failure only the first."""
    told = {check.output for check in where.failing}
    found: dict[str, CheckResult] = {}
    for check in (*where.scored, *where.extra):
        if passed(check) and check.output and check.output not in told:
            found.setdefault(check.output, check)
    for check in list(found.values())[: 1 if where.failing else NAMED]:
        yield _printed(check.output, look, verbose, f"{check.id}: ")


def _beyond(result: GradeResult, where: Standing, look: Look, verbose: bool) -> Iterator[Padding]:
    """Yield what holds in the course and breaks beyond it; the causes only if nothing of the course fails."""
    broken = result.breaks_beyond
    if not broken:
        return
    grid = _grid()
    grid.add_row(Text(look.text(_("Beyond the course (decides no tier)")), style="bold yellow"))
    in_full = verbose or not any(check.tier is not None for check in where.failing)
    for number, check in enumerate(broken if verbose else broken[:NAMED]):
        if check.beyond is None:
            continue
        title = Text(look.text(one_line(check.title)))
        grid.add_row(_Heading(Text("  "), title, Text(f" ({check.id})", style="dim"), cut=not verbose))
        if verbose:
            grid.add_row(Padding(Text(look.text(holds_beyond(check.beyond))), (0, 0, 0, 2)))
        if in_full:
            _tell(grid, where, check.beyond, look, verbose, short=not verbose and number >= IN_FULL)
    if not verbose and len(broken) > NAMED:
        grid.add_row(Text("  " + look.text(_("{count} more", count=len(broken) - NAMED)), style="dim"))
    yield Padding(grid, 0)


def _table(result: GradeResult, where: Standing, look: Look, width: int, verbose: bool) -> Table:
    table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0), width=min(width, WIDEST))
    table.add_column(justify="right", width=3, no_wrap=True)
    table.add_column(ratio=1, no_wrap=not verbose, overflow="fold" if verbose else "ellipsis")
    table.add_column(no_wrap=True)
    if width >= NARROW:
        table.add_column(justify="right", no_wrap=True)
        table.add_column(justify="right", no_wrap=True)
    for gate in gates(result, where.slow):
        if gate.checks or result.mode == "check":
            head = Text(look.text(one_line(gate.tier.title)), style="bold")
            count = f"{sum(map(passed, gate.checks))}/{len(gate.checks)}" if gate.checks else ""
            cells = [Text(str(gate.tier.score), style="bold"), head, Text(gate.word, style=GATE_STYLES[gate.kind])]
            table.add_row(*cells, *([Text(count, style="bold")] if width >= NARROW else []))
            _add_checks(table, gate.checks, where, look, width, verbose)
    if where.extra:
        alone = not where.scored
        held = sum(map(passed, where.extra))
        # Exercises without points stay folded until they are the only thing left, or somebody asks.
        opened = verbose or alone or not where.failing or all(map(passed, where.scored))
        count = f"{held}/{len(where.extra)}"
        cells = [Text(), Text(look.text(_(WITHOUT_TIER)), style="bold"), Text("" if width >= NARROW else count)]
        table.add_row(*cells, *([Text(count)] if width >= NARROW else []))
        if opened:
            _add_checks(table, where.extra, where, look, width, verbose)
    return table


def _add_checks(
    table: Table, checks: Sequence[CheckResult], where: Standing, look: Look, width: int, verbose: bool
) -> None:
    waiting = [check for check in checks if check.verdict is Verdict.SKIPPED]
    for check in checks:
        if check.verdict is Verdict.SKIPPED and not verbose:
            continue
        style = look.style(check.verdict)
        cells = [
            Text(look.sign(check.verdict), style=style),
            Text(look.text(one_line(check.title)), style="dim" if check.verdict is Verdict.SKIPPED else ""),
            Text(verdict_word(check.verdict), style=style),
            Text(f"{check.cases_passed}/{check.cases_total}" if check.cases_total else "", style="dim"),
            Text(seconds(check.seconds) if check.seconds else "", style="dim"),
        ]
        table.add_row(*(cells if width >= NARROW else cells[:3]))
    if waiting and not verbose:
        causes = dict.fromkeys(name for check in waiting for name in where.waits_for(check))
        table.add_row(Text(look.sign(Verdict.SKIPPED), style="dim"), Text(look.text(_wait(waiting, list(causes)))
                      , style="dim"))  # fmt: skip


def _wait(waiting: Sequence[CheckResult], causes: Sequence[str]) -> str:
    if not causes:
        return one_line(waiting[0].message)
    return ngettext(
        "{count} check waits for {causes}", "{count} checks wait for {causes}", len(waiting), causes=_some(causes)
    )


def _grid() -> Table:
    grid = Table.grid(expand=True)
    grid.add_column(overflow="fold")
    return grid


def _detail(label: str, text: Text) -> Padding:
    inner = Table.grid(expand=True)
    inner.add_column(width=LABEL_WIDTH, no_wrap=True)
    inner.add_column(ratio=1, overflow="fold")
    inner.add_row(Text(label, style="dim"), text)
    return Padding(inner, (0, 0, 0, 2))
