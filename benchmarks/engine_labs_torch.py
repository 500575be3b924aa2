"""Cases of the newer labs on PyTorch; see ``engine_labs_ours``."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as functional
from torch import nn

from . import engine_cases as cases
from .engine_cases import Case
from .engine_torch_tools import FORMATS, array, take_weights, tensor


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
