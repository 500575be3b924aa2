"""Checks of the six networks: their layers in order, how many parameters, every layer's output, gradients.

Networks are compared by the order of their layers, whatever these are called. Parameters are too many to be kept in a
fixture: they are made in the worker, from the seed of the case and the number of the layer.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from grader.lab import CHANNELS_LAST, Case, Sampled, check
from grader.lab.layer_cases import normal

from .checks_normalization import MOMENTUM, with_n
from .checks_plans import (
    NARROW,
    RIGHT_COUNTS,
    Watched,
    counts,
    emitted_order,
    parameter_layers,
    require_plan,
)

PICTURES = Path(__file__).with_name("cifar10_subset.npz")
SIDE, CLASSES = 32, 10
SAMPLE = 64
# Large enough for sigmoids to leave the middle of their slope.
GAIN = {"LeNet5": 3.0}
STAGES = [2, 2, 2, 2]
NARROW_RESNET, NARROW_INCEPTION, NARROW_BATCH = 8, 6, 4

# What every network's output needs of the layers, besides the convolution.
OUTPUT_NEEDS = ("max_pool_forward", "activation_forward", "dense_forward", "flatten_forward")
NORMALIZED_NEEDS = (*OUTPUT_NEEDS, "bn_inference", "dropout_modes")
AVERAGED_NEEDS = ("activation_forward", "dense_forward", "gap_forward", "bn_inference")

net_check = partial(check, files=("nets.py", "layers.py"), group="networks")


def chosen_pictures(rng: np.random.Generator, count: int) -> np.ndarray:
    """Return some of the vendored pictures, scaled to 0 ... 1, float32."""
    with np.load(PICTURES) as stored:
        pictures = stored["x_train"]
    return pictures[rng.permutation(len(pictures))[:count]].astype(np.float32) / np.float32(255)


def net_case(
    rng: np.random.Generator, net: str, batch: int, arguments: tuple[Any, ...] = (), name: str = ""
) -> Case:
    """Make pictures and a seed for the parameters of a network."""
    return Case.of(
        name or net,
        net=net,
        arguments=list(arguments),
        seed=int(rng.integers(1 << 31)),
        layout=CHANNELS_LAST,
        x=chosen_pictures(rng, batch),
    )


def make(student: Any, case: Case) -> Any:
    """Return the network of the case."""
    return getattr(student.nets, case.net)(*case.arguments)


def seeded(seed: int, number: int, role: str, shape: tuple[int, ...], gain: float = 1.0) -> np.ndarray:
    """Return one variable of layer ``number``: the same on every machine, float32."""
    key = hashlib.sha256(f"{seed}:{number}:{role}".encode()).digest()[:16]
    total = int(np.prod(shape))
    words = np.random.Philox(key=int.from_bytes(key, "little")).random_raw(-(-total // 2)).view(np.uint32)[:total]
    even = ((words >> np.uint32(8)).astype(np.float32) * np.float32(2**-23) - np.float32(1)).reshape(shape)
    if role == "kernel":
        return even * np.float32(gain * np.sqrt(6 / np.prod(shape[:-1])))
    middle, reach = {"gamma": (1.0, 0.3), "moving_variance": (1.0, 0.5)}.get(role, (0.0, 0.3))
    return np.float32(middle) + np.float32(reach) * even


def fill(watched: Watched, net: str, seed: int, dtype: Any = np.float32) -> None:
    """Give every layer the variables that follow from the seed.

    Where the handout names two widths, the wider reading gets zeros in what it has more: then both compute the same.
    """
    for number, layer in enumerate(parameter_layers(watched.records)):
        for variable in layer.variables:
            role = variable.name.rpartition("/")[2].partition(":")[0]
            shape = tuple(variable.value.shape)
            narrow = list(shape)
            for axis, length in NARROW.get(net, {}).get(number, {}).items():
                if -len(shape) <= axis < len(shape):
                    narrow[axis] = min(length, shape[axis])
            value = np.full(shape, 1.0 if role == "moving_variance" else 0.0, np.float32)
            value[tuple(slice(length) for length in narrow)] = seeded(
                seed, number, role, tuple(narrow), GAIN.get(net, 1.0)
            )
            variable.assign(value.astype(dtype))


def prepared(student: Any, case: Case, dtype: Any = np.float32) -> Any:
    """Return the network with the parameters of the case."""
    net = make(student, case)
    fill(Watched(student, net, np.zeros_like(case.x[:1])), case.net, case.seed, dtype)
    return net


def build_check(student: Any, case: Case) -> dict[str, Any]:
    """Build a network and compare its layers and counts with the handout's."""
    watched = Watched(student, make(student, case), case.x.copy())
    require_plan(student, case.net, watched.records)
    # Readings that are both right are told apart by nothing that is sent.
    total, trainable = counts(watched.records)
    wide = RIGHT_COUNTS[case.net].index((total, trainable))
    reading = RIGHT_COUNTS[case.net][0]
    return {
        "layers": emitted_order(case.net, watched.records),
        "parameters": np.array([total, trainable]) - np.array(RIGHT_COUNTS[case.net][wide]) + np.array(reading),
    }


