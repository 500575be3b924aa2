"""GoogLeNet's block and the small normalized network against PyTorch in float64."""

from __future__ import annotations

import numpy as np
import pytest

from reference.engine import Adam
from reference.engine.buffers import load_activation, new_activation, store_activation
from reference.engine.nets import Baseline, InceptionBlock
from reference.engine.nets.layers import Feature

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.oracle
functional, nn = torch.nn.functional, torch.nn


def he_normal(rng, shape):
    return (rng.standard_normal(shape) * np.sqrt(2 / np.prod(shape[1:]))).astype(np.float32)


def off(actual, wanted):
    """Norm of the difference over the norm."""
    wanted = wanted.detach().numpy()
    return np.linalg.norm(actual - wanted) / np.linalg.norm(wanted)


@pytest.mark.parametrize(
    ("widths", "size"), [((16, 20, 32, 8, 16, 16), (6, 9)), ((32, 48, 64, 32, 32, 48), (8, 8))]
)
def test_an_inception_block_agrees_with_pytorch(widths, size):
    """Result, the picture's gradient and every parameter's; the second case by Winograd in both large kernels."""
    rng, channels = np.random.default_rng(0), 24
    block = InceptionBlock(Feature(new_activation(2, *size, channels)), widths)
    sources = (channels, channels, widths[1], channels, widths[3], channels)
    kernels = (1, 1, 3, 1, 5, 1)
    layers = []
    for layer, inputs, width, kernel in zip(block.convolutions, sources, widths, kernels, strict=True):
        weight, bias = he_normal(rng, (width, inputs, kernel, kernel)), he_normal(rng, (width, 100))[:, 0]
        layer.convolution.set_weight(weight, bias)
        layers.append([torch.tensor(a, dtype=torch.float64, requires_grad=True) for a in (weight, bias)])
    x = rng.standard_normal((2, channels, *size)).astype(np.float32)
    tensor = torch.tensor(x, dtype=torch.float64, requires_grad=True)

    def apply(number, value):
        return functional.relu(functional.conv2d(value, *layers[number], padding=kernels[number] // 2))

    pooled = functional.max_pool2d(tensor, 3, 1, 1)
    expected = torch.cat(
        [apply(0, tensor), apply(2, apply(1, tensor)), apply(4, apply(3, tensor)), apply(5, pooled)], dim=1
    )
    load_activation(x, "NCHW", block.source.value)
    assert off(store_activation(block.forward(), "NCHW"), expected) < 1e-5
    g = rng.standard_normal(tuple(expected.shape)).astype(np.float32)
    expected.backward(torch.tensor(g, dtype=torch.float64))
    load_activation(g, "NCHW", block.target.grad)
    # Rounding can let a ReLU or a maximum fall the other way at a near tie.
    assert off(store_activation(block.backward(), "NCHW"), tensor.grad) < 1e-3
    for layer, (weight, bias) in zip(block.convolutions, layers, strict=True):
        assert off(layer.convolution.weight_gradient(), weight.grad) < 1e-3
        assert off(layer.convolution.bias_gradient[: layer.convolution.outputs], bias.grad) < 1e-3


def test_widths_that_do_not_fill_vectors_are_refused():
    """The results lie side by side in whole vectors."""
    with pytest.raises(ValueError, match="multiples of 16"):
        InceptionBlock(Feature(new_activation(1, 4, 4, 16)), (16, 16, 20, 16, 16, 16))


def test_training_the_baseline_follows_pytorch():
    """Losses of four steps of Adam without dropout, and logits with the running statistics."""
    rng = np.random.default_rng(1)
    net = Baseline(8, side=12, hidden=20, drop=0.0)
    weight, bias = he_normal(rng, (6, 3, 5, 5)), np.zeros(6, np.float32)
    net.convolution.convolution.set_weight(weight, bias)
    model = nn.Sequential(
        nn.Conv2d(3, 6, 5, padding=2), nn.BatchNorm2d(6, eps=1e-3, momentum=0.01), nn.ReLU(), nn.MaxPool2d(2)
    )
    dense = nn.Sequential(nn.Linear(6 * 36, 20), nn.ReLU(), nn.Linear(20, 10))
    model[0].weight.data, model[0].bias.data = torch.tensor(weight), torch.tensor(bias)
    for layer, theirs in zip(net.dense, (dense[0], dense[2]), strict=True):
        layer.weight[...] = he_normal(rng, layer.weight.shape)
        theirs.weight.data, theirs.bias.data = torch.tensor(layer.weight), torch.tensor(layer.bias)
    model, dense = model.double(), dense.double()
    x, labels = rng.standard_normal((8, 3, 12, 12)).astype(np.float32), rng.integers(0, 10, 8)
    value = torch.tensor(x, dtype=torch.float64)

    def logits():
        return dense(model(value).permute(0, 2, 3, 1).flatten(1))

    optimizer = torch.optim.Adam([*model.parameters(), *dense.parameters()], 1e-3)
    ours = Adam(net.parameters(), 1e-3)
    for _ in range(4):
        optimizer.zero_grad()
        loss = functional.cross_entropy(logits(), torch.tensor(labels))
        loss.backward()
        optimizer.step()
        assert net.train_step(x, labels, ours) == pytest.approx(loss.item(), rel=1e-4)
    model.eval()
    # A bias in front of batch norm has no gradient but rounding, which Adam blows up to whole steps of 1e-3.
    assert np.allclose(net.forward(x), logits().detach(), rtol=0, atol=1e-2)
