"""The checks of the VGG16 lab: every layer on small arrays, then the whole network on a real picture.

Every call into a submission gets fresh copies: some right submissions change their input in place.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from grader.lab import Case, Sampled, check, course_cases, one_case
from grader.lab.calls import backward_outputs, forward_outputs
from grader.lab.layer_cases import (
    as_vgg_convolves,
    as_vgg_pools,
    convolution_cases,
    dithered,
    few_values,
    flatten_cases,
    fully_connected_cases,
    logits_cases,
    normal,
    one_sample,
    pooling_cases,
    random_crop,
    relu_cases,
    repeated_convolution_cases,
    repeated_pooling_cases,
)
from grader.lab.observing import START, layers_observed, require_names

from .checks_network import (
    IMAGE_SIZE,
    NETWORK_LAYERS,
    NUM_CLASSES,
    built_network,
    given_main,
    loaded_network,
    normalised,
    require_kind,
    run_forward,
)

BACKWARD_LABEL = 1
# On one core of a server, the handout's own loops take about 20 s forward and 40 s backward; a busy one takes longer.
BUILD_LIMIT_S = 60.0
FORWARD_LIMIT_S = 180.0
BACKWARD_LIMIT_S = 360.0  # may include one more forward pass, in a new worker
NETWORK_FILES = ("vgg.py", "layer.py")


def network_cases(rng: np.random.Generator) -> Iterable[Case]:
    """Crop and mirror the lab's picture, and add noise; made where the lab is published, never in a worker."""
    main = given_main()
    image = random_crop(rng, main.read_image(main.DEMO_PICTURE))
    scaled = main.resize_image(image, (IMAGE_SIZE, IMAGE_SIZE))
    yield Case.of("flower, cropped", image=dithered(rng, scaled))


def convolution(student: Any, case: Case) -> Any:
    """Return a convolution with the parameters of the case."""
    layer = student.layer.ConvolutionLayer(case.c_in, case.c_out, case.k, case.padding, case.stride)
    layer.load_params(case.weight.copy(), case.bias.copy())
    return layer


def fully_connected(student: Any, case: Case) -> Any:
    """Return a fully connected layer with the parameters of the case."""
    layer = student.layer.FullyConnectLayer(case.in_features, case.out_features)
    layer.load_params(case.weight.copy(), case.bias.copy())
    return layer


def relu(student: Any) -> Any:
    """Return a ReLU layer; the original handout spells its class in two ways, and either may be handed in."""
    module = student.layer
    if not hasattr(module, "ReluLayer") and hasattr(module, "ReLUlayer"):
        return module.ReLUlayer()
    return module.ReluLayer()


def all_convolutions(rng: np.random.Generator) -> Iterable[Case]:
    """Make every convolution, and some whose layer is called more than once."""
    yield from convolution_cases(rng)
    yield from repeated_convolution_cases(rng)


def all_poolings(rng: np.random.Generator) -> Iterable[Case]:
    """Make every pooling, and one whose layer is called more than once."""
    yield from pooling_cases(rng)
    yield from repeated_pooling_cases(rng)


# The course is what the handout's network does with one photograph: 3x3 kernels with padding 1 and stride 1, windows of
# 2x2 that do not overlap, four classes; each layer is called once.
conv_cases = course_cases(all_convolutions, lambda case: as_vgg_convolves(case) and "earlier_x" not in case.arrays)
pool_cases = course_cases(all_poolings, lambda case: as_vgg_pools(case) and "earlier_x" not in case.arrays)
flat_cases = course_cases(flatten_cases, one_sample)
linear_cases = course_cases(fully_connected_cases, one_sample)
cross_entropy_cases = course_cases(partial(logits_cases, few=NUM_CLASSES, many=10), one_sample)
network_check = partial(check, files=NETWORK_FILES, group="network", slow=True)


