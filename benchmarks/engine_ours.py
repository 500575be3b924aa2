"""The benchmark's cases on the engine: the work and its result."""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

import numpy as np

from reference.engine import SGD, BatchNorm, Convolution, IntegerConvolution, linear_forward, pooling
from reference.engine.buffers import load_activation, new_activation, store_activation
from reference.engine.geometry import window_of
from reference.engine.integer import Method
from reference.engine.nets import LeNet, ResNet18, StyleTransfer, vgg16
from reference.engine.nets.lenet import NAMES
from reference.engine.nets.style import STYLE_PLAN
from reference.engine.nets.vgg import VGG16_PLAN

from . import engine_cases as cases
from . import engine_labs_ours
from .engine_cases import Case


def reading(work: Callable[[], object], name: str, read: Callable[[], cases.Array]) -> Case:
    """Work that leaves its result in memory which it owns."""

    def result() -> dict[str, cases.Array]:
        work()
        return {name: read()}

    return Case(work, result)


def convolution(
    channels: int, outputs: int, size: int, kernel: int, stride: int, padding: int, direction: str
) -> Case:
    inputs, weight, bias = cases.convolution_data(channels, outputs, size, kernel)
    layer = Convolution(window_of(inputs.shape, kernel, stride, padding), outputs)
    layer.set_weight(weight, bias)
    source = load_activation(inputs, "NCHW", layer.new_source())
    target = layer.new_target()
    if direction == "forward":
        return reading(lambda: layer.forward(source, target), "output", lambda: store_activation(target, "NCHW"))
    gradient = cases.gradient_data((1, outputs, layer.window.out_height, layer.window.out_width))
    load_activation(gradient, "NCHW", target)
    result = layer.new_gradient(border=(1, 1, 1, 1) if not layer.narrow else layer.window.padding)
    if direction == "input":
        return reading(
            lambda: layer.backward_input(target, result), "gradient", lambda: store_activation(result, "NCHW")
        )
    return reading(lambda: layer.backward_weight(source, target), "gradient", layer.weight_gradient)


