"""A network is watched whatever its layers are made of, and is as it was afterwards."""

import numpy as np
import pytest

from grader.lab.checks import Sampled
from grader.lab.observing import layers_observed, parameters_given


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
