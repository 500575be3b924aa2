"""Cases of the newer labs on the engine: GoogLeNet's block and an epoch of the small normalized network."""

from __future__ import annotations

from reference.engine import Adam
from reference.engine.buffers import load_activation, new_activation, store_activation
from reference.engine.integer import Method
from reference.engine.nets import VGG19_PLAN, Baseline, InceptionBlock, QuantizedLayer, QuantizedNetwork
from reference.engine.nets.layers import Feature

from . import engine_cases as cases
from .engine_cases import Case


def inception() -> Case:
    """Forward and backward, all gradients."""
    batch, channels, size, widths = cases.INCEPTION
    block = InceptionBlock(Feature(new_activation(batch, size, size, channels)), widths)
    for layer, weight in zip(block.convolutions, cases.inception_weights(), strict=True):
        layer.convolution.set_weight(weight)
    load_activation(cases.gradient_data((batch, channels, size, size)), "NCHW", block.source.value)
    load_activation(cases.gradient_data(block.target.shape, 15), "NCHW", block.target.grad)

    def both() -> None:
        block.forward()
        block.backward()

    def result() -> dict[str, cases.Array]:
        output = store_activation(block.forward(), "NCHW")
        gradient = store_activation(block.backward(), "NCHW")
        weights = {f"weight {i}": layer.convolution.weight_gradient() for i, layer in enumerate(block.convolutions)}
        return {"output": output, "gradient": gradient, **weights}

    return Case(both, result)


def baseline() -> Case:
    """An epoch with dropout; compared by the losses of one without."""
    pictures, labels = cases.cifar(cases.BASELINE_PICTURES)

    def network(drop: float) -> tuple[Baseline, Adam]:
        net = Baseline(cases.BASELINE_BATCH, drop=drop)
        convolution, *dense = cases.he_normal(cases.BASELINE_SHAPES, 16)
        net.convolution.convolution.set_weight(convolution)
        for layer, weight in zip(net.dense, dense, strict=True):
            layer.weight[...] = weight
        return net, Adam(net.parameters(), 1e-3, epsilon=1e-7)

    def epoch(net: Baseline, optimizer: Adam) -> list[float]:
        step = cases.BASELINE_BATCH
        return [
            net.train_step(pictures[start : start + step], labels[start : start + step], optimizer)
            for start in range(0, len(pictures), step)
        ]

    trained = network(0.2)
    return Case(lambda: epoch(*trained), lambda: cases.epoch_result(epoch(*network(0.0))))


def dlp(method: Method) -> Case:
    """VGG19 in bytes, one picture, everything between picture and last layer."""
    count = len(cases.VGG19_STACK) + len(cases.DLP_DENSE)
    layers = []
    for number in range(count):
        weight, bias, unit = cases.dlp_layer(number)
        layers.append(QuantizedLayer(weight, bias, 127 / cases.DLP_RANGE, unit))
    net, picture = QuantizedNetwork(VGG19_PLAN, layers, method=method), cases.picture()[0]
    return Case(lambda: net.forward(picture), lambda: {"logits": net.forward(picture)})