def pool(channels: int, size: int, direction: str) -> Case:
    window = window_of((1, channels, size, size), 2, 2, 0)
    source = load_activation(
        cases.gradient_data((1, channels, size, size)), "NCHW", new_activation(1, size, size, channels)
    )
    target = new_activation(1, size // 2, size // 2, channels)
    pooling.max_pool(window, source, target)
    if direction == "forward":
        return reading(
            lambda: pooling.max_pool(window, source, target), "output", lambda: store_activation(target, "NCHW")
        )
    gradient, result = target.like(), source.like()
    load_activation(cases.gradient_data((1, channels, size // 2, size // 2)), "NCHW", gradient)
    return reading(
        lambda: pooling.max_pool_backward(window, source, target, gradient, result),
        "gradient",
        lambda: store_activation(result, "NCHW"),
    )


def norm(batch: int, channels: int, size: int, direction: str) -> Case:
    shape = (batch, channels, size, size)
    inputs, gradient = cases.gradient_data(shape), cases.gradient_data(shape, 11)
    gamma, beta = cases.gradient_data((channels,), 12), cases.gradient_data((channels,), 13)
    layer = BatchNorm(channels)
    layer.gamma[:channels], layer.beta[:channels] = gamma, beta
    source = load_activation(inputs, "NCHW", new_activation(batch, size, size, channels))
    target, grad = source.like(), source.like()
    layer.forward(source, target)
    if direction == "forward":
        return reading(lambda: layer.forward(source, target), "output", lambda: store_activation(target, "NCHW"))
    load_activation(gradient, "NCHW", target)
    return reading(lambda: layer.backward(target, source, grad), "gradient", lambda: store_activation(grad, "NCHW"))


def network(mode: str) -> Case:
    net = vgg16(accurate=mode == "accurate")
    net.set_parameters(cases.vgg_parameters(VGG16_PLAN))
    picture, gradient = cases.picture(), np.zeros((1, 1000), np.float32)
    gradient[0, 1] = 1
    if mode != "both":
        return Case(lambda: net.forward(picture), lambda: {"logits": net.forward(picture)})

    def both() -> cases.Array:
        net.forward(picture)
        found = net.backward(gradient)
        assert found is not None
        return found

    return Case(both, lambda: {"gradient": both()})


def losses_of(step: Callable[[], float]) -> Case:
    """A step of training, compared by the losses of the first few."""
    return Case(step, lambda: {"losses": np.array([step() for _ in range(cases.TRAINING_STEPS)])})


def lenet(net: LeNet, shapes: tuple[tuple[int, ...], ...], rate: float) -> Case:
    pictures, labels = cases.digits()
    weights = cases.he_normal(shapes, 7)
    net.set_parameters({name: (w, np.zeros(len(w), np.float32)) for name, w in zip(NAMES, weights, strict=True)})

    def epoch() -> list[float]:
        return [
            net.train_step(pictures[start : start + 64], labels[start : start + 64], rate)
            for start in range(0, len(pictures), 64)
        ]

    return Case(epoch, lambda: cases.epoch_result(epoch()))


def resnet(batch: int) -> Case:
    net = ResNet18(batch)
    shapes = tuple(unit.layer.convolution.weight().shape for unit in net.units)
    for unit, weight in zip(net.units, cases.he_normal(shapes, 8), strict=True):
        unit.layer.convolution.set_weight(weight)
    net.weight[...] = cases.he_normal((net.weight.shape,), 9)[0]
    pictures, labels = cases.cifar(batch)
    optimizer = SGD(net.parameters(), 0.01, 0.9)
    return losses_of(lambda: net.train_step(pictures, labels, optimizer))


def style() -> Case:
    parameters = cases.vgg_parameters(STYLE_PLAN, None)
    transfer = StyleTransfer(cases.picture(192, 320, 9)[0], cases.picture(192, 320, 10)[0], parameters)
    return losses_of(transfer.step)


def integers(method: Method) -> Case:
    layers = []
    for channels, outputs, size in cases.VGG19_STACK:
        inputs, weight = cases.byte_data(channels, outputs, size)
        layer = IntegerConvolution(window_of(inputs.shape, 3, 1, 1), weight, method)
        layer.load(np.ascontiguousarray(inputs.transpose(0, 2, 3, 1)))
        layers.append(layer)
    return Case(
        lambda: [layer.run() for layer in layers],
        lambda: {
            str(i): layer.run()[..., : layer.outputs].transpose(0, 3, 1, 2).copy() for i, layer in enumerate(layers)
        },
    )


def make(case: str) -> Case:
    """The engine's side of a case of ``engine_cases.CASES``."""
    kind, _, rest = case.partition("/")
    name, _, direction = rest.rpartition("/")
    if kind == "conv":
        return convolution(*cases.VGG16_LAYERS[name], 3, 1, 1, direction)
    if kind == "other":
        return convolution(*cases.OTHER_CONVOLUTIONS[name], direction)
    if kind == "pool":
        return pool(*cases.POOLS[name], direction)
    if kind == "norm":
        return norm(*cases.NORMS[name], direction)
    if kind == "linear":
        inputs, weight = cases.gradient_data((64, 4096)), cases.gradient_data((1000, 4096))
        return Case(lambda: linear_forward(inputs, weight), lambda: {"output": linear_forward(inputs, weight)})
    if kind == "vgg16":
        return network(rest)
    if kind == "dlp":
        return engine_labs_ours.dlp(cast(Method, rest))
    if kind == "int8":
        return integers(cast(Method, rest))
    simple: dict[str, Callable[[], Case]] = {
        "lenet": lambda: lenet(LeNet(64), cases.LENET_SHAPES, 1e-3),
        "lenet5": lambda: lenet(
            LeNet(64, padding=2, hidden=(120, 84), second_pool="average", optimizer="sgd"),
            cases.LENET5_SHAPES,
            1e-2,
        ),
        "baseline": engine_labs_ours.baseline,
        "inception": engine_labs_ours.inception,
        "style": style,
        "resnet18": lambda: resnet(int(rest)),
    }
    return simple[kind]()
