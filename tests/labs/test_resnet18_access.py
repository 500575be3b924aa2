"""How the checks of the lab resnet18 find parameters in a submission, whatever it calls and nests them."""

from __future__ import annotations

import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from grader.inside.runner import load_checks

LAB = Path(__file__).resolve().parents[2] / "labs" / "resnet18"


@pytest.fixture(scope="module")
def access():
    """Return the lab's module that reaches into submissions."""
    load_checks(LAB / "checks.py")
    return sys.modules["_lab_checks.checks_access"]


class Thing:
    """A layer or network with any attributes."""

    def __init__(self, **attributes):
        vars(self).update(attributes)


class Parameter:
    """A parameter as an object, with its gradient beside it."""

    def __init__(self, data):
        self.data, self.grad = data, np.ones_like(data)


def conv(c_out, c_in, k):
    """Return a convolution without a bias."""
    return Thing(weight=np.zeros((c_out, c_in, k, k), np.float32))


def norm(channels):
    """Return a batch norm."""
    return Thing(gamma=np.ones(channels), beta=np.zeros(channels), running_mean=np.zeros(channels),
                 running_var=np.ones(channels))  # fmt: skip


def require(condition, template, **values):
    """Stand in for the student's `require`."""
    assert condition, template.format(**values)


STUDENT = SimpleNamespace(require=require)
BLOCK = [
    ("conv1", "conv"),
    ("bn1", "norm"),
    ("conv2", "conv"),
    ("bn2", "norm"),
    ("shortcut", "conv"),
    ("bn3", "norm"),
]


def test_places_are_the_handouts_names_through_rows_and_lists(access):
    """A list called `layers` adds only its numbers, any other list its name as well."""
    net = Thing(net=Thing(layers=[Thing(layers=[conv(2, 1, 3)]), Thing(conv1=conv(2, 2, 3))]), stage=[norm(2)])
    assert [part.place for part in access.parts_of(net)] == ["net.0.0", "net.1.conv1", "stage.0"]
    assert [part.kind for part in access.parts_of(net)] == ["conv", "conv", "norm"]


def test_parameters_say_the_order(access):
    """Where a network lists its parameters, their order is that of the list and not of the attributes."""
    first, second = conv(2, 1, 3), conv(3, 2, 3)
    net = Thing(second=second, first=first, parameters=lambda: [first.weight, second.weight])
    assert [part.place for part in access.parts_of(net)] == ["first", "second"]


@pytest.mark.parametrize(
    "make",
    [
        lambda value: Thing(weight=value),
        lambda value: Thing(W=value),
        lambda value: Thing(params={"W": value}),
        lambda value: Thing(weight=Parameter(value)),
    ],
    ids=["attribute", "W", "dictionary", "object"],
)
def test_values_go_in_and_come_out(access, make):
    """Whatever holds a weight, it gets the value, of another dtype as well."""
    layer = make(np.zeros((2, 3), np.float32))
    (part,) = access.parts_of(Thing(layer=layer))
    for dtype in (np.float32, np.float64):
        value = np.arange(6, dtype=dtype).reshape(2, 3) / 7
        assert part.put("weight", value)
        np.testing.assert_array_equal(part.get("weight"), value)


def test_values_are_written_into_the_array_that_others_hold(access):
    """A layer and a list that share an array both see the new value."""
    weight = np.zeros((2, 2, 3, 3), np.float32)
    net = Thing(layer=Thing(weight=weight), known=[weight])
    access.parts_of(net)[0].put("weight", np.ones((2, 2, 3, 3), np.float32))
    assert net.known[0].min() == 1


