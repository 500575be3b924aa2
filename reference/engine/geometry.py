"""Shapes of convolutions and poolings: sizes, borders, and errors that say what does not fit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

Pair = int | tuple[int, int]
Padding = int | tuple[int, int] | tuple[int, int, int, int]


def pair(value: Pair, name: str) -> tuple[int, int]:
    """``value`` for height and width; one number stands for both."""
    first, second = (value, value) if isinstance(value, int) else value
    if first < 1 or second < 1:
        raise ValueError(f"{name} must be at least 1 in both directions, got {value}")
    return int(first), int(second)


def borders(padding: Padding) -> tuple[int, int, int, int]:
    """Rows above, rows below, columns left, columns right of zeros.

    One number pads all sides, two pad height and width, four are (top, bottom, left, right).
    """
    if isinstance(padding, int):
        sides = (padding,) * 4
    elif len(padding) == 2:
        sides = (padding[0], padding[0], padding[1], padding[1])
    else:
        sides = tuple(padding)  # type: ignore[assignment]
    if len(sides) != 4 or min(sides) < 0:
        raise ValueError(f"padding must be 1, 2 or 4 numbers that are not negative, got {padding}")
    return sides


@dataclass(frozen=True)
class Window:
    """A window that slides over a picture: the geometry that convolution and pooling share.

    ``out = (size + padding before + padding after - dilation*(kernel - 1) - 1) // stride + 1``
    """

    batch: int
    channels: int
    height: int
    width: int
    kernel: tuple[int, int]
    stride: tuple[int, int]
    padding: tuple[int, int, int, int]
    dilation: tuple[int, int] = (1, 1)

    def __post_init__(self) -> None:
        if self.batch < 1:
            raise ValueError("the batch is empty: at least one picture is needed")
        if min(self.channels, self.height, self.width) < 1:
            sizes = (self.channels, self.height, self.width)
            raise ValueError(f"channels, height and width must be at least 1, got {sizes}")
        if self.out_height < 1 or self.out_width < 1:
            padded = (
                self.height + self.padding[0] + self.padding[1],
                self.width + self.padding[2] + self.padding[3],
            )
            raise ValueError(
                f"the window of {self.extent[0]} x {self.extent[1]} (kernel {self.kernel}, dilation "
                f"{self.dilation}) is larger than the padded picture of {padded[0]} x {padded[1]}: "
                "use a smaller kernel or more padding"
            )

    @property
    def extent(self) -> tuple[int, int]:
        """Rows and columns that a window spans."""
        return self.dilation[0] * (self.kernel[0] - 1) + 1, self.dilation[1] * (self.kernel[1] - 1) + 1

    @property
    def out_height(self) -> int:
        return (self.height + self.padding[0] + self.padding[1] - self.extent[0]) // self.stride[0] + 1

    @property
    def out_width(self) -> int:
        return (self.width + self.padding[2] + self.padding[3] - self.extent[1]) // self.stride[1] + 1

    @property
    def output_border(self) -> tuple[int, int, int, int]:
        """Border of zeros that the input gradient needs around the output gradient."""
        top, bottom = _reach(self.height, self.out_height, self.padding[0], self.extent[0], self.stride[0])
        left, right = _reach(self.width, self.out_width, self.padding[2], self.extent[1], self.stride[1])
        return top, bottom, left, right


def _reach(size: int, outputs: int, before: int, extent: int, stride: int) -> tuple[int, int]:
    """How far outside 0..outputs-1 the windows lie that would cover pixels 0..size-1."""
    first = -((extent - 1 - before) // stride)
    last = (size - 1 + before) // stride
    return max(0, -first), max(0, last - (outputs - 1))


def window_of(shape: tuple[int, int, int, int], kernel: Pair, stride: Pair, padding: Padding, dilation: Pair = 1,
              layout: str = "NCHW") -> Window:  # fmt: skip
    """The window over an array of this shape."""
    if layout not in ("NCHW", "NHWC"):
        raise ValueError(f"layout must be 'NCHW' or 'NHWC', got {layout!r}")
    if len(shape) != 4:
        raise ValueError(f"inputs must have four dimensions ({', '.join(layout)}), got shape {shape}")
    batch, channels, height, width = shape if layout == "NCHW" else (shape[0], shape[3], shape[1], shape[2])
    return Window(batch, channels, height, width, pair(kernel, "kernel"), pair(stride, "stride"), borders(padding),
                  pair(dilation, "dilation"))  # fmt: skip


def check_dtype(*arrays: Any) -> Any:
    """The common element type; TypeError unless it is float32 or float64."""
    names = {str(array.dtype) for array in arrays if array is not None}
    if len(names) != 1 or names.pop() not in ("float32", "float64"):
        found = ", ".join(str(array.dtype) for array in arrays if array is not None)
        raise TypeError(f"all arrays must be float32, or all float64; got {found}: convert with .astype first")
    return arrays[0].dtype
