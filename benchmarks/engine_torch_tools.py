"""What the benchmark's cases on PyTorch share: memory formats, weights, results."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from .engine_cases import Case

Work = Callable[[], Any]

FORMATS = {"nchw": torch.contiguous_format, "channels-last": torch.channels_last}


def tensor(array: Any, layout: str) -> torch.Tensor:
    value = torch.from_numpy(array)
    return value.contiguous(memory_format=FORMATS[layout]) if value.dim() == 4 else value


def quietly(function: Work) -> Work:
    def run() -> Any:
        with torch.inference_mode():
            return function()

    return run


def array(value: torch.Tensor) -> Any:
    """A copy as numpy sees it, in the usual order of axes."""
    return value.detach().contiguous().numpy().copy()


def output_of(function: Work) -> Case:
    """Work in inference whose output is compared."""
    work = quietly(function)
    return Case(work, lambda: {"output": array(work())})


def take_weights(net: nn.Module, weights: list[Any]) -> None:
    """Give the layers of a network their weights, in order, and zero biases."""
    layers = [module for module in net.modules() if isinstance(module, (nn.Conv2d, nn.Linear))]
    with torch.no_grad():
        for layer, weight in zip(layers, weights, strict=True):
            layer.weight.copy_(torch.from_numpy(weight))
            if layer.bias is not None:
                layer.bias.zero_()