def test_a_transposed_linear_weight_and_a_convolution_as_a_matrix(access):
    """(out, in) gets the transposed value, (D U V, P) kernels as columns; gradients come back as they went."""
    value = np.arange(6, dtype=np.float32).reshape(2, 3)
    part = access.Part("", Thing(weight=np.zeros((3, 2), np.float32), grads={"weight": value.T}))
    assert part.put("weight", value)
    np.testing.assert_array_equal(part.get("weight"), value.T)
    np.testing.assert_array_equal(part.gradient("weight", (2, 3)), value)
    kernels = np.arange(24, dtype=np.float32).reshape(3, 2, 2, 2)
    matrix = kernels.reshape(3, 8).T
    part = access.Part("", Thing(weight=np.zeros((8, 3), np.float32), grads={"weight": matrix}))
    assert part.put("weight", kernels)
    np.testing.assert_array_equal(part.get("weight"), matrix)
    np.testing.assert_array_equal(part.gradient("weight", kernels.shape), kernels)


def test_a_gradient_with_other_axes_than_its_weight_is_not_turned(access):
    """The gradient of a weight (2, 3) that has shape (3, 2) stays wrong."""
    part = access.Part("", Thing(weight=np.zeros((2, 3)), grads={"weight": np.zeros((3, 2))}))
    assert part.gradient("weight", (2, 3)).shape == (3, 2)


@pytest.mark.parametrize("name", ["dW", "d_weight", "weight_grad", "dweight", "grad_weight"])
def test_gradients_are_found_under_their_names(access, name):
    """As attributes they may be called in several ways."""
    part = access.Part("", Thing(weight=np.zeros((2, 3)), **{name: np.ones((2, 3))}))
    assert part.gradient("weight", (2, 3)).sum() == 6


def test_a_block_in_any_order_and_nesting(access):
    """The shortcut made first, in a list, with names of its own: every layer gets its place all the same."""
    own = {
        "down": conv(4, 2, 1),
        "after": norm(4),
        "a": conv(4, 2, 3),
        "b": norm(4),
        "c": conv(4, 4, 3),
        "d": norm(4),
    }
    block = Thing(downsample=[own["down"], own["after"]], main=[own["a"], own["b"], own["c"], own["d"]])
    found = access.matched(STUDENT, block, BLOCK, "ResBlock")
    assert {name: part.layer for name, part in found.items()} == {
        "conv1": own["a"], "bn1": own["b"], "conv2": own["c"], "bn2": own["d"], "shortcut": own["down"],
        "bn3": own["after"],
    }  # fmt: skip


def test_layers_of_other_names_stand_in_the_handouts_order(access):
    """Statistics that are compared one after the other have the same order for every submission."""
    block = Thing(main=[conv(4, 2, 3), norm(4), conv(4, 4, 3), norm(4)], downsample=[conv(4, 2, 1), norm(4)])
    assert list(access.matched(STUDENT, block, BLOCK, "ResBlock")) == [name for name, _ in BLOCK]


def test_the_handouts_names_decide_where_they_are_all_there(access):
    """With these names, the order of the attributes does not matter."""
    layers = {"bn3": norm(4), "shortcut": conv(4, 2, 1), "bn2": norm(4), "conv2": conv(4, 4, 3), "bn1": norm(4),
              "conv1": conv(4, 2, 3)}  # fmt: skip
    found = access.matched(STUDENT, Thing(**layers), BLOCK, "ResBlock")
    assert {name: part.layer for name, part in found.items()} == layers


def test_a_missing_norm_is_named(access):
    """The message says of which kind how many there are."""
    block = Thing(a=conv(4, 2, 3), b=norm(4), c=conv(4, 4, 3), d=norm(4), e=conv(4, 2, 1))
    with pytest.raises(AssertionError, match="ResBlock has 2 layers with parameters of the kind norm, expected 3"):
        access.matched(STUDENT, block, BLOCK, "ResBlock")


def test_modes_reach_every_batch_norm(access):
    """`train` and `eval` are called where they are, and `training` is set in every layer that has it."""
    calls = []
    layer = Thing(weight=np.ones(2), _mean=np.zeros(2), training=True)
    net = Thing(layers=[layer], eval=lambda: calls.append("eval"))
    access.set_mode(net, False)
    assert calls == ["eval"] and layer.training is False
