"""A convolution as a sum of terms: one for each channel and tap of the kernel, and the bias.

Pictures are (N, C, rows, columns), kernels (C_out, C_in, rows, columns), float64, whatever the lab's own order is.
``y[n, o, p, q] = sum_(c, i, j) w[o, c, i, j] * x[n, c, p * s + i * d - above, q * s + j * d - left] + b[o]``
(LeCun et al. 1998, section II; a cross-correlation, as all labs define it).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np

from grader.explain.comparison import Comparison
from grader.lab.layer_geometry import output_shape

# Orders of the axes of a weight in the labs, and how they are brought to (C_out, C_in, rows, columns).
ORDERS: Mapping[str, tuple[int, int, int, int]] = {
    "(C_out, C_in, K, K)": (0, 1, 2, 3),
    "(C_in, K, K, C_out)": (3, 0, 1, 2),
    "(K, K, C_in, C_out)": (3, 2, 0, 1),
}


@dataclass(frozen=True)
class Geometry:
    """Where the windows lie: kernel, stride, dilation, zeros above and on the left; rows and columns of outputs."""

    kernel: tuple[int, int]
    stride: int
    dilation: int
    above: int
    left: int
    output: tuple[int, int]

    @classmethod
    def of(cls, config: Mapping[str, Any], rows: int, columns: int) -> Geometry | None:
        """Return the geometry of a case on pictures of this size; None if its settings do not say it."""
        side = config.get("k", config.get("kernel_size", config.get("pool_size")))
        kernel = (side, side) if isinstance(side, int) else tuple(side or config.get("kernel_shape") or ())
        stride, dilation = config.get("stride", config.get("strides", 1)), config.get("dilation", 1)
        if stride is None and len(set(kernel)) == 1:
            # As large as the window.
            stride = kernel[0]
        pad = config.get("pad", config.get("padding", 0))
        if len(kernel) != 2 or not isinstance(stride, int) or not isinstance(dilation, int):
            return None
        extents = [dilation * (length - 1) + 1 for length in kernel]
        if pad == "same" and "strides" in config:
            # As TensorFlow counts it: so many zeros that every stride begins in the picture.
            sizes = tuple(-(-length // stride) for length in (rows, columns))
            zeros = [
                max((size - 1) * stride + extent - length, 0) // 2
                for size, extent, length in zip(sizes, extents, (rows, columns), strict=True)
            ]
            return cls((kernel[0], kernel[1]), stride, dilation, zeros[0], zeros[1], (sizes[0], sizes[1]))
        if pad == "same":
            above, left = ((extent - 1) // 2 for extent in extents)
        elif pad == "valid":
            above, left = 0, 0
        elif isinstance(pad, int):
            above, left = pad, pad
        else:
            above, left = pad[0], pad[2]
        try:
            output = output_shape((rows, columns), kernel, pad, stride, dilation)
        except (TypeError, ValueError):
            return None
        return cls((kernel[0], kernel[1]), stride, dilation, above, left, (output[0], output[1]))

    def moved(self, down: int = 0, right: int = 0) -> Geometry:
        """Return the same windows, each begun so many rows and columns later."""
        return replace(self, above=self.above - down, left=self.left - right)

    def places(self) -> tuple[np.ndarray, np.ndarray]:
        """Return rows (K, P) and columns (K, Q) of the input that each tap meets for each output."""
        steps = [self.stride * np.arange(length) for length in self.output]
        taps = [self.dilation * np.arange(length) for length in self.kernel]
        return taps[0][:, None] + steps[0] - self.above, taps[1][:, None] + steps[1] - self.left

    def windows(self, pictures: np.ndarray) -> np.ndarray:
        """Return what each tap meets, (N, C, rows of the kernel, its columns, P, Q); zeros beyond the picture."""
        return self.met(pictures, *self.places())

    def met(self, pictures: np.ndarray, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
        """Return what taps at these rows (K, P) and columns (K, Q) meet, as `windows` does."""
        below = max(0, int(rows.max()) - pictures.shape[2] + 1)
        beside = max(0, int(columns.max()) - pictures.shape[3] + 1)
        above, left = max(0, -int(rows.min())), max(0, -int(columns.min()))
        padded = np.pad(pictures, ((0, 0), (0, 0), (above, below), (left, beside)))
        return padded[:, :, (rows + above)[:, None, :, None], (columns + left)[None, :, None, :]]

    def scattered(self, terms: np.ndarray, rows: int, columns: int) -> np.ndarray:
        """Return pictures of this size to which each term (N, C, K, K, P, Q) was added where its tap lies."""
        return self.added(terms, rows, columns, *self.places())

    def added(
        self, terms: np.ndarray, rows: int, columns: int, place_rows: np.ndarray, place_columns: np.ndarray
    ) -> np.ndarray:
        """Return the same with each term added at these rows (K, P) and columns (K, Q)."""
        result = np.zeros((*terms.shape[:2], rows, columns))
        for i in range(self.kernel[0]):
            for j in range(self.kernel[1]):
                kept_rows = (place_rows[i] >= 0) & (place_rows[i] < rows)
                kept_columns = (place_columns[j] >= 0) & (place_columns[j] < columns)
                part = terms[:, :, i, j][:, :, kept_rows][..., kept_columns]
                result[:, :, place_rows[i][kept_rows][:, None], place_columns[j][kept_columns]] += part
        return result


def convolved(windows: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    """Return the sums of products (N, C_out, P, Q) of windows with a kernel, without bias."""
    return np.moveaxis(np.tensordot(kernel, windows, axes=([1, 2, 3], [1, 2, 3])), 1, 0)


def kernels_of(weight: np.ndarray) -> dict[str, np.ndarray]:
    """Return a weight of four axes brought to (C_out, C_in, rows, columns) from each order that labs use."""
    return {order: weight.astype(np.float64).transpose(axes) for order, axes in ORDERS.items()}


@dataclass(frozen=True)
class Terms:
    """One output of one case of a convolution with what it is made of; arrays float64, channels second.

    ``order`` is that of the axes of the weight as the lab has it, ``raw`` the whole weight in it. Of large arrays
    only the first channels of the output are looked at: ``kernel`` is cut along ``cut_axis``, ``biases`` are whole.
    """

    view: Comparison
    geometry: Geometry
    order: str
    kernel: np.ndarray
    bias: np.ndarray
    pictures: np.ndarray
    gradient: np.ndarray
    raw: np.ndarray = field(repr=False)
    biases: np.ndarray = field(repr=False)
    cut_axis: int | None = None

    @cached_property
    def whole(self) -> np.ndarray:
        """The kernel before it was cut."""
        return self.raw.transpose(ORDERS[self.order])

    def part(self, kernel: np.ndarray) -> np.ndarray:
        """Return what is looked at of a whole kernel."""
        return (
            kernel if self.cut_axis is None else kernel.take(range(self.kernel.shape[self.cut_axis]), self.cut_axis)
        )

    @cached_property
    def windows(self) -> np.ndarray:
        """What each tap meets, (N, C, rows of the kernel, its columns, P, Q)."""
        return self.geometry.windows(self.pictures)
