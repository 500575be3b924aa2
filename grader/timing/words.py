"""Says how fast a right version is, and how fast it must be."""

from __future__ import annotations

from grader.language.numbers import duration, figure, times
from grader.language.translation import _, joined, translated
from grader.project.contract import Lab
from grader.score.document import SpeedPart, SpeedResult


def describe_speed(lab: Lab, found: SpeedResult, least_s: float) -> str:
    """Say how fast a right version is, and how fast it must be; ``least_s`` is what no processor is faster than."""
    whole, *parts = found.parts
    text = _(
        "It takes {time}; the reference takes {baseline} ({where}) for `{check}`. That is {ratio} as fast "
        "({confidence} interval {low} to {high}); at least {at_least} are needed.",
        time=duration(whole.submission_s),
        baseline=duration(whole.baseline_s),
        where=_("measured here") if found.baseline == "measured" else _("estimated from publishing"),
        check=translated(lab.checks[found.against].title, lab.folder),
        ratio=times(whole.ratio),
        confidence=f"{found.confidence:.0%}",
        low=figure(whole.low),
        high=figure(whole.high),
        at_least=times(found.at_least),
    )
    if found.enough:
        return text
    if whole.high >= found.at_least:
        told = _(
            "An answer came back sooner than any processor can do the work ({time} at the very least), so nothing "
            "was measured.",
            time=duration(least_s),
        )
        return joined([told, text])
    lines = [joined([_("The results are right, but they come too slowly."), text])]
    lines += [
        "  "
        + _(
            "{part}: {time}, {ratio} as fast as the reference's {baseline}",
            part=translated(part.name, lab.folder),
            time=duration(part.submission_s),
            ratio=times(part.ratio),
            baseline=duration(part.baseline_s),
        )
        for part in parts
    ]
    slowest = min(parts, key=_ratio_of, default=None)
    if slowest is not None:
        lines.append(_("Begin with `{part}`: it gains least.", part=translated(slowest.name, lab.folder)))
    return "\n".join(lines)


def _ratio_of(part: SpeedPart) -> float:
    return part.ratio
