"""Two-dimensional convolution, prepared once for a geometry and a weight, then run many times.

:class:`Convolution` keeps the weight in the engine's form, *taps* (kernel rows, kernel columns, input
channels, output channels), transforms it for the chosen algorithm when it has changed, and works on
:class:`buffers.Activation`. ``operators.conv2d`` is the drop-in for plain arrays.
"""

from __future__ import annotations

from typing import Any, Literal, get_args

import numpy as np

from . import direct, im2col, narrow, winograd
from .buffers import Activation, Array, aligned_zeros, new_activation, round_up, vector_lanes
from .geometry import Window
from .reductions import channel_sums
from .winograd_schemes import F2, F4, FIVE, STRIDED, STRIDED_BACK, Scheme

Algorithm = Literal["direct", "gemm", "winograd_f2", "winograd_f4", "winograd_five", "winograd_strided"]
ALGORITHMS: tuple[Algorithm, ...] = get_args(Algorithm)

SCHEMES: dict[Algorithm, tuple[Scheme, Scheme]] = {
    "winograd_f2": (F2, F2),
    "winograd_f4": (F4, F4),
    "winograd_five": (FIVE, FIVE),
    "winograd_strided": (STRIDED, STRIDED_BACK),
}
"""Schemes of Winograd's algorithm for the forward pass and for the gradient of the inputs."""

WINOGRAD_MIN_CHANNELS = 32
"""Fewer channels make the transforms dearer than the multiplications that they save."""

MOST_OF_DIRECT = 0.8
"""Part of a direct sum's multiplications that Winograd may take, ragged tiles included, to be worth its while."""

SHORT_ROW = 4
"""Rows of fewer outputs leave a direct tile half empty."""


def winograd_allowed(window: Window, algorithm: Algorithm) -> bool:
    """Whether this form of Winograd's algorithm can compute this convolution at all."""
    if window.dilation != (1, 1):
        return False
    if algorithm == "winograd_strided":
        return window.kernel == (3, 3) and window.stride == (2, 2) and window.padding[0] == window.padding[2] == 1
    taps = SCHEMES[algorithm][0].taps
    return window.kernel == (taps, taps) and window.stride == (1, 1) and max(window.padding) < taps


def choose_algorithm(window: Window, outputs: int, *, exact: bool = False, accurate: bool = False) -> Algorithm:
    """The fastest algorithm that is as accurate as asked for.

    ``exact`` sums the products as they are defined; ``accurate`` allows F(2, 3) and the scheme for stride 2, whose
    error is like a direct sum's; otherwise F(4, 3) and F(2, 5) are allowed, whose error is some ten times that
    (below 5e-5 of the largest output).
    """
    rows, columns = window.out_height, window.out_width
    if not exact and min(window.channels, outputs) >= WINOGRAD_MIN_CHANNELS and min(rows, columns) > 1:
        if winograd_allowed(window, "winograd_f4"):
            return "winograd_f2" if winograd.choose_scheme(rows, columns, accurate) == F2 else "winograd_f4"
        others: tuple[Algorithm, ...] = ("winograd_strided",) if accurate else ("winograd_strided", "winograd_five")
        for algorithm in others:
            scheme = SCHEMES[algorithm][0]
            most = MOST_OF_DIRECT * scheme.taps**2 * rows * columns
            if winograd_allowed(window, algorithm) and winograd.multiplications(scheme, rows, columns) <= most:
                return algorithm
    if window.out_width < SHORT_ROW and window.channels >= WINOGRAD_MIN_CHANNELS:
        return "gemm"
    return "direct"


