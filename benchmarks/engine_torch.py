"""The benchmark's cases on PyTorch (optional), in NCHW or channels-last memory format."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
import torch.nn.functional as functional
from torch import nn

from . import engine_cases as cases
from . import engine_labs_torch
from .engine_cases import Case
from .engine_torch_tools import FORMATS, Work, array, output_of, quietly, take_weights, tensor


def convolution(
    channels: int, outputs: int, size: int, kernel: int, stride: int, padding: int, direction: str, layout: str
) -> Case:
    inputs, weight, bias = (
        tensor(array, layout) for array in cases.convolution_data(channels, outputs, size, kernel)
    )
    if direction == "forward":
        return output_of(lambda: functional.conv2d(inputs, weight, bias, stride, padding))
    shape = functional.conv2d(inputs, weight, bias, stride, padding).shape
    gradient = tensor(cases.gradient_data(tuple(shape)), layout)
    need = [direction == "input", direction == "weight", direction == "weight"]
    backward = torch.ops.aten.convolution_backward

    def work() -> Any:
        return backward(
            gradient, inputs, weight, [outputs], [stride] * 2, [padding] * 2, [1, 1], False, [0, 0], 1, need
        )

    place = 0 if direction == "input" else 1
    return Case(work, lambda: {"gradient": array(work()[place])})


def pool(channels: int, size: int, direction: str, layout: str) -> Case:
    inputs = tensor(cases.gradient_data((1, channels, size, size)), layout)
    if direction == "forward":
        return output_of(lambda: functional.max_pool2d(inputs, 2))
    _, indices = functional.max_pool2d(inputs, 2, return_indices=True)
    gradient = tensor(cases.gradient_data((1, channels, size // 2, size // 2)), layout)
    backward = torch.ops.aten.max_pool2d_with_indices_backward

    def work() -> Any:
        return backward(gradient, inputs, [2, 2], [2, 2], [0, 0], [1, 1], False, indices)

    return Case(work, lambda: {"gradient": array(work())})


def norm(batch: int, channels: int, size: int, direction: str, layout: str) -> Case:
    shape = (batch, channels, size, size)
    inputs, gradient = (tensor(cases.gradient_data(shape, seed), layout) for seed in (1, 11))
    gamma, beta = (torch.from_numpy(cases.gradient_data((channels,), seed)) for seed in (12, 13))
    # With running statistics, which the engine also keeps.
    mean, variance = torch.zeros(channels), torch.ones(channels)
    if direction == "forward":
        return output_of(lambda: functional.batch_norm(inputs, mean, variance, gamma, beta, training=True))
    _, saved, inverse = torch.native_batch_norm(inputs, gamma, beta, mean, variance, True, 0.1, 1e-5)
    backward = torch.ops.aten.native_batch_norm_backward

    def work() -> Any:
        return backward(gradient, inputs, gamma, mean, variance, saved, inverse, True, 1e-5, [True] * 3)

    return Case(work, lambda: {"gradient": array(work()[0])})


def vgg_layers(plan: tuple[int | str, ...], parameters: list[tuple[Any, Any]]) -> list[nn.Module]:
    layers: list[nn.Module] = []
    given = iter(parameters)
    for item in plan:
        if isinstance(item, str):
            layers.append(nn.MaxPool2d(2))
        else:
            weight, bias = next(given)
            layer = nn.Conv2d(weight.shape[1], item, 3, padding=1)
            layer.weight.data, layer.bias.data = torch.from_numpy(weight), torch.from_numpy(bias)
            layers += [layer, nn.ReLU(inplace=True)]
    return layers


def network(mode: str, layout: str) -> Case:
    plan = (64, 64, "p", 128, 128, "p", 256, 256, 256, "p", 512, 512, 512, "p", 512, 512, 512, "p")
    parameters = cases.vgg_parameters(plan)
    layers = [*vgg_layers(plan, parameters), nn.Flatten()]
    for i, (weight, bias) in enumerate(parameters[-3:]):
        dense = nn.Linear(weight.shape[1], weight.shape[0])
        dense.weight.data, dense.bias.data = torch.from_numpy(weight), torch.from_numpy(bias)
        layers += [dense] + ([nn.ReLU(inplace=True)] if i < 2 else [])
    net = nn.Sequential(*layers).eval().requires_grad_(False).to(memory_format=FORMATS[layout])
    picture = tensor(cases.picture(), layout)
    if mode != "both":
        work = quietly(lambda: net(picture))
        return Case(work, lambda: {"logits": array(work())})

    def both() -> Any:
        leaf = picture.clone().requires_grad_(True)
        net(leaf)[0, 1].backward()
        return leaf.grad

    return Case(both, lambda: {"gradient": array(both())})


def losses_of(step: Work) -> Case:
    """A step of training, compared by the losses of the first few."""
    return Case(step, lambda: {"losses": np.array([step().item() for _ in range(cases.TRAINING_STEPS)])})


def lenet(layout: str) -> Case:
    net = lenet_layers(cases.LENET_SHAPES, 0, nn.MaxPool2d(2)).to(memory_format=FORMATS[layout])
    return digits_epoch(net, torch.optim.Adam(net.parameters(), lr=1e-3, fused=True), layout)


def lenet5(layout: str) -> Case:
    net = lenet_layers(cases.LENET5_SHAPES, 2, nn.AvgPool2d(2)).to(memory_format=FORMATS[layout])
    return digits_epoch(net, torch.optim.SGD(net.parameters(), lr=1e-2, fused=True), layout)


def lenet_layers(shapes: tuple[tuple[int, ...], ...], padding: int, second_pool: nn.Module) -> nn.Module:
    flat, hidden = shapes[2][1], (shapes[2][0], shapes[3][0])
    net = nn.Sequential(
        nn.Conv2d(1, 6, 5, padding=padding),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(6, 16, 5),
        nn.ReLU(),
        second_pool,
        nn.Flatten(),
        nn.Linear(flat, hidden[0]),
        nn.ReLU(),
        nn.Linear(*hidden),
        nn.ReLU(),
        nn.Linear(hidden[1], 10),
    )
    take_weights(net, cases.he_normal(shapes, 7))
    return net


def digits_epoch(net: nn.Module, optimizer: torch.optim.Optimizer, layout: str) -> Case:
    pictures, labels = cases.digits()
    data, wanted = tensor(pictures, layout), torch.from_numpy(labels)

    def epoch() -> list[torch.Tensor]:
        losses = []
        for start in range(0, len(data), 64):
            optimizer.zero_grad(set_to_none=True)
            loss = functional.cross_entropy(net(data[start : start + 64]), wanted[start : start + 64])
            loss.backward()
            optimizer.step()
            losses.append(loss.detach())
        return losses

    return Case(epoch, lambda: cases.epoch_result([loss.item() for loss in epoch()]))


class Block(nn.Module):
    def __init__(self, channels: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.conv1, self.norm1 = nn.Conv2d(channels, outputs, 3, stride, 1, bias=False), nn.BatchNorm2d(outputs)
        self.conv2, self.norm2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False), nn.BatchNorm2d(outputs)
        self.shortcut: nn.Module = nn.Identity()
        if stride != 1 or channels != outputs:
            self.shortcut = nn.Sequential(
                nn.Conv2d(channels, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs)
            )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        inner = functional.relu(self.norm1(self.conv1(x)))
        return functional.relu(self.norm2(self.conv2(inner)) + self.shortcut(x))


def resnet(batch: int, layout: str) -> Case:
    blocks, channels = [], 64
    for outputs, stride in ((64, 1), (128, 2), (256, 2), (512, 2)):
        blocks += [Block(channels, outputs, stride), Block(outputs, outputs, 1)]
        channels = outputs
    net = nn.Sequential(
        nn.Conv2d(3, 64, 3, 1, 1, bias=False),
        nn.BatchNorm2d(64),
        nn.ReLU(),
        *blocks,
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(512, 10),
    )
    shapes = tuple(tuple(module.weight.shape) for module in net.modules() if isinstance(module, nn.Conv2d))
    take_weights(net, cases.he_normal(shapes, 8) + cases.he_normal(((10, 512),), 9))
    net = net.to(memory_format=FORMATS[layout])
    pictures, labels = cases.cifar(batch)
    data, wanted = tensor(pictures, layout), torch.from_numpy(labels)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.01, momentum=0.9)

    def step() -> torch.Tensor:
        optimizer.zero_grad(set_to_none=True)
        loss = functional.cross_entropy(net(data), wanted)
        loss.backward()
        optimizer.step()
        return loss.detach()

    return losses_of(step)


def style(layout: str) -> Case:
    plan = (64, 64, "p", 128, 128, "p", 256, 256, 256, 256, "p", 512, 512, 512, 512, "p", 512)
    layers = nn.Sequential(*vgg_layers(plan, cases.vgg_parameters(plan, None))).requires_grad_(False)
    for layer in layers:
        if isinstance(layer, nn.ReLU):
            layer.inplace = False
    layers = layers.to(memory_format=FORMATS[layout])
    relus = [i for i, layer in enumerate(layers) if isinstance(layer, nn.ReLU)]
    styled, wanted = {relus[i] for i in (0, 2, 4, 8, 12)}, relus[9]

    def features(value: torch.Tensor) -> dict[int, torch.Tensor]:
        kept = {}
        for i, layer in enumerate(layers):
            value = layer(value)
            if i in styled or i == wanted:
                kept[i] = value
        return kept

    def gram(value: torch.Tensor) -> torch.Tensor:
        flat = value.reshape(value.shape[1], -1)
        return flat @ flat.t() / value.numel()

    content, art = tensor(cases.picture(192, 320, 9), layout), tensor(cases.picture(192, 320, 10), layout)
    with torch.no_grad():
        goal = features(content)[wanted]
        grams = {i: gram(f) for i, f in features(art).items() if i in styled}
    image = content.clone().requires_grad_(True)
    optimizer = torch.optim.Adam([image], lr=0.02)

    def iteration() -> torch.Tensor:
        optimizer.zero_grad()
        found = features(image)
        loss = functional.mse_loss(found[wanted], goal)
        for i in styled:
            loss = loss + 1e3 * functional.mse_loss(gram(found[i]), grams[i])
        loss.backward()
        optimizer.step()
        return loss.detach()

    return losses_of(iteration)


def float_stack(layout: str) -> Case:
    """VGG19's convolutions in float32, what the int8 stack is measured against; its result is that of the bytes."""
    layers = [[tensor(data, layout) for data in cases.convolution_data(*shape)] for shape in cases.VGG19_STACK]

    def result() -> dict[str, Any]:
        """The convolutions of the bytes in float64, which holds every integer that they can give."""
        found = {}
        with torch.inference_mode():
            for i, shape in enumerate(cases.VGG19_STACK):
                inputs, weight = (torch.from_numpy(data).double() for data in cases.byte_data(*shape))
                found[str(i)] = array(functional.conv2d(inputs, weight, None, 1, 1))
        return found

    return Case(quietly(lambda: [functional.conv2d(x, w, None, 1, 1) for x, w, _ in layers]), result)