def outputs_check(student: Any, case: Case) -> None:
    """Send a sample of every layer's output when it is not training."""
    watched = Watched(student, prepared(student, case), case.x.copy())
    send_outputs(student, case.net, watched)


def send_outputs(student: Any, net: str, watched: Watched) -> None:
    """Send a sample of every record's output under its number and kind; what a wider reading has more is left out."""
    width, number = None, -1
    seen: set[int] = set()
    for place, (kind, record) in enumerate(zip(watched.kinds, watched.records, strict=True), start=1):
        if record.layer is not None and record.layer.variables and id(record.layer) not in seen:
            seen.add(id(record.layer))
            number += 1
            width = NARROW.get(net, {}).get(number, {}).get(-1)
        value = record.output.value
        if width is not None:
            value = value[..., :width]
        student.emit(f"{place} {kind}", Sampled(value, f"{net} {place}", SAMPLE))
    if not watched.ends_in_softmax:
        # Logits are a right ending of ResNet18, too; what is compared are probabilities.
        place = len(watched.records) + 1
        student.emit(f"{place} Activation", Sampled(watched.probabilities(), f"{net} {place}", SAMPLE))
    student.emit("probabilities", watched.probabilities())


def baseline_cases(rng: np.random.Generator) -> Iterable[Case]:
    """Make pictures for Baseline."""
    yield net_case(rng, "Baseline", 3)


def lenet_cases(rng: np.random.Generator) -> Iterable[Case]:
    """Make pictures for LeNet5."""
    yield net_case(rng, "LeNet5", 3)


def alexnet_cases(rng: np.random.Generator) -> Iterable[Case]:
    """Make pictures for AlexNet8."""
    yield net_case(rng, "AlexNet8", 2)


def vgg_cases(rng: np.random.Generator) -> Iterable[Case]:
    """Make pictures for VGG16."""
    yield net_case(rng, "VGG16", 2)


def inception_cases(rng: np.random.Generator) -> Iterable[Case]:
    """Make pictures for Inception10 as the handout calls it."""
    yield net_case(rng, "Inception10", 2, (2, CLASSES))


def resnet_cases(rng: np.random.Generator) -> Iterable[Case]:
    """Make a picture for ResNet18 as the handout calls it."""
    yield net_case(rng, "ResNet18", 1, (STAGES,))


def narrow_inception_cases(rng: np.random.Generator) -> Iterable[Case]:
    """Make a batch for an Inception10 with few channels."""
    yield narrow_case(rng, "Inception10", (2, CLASSES, NARROW_INCEPTION))


def narrow_resnet_cases(rng: np.random.Generator) -> Iterable[Case]:
    """Make a batch for a ResNet18 with few channels."""
    yield narrow_case(rng, "ResNet18", (STAGES, NARROW_RESNET))


def narrow_case(rng: np.random.Generator, net: str, arguments: tuple[Any, ...]) -> Case:
    """Make two batches and a gradient of the probabilities."""
    case = net_case(rng, net, NARROW_BATCH, arguments, f"{net} with few channels")
    more = {"second": chosen_pictures(rng, NARROW_BATCH), "out_grad": normal(rng, NARROW_BATCH, CLASSES)}
    return Case.of(case.name, **case.config, **case.arrays, **more)


@net_check(
    tier=60, cases=baseline_cases, needs=("conv_forward", "bn_variables"), holes=("baseline", "baseline_call")
)
def baseline_build(student, case):
    """Baseline: its layers in order, and how many parameters."""
    return build_check(student, case)


@net_check(
    tier=60, cases=baseline_cases, needs=("baseline_build", *NORMALIZED_NEEDS), holes=("baseline", "baseline_call")
)
def baseline_outputs(student, case):
    """Baseline: every layer's output for given parameters."""
    outputs_check(student, case)


@net_check(tier=80, cases=lenet_cases, needs=("conv_forward",), holes=("lenet5", "lenet5_call"))
def lenet5_build(student, case):
    """LeNet5: its layers in order, and how many parameters."""
    return build_check(student, case)


@net_check(tier=80, cases=lenet_cases, needs=("lenet5_build", *OUTPUT_NEEDS), holes=("lenet5", "lenet5_call"))
def lenet5_outputs(student, case):
    """LeNet5: every layer's output for given parameters."""
    outputs_check(student, case)