class Convolution:
    """One convolution layer: geometry, weight, and the algorithm that suits them.

    Parameters
    ----------
    window : geometry of input and kernel.
    outputs : output channels.
    dtype : float32 or float64.
    exact, accurate : see :func:`choose_algorithm`.
    algorithm : use this one instead of choosing.
    filled : the source's channels are filled up to whole vectors.

    Attributes
    ----------
    taps : (kernel rows, kernel columns, source channels, filled outputs), the weight.
    bias : (filled outputs,).
    taps_gradient, bias_gradient : of the same shapes, written by :meth:`backward_weight`.

    Raises
    ------
    ValueError
        An algorithm that cannot compute this convolution was asked for.
    """

    def __init__(
        self,
        window: Window,
        outputs: int,
        dtype: Any = np.float32,
        *,
        exact: bool = False,
        accurate: bool = False,
        algorithm: Algorithm | None = None,
        filled: bool | None = None,
    ) -> None:
        chosen = algorithm or choose_algorithm(window, outputs, exact=exact, accurate=accurate)
        if chosen not in ALGORITHMS:
            raise ValueError(f"algorithm must be one of {', '.join(ALGORITHMS)}, got {chosen!r}")
        if chosen in SCHEMES and (exact or not winograd_allowed(window, chosen)):
            raise ValueError(
                f"{chosen} computes only {_CONDITIONS[chosen]}, without dilation, and never with exact=True; here "
                f"kernel {window.kernel}, stride {window.stride}, dilation "
                f"{window.dilation}, padding {window.padding}: leave algorithm=None"
            )
        self.window, self.outputs, self.algorithm, self.dtype = window, outputs, chosen, np.dtype(dtype)
        self._scheme, self._back = SCHEMES.get(chosen, (None, None))
        line = vector_lanes(dtype)
        self.filled = (window.channels > 4) if filled is None else filled
        if chosen in SCHEMES:
            self.filled = True
        self.source_channels = round_up(window.channels, line) if self.filled else window.channels
        self.filled_channels = round_up(window.channels, line)
        self.filled_outputs = round_up(outputs, line)
        self.taps = aligned_zeros((*window.kernel, self.source_channels, self.filled_outputs), dtype)
        self.bias = aligned_zeros(self.filled_outputs, dtype)
        self.taps_gradient: Array | None = None
        self.bias_gradient = aligned_zeros(self.filled_outputs, dtype)
        self._swapped: Array | None = None
        self._forward_form: Any = None
        self._backward_form: Any = None
        self._forward_fresh = self._backward_fresh = False

    def set_weight(self, weight: Array, bias: Array | None = None) -> None:
        """Take the weight (outputs, channels, kernel rows, kernel columns) and the bias (outputs,)."""
        expected = (self.outputs, self.window.channels, *self.window.kernel)
        if weight.shape != expected:
            raise ValueError(f"weight must be (outputs, channels, rows, columns) = {expected}, got {weight.shape}")
        if bias is not None and bias.shape != (self.outputs,):
            raise ValueError(f"bias must be ({self.outputs},), got {bias.shape}")
        self.taps[:, :, : self.window.channels, : self.outputs] = weight.transpose(2, 3, 1, 0)
        self.bias[: self.outputs] = 0 if bias is None else bias
        self.weight_changed()

    def weight_changed(self) -> None:
        """Say that ``taps`` was written to, so that transformed copies are made again."""
        self._forward_fresh = self._backward_fresh = False

    def weight(self) -> Array:
        """The weight as (outputs, channels, kernel rows, kernel columns)."""
        return self._as_weight(self.taps)

    def weight_gradient(self) -> Array:
        """The gradient that :meth:`backward_weight` left, as (outputs, channels, rows, columns)."""
        if self.taps_gradient is None:
            raise RuntimeError("there is no weight gradient yet: call backward_weight first")
        return self._as_weight(self.taps_gradient)

    def _as_weight(self, taps: Array) -> Array:
        return np.ascontiguousarray(taps[:, :, : self.window.channels, : self.outputs].transpose(3, 2, 0, 1))

    def source_border(self) -> tuple[int, int, int, int]:
        """Border of zeros that the source must have: rows above and below, columns left and right."""
        window = self.window
        if self._scheme is None:
            return window.padding
        # What F(2, 3) reads F(4, 3) may read, too: layers of either kind can share a source.
        scheme = F4 if self._scheme == F2 else self._scheme
        vertical = winograd.tile_border(scheme, window.height, window.out_height, window.padding[0])
        horizontal = winograd.tile_border(scheme, window.width, window.out_width, window.padding[2])
        return _largest((*vertical, *horizontal), window.padding)

    def gradient_border(self) -> tuple[int, int, int, int]:
        """Border of zeros that the output gradient must have for :meth:`backward_input`."""
        window = self.window
        if self._back is None:
            return window.output_border
        scheme = F4 if self._back == F2 else self._back
        top, left = self._back_padding
        vertical = winograd.tile_border(scheme, window.out_height, window.height, top)
        horizontal = winograd.tile_border(scheme, window.out_width, window.width, left)
        return _largest((*vertical, *horizontal), window.output_border)

    @property
    def _back_padding(self) -> tuple[int, int]:
        """Rows above and columns left of the output gradient that the first tile of the input gradient reads."""
        if self._back is STRIDED_BACK:
            return 0, 0
        reach = self.window.kernel[0] - 1
        return reach - self.window.padding[0], reach - self.window.padding[2]

    def new_source(self, **options: Any) -> Activation:
        """An activation that fits as source."""
        window = self.window
        return new_activation(window.batch, window.height, window.width, window.channels, self.dtype,
                              **{"border": self.source_border(), "filled": self.filled, **options})  # fmt: skip

    def new_target(self, **options: Any) -> Activation:
        """An activation that fits as target, and as output gradient."""
        window = self.window
        return new_activation(window.batch, window.out_height, window.out_width, self.outputs, self.dtype,
                              **{"border": self.gradient_border(), **options})  # fmt: skip

    @property
    def narrow(self) -> bool:
        """Whether the input gradient is computed for few channels: its activation is then unfilled."""
        return self._scheme is None and narrow.allowed(self.window, self.dtype)

    def new_gradient(self, **options: Any) -> Activation:
        """An activation that fits as input gradient."""
        window = self.window
        return new_activation(
            window.batch,
            window.height,
            window.width,
            window.channels,
            self.dtype,
            **{"border": window.padding, "filled": not self.narrow, **options},
        )

    def forward(self, source: Activation, target: Activation, rectify: bool = False) -> Activation:
        """``target = source * weight + bias``, with ReLU if asked for."""
        low = 0.0 if rectify else -np.inf
        padding = self.window.padding[0], self.window.padding[2]
        if self._scheme is not None:
            if not self._forward_fresh:
                self._forward_form = winograd.transform_weight(self.taps, self._scheme, self._forward_form)
            winograd.convolve(source, self._forward_form, target, bias=self.bias, low=low, padding=padding)
        elif self.algorithm == "gemm":
            im2col.convolve(self.window, self.taps, source, target, self.bias, low)
        else:
            if not self._forward_fresh:
                self._forward_form = direct.forward_sum(self.window, self.taps, source, self._forward_form)
            direct.run_sum(self._forward_form, source, target, self.bias, low)
        self._forward_fresh = True
        return target

    def backward_input(
        self, grad_output: Activation, grad_input: Activation, mask: Activation | None = None
    ) -> Activation:
        """Write the gradient with respect to the source.

        ``mask``: the source itself when it is a ReLU's output (same geometry as ``grad_input``); the
        gradient is zeroed where it is not positive.
        """
        if grad_input.pixel % vector_lanes(self.dtype):
            return self._narrow_gradient(grad_output, grad_input)
        if not self._backward_fresh:
            turns = self._back is not None and self._back is not STRIDED_BACK
            turned = direct.reversed_kernel(self.taps) if turns else self.taps
            self._swapped = direct.swapped_taps(turned, self.filled_channels, self._swapped)
        assert self._swapped is not None
        if self._back is not None:
            if not self._backward_fresh:
                self._backward_form = winograd.transform_weight(self._swapped, self._back, self._backward_form)
            winograd.convolve(grad_output, self._backward_form, grad_input, mask=mask, padding=self._back_padding)
        else:
            if not self._backward_fresh:
                self._backward_form = direct.input_gradient_sums(
                    self.window, self._swapped, grad_output, self._backward_form
                )
            direct.run_input_gradient(self._backward_form, grad_output, grad_input)
            if mask is not None:
                direct.mask_gradient(mask, grad_input)
        self._backward_fresh = True
        return grad_input

    def _narrow_gradient(self, grad_output: Activation, grad_input: Activation) -> Activation:
        if not self.narrow:
            raise ValueError("this convolution's input gradient needs filled channels: make it with new_gradient()")
        packed = narrow.pack(self.taps, self.window.channels, self.outputs)
        narrow.input_gradient(self.window, packed, self.outputs, grad_output, grad_input)
        return grad_input

    def backward_weight(self, source: Activation, grad_output: Activation, bias: bool = True) -> None:
        """Write ``taps_gradient`` and, if asked for, ``bias_gradient``."""
        if self.taps_gradient is None:
            self.taps_gradient = aligned_zeros(self.taps.shape, self.dtype)
        if self._scheme is not None:
            padding = self.window.padding[0], self.window.padding[2]
            winograd.weight_gradient(source, grad_output, self.taps_gradient, scheme=self._scheme, padding=padding)
        else:
            direct.weight_gradient(self.window, source, grad_output, self.taps_gradient)
        if bias:
            channel_sums(grad_output, self.bias_gradient)


_CONDITIONS: dict[Algorithm, str] = {
    "winograd_f2": "3 x 3 kernels with stride 1 and padding up to 2",
    "winograd_f4": "3 x 3 kernels with stride 1 and padding up to 2",
    "winograd_five": "5 x 5 kernels with stride 1 and padding up to 4",
    "winograd_strided": "3 x 3 kernels with stride 2 and one row and column of padding above and left",
}


def _largest(first: tuple[int, ...], second: tuple[int, ...]) -> tuple[int, int, int, int]:
    top, bottom, left, right = (max(a, b) for a, b in zip(first, second, strict=True))
    return top, bottom, left, right
