"""Which rule gives what was returned: sums, windows, entries, losses, steps and the rest, from arrays alone."""

from __future__ import annotations

from collections.abc import Sequence

from grader.explain.block_rules import by_blocks, by_input
from grader.explain.byte_rules import by_bytes
from grader.explain.case_run import CaseRun
from grader.explain.column_rules import by_columns
from grader.explain.decomposition import by_terms
from grader.explain.elementwise_rules import by_entries
from grader.explain.loss_rules import by_sizes
from grader.explain.mask_rules import by_masks
from grader.explain.norm_rules import by_norms
from grader.explain.optimiser_rules import by_steps
from grader.explain.window_rules import by_windows
from grader.language.translation import _

# Where some cases raise, so many others have to be wrong before a rule is asked of them.
MIN_RETURNED = 2
# What a failed check is asked, in this order: sums, windows, matrices of them, entries, losses, optimisers, batch
# norms, masks, bytes, blocks.
RULES = (
    by_terms,
    by_windows,
    by_columns,
    by_entries,
    by_sizes,
    by_steps,
    by_norms,
    by_masks,
    by_bytes,
    by_blocks,
    by_input,
)


def by_rules(runs: Sequence[CaseRun]) -> str:
    """Return which rule gives what was returned in every case: of sums, windows, losses or steps; else nothing."""
    returned = [run for run in runs if run.outcome.verdict is None]
    if len(returned) < len(runs) and sum(not run.passed for run in returned) < MIN_RETURNED:
        return ""
    told = next((text for ask in RULES if (text := ask(returned))), "")
    if told and len(returned) < len(runs):
        return _("Of the cases that return something: {text}", text=told)
    return told
