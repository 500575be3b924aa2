"""A network is watched whatever its layers are made of, and is as it was afterwards."""

import numpy as np
import pytest

from grader.lab.checks import Sampled
from grader.lab.observing import DeadWindows, layers_observed, parameters_given, require_settings


class Plain:
    """A layer as most people write it."""

    def __init__(self):
        self.weight, self.bias = None, None

    def load_param(self, weight, bias):
        self.weight, self.bias = weight, bias

    def forward(self, x):
        self.x = x
        return 2 * x


class Slotted:
    """A layer that takes no attribute that it does not name."""

    __slots__ = ("bias", "weight", "x")

    def load_param(self, weight, bias):
        self.weight, self.bias = weight, bias

    def forward(self, x):
        self.x = x
        return 2 * x


class Property:
    """A layer whose methods are properties."""

    def __init__(self):
        self.weight, self.bias = None, None

    @property
    def load_param(self):
        return lambda weight, bias: vars(self).update(weight=weight, bias=bias)

    @property
    def forward(self):
        return lambda x: 2 * x


KINDS = (Plain, Slotted, Property)


@pytest.mark.parametrize("in_place", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_layer_is_watched(kind, in_place):
    """What each layer returns is sent under its name, also where one object stands under two names."""
    shared = kind()
    layers = {"a": kind(), "b": shared} if in_place else {"a": kind(), "b": shared, "c": shared}
    before = dict(layers)
    sent = []
    with layers_observed(layers, lambda name, value: sent.append((name, value)), in_place=in_place):
        x = np.ones(3)
        for layer in layers.values():
            assert isinstance(layer, kind)
            x = layer.forward(x)
    assert [name for name, _value in sent] == list(layers)
    assert all(isinstance(value, Sampled) for _name, value in sent)
    assert layers == before and np.array_equal(x, np.full(3, 2.0 ** len(layers)))
    assert np.array_equal(shared.forward(np.ones(1)), [2.0]) and len(sent) == len(layers)


@pytest.mark.parametrize("kind", KINDS)
def test_what_a_layer_is_given_is_seen(kind):
    """The arguments of `load_param` are kept for each layer, and it is called as it was before."""
    layers = {"a": kind(), "b": kind()}

    def load():
        for number, layer in enumerate(layers.values(), start=1):
            layer.load_param(np.full((2, 2), number), np.full(2, number))

    given = parameters_given(layers, layers, load)
    assert given["b", "weight"]["stats"][0] == 2.0 and given["a", "bias"]["values"].tolist() == [1, 1]
    assert layers["b"].weight[0, 0] == 2
    layers["a"].load_param(np.zeros((2, 2)), np.zeros(2))
    assert layers["a"].weight[0, 0] == 0


def test_what_is_set_on_a_stand_in_reaches_the_layer():
    """A network may write to the layers that it finds in its dict."""
    layers = {"a": Plain()}
    with layers_observed(layers, lambda name, value: None):
        layers["a"].rate = 3
    assert layers["a"].rate == 3


class Relu:
    """ReLU; its gradient is that of what came in."""

    def forward(self, x):
        """Return max(0, x)."""
        self.x = x
        return np.maximum(x, 0)

    def backward(self, grad):
        """Return the gradient of x."""
        return grad * (self.x > 0)


class Pool:
    """Maximum of pairs; the gradient goes to the first or the last of equal maxima, or to all, times ``factor``."""

    def __init__(self, who, factor=1):
        self.who, self.factor = who, factor

    def forward(self, x):
        """Return the larger of every two entries."""
        self.pairs = x.reshape(-1, 2)
        return self.pairs.max(axis=1)

    def backward(self, grad):
        """Return the gradient of x."""
        largest = self.pairs == self.pairs.max(axis=1, keepdims=True)
        if self.who == "first":
            largest[:, 1] &= ~largest[:, 0]
        if self.who == "last":
            largest[:, 0] &= ~largest[:, 1]
        return (largest * grad[:, None] * self.factor).reshape(-1)


def sent_by(pool):
    """What is sent of the gradients of ReLU, pooling and ReLU, the last with two windows of zeros."""
    layers = {"relu1": Relu(), "pool1": pool, "relu2": Relu()}
    windows, sent = DeadWindows(lambda name: name.startswith("pool")), {}
    with layers_observed(layers, lambda _name, _value: None, after=windows.note):
        value = np.array([1.0, 3.0, -1.0, -2.0, 5.0, 4.0, -3.0, -1.0])
        for layer in layers.values():
            value = layer.forward(value)
    with layers_observed(layers, windows.sent(lambda name, value: sent.update({name: value.value})), "backward"):
        grad = np.array([10.0, 20.0, 30.0, 40.0])
        for layer in reversed(layers.values()):
            grad = layer.backward(grad)
    return sent


def test_who_of_equal_zeros_gets_the_gradient_is_left_open():
    """All three rules send the same; ReLU's own zeros are what is left out, nothing else."""
    for who in ("first", "last", "all"):
        sent = sent_by(Pool(who))
        np.testing.assert_array_equal(sent["pool1"], [0, 10, 0, 0, 30, 0, 0, 0])
        np.testing.assert_array_equal(sent["relu1"], [0, 10, 0, 0, 30, 0, 0, 0])
        np.testing.assert_array_equal(sent["relu2"], [10, 0, 30, 0])


def test_a_wrong_gradient_of_a_pooling_is_still_seen():
    """A factor is seen at the pooling itself, not only at the ReLU before it."""
    np.testing.assert_array_equal(sent_by(Pool("first", 2))["pool1"], [0, 20, 0, 0, 60, 0, 0, 0])


def test_settings_are_required_where_a_layer_has_them():
    """A setting under another name is no mistake; one of another value is named with both values."""
    said = []

    class Asked:
        def require(self, condition, template, **values):
            if not condition:
                said.append(template.format(**values))

    layer = Plain()
    layer.stride, layer.padding = 2, 1
    require_settings(Asked(), layer, "conv1_1", {"stride": 1, "padding": 1, "kernel_size": 3})
    assert said == ["conv1_1 has stride 2, expected 1"]
