"""Checks of the residual block in its four settings, and of ResNet18 as a whole."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import Any

import numpy as np

from grader.lab import Case, Sampled, check
from grader.lab.layer_cases import normal

from .checks_access import Part, parts_of, set_mode
from .checks_values import (
    Values,
    biased_statistics,
    block_shapes,
    gradients,
    load,
    resnet_shapes,
    values_of,
)

FILES = ("resnet.py", "op.py")
SIDE, WIDTH, CLASSES = 32, 64, 10
# Maps of the last stage are 1 x 1 on 32 x 32 pictures: its batch norms see the batch only, so it must not be small.
BATCH = 8
BLOCK_GRADIENTS, NET_GRADIENTS = 512, 256
# With a loop over channels and places the whole net takes minutes.
NETWORK_LIMIT_S = 400.0
SETTINGS = (
    # name, in, out, stride, with shortcut
    ("identity", 64, 64, 1, True),
    ("1x1 convolution in the shortcut", 64, 128, 2, True),
    ("no shortcut, shapes agree", 64, 64, 1, False),
    ("no shortcut, shapes differ", 64, 128, 2, False),
)
MORE_SETTINGS = (
    ("as many channels, stride 2", 4, 4, 2, True),
    ("more channels, stride 1", 3, 5, 1, True),
    ("odd rows and columns, stride 2", 4, 6, 2, True),
)
# The whole net is run once at its full width; channels are all that a narrow one has fewer of.
NARROW = 16
FULL_NET = ("ResNet18", 1, CLASSES, True, WIDTH)
NARROW_NETS = (
    # name, input channels, classes, with shortcut, width
    ("width 16", 1, CLASSES, True, NARROW),
    ("width 16, without shortcuts", 1, CLASSES, False, NARROW),
)


def course_block_cases(rng: np.random.Generator) -> Iterable[Case]:
    """Make the four settings that ResNet18 has."""
    return [block_case(rng, *row, rows=8, columns=6) for row in SETTINGS]


def more_block_cases(rng: np.random.Generator) -> Iterable[Case]:
    """Make shortcuts that only the stride or only the channels ask for, and odd shapes."""
    return [block_case(rng, *row, rows=7, columns=9) for row in MORE_SETTINGS]


def block_case(rng: np.random.Generator, name: str, c_in: int, c_out: int, stride: int, residual: bool, *, rows: int,
               columns: int) -> Case:  # fmt: skip
    """Make one block; its parameters follow from its seed."""
    out = [-(-size // stride) for size in (rows, columns)]
    return Case.of(
        name,
        c_in=c_in,
        c_out=c_out,
        stride=stride,
        use_residual=residual,
        seed=int(rng.integers(1 << 31)),
        x=normal(rng, 2, c_in, rows, columns),
        out_grad=normal(rng, 2, c_out, *out),
    )


def block_cases(rng: np.random.Generator) -> Iterable[Case]:
    """Make both."""
    return [*course_block_cases(rng), *(case.beyond() for case in more_block_cases(rng))]


def block(student: Any, case: Case) -> tuple[Any, dict[str, Part], Values]:
    """Return a block in training with the parameters of the case, its layers by name, and the parameters."""
    made = student.resnet.ResBlock(
        in_channels=case.c_in, out_channels=case.c_out, stride=case.stride, use_residual=case.use_residual
    )
    shapes = block_shapes("", case.c_in, case.c_out, case.stride, has_shortcut(made, case.use_residual))
    values = values_of(shapes, case.seed, biased=set())
    parts = load(student, made, values, "ResBlock")
    set_mode(made, True)
    return made, parts, values


def has_shortcut(thing: Any, use_residual: bool) -> bool:
    """Whether layers of shortcuts are expected: without shortcuts they may be there, as in the handout, or not."""
    norms = sum(part.kind == "norm" for part in parts_of(thing))
    return use_residual or norms in (3, 20)


def without_shortcuts(parts: dict[str, Part]) -> dict[str, Part]:
    """Return the layers that take part where there are no shortcuts: theirs may be there and do nothing."""
    return {name: part for name, part in parts.items() if not name.endswith(("shortcut", "bn3"))}


def used(parts: dict[str, Part], case: Case) -> dict[str, Part]:
    """Return the layers that take part."""
    return parts if case.use_residual else without_shortcuts(parts)


block_check = partial(check, tier=100, files=FILES)


@block_check(
    cases=block_cases,
    needs=("conv_forward", "batch_norm_training"),
    holes=("block_layers", "block_forward"),
)
def residual_block(student, case):
    """Residual block, forward pass in four settings; its input stays as it is."""
    made, _, _ = block(student, case)
    inputs = case.x.copy()
    outputs = np.array(made.forward(inputs))
    return {"outputs": outputs, "inputs_afterwards": inputs}


@block_check(
    cases=block_cases,
    needs=("residual_block", "conv_backward", "batch_norm_backward"),
    holes=("block_backward",),
)
def residual_block_backward(student, case):
    """Residual block, backward pass: the gradients of the input and of all parameters."""
    made, parts, values = block(student, case)
    made.forward(case.x.copy())
    student.emit("in_grad", Sampled(made.backward(case.out_grad.copy()), "in_grad"))
    found = gradients(student, used(parts, case), values)
    return {f"d_{name}": Sampled(value, name, BLOCK_GRADIENTS) for name, value in found.items()}


def course_net_cases(rng: np.random.Generator) -> Iterable[Case]:
    """Make the narrow nets that the handout trains: one channel, ten classes, with and without shortcuts."""
    return [net_case(rng, *row) for row in NARROW_NETS]


def whole_net_cases(rng: np.random.Generator) -> Iterable[Case]:
    """Make ResNet18 at its full width, and the narrow nets."""
    return [net_case(rng, *row) for row in (FULL_NET, *NARROW_NETS)]


def net_case(
    rng: np.random.Generator, name: str, in_channels: int, classes: int, residual: bool, width: int
) -> Case:
    """Make one case; the parameters follow from its seed."""
    return Case.of(
        name,
        in_channels=in_channels,
        classes=classes,
        use_residual=residual,
        width=width,
        seed=int(rng.integers(1 << 31)),
        x=normal(rng, BATCH, in_channels, SIDE, SIDE),
        out_grad=normal(rng, BATCH, classes),
    )


def count_cases(rng: np.random.Generator) -> Iterable[Case]:
    """Make the nets whose parameters the handout counts, and one of seven classes."""
    yield Case.of("one channel, ten classes", in_channels=1, classes=10)
    yield Case.of("three channels, ten classes", in_channels=3, classes=10)
    yield Case.of("two channels, seven classes", in_channels=2, classes=7).beyond()


def net(student: Any, case: Case) -> tuple[Any, dict[str, Part], Values]:
    """Return a ResNet18 with the parameters of the case, its layers by name, and the parameters."""
    width = {} if case.width == WIDTH else {"width": case.width}
    made = student.resnet.Model_ResNet18(
        in_channels=case.in_channels, num_classes=case.classes, use_residual=case.use_residual, **width
    )
    shapes = resnet_shapes(case.in_channels, case.classes, case.width, has_shortcut(made, case.use_residual))
    values = values_of(shapes, case.seed, biased={"net.0.0"})
    return made, load(student, made, values, "Model_ResNet18"), values


def running(parts: dict[str, Part], name: str) -> np.ndarray:
    """Return a running statistic of the batch norms that a forward pass used, one after the other."""
    return np.concatenate(
        [np.reshape(part.get(name), -1) for key, part in parts.items() if part.get("mean") is not None]
    )


def running_variance(student: Any, parts: dict[str, Part], values: Values) -> np.ndarray:
    """Return the running variances as with biased ones, whichever a submission takes: both are right."""
    biased = biased_statistics(student)
    found = []
    for name, part in parts.items():
        if part.get("mean") is None:
            continue
        before, after = values[name]["variance"], np.reshape(part.get("variance"), -1)
        n = BATCH * places(name)
        share = after - np.float32(0.9) * before
        found.append(after if biased else np.float32(0.9) * before + share * np.float32((n - 1) / n))
    return np.concatenate(found)


def places(name: str) -> int:
    """Return how many places the map of a batch norm has on a 32 x 32 picture."""
    stage = int(name.split(".")[1])
    return 16**2 if stage == 0 else (8 // 2 ** (stage - 1)) ** 2


net_check = partial(check, tier=100, files=FILES, slow=True, group="network", limit_s=NETWORK_LIMIT_S)


@net_check(
    cases=count_cases,
    needs=("residual_block",),
    holes=("first_module", "resnet_module", "modules", "resnet_layers"),
)
def resnet_build(student, case):
    """ResNet18: layers with parameters, parameters to learn and running statistics, as the course counts them."""
    made = student.resnet.Model_ResNet18(in_channels=case.in_channels, num_classes=case.classes)
    parts = parts_of(made)
    counts = [part.count for part in parts]
    return {
        "layers": np.array([sum(part.kind == kind for part in parts) for kind in ("conv", "norm", "linear")]),
        "parameters": np.array(sum(count[0] for count in counts)),
        "running_statistics": np.array(sum(count[1] for count in counts)),
    }


@net_check(cases=whole_net_cases, needs=("resnet_build", "batch_norm_evaluation"))
def resnet_output(student, case):
    """ResNet18 in use: the logits for given weights and running statistics."""
    made, _, _ = net(student, case)
    set_mode(made, False)
    return {"logits": made.forward(case.x.copy())}


@net_check(cases=course_net_cases, metric="l2", needs=("resnet_output",))
def resnet_training_pass(student, case):
    """ResNet18 in training: the logits for given weights, and the running statistics after them."""
    made, parts, values = net(student, case)
    set_mode(made, True)
    student.emit("logits", np.array(made.forward(case.x.copy())))
    taking_part = used(parts, case)
    return {
        "running_mean": Sampled(running(taking_part, "mean"), "running_mean"),
        "running_variance": Sampled(running_variance(student, taking_part, values), "running_variance"),
    }


@net_check(
    cases=course_net_cases,
    metric="l2",
    needs=("resnet_training_pass", "residual_block_backward", "max_pool_backward", "linear_backward"),
)
def resnet_backward(student, case):
    """ResNet18, backward pass: the gradients of the pictures and of all parameters."""
    made, parts, values = net(student, case)
    set_mode(made, True)
    made.forward(case.x.copy())
    student.emit("in_grad", Sampled(made.backward(case.out_grad.copy()), "in_grad"))
    found = gradients(student, used(parts, case), values)
    # A bias before a batch norm changes nothing: its gradient is nothing but rounding.
    del found["net.0.0.bias"]
    return {f"d_{name}": Sampled(value, name, NET_GRADIENTS) for name, value in found.items()}