def make(case: str, layout: str) -> Case:
    """PyTorch's side of a case of ``engine_cases.CASES``."""
    kind, _, rest = case.partition("/")
    name, _, direction = rest.rpartition("/")
    if kind == "conv":
        return convolution(*cases.VGG16_LAYERS[name], 3, 1, 1, direction, layout)
    if kind == "other":
        return convolution(*cases.OTHER_CONVOLUTIONS[name], direction, layout)
    if kind == "pool":
        return pool(*cases.POOLS[name], direction, layout)
    if kind == "norm":
        return norm(*cases.NORMS[name], direction, layout)
    if kind == "linear":
        inputs, weight = (torch.from_numpy(cases.gradient_data(shape)) for shape in ((64, 4096), (1000, 4096)))
        return output_of(lambda: functional.linear(inputs, weight))
    if kind == "vgg16":
        return network(rest, layout)
    simple: dict[str, Callable[[], Case]] = {
        "baseline": lambda: engine_labs_torch.baseline(layout),
        "inception": lambda: engine_labs_torch.inception(layout),
        "lenet": lambda: lenet(layout),
        "lenet5": lambda: lenet5(layout),
        "style": lambda: style(layout),
        "dlp": lambda: engine_labs_torch.dlp(layout),
        "int8": lambda: float_stack(layout),
        "resnet18": lambda: resnet(int(rest), layout),
    }
    return simple[kind]()


torch.manual_seed(0)
np.random.seed(0)
