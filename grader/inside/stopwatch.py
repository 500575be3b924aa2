"""Serves checks of the instructor's own code to be timed: outputs are announced, not sampled.

To sample a large array takes longer than a fast layer takes to compute it. Here only its shape goes out, so that
the moments of arrival are those of the work.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from grader.inside import runner
from grader.inside.runner import describe
from grader.lab.checks import Sampled

__all__ = ["Runner", "describe"]

PAGE_BYTES = 4096


class Runner(runner.Runner):
    """Sends the shape of every output in its place."""

    def __init__(self, config: dict[str, Any]) -> None:
        super().__init__(config)
        vars(self.submission)["emit"] = self._announce

    def _announce(self, name: str, value: Any) -> None:
        sampled = isinstance(value, Sampled)
        array = np.asarray(value.value if sampled else value)
        if array.flags.c_contiguous:
            # One entry of each page: parameters that are only mapped so far must not be read in a layer's time.
            array.reshape(-1)[:: max(1, PAGE_BYTES // array.itemsize)].max(initial=0)
        self.submission.emitted += 1
        self._emit(f"{name}/shape" if sampled else name, np.array(array.shape, dtype=np.int64))