@network_check(tier=60, cases=one_case(), holes=("network_layers", "network_graph"), limit_s=BUILD_LIMIT_S)
def network_build(student, case):
    """VGG16: the 37 layers, their order and their sizes."""
    network = built_network(student)
    layers = getattr(network, "graph_layers", None)
    student.require(
        hasattr(layers, "keys"),
        "`graph_layers` is {name}, expected a dict from layer names to layers",
        name=type(layers).__name__,
    )
    require_names(student, [str(name) for name in layers], [facts.name for facts in NETWORK_LAYERS], "graph_layers")
    owners: dict[int, str] = {}
    for facts in NETWORK_LAYERS:
        layer = layers[facts.name]
        other = owners.setdefault(id(layer), facts.name)
        student.require(
            other == facts.name,
            "{other} and {name} are the same object; make one object for each layer, because a layer keeps "
            "what its own backward pass needs",
            other=other,
            name=facts.name,
        )
        require_kind(student, layer, facts)
    return {
        f"{facts.name} {parameter} shape": np.array(np.shape(getattr(layers[facts.name], parameter)), np.int64)
        for facts in NETWORK_LAYERS
        if facts.weight_shape
        for parameter in ("weight", "bias")
    }


def load_cases(rng: np.random.Generator) -> Iterable[Case]:
    """Make what turns the lab's checkpoint into another one, and inputs of layers that are given.

    What a network of real layers computes with these parameters cannot be known beforehand.
    """
    with_parameters = [facts for facts in NETWORK_LAYERS if facts.weight_shape]
    yield Case.of(
        "a checkpoint of its own",
        scales=rng.uniform(0.5, 2, len(with_parameters)).astype(np.float32),
        biases=normal(rng, sum(facts.weight_shape[0] for facts in with_parameters)),
        picture=normal(rng, 1, 3, 4, 5),
        features=few_values(rng, 1, 512 * 7 * 7),
        hidden=normal(rng, 1, 4096),
    )


def other_checkpoint(student: Any, case: Case) -> dict[str, dict[str, np.ndarray]]:
    """Return the lab's checkpoint with each layer's weight scaled and its bias replaced.

    The weight of the first fully connected layer stays as it is: a copy would need another 400 MiB.
    """
    found = {}
    start = 0
    checkpoint = student.resource("checkpoint")
    for scale, (name, parameters) in zip(case.scales, in_order(checkpoint), strict=True):
        weight, count = parameters["weight"], len(parameters["bias"])
        weight = weight if name == "fullyconnect1" else weight * scale
        found[name] = {"weight": weight, "bias": case.biases[start : start + count].copy()}
        start += count
    return found


def in_order(checkpoint: Any) -> list[tuple[str, Any]]:
    """Return the layers of a checkpoint in the order of the network."""
    return [(facts.name, checkpoint[facts.name]) for facts in NETWORK_LAYERS if facts.weight_shape]


@network_check(tier=60, cases=load_cases, needs=("network_build",), limit_s=BUILD_LIMIT_S)
def network_load(student, case):
    """VGG16: loading the parameters, and what its fully connected layers compute with them."""
    network = built_network(student)
    first = NETWORK_LAYERS[0]
    refused = False
    wrong = {
        "weight": np.zeros(first.weight_shape[::-1], np.float32),
        "bias": np.zeros(first.weight_shape[0]),
    }
    try:
        network.resume_weights({first.name: wrong})
    except Exception:
        refused = True
    student.require(
        refused,
        "`resume_weights` took a weight of shape {weight_shape} for {name}, which needs {weight_shape2}; "
        "`load_params` should refuse it with an `assert`",
        weight_shape=first.weight_shape[::-1],
        name=first.name,
        weight_shape2=first.weight_shape,
    )
    network.resume_weights(other_checkpoint(student, case))
    layers = network.graph_layers
    loaded = {
        f"{facts.name} {parameter}": Sampled(getattr(layers[facts.name], parameter), f"{facts.name} {parameter}")
        for facts in NETWORK_LAYERS
        if facts.weight_shape
        for parameter in ("weight", "bias")
    }
    inputs = {
        "flatten": case.picture,
        "relu1": case.hidden,
        "fullyconnect1": case.features,
        "fullyconnect2": case.hidden,
        "fullyconnect3": case.hidden,
    }
    return loaded | {f"output of {name}": layers[name].forward(x.copy()) for name, x in inputs.items()}


@check(tier=80, cases=conv_cases, holes=("conv_forward",), files=("layer.py",))
def conv_forward(student, case):
    """Convolution, forward pass."""
    return forward_outputs(convolution(student, case), case)


@check(tier=80, cases=pool_cases, holes=("max_pool_forward",), files=("layer.py",))
def max_pool_forward(student, case):
    """Max pooling, forward pass."""
    return forward_outputs(student.layer.MaxPoolLayer(case.k, case.stride), case)


@check(tier=80, cases=relu_cases, files=("layer.py",))
def relu_forward(student, case):
    """ReLU, forward pass."""
    return {"outputs": relu(student).forward(case.x.copy())}


