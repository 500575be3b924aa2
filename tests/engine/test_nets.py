"""Networks: published counts, and forward and backward passes against PyTorch in float64."""

from __future__ import annotations

import numpy as np
import pytest

from reference.engine import SGD
from reference.engine.nets import VGG, LeNet, ResNet18, StyleTransfer, vgg16, vgg19
from reference.engine.nets.lenet import NAMES

SMALL_PLAN = (32, 32, "pool", 48, "pool")


def initial(shapes, seed):
    """He-normal weights and small biases."""
    rng = np.random.default_rng(seed)
    return [
        ((rng.standard_normal(s) * np.sqrt(2 / np.prod(s[1:]))).astype(np.float32),
         (rng.standard_normal(s[0]) * 0.1).astype(np.float32))
        for s in shapes
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("make", "parameters", "multiply_adds"),
    [
        (lambda: vgg16(), 138_357_544, 15_470_264_320),
        (lambda: vgg19(), 143_667_240, 19_632_062_464),
        (lambda: ResNet18(1), 11_173_962, 555_422_720),
        (lambda: ResNet18(1, side=224, classes=1000, stem="imagenet"), 11_689_512, 1_814_073_344),
        (lambda: LeNet(padding=2, hidden=(120, 84)), 61_706, 416_520),
    ],
    ids=["vgg16", "vgg19", "resnet18-cifar", "resnet18", "lenet5"],
)
def test_counts_are_the_published_ones(make, parameters, multiply_adds):
    """Parameters and multiply-adds of one picture (batch norm, pools and biases cost no multiply-add here)."""
    summary = make().summary()
    assert (summary.parameters, summary.multiply_adds) == (parameters, multiply_adds)


@pytest.mark.parametrize(
    ("make", "shape"),
    [
        (lambda: VGG(SMALL_PLAN, height=16, width=16, classes=5, hidden=24), (1, 3, 16, 16)),
        (lambda: ResNet18(2, side=16), (2, 3, 16, 16)),
        (lambda: LeNet(4), (3, 1, 28, 28)),
    ],
    ids=["vgg", "resnet", "lenet"],
)
def test_a_summary_of_pictures_has_every_layers_time_and_share(make, shape):
    """Each layer takes some time, and the shares are of the whole."""
    summary = make().summary(np.ones(shape, np.float32))
    assert all(layer.seconds > 0 for layer in summary.layers)
    assert sum(layer.share for layer in summary.layers) == pytest.approx(1)
    assert len(str(summary).splitlines()) == len(summary.layers) + 2


def small_vgg(**options):
    net = VGG(SMALL_PLAN, batch=2, height=20, width=28, classes=5, hidden=24, **options)
    shapes = [(32, 3, 3, 3), (32, 32, 3, 3), (48, 32, 3, 3), (24, 48 * 5 * 7), (24, 24), (5, 24)]
    parameters = initial(shapes, 0)
    net.set_parameters(parameters)
    return net, parameters


def torch_vgg(torch, parameters):
    convolutions, dense = parameters[:3], parameters[3:]
    layers = []
    for i, (w, b) in enumerate(convolutions):
        layer = torch.nn.Conv2d(w.shape[1], w.shape[0], 3, padding=1)
        layer.weight.data, layer.bias.data = torch.tensor(w), torch.tensor(b)
        layers += [layer, torch.nn.ReLU()] + ([torch.nn.MaxPool2d(2)] if i > 0 else [])
    layers.append(torch.nn.Flatten())
    for i, (w, b) in enumerate(dense):
        layer = torch.nn.Linear(w.shape[1], w.shape[0])
        layer.weight.data, layer.bias.data = torch.tensor(w), torch.tensor(b)
        layers += [layer] + ([torch.nn.ReLU()] if i < 2 else [])
    return torch.nn.Sequential(*layers).double()


