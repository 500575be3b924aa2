"""Sizes of LeNet's layers, and where each array starts in the flat memory that its kernels work on."""

from __future__ import annotations

from typing import NamedTuple


class Sizes(NamedTuple):
    """Sides of the maps, channels, widths of the dense layers (true and filled to whole vectors).

    ``average`` : whether the second pool takes the mean.
    """

    side: int
    side1: int
    pooled1: int
    side2: int
    pooled2: int
    kernel: int
    channels1: int
    channels2: int
    flat: int
    dense1: int
    dense2: int
    classes: int
    classes_filled: int
    average: int


class Offsets(NamedTuple):
    """Where each layer's weight and bias start in a flat parameter vector."""

    weight1: int
    bias1: int
    weight2: int
    bias2: int
    weight3: int
    bias3: int
    weight4: int
    bias4: int
    weight5: int
    bias5: int
    total: int


class Places(NamedTuple):
    """Where each activation and gradient starts in a thread's workspace."""

    maps1: int
    pooled1: int
    maps2: int
    pooled2: int
    dense1: int
    dense2: int
    logits: int
    grad_logits: int
    grad_dense2: int
    grad_dense1: int
    grad_pooled2: int
    grad_maps2: int
    grad_pooled1: int
    grad_maps1: int
    strip: int
    total: int


class Transposed(NamedTuple):
    """Where each transposed weight starts in their buffer: the backward pass multiplies by them."""

    weight2: int
    weight3: int
    weight4: int
    weight5: int
    total: int
