"""Check of the optional counts; leaving them out costs nothing."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from grader.lab import Case, check

COURSE_COUNTS = (
    # name, input and output channels, kernel, rows, columns, stride, padding, layers below one another
    ("six 3x3 kernels on 3 x 32 x 32", 3, 6, 3, 32, 32, 1, 0, [[3, 1], [3, 1]]),
    ("LeNet's second convolution", 6, 16, 5, 14, 14, 1, 0, [[5, 1], [2, 2], [5, 1], [2, 2], [5, 1]]),
    ("the first convolution of ResNet18", 1, 64, 7, 32, 32, 2, 3, [[7, 2], [3, 2], [3, 1], [3, 1]]),
)
MORE_COUNTS = (("odd sizes that leave a rest", 4, 5, 4, 19, 26, 3, 1, [[4, 3], [1, 2], [5, 2]]),)


def count_cases(rng: np.random.Generator) -> Iterable[Case]:
    """Make the handout's convolutions, and one whose sizes leave a rest, which lies beyond the course."""
    names = "c_in", "c_out", "k", "rows", "columns", "stride", "padding", "layers"
    for rows in (COURSE_COUNTS, MORE_COUNTS):
        for name, *numbers in rows:
            case = Case.of(name, **dict(zip(names, numbers, strict=True)))
            yield case if rows is COURSE_COUNTS else case.beyond()


@check(
    tier=None,
    cases=count_cases,
    files=("counts.py",),
    holes=("output_size", "conv_counts", "receptive_field"),
)
def exercise_counts(student, case):
    """Sizes, parameters, operations and receptive fields by formula."""
    counts = student.counts
    geometry = case.k, case.stride, case.padding
    both = counts.conv_counts(case.c_in, case.c_out, case.k, case.rows, case.columns, case.stride, case.padding)
    student.require(np.shape(both) == (2,), "`conv_counts` must return two numbers, parameters and operations")
    return {
        "sizes": np.array([int(counts.output_size(size, *geometry)) for size in (case.rows, case.columns)]),
        "parameters": np.array(int(both[0])),
        "operations": np.array(int(both[1])),
        "receptive_field": np.array(int(counts.receptive_field([tuple(layer) for layer in case.layers]))),
    }