@pytest.mark.oracle
@pytest.mark.parametrize("options", [{}, {"accurate": True}, {"exact": True}], ids=["fast", "accurate", "exact"])
def test_vgg_passes_agree_with_pytorch(options):
    """Logits, the picture's gradient and every parameter's gradient, batch of two, ragged maps."""
    torch = pytest.importorskip("torch")
    net, parameters = small_vgg(**options)
    model = torch_vgg(torch, parameters)
    rng = np.random.default_rng(1)
    x, g = rng.standard_normal((2, 3, 20, 28)).astype(np.float32), rng.standard_normal((2, 5)).astype(np.float32)
    tensor = torch.tensor(x, dtype=torch.float64, requires_grad=True)
    expected = model(tensor)
    expected.backward(torch.tensor(g, dtype=torch.float64))
    assert np.allclose(net.forward(x), expected.detach(), rtol=0, atol=2e-5)
    grad = net.backward(g, parameters=True)
    # Rounding can flip a ReLU or a maximum at a near tie, so the whole gradient is compared by its norm.
    assert np.linalg.norm(grad - tensor.grad.numpy()) < 2e-3 * np.linalg.norm(tensor.grad.numpy())
    trained = [p.grad.numpy() for p in model.parameters()]
    ours = [
        a
        for layer in net.convolutions
        for a in (layer.convolution.weight_gradient(), layer.convolution.bias_gradient[: layer.convolution.outputs])
    ]
    ours += [a for dense in net.classifier for a in (dense.weight_gradient, dense.bias_gradient)]
    for actual, wanted in zip(ours, trained, strict=True):
        assert np.linalg.norm(actual - wanted) < 2e-3 * np.linalg.norm(wanted)


def test_a_second_pass_gives_the_same_result():
    """Buffers that are reused leave no trace of the picture before."""
    net, _ = small_vgg()
    rng = np.random.default_rng(2)
    x = rng.standard_normal((2, 3, 20, 28)).astype(np.float32)
    first, grad = net.forward(x), net.backward(np.ones((2, 5), np.float32))
    net.forward(-3 * x)
    net.backward(np.full((2, 5), 2, np.float32))
    assert np.array_equal(net.forward(x), first)
    assert np.array_equal(net.backward(np.ones((2, 5), np.float32)), grad)


@pytest.mark.oracle
@pytest.mark.parametrize(("padding", "hidden", "maps"), [(0, (128, 84), 6), (2, (120, 84), 6), (2, (30, 20), 11)])
@pytest.mark.parametrize("second_pool", ["max", "average"])
@pytest.mark.parametrize("batch", [1, 5, 64])
def test_lenet_gradients_agree_with_pytorch(batch, second_pool, padding, hidden, maps):
    """Loss and the gradient of every parameter of a batch, full or not, and a step along the gradient."""
    torch = pytest.importorskip("torch")
    net = LeNet(64, padding=padding, hidden=hidden, channels=(maps, 16), second_pool=second_pool,
                optimizer="sgd")  # fmt: skip
    drawn = initial([w.shape for w, _ in net.get_parameters().values()], 3)
    net.set_parameters(dict(zip(NAMES, drawn, strict=True)))
    flat = drawn[2][0].shape[1]
    nn = torch.nn
    model = nn.Sequential(
        nn.Conv2d(1, maps, 5, padding=padding),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(maps, 16, 5),
        nn.ReLU(),
        nn.MaxPool2d(2) if second_pool == "max" else nn.AvgPool2d(2),
        nn.Flatten(),
        nn.Linear(flat, hidden[0]),
        nn.ReLU(),
        nn.Linear(*hidden),
        nn.ReLU(),
        nn.Linear(hidden[1], 10),
    ).double()
    for parameter, value in zip(model.parameters(), [a for pair in drawn for a in pair], strict=True):
        parameter.data = torch.tensor(value, dtype=torch.float64)
    rng = np.random.default_rng(batch)
    x, labels = rng.standard_normal((batch, 1, 28, 28)).astype(np.float32), rng.integers(0, 10, batch)
    logits = model(torch.tensor(x, dtype=torch.float64))
    loss = nn.functional.cross_entropy(logits, torch.tensor(labels))
    loss.backward()
    assert np.allclose(net.forward(x), logits.detach(), rtol=0, atol=5e-5)
    assert net.backward(x, labels) == pytest.approx(loss.item(), rel=1e-5)
    ours = [a for pair in net.get_gradients().values() for a in pair]
    for actual, parameter in zip(ours, model.parameters(), strict=True):
        wanted = parameter.grad.numpy()
        assert np.abs(actual - wanted).max() < 2e-5 * np.abs(wanted).max()
    before = net.get_parameters()
    net.train_step(x, labels, 0.1)
    for (moved, kept), (start, first), (slope, bias_slope) in zip(
        net.get_parameters().values(), before.values(), net.get_gradients().values(), strict=True
    ):
        assert np.allclose(moved, start - 0.1 * slope, rtol=0, atol=1e-6 * np.abs(slope).max() + 1e-6)
        assert np.allclose(kept, first - 0.1 * bias_slope, rtol=0, atol=1e-6 * np.abs(bias_slope).max() + 1e-6)


