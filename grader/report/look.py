"""What a terminal can show: signs and bars with a plain form for terminals and logs that know ASCII only."""

from __future__ import annotations

from dataclasses import dataclass

from rich.console import Console

from grader.verdicts import Verdict

EIGHTHS = " ▏▎▍▌▋▊▉"
FULL_BLOCK = "█"
STYLES = {
    Verdict.PASS: "green",
    Verdict.SKIPPED: "dim",
    Verdict.UNFINISHED: "yellow",
    Verdict.GRADER: "bold magenta",
}
SIGNS = {Verdict.PASS: ("✓", "+"), Verdict.SKIPPED: ("–", "-"), Verdict.UNFINISHED: ("○", "o")}
SIGNS[Verdict.GRADER] = ("!", "!")
FAILED_SIGN = ("✗", "x")


@dataclass(frozen=True)
class Look:
    """How to write on one console. A sign never stands alone: the verdict's word is beside it.

    Attributes
    ----------
    rich_signs : whether signs and bars may be other than ASCII.
    encoding : what the console's file can take.
    """

    rich_signs: bool
    encoding: str

    @classmethod
    def of(cls, console: Console) -> Look:
        """Return the look of ``console``."""
        encoding = console.encoding
        return cls(encoding.startswith("utf") and not console.is_dumb_terminal, encoding)

    def text(self, text: str) -> str:
        """Return ``text`` with what the console cannot encode written as an escape such as ``\\u4f5c``."""
        return text.encode(self.encoding, "backslashreplace").decode(self.encoding)

    def sign(self, verdict: Verdict) -> str:
        """Return the one-character sign of a verdict."""
        return SIGNS.get(verdict, FAILED_SIGN)[0 if self.rich_signs else 1]

    def style(self, verdict: Verdict) -> str:
        """Return the colour of a verdict."""
        return STYLES.get(verdict, "red")

    def bar(self, share: float, width: int) -> str:
        """Return a bar for ``share`` (0 to 1) of at most ``width`` characters."""
        filled = min(1.0, max(0.0, share)) * width
        if not self.rich_signs:
            return "#" * round(filled)
        whole, part = divmod(round(filled * len(EIGHTHS)), len(EIGHTHS))
        return (FULL_BLOCK * whole + EIGHTHS[part]).rstrip()