@net_check(
    tier=80,
    cases=alexnet_cases,
    needs=("conv_forward", "bn_variables"),
    holes=("alexnet8", "alexnet8_call"),
    slow=True,
)
def alexnet8_build(student, case):
    """AlexNet8: its layers in order, and how many parameters."""
    return build_check(student, case)


@net_check(
    tier=80,
    cases=alexnet_cases,
    needs=("alexnet8_build", *NORMALIZED_NEEDS),
    holes=("alexnet8", "alexnet8_call"),
    slow=True,
)
def alexnet8_outputs(student, case):
    """AlexNet8: every layer's output for given parameters."""
    outputs_check(student, case)


@net_check(
    tier=80, cases=vgg_cases, needs=("conv_forward", "bn_variables"), holes=("vgg16", "vgg16_call"), slow=True
)
def vgg16_build(student, case):
    """VGG16: its layers in order, and how many parameters."""
    return build_check(student, case)


@net_check(
    tier=80, cases=vgg_cases, needs=("vgg16_build", *NORMALIZED_NEEDS), holes=("vgg16", "vgg16_call"), slow=True
)
def vgg16_outputs(student, case):
    """VGG16: every layer's output for given parameters."""
    outputs_check(student, case)


def inception_blocks(rng: np.random.Generator) -> Iterable[Case]:
    """Make the block with strides 2 and 1, as the network has it, then on an odd side."""
    for name, side, strides in (("strides 2", 8, 2), ("strides 1", 6, 1), ("strides 2, odd side", 7, 2)):
        case = block_case(rng, name, "InceptionBlk", (3, strides), (2, side, side, 5))
        yield case if side % 2 == 0 else case.beyond()


def resnet_blocks(rng: np.random.Generator) -> Iterable[Case]:
    """Make the block with x itself and with its 1x1 convolution, as the network has it, then on an odd side."""
    yield block_case(rng, "x itself", "ResnetBlock", (4,), (2, 6, 6, 4))
    yield block_case(rng, "1x1 convolution, strides 2", "ResnetBlock", (6, 2, True), (2, 8, 8, 4))
    odd = block_case(rng, "1x1 convolution, strides 2, odd side", "ResnetBlock", (6, 2, True), (2, 7, 7, 4))
    yield odd.beyond()


def block_case(
    rng: np.random.Generator, name: str, net: str, arguments: tuple[Any, ...], shape: tuple[int, ...]
) -> Case:
    """Make an input for a block; what a ReLU gives, as in the network."""
    x = np.maximum(normal(rng, *shape), 0)
    seed = int(rng.integers(1 << 31))
    return Case.of(name, net=net, arguments=list(arguments), seed=seed, layout=CHANNELS_LAST, x=x)


@net_check(
    tier=100, cases=inception_blocks, needs=("conv_forward", "concatenation", "bn_inference", "activation_forward", "max_pool_forward"),
    holes=("inception_block", "inception_block_call"),
)  # fmt: skip
def inception_block(student, case):
    """InceptionBlk: the four branches, for given parameters."""
    return block_outputs(student, case)


@net_check(
    tier=100,
    cases=resnet_blocks,
    needs=("conv_forward", "bn_inference", "activation_forward"),
    holes=("resnet_block", "resnet_block_call"),
)
def resnet_block(student, case):
    """ResnetBlock: with x itself and with its 1x1 convolution, for given parameters."""
    return block_outputs(student, case)


def block_outputs(student: Any, case: Case) -> dict[str, Any]:
    """Return the output of a block, and whether its input is still what it was."""
    x = case.x.copy()
    watched = Watched(student, prepared(student, case), x)
    return {"outputs": watched.output.value, "input afterwards": x}


@net_check(
    tier=100,
    cases=inception_cases,
    needs=("conv_forward", "concatenation", "bn_variables"),
    holes=("inception10", "inception10_call"),
    slow=True,
)
def inception10_build(student, case):
    """Inception10: its layers in order, and how many parameters."""
    return build_check(student, case)


@net_check(
    tier=100,
    cases=inception_cases,
    needs=("inception10_build", "inception_block", "max_pool_forward", *AVERAGED_NEEDS),
    holes=("inception10", "inception10_call"),
    slow=True,
)
def inception10_outputs(student, case):
    """Inception10: every layer's output for given parameters."""
    outputs_check(student, case)


@net_check(
    tier=100,
    cases=resnet_cases,
    needs=("conv_forward", "bn_variables"),
    holes=("resnet18", "resnet18_call"),
    slow=True,
)
def resnet18_build(student, case):
    """ResNet18: its layers in order, and how many parameters."""
    return build_check(student, case)