def test_lenet_learns_what_can_be_learned():
    """Thirty steps of Adam on ten fixed patterns bring the loss near zero."""
    rng = np.random.default_rng(0)
    net = LeNet(10)
    net.set_parameters(
        dict(zip(NAMES, initial([w.shape for w, _ in net.get_parameters().values()], 1), strict=True))
    )
    x, labels = rng.standard_normal((10, 1, 28, 28)).astype(np.float32), np.arange(10)
    losses = [net.train_step(x, labels, 3e-3) for _ in range(30)]
    assert losses[-1] < 0.02 < 1 < losses[0]


@pytest.mark.oracle
def test_resnet_training_follows_pytorch():
    """Losses of three SGD steps with momentum, from the same weights, and evaluation with running statistics."""
    torch = pytest.importorskip("torch")
    functional, nn = torch.nn.functional, torch.nn
    net = ResNet18(4, side=16)
    rng = np.random.default_rng(4)
    weights = []
    for unit in net.units:
        shape = unit.layer.convolution.weight().shape
        weights.append((rng.standard_normal(shape) * np.sqrt(2 / np.prod(shape[1:]))).astype(np.float32))
        unit.layer.convolution.set_weight(weights[-1])
    net.weight[...] = rng.standard_normal(net.weight.shape) * 0.05
    convolutions, norms = [], []
    for unit, weight in zip(net.units, weights, strict=True):
        window = unit.layer.convolution.window
        layer = nn.Conv2d(
            weight.shape[1], weight.shape[0], window.kernel, window.stride, window.padding[0], bias=False
        )
        layer.weight.data = torch.tensor(weight)
        convolutions.append(layer.double())
        norms.append(nn.BatchNorm2d(weight.shape[0]).double())
    dense = nn.Linear(512, 10).double()
    dense.weight.data, dense.bias.data = (
        torch.tensor(net.weight.astype(np.float64)),
        torch.zeros(10, dtype=torch.float64),
    )

    def model(value):
        units = iter(zip(convolutions, norms, strict=True))

        def apply(v):
            convolution, norm = next(units)
            return norm(convolution(v))

        value = functional.relu(apply(value))
        for block in net.blocks:
            inner = functional.relu(apply(value))
            inner = apply(inner)
            value = functional.relu(inner + (apply(value) if block.projection else value))
        return dense(value.mean((2, 3)))

    modules = [*convolutions, *norms, dense]
    theirs = torch.optim.SGD([p for m in modules for p in m.parameters()], lr=0.01, momentum=0.9)
    ours = SGD(net.parameters(), 0.01, 0.9)
    x, labels = rng.standard_normal((4, 3, 16, 16)).astype(np.float32), rng.integers(0, 10, 4)
    for _ in range(3):
        theirs.zero_grad()
        loss = functional.cross_entropy(model(torch.tensor(x, dtype=torch.float64)), torch.tensor(labels))
        loss.backward()
        theirs.step()
        assert net.train_step(x, labels, ours) == pytest.approx(loss.item(), rel=2e-3)
    for module in norms:
        module.eval()
    with torch.no_grad():
        expected = model(torch.tensor(x, dtype=torch.float64)).numpy()
    assert np.allclose(net.forward(x), expected, rtol=0, atol=2e-2 * np.abs(expected).max())


def test_style_transfer_gradient_is_the_slope_of_its_loss():
    """Along the gradient the loss changes by the gradient's squared norm, to float32's accuracy."""
    rng = np.random.default_rng(5)
    plan = [64, 64, 128, 128, 256, 256, 256, 256, 512, 512, 512, 512, 512]
    parameters = initial([(o, i, 3, 3) for o, i in zip(plan, [3, *plan[:-1]], strict=True)], 6)
    content, style = rng.standard_normal((2, 3, 32, 48)).astype(np.float32)
    transfer = StyleTransfer(content, style, parameters, exact=True)
    transfer.picture += (0.1 * rng.standard_normal(transfer.picture.shape)).astype(np.float32)
    _, grad = transfer.gradient()
    step = np.float32(1e-2) * grad / np.abs(grad).max()
    transfer.picture += step
    above = transfer.gradient()[0]
    transfer.picture -= 2 * step
    below = transfer.gradient()[0]
    assert (above - below) / 2 == pytest.approx(float((grad * step).sum()), rel=0.05)
    first = transfer.step()
    for _ in range(10):
        last = transfer.step()
    assert last < first
