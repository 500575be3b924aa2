"""Cases of the newer labs on PyTorch; see ``engine_labs_ours``."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
import torch.nn.functional as functional
from torch import nn

from . import engine_cases as cases
from .engine_cases import Case
from .engine_torch_tools import FORMATS, array, quietly, take_weights, tensor


class InceptionBlock(nn.Module):
    def __init__(self, channels: int, widths: tuple[int, ...]) -> None:
        super().__init__()
        one, reduce3, three, reduce5, five, pooled = widths
        self.one = nn.Conv2d(channels, one, 1)
        self.reduce3, self.three = nn.Conv2d(channels, reduce3, 1), nn.Conv2d(reduce3, three, 3, padding=1)
        self.reduce5, self.five = nn.Conv2d(channels, reduce5, 1), nn.Conv2d(reduce5, five, 5, padding=2)
        self.pooled = nn.Conv2d(channels, pooled, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        ways = (
            self.one(x),
            self.three(functional.relu(self.reduce3(x))),
            self.five(functional.relu(self.reduce5(x))),
            self.pooled(functional.max_pool2d(x, 3, 1, 1)),
        )
        return functional.relu(torch.cat(ways, dim=1))


def inception(layout: str) -> Case:
    """Forward and backward, all gradients."""
    batch, channels, size, widths = cases.INCEPTION
    net = InceptionBlock(channels, widths)
    take_weights(net, cases.inception_weights())
    net = net.to(memory_format=FORMATS[layout])
    picture = tensor(cases.gradient_data((batch, channels, size, size)), layout)
    outputs = widths[0] + widths[2] + widths[4] + widths[5]
    gradient = tensor(cases.gradient_data((batch, outputs, size, size), 15), layout)

    def both() -> tuple[torch.Tensor, Any]:
        net.zero_grad(set_to_none=True)
        leaf = picture.clone(memory_format=torch.preserve_format).requires_grad_(True)
        output = net(leaf)
        output.backward(gradient)
        return output, leaf.grad

    def result() -> dict[str, Any]:
        output, of_picture = both()
        layers = [module for module in net.modules() if isinstance(module, nn.Conv2d)]
        weights = {
            f"weight {i}": array(layer.weight.grad)
            for i, layer in enumerate(layers)
            if layer.weight.grad is not None
        }
        return {"output": array(output), "gradient": array(of_picture), **weights}

    return Case(both, result)


def baseline(layout: str) -> Case:
    """An epoch with dropout; compared by the losses of one without."""
    pictures, labels = cases.cifar(cases.BASELINE_PICTURES)
    data, wanted = tensor(pictures, layout), torch.from_numpy(labels)

    def network(drop: float) -> tuple[nn.Module, torch.optim.Optimizer]:
        features = nn.Sequential(
            nn.Conv2d(3, 6, 5, padding=2), nn.BatchNorm2d(6, eps=1e-3, momentum=0.01), nn.ReLU(), nn.MaxPool2d(2)
        )
        dense = [nn.Linear(1536, 128), nn.ReLU(), nn.Dropout(drop), nn.Linear(128, 10)]
        net = nn.Sequential(features, _PixelsFirst(), nn.Dropout(drop), *dense)
        take_weights(net, cases.he_normal(cases.BASELINE_SHAPES, 16))
        net = net.to(memory_format=FORMATS[layout])
        return net, torch.optim.Adam(net.parameters(), lr=1e-3, eps=1e-7, fused=True)

    def epoch(net: nn.Module, optimizer: torch.optim.Optimizer) -> list[torch.Tensor]:
        losses, step = [], cases.BASELINE_BATCH
        for start in range(0, len(data), step):
            optimizer.zero_grad(set_to_none=True)
            loss = functional.cross_entropy(net(data[start : start + step]), wanted[start : start + step])
            loss.backward()
            optimizer.step()
            losses.append(loss.detach())
        return losses

    trained = network(0.2)
    return Case(lambda: epoch(*trained), lambda: cases.epoch_result([loss.item() for loss in epoch(*network(0.0))]))


class _PixelsFirst(nn.Module):
    """Flatten in the order rows, columns, channels."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x.permute(0, 2, 3, 1).flatten(1)


POOLED_AFTER = (1, 3, 7, 11, 15)
"""Numbers of VGG19's convolutions with a pool behind them."""


def dlp(layout: str) -> Case:
    """VGG19 in float32, what the bytes are measured against; its result is that of the bytes, by definition."""
    layers: list[nn.Module] = []
    convolutions = len(cases.VGG19_STACK)
    for number in range(convolutions + len(cases.DLP_DENSE)):
        weight, bias, unit = cases.dlp_layer(number)
        shape = weight.shape
        layer = nn.Conv2d(shape[1], shape[0], 3, padding=1) if len(shape) == 4 else nn.Linear(shape[1], shape[0])
        layer.weight.data, layer.bias.data = torch.from_numpy(weight).float() * unit, torch.from_numpy(bias)
        layers += [layer] + ([nn.ReLU(inplace=True)] if number < convolutions + 2 else [])
        if number in POOLED_AFTER:
            layers.append(nn.MaxPool2d(2))
        if number == convolutions - 1:
            layers.append(nn.Flatten())
    net = nn.Sequential(*layers).eval().requires_grad_(False).to(memory_format=FORMATS[layout])
    picture = tensor(cases.picture(), layout)
    return Case(quietly(lambda: net(picture)), lambda: {"logits": array(dlp_by_definition())})


@torch.inference_mode()
def dlp_by_definition() -> torch.Tensor:
    """Sums in float64, which holds them exactly; float32, float16 and bytes where the network has them."""
    scale = torch.tensor(127 / cases.DLP_RANGE, dtype=torch.float32)

    def to_bytes(numbers: torch.Tensor) -> torch.Tensor:
        clipped = (numbers * scale).clamp(-128, 127).double()
        return clipped.sign() * (clipped.abs() + 0.5).floor()

    value = to_bytes(torch.from_numpy(cases.picture()).half().float())
    convolutions, last = len(cases.VGG19_STACK), len(cases.VGG19_STACK) + len(cases.DLP_DENSE) - 1
    for number in range(last + 1):
        weight, bias, unit = cases.dlp_layer(number)
        if number < convolutions:
            sums = functional.conv2d(value, torch.from_numpy(weight).double(), None, 1, 1)[0]
        else:
            if number == convolutions:
                value = value[0].permute(1, 2, 0).flatten()
            rows = [torch.from_numpy(part).double() @ value for part in np.array_split(weight, 16)]
            sums = torch.cat(rows)
        factor = torch.tensor(unit / (127 / cases.DLP_RANGE), dtype=torch.float32)
        numbers = sums.float() * factor + torch.from_numpy(bias).reshape(-1, *[1] * (sums.dim() - 1))
        if number == last:
            return numbers.half().float()
        numbers = numbers.relu().half().float()
        if number < convolutions:
            numbers = numbers[None]
        if number in POOLED_AFTER:
            numbers = functional.max_pool2d(numbers, 2)
        value = to_bytes(numbers)
    raise AssertionError("the last layer returns")