@net_check(
    tier=100,
    cases=resnet_cases,
    needs=("resnet18_build", "resnet_block", *AVERAGED_NEEDS),
    holes=("resnet18", "resnet18_call"),
    slow=True,
)
def resnet18_outputs(student, case):
    """ResNet18 in its full width: every layer's output for given parameters."""
    outputs_check(student, case)


BACKWARD_NEEDS = ("conv_backward", "max_pool_backward", "bn_backward", "activation_backward", "dense_backward")


@net_check(
    tier=100, cases=narrow_inception_cases, metric="l2",
    needs=("inception10_outputs", "concatenation_backward", "gap_backward", *BACKWARD_NEEDS),
    slow=True,
)  # fmt: skip
def inception10_gradients(student, case):
    """Inception10 with few channels, in training: the gradients of pictures, kernels and every gamma."""
    return gradients_check(student, case)


@net_check(
    tier=100,
    cases=narrow_resnet_cases,
    metric="l2",
    needs=("resnet18_outputs", "gap_backward", *BACKWARD_NEEDS),
    slow=True,
)
def resnet18_gradients(student, case):
    """ResNet18 with few channels, in training: the gradients of pictures, kernels and every gamma."""
    return gradients_check(student, case)


def gradients_check(student: Any, case: Case) -> dict[str, Any]:
    """Run a network in training and back; return gradients of the pictures, first and last kernel, and each gamma."""
    # In float64 rounding makes no ReLU or maximum fall the other way, unless a submission computes in float32 anyway.
    net = prepared(student, case, np.float64)
    watched = Watched(student, net, case.x.astype(np.float64), training=True)
    in_grad = watched.backward(case.out_grad.astype(np.float64))
    layers = parameter_layers(watched.records)
    kernels = [layer.kernel for layer in layers if hasattr(layer, "kernel")]
    gammas = [layer.gamma for layer in layers if hasattr(layer, "gamma")]
    found = {"pictures": in_grad, "first kernel": kernels[0].gradient, "last kernel": kernels[-1].gradient}
    return found | {f"gamma {number}": gamma.gradient for number, gamma in enumerate(gammas, start=1)}


@net_check(tier=100, cases=narrow_inception_cases, needs=("inception10_outputs", "bn_training"), slow=True)
def inception10_statistics(student, case):
    """Inception10 with few channels: all moving statistics after two batches of training."""
    return statistics_check(student, case)


@net_check(tier=100, cases=narrow_resnet_cases, needs=("resnet18_outputs", "bn_training"), slow=True)
def resnet18_statistics(student, case):
    """ResNet18 with few channels: all moving statistics after two batches of training."""
    return statistics_check(student, case)


def statistics_check(student: Any, case: Case) -> dict[str, Any]:
    """Run two batches in training; return the moving statistics of every layer that has them."""
    net = prepared(student, case)
    dry = Watched(student, net, case.x[:1].copy())
    norms = [layer for layer in parameter_layers(dry.records) if hasattr(layer, "moving_variance")]
    variances = [layer.moving_variance.value for layer in norms]
    for batch in (case.x, case.second):
        before = [np.array(layer.moving_variance.value) for layer in norms]
        watched = Watched(student, net, batch.copy(), training=True)
        outputs = {id(record.layer): record.output.value for record in watched.records}
        for number, (layer, old) in enumerate(zip(norms, before, strict=True)):
            count = outputs[id(layer)].size // outputs[id(layer)].shape[-1]
            step = with_n(student, old, layer.moving_variance.value, count) - np.float32(MOMENTUM) * old
            variances[number] = np.float32(MOMENTUM) * variances[number] + step
    found = {f"moving_mean {number}": layer.moving_mean.value for number, layer in enumerate(norms, start=1)}
    return found | {f"moving_variance {number}": variance for number, variance in enumerate(variances, start=1)}


@net_check(tier=100, cases=narrow_resnet_cases, needs=("resnet18_outputs",), slow=True)
def save_and_load(student, case):
    """Weights that were saved and loaded into a new network give the same outputs."""
    net = prepared(student, case)
    outputs = Watched(student, net, case.x.copy()).probabilities()
    # Where temporary files go there is room, in the box and outside of it.
    with TemporaryDirectory() as folder:
        net.save_weights(f"{folder}/checkpoint/ResNet18.ckpt")
        again = make(student, case)
        again.load_weights(f"{folder}/checkpoint/ResNet18.ckpt")
    loaded = Watched(student, again, case.x.copy()).probabilities()
    return {"outputs": loaded, "difference": np.round(np.abs(outputs - loaded).max(), 4)}
