"""Shows what is going on while something takes longer than a moment."""

from __future__ import annotations

import threading
import time
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bar
from rich.text import Text

from grader.language.message import Message
from grader.language.translation import _

FIRST_LINE_AFTER_S = 2.0
LINE_EVERY_S = 5.0
# After an hour, a line every three minutes: what takes long changes slowly.
LINE_EVERY_SHARE = 0.05
MAX_TEXT_CHARACTERS = 60


class Progress:
    """A live bar on a terminal; elsewhere a plain line after two seconds, then one in five seconds, and ever fewer.

    Everything goes to standard error, so that standard output stays the report. Use it as a context manager.

    Parameters
    ----------
    title : what is being done, such as ``vgg16: grading``.
    total : number of steps if it is known; it may be set later.
    console : where to show it; default standard error.
    """

    def __init__(self, title: str = "", total: int | None = None, console: Console | None = None) -> None:
        self.title = title
        self._total = total
        self._console = console or Console(stderr=True)
        self._text = ""
        self._done = 0
        # In the language of the start: what runs meanwhile may speak another for a while, such as on a picture.
        self._counted = _("{count} done")
        self._started = time.monotonic()
        self._finished = threading.Event()
        self._writer: threading.Thread | None = None
        self._bar: Bar | None = None
        self._task: TaskID | None = None

    @property
    def total(self) -> int | None:
        """Number of steps, None while it is unknown."""
        return self._total

    @total.setter
    def total(self, value: int | None) -> None:
        self._total = value
        self._refresh()

    def __enter__(self) -> Progress:
        if self._console.is_terminal and not self._console.is_dumb_terminal:
            self._bar = Bar(
                SpinnerColumn(),
                TextColumn("{task.description}", markup=False),
                BarColumn(bar_width=24),
                MofNCompleteColumn(),
                TimeElapsedColumn(),
                console=self._console,
                transient=True,
            )
            self._task = self._bar.add_task(self._description(), total=self._total)
            self._bar.start()
        else:
            self._writer = threading.Thread(target=self._write_lines, name="progress", daemon=True)
            self._writer.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None
    ) -> None:
        self._finished.set()
        if self._bar is not None:
            self._bar.stop()
        if self._writer is not None:
            self._writer.join()

    def step(self, text: str) -> None:
        """Say what is being done now."""
        self._text = text
        self._refresh()

    def note(self, text: Message | str) -> None:
        """Say what is being done now, for preparations that are not one of the counted steps."""
        self.step(str(text))

    def say(self, text: str) -> None:
        """Print a line on standard output at once; a live bar makes way for it, and is drawn again below."""
        if self._bar is not None:
            self._bar.stop()
        Console().print(Text(text), soft_wrap=True)
        if self._bar is not None:
            self._bar.start()

    def advance(self, n: int = 1) -> None:
        """Count ``n`` steps as done."""
        self._done += n
        self._refresh()

    def _description(self) -> str:
        parts = [part for part in (self.title, self._text) if part]
        text = "".join(letter if letter.isprintable() else " " for letter in ": ".join(parts))
        return text if len(text) <= MAX_TEXT_CHARACTERS else text[: MAX_TEXT_CHARACTERS - 3] + "..."

    def _refresh(self) -> None:
        if self._bar is not None and self._task is not None:
            self._bar.update(self._task, description=self._description(), completed=self._done, total=self._total)

    def _write_lines(self) -> None:
        # A thread, because a single step may take longer than the whole interval.
        wait_s = FIRST_LINE_AFTER_S
        while not self._finished.wait(wait_s):
            count = f"{self._done}/{self._total}" if self._total else self._counted.format(count=self._done)
            seconds = time.monotonic() - self._started
            line = Text(f"{self._description()} ({count}, {seconds:.0f} s)")
            self._console.print(line, soft_wrap=True)
            self._console.file.flush()
            wait_s = max(LINE_EVERY_S, LINE_EVERY_SHARE * seconds)
