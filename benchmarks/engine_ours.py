"""The benchmark's cases on the engine. Each function returns a callable that does the work once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import numpy as np

from reference.engine import SGD, Convolution, IntegerConvolution, linear_forward, pooling
from reference.engine.buffers import load_activation, new_activation
from reference.engine.geometry import window_of
from reference.engine.integer import Method
from reference.engine.nets import LeNet, ResNet18, StyleTransfer, vgg16
from reference.engine.nets.lenet import NAMES
from reference.engine.nets.style import STYLE_PLAN
from reference.engine.nets.vgg import VGG16_PLAN

from . import engine_cases as cases

Work = Callable[[], Any]


def convolution(
    channels: int, outputs: int, size: int, kernel: int, stride: int, padding: int, direction: str
) -> Work:
    inputs, weight, bias = cases.convolution_data(channels, outputs, size, kernel)
    layer = Convolution(window_of(inputs.shape, kernel, stride, padding), outputs)
    layer.set_weight(weight, bias)
    source = load_activation(inputs, "NCHW", layer.new_source())
    target = layer.new_target()
    if direction == "forward":
        return lambda: layer.forward(source, target)
    gradient = cases.gradient_data((1, outputs, layer.window.out_height, layer.window.out_width))
    load_activation(gradient, "NCHW", target)
    result = layer.new_gradient(border=(1, 1, 1, 1) if not layer.narrow else layer.window.padding)
    if direction == "input":
        return lambda: layer.backward_input(target, result)
    return lambda: layer.backward_weight(source, target)


def pool(channels: int, size: int, direction: str) -> Work:
    window = window_of((1, channels, size, size), 2, 2, 0)
    source = load_activation(
        cases.gradient_data((1, channels, size, size)), "NCHW", new_activation(1, size, size, channels)
    )
    target = new_activation(1, size // 2, size // 2, channels)
    pooling.max_pool(window, source, target)
    if direction == "forward":
        return lambda: pooling.max_pool(window, source, target)
    gradient, result = target.like(), source.like()
    load_activation(cases.gradient_data((1, channels, size // 2, size // 2)), "NCHW", gradient)
    return lambda: pooling.max_pool_backward(window, source, target, gradient, result)


def network(mode: str) -> Work:
    net = vgg16(accurate=mode == "accurate")
    net.set_parameters(cases.vgg_parameters(VGG16_PLAN))
    picture, gradient = cases.picture(), np.zeros((1, 1000), np.float32)
    gradient[0, 1] = 1
    if mode != "both":
        return lambda: net.forward(picture)
    return lambda: (net.forward(picture), net.backward(gradient))


def lenet() -> Work:
    pictures, labels = cases.digits()
    net = LeNet(64)
    rng = np.random.default_rng(7)
    shapes = {name: weight.shape for name, (weight, _) in net.get_parameters().items()}
    net.set_parameters({
        name: ((rng.standard_normal(shapes[name]) * np.sqrt(2 / np.prod(shapes[name][1:]))).astype(np.float32),
               np.zeros(shapes[name][0], np.float32)) for name in NAMES})  # fmt: skip

    def epoch() -> None:
        for start in range(0, len(pictures), 64):
            net.train_step(pictures[start : start + 64], labels[start : start + 64])

    return epoch


def resnet(batch: int) -> Work:
    net = ResNet18(batch)
    rng = np.random.default_rng(8)
    for unit in net.units:
        shape = unit.layer.convolution.weight().shape
        unit.layer.convolution.set_weight(
            (rng.standard_normal(shape) * np.sqrt(2 / np.prod(shape[1:]))).astype(np.float32)
        )
    pictures, labels = cases.cifar(batch)
    optimizer = SGD(net.parameters(), 0.01, 0.9)
    return lambda: net.train_step(pictures, labels, optimizer)


def style() -> Work:
    parameters = cases.vgg_parameters(STYLE_PLAN, None)
    transfer = StyleTransfer(cases.picture(192, 320, 9)[0], cases.picture(192, 320, 10)[0], parameters)
    return transfer.step


def integers(method: Method) -> Work:
    layers = []
    for channels, outputs, size in cases.VGG19_STACK:
        inputs, weight = cases.byte_data(channels, outputs, size)
        layer = IntegerConvolution(window_of(inputs.shape, 3, 1, 1), weight, method)
        layer.load(np.ascontiguousarray(inputs.transpose(0, 2, 3, 1)))
        layers.append(layer)
    return lambda: [layer.run() for layer in layers]


def make(case: str) -> Work:
    """The work of a case of ``engine_cases.CASES``."""
    kind, _, rest = case.partition("/")
    name, _, direction = rest.rpartition("/")
    if kind == "conv":
        return convolution(*cases.VGG16_LAYERS[name], 3, 1, 1, direction)
    if kind == "other":
        return convolution(*cases.OTHER_CONVOLUTIONS[name], direction)
    if kind == "pool":
        return pool(*cases.POOLS[name], direction)
    if kind == "linear":
        inputs, weight = cases.gradient_data((64, 4096)), cases.gradient_data((1000, 4096))
        return lambda: linear_forward(inputs, weight)
    if kind == "vgg16":
        return network(rest)
    if kind == "int8":
        return integers(cast(Method, rest))
    simple: dict[str, Work] = {
        "lenet": lenet,
        "style": style,
        "resnet18": lambda: resnet(int(rest)),
    }
    return simple[kind]()