@check(tier=80, cases=flat_cases, files=("layer.py",))
def flatten_forward(student, case):
    """Flatten, forward pass."""
    return {"outputs": student.layer.FlattenLayer().forward(case.x.copy())}


@check(tier=80, cases=linear_cases, files=("layer.py",))
def fully_connected_forward(student, case):
    """Fully connected layer, forward pass."""
    return {"outputs": fully_connected(student, case).forward(case.x.copy())}


@check(tier=80, cases=cross_entropy_cases, files=("layer.py",))
def cross_entropy_forward(student, case):
    """Softmax and cross-entropy, forward pass."""
    return {"loss": student.layer.CrossEntropy().forward(case.logits.copy(), case.labels.copy())}


@network_check(
    tier=80,
    cases=network_cases,
    limit_s=FORWARD_LIMIT_S,
    needs=(
        "network_load",
        "conv_forward",
        "max_pool_forward",
        "relu_forward",
        "flatten_forward",
        "fully_connected_forward",
    ),
)
def network_forward(student, case):
    """VGG16 on a picture: every layer's output, the logits and the class."""
    logits = run_forward(student, case, student.emit)
    return {"logits": logits, "class": np.argmax(np.asarray(logits), axis=-1)}


@check(tier=100, cases=conv_cases, needs=("conv_forward",), holes=("conv_backward",), files=("layer.py",))
def conv_backward(student, case):
    """Convolution, backward pass."""
    return backward_outputs(convolution(student, case), case)


@check(
    tier=100,
    cases=pool_cases,
    needs=("max_pool_forward",),
    holes=("max_pool_backward",),
    files=("layer.py",),
)
def max_pool_backward(student, case):
    """Max pooling, backward pass."""
    return backward_outputs(student.layer.MaxPoolLayer(case.k, case.stride), case)


@check(tier=100, cases=relu_cases, needs=("relu_forward",), files=("layer.py",))
def relu_backward(student, case):
    """ReLU, backward pass."""
    return backward_outputs(relu(student), case)


@check(tier=100, cases=flat_cases, needs=("flatten_forward",), files=("layer.py",))
def flatten_backward(student, case):
    """Flatten, backward pass."""
    return backward_outputs(student.layer.FlattenLayer(), case)


@check(tier=100, cases=linear_cases, needs=("fully_connected_forward",), files=("layer.py",))
def fully_connected_backward(student, case):
    """Fully connected layer, backward pass."""
    return backward_outputs(fully_connected(student, case), case)


@check(tier=100, cases=cross_entropy_cases, needs=("cross_entropy_forward",), files=("layer.py",))
def cross_entropy_backward(student, case):
    """Softmax and cross-entropy, backward pass."""
    loss = student.layer.CrossEntropy()
    loss.forward(case.logits.copy(), case.labels.copy())
    return {"logits_grad": loss.backward()}


@network_check(
    tier=100,
    cases=network_cases,
    metric="l2",
    limit_s=BACKWARD_LIMIT_S,
    needs=(
        "network_forward",
        "conv_backward",
        "max_pool_backward",
        "relu_backward",
        "flatten_backward",
        "fully_connected_backward",
        "cross_entropy_backward",
    ),
)
def network_backward(student, case):
    """VGG16 backward: every layer's gradient, down to the picture."""
    kept = student.once("forward", dict)
    if kept.get("image") != case.image.tobytes():
        # The worker that ran the forward pass is gone, or it has run it on another picture since.
        run_forward(student, case, None)
    network = loaded_network(student)
    loss = student.layer.CrossEntropy()
    loss.forward(kept["logits"], np.array([BACKWARD_LABEL]))
    send = kept["windows"].sent(student.emit)
    with layers_observed(network.graph_layers, send, "backward", in_place=True):
        grad = network.backward(loss.backward())
    return {"picture": Sampled(grad, "picture")}


def demo(student, case):
    """Classify a picture file, given as its bytes, with the ``main.py`` beside the submission or the lab's own."""
    own = Path(student.vgg.__file__).with_name("main.py")
    main = student.main if own.is_file() else given_main()
    image = main.process_image(case.write_file("picture", case.suffix))
    network = loaded_network(student)
    student.emit(START, 0)
    with layers_observed(network.graph_layers, student.emit, in_place=True):
        return {"logits": network.forward(image)}
