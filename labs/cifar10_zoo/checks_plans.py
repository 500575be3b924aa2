"""What the six networks consist of, layer by layer, and how a network is watched while it runs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

# Kind of a layer and its output without the batch; a pair of widths where the handout names both.
Step = tuple[str, tuple[Any, ...]]
KINDS = (
    "Conv2D", "BatchNormalization", "Activation", "MaxPool2D", "Dropout", "Flatten", "Dense", "GlobalAveragePooling2D",
    "concat", "+",
)  # fmt: skip
OTHER_NAMES = {
    "MaxPooling2D": "MaxPool2D", "GlobalAvgPool2D": "GlobalAveragePooling2D", "Concatenate": "concat", "ReLU": "Activation",
    "Softmax": "Activation",
}  # fmt: skip


def features(side: int, channels: int, *kinds: str) -> list[Step]:
    """Return layers that all give the same square feature maps."""
    return [(kind, (side, side, channels)) for kind in kinds]


CBA = ("Conv2D", "BatchNormalization", "Activation")


def dense(units: Any, *more: str) -> list[Step]:
    """Return a fully connected layer with its activation, and what else gives as many numbers."""
    return [(kind, (units,)) for kind in ("Dense", "Activation", *more)]


def vgg16() -> Iterator[Step]:
    """Yield the layers of VGG16; the seventh convolution has 256 filters in the table and 512 in the listing."""
    for side, channels, count in ((32, 64, 2), (16, 128, 2), (8, 256, 3), (4, 512, 3), (2, 512, 3)):
        for number in range(count):
            both = (256, 512) if (side, number) == (8, 2) else channels
            yield from [(kind, (side, side, both)) for kind in CBA]
        yield from [(kind, (side // 2, side // 2, both)) for kind in ("MaxPool2D", "Dropout")]
    yield ("Flatten", (512,))
    yield from dense(512, "Dropout") * 2 + dense(10)


def inception10() -> Iterator[Step]:
    """Yield the layers of Inception10(2, 10)."""
    yield from features(32, 16, *CBA)
    before = (32, 16)
    for side, channels in ((16, 16), (16, 16), (8, 32), (8, 32)):
        yield from features(side, channels, *CBA * 5)
        yield from features(*before, "MaxPool2D")
        yield from features(side, channels, *CBA)
        yield from features(side, 4 * channels, "concat")
        before = (side, 4 * channels)
    yield ("GlobalAveragePooling2D", (128,))
    yield from dense(10)


def resnet18() -> Iterator[Step]:
    """Yield the layers of ResNet18([2, 2, 2, 2]); its last softmax may be left out."""
    yield from features(32, 64, *CBA)
    for side, channels in ((32, 64), (16, 128), (8, 256), (4, 512)):
        for number in range(2):
            yield from features(side, channels, *CBA, "Conv2D", "BatchNormalization")
            if number == 0 and channels > 64:
                yield from features(side, channels, "Conv2D", "BatchNormalization")
            yield from features(side, channels, "+", "Activation")
    yield ("GlobalAveragePooling2D", (512,))
    yield from dense(10)


PLANS: dict[str, list[Step]] = {
    "Baseline": [
        *features(32, 6, *CBA), *features(16, 6, "MaxPool2D", "Dropout"), ("Flatten", (1536,)),
        *dense((128, 120), "Dropout"), *dense(10),
    ],
    "LeNet5": [
        *features(28, 6, "Conv2D", "Activation"), *features(14, 6, "MaxPool2D"),
        *features(10, 16, "Conv2D", "Activation"), *features(5, 16, "MaxPool2D"), ("Flatten", (400,)),
        *dense(120), *dense(84), *dense(10),
    ],
    "AlexNet8": [
        *features(30, 96, *CBA), *features(14, 96, "MaxPool2D"), *features(12, 256, *CBA), *features(5, 256, "MaxPool2D"),
        *features(5, 384, "Conv2D", "Activation", "Conv2D", "Activation"), *features(5, 256, "Conv2D", "Activation"),
        *features(2, 256, "MaxPool2D"), ("Flatten", (1024,)), *dense(2048, "Dropout") * 2, *dense(10),
    ],
    "VGG16": list(vgg16()),
    "Inception10": list(inception10()),
    "ResNet18": list(resnet18()),
}  # fmt: skip
# (all, trainable) parameters, as Keras' summary() of these networks prints them; of two readings the first is compared.
RIGHT_COUNTS = {
    "Baseline": ((198_506, 198_494), (186_130, 186_118)),
    "LeNet5": ((62_006, 62_006),),
    "AlexNet8": ((9_639_178, 9_638_474),),
    "VGG16": ((15_262_026, 15_253_578), (17_032_778, 17_023_818)),
    "Inception10": ((121_418, 120_234),),
    "ResNet18": ((11_183_562, 11_173_962),),
}
# Where the handout names two widths: number of the layer with variables, axis of its variables, the smaller width.
NARROW = {
    "Baseline": {2: {-1: 120}, 3: {0: 120}},
    "VGG16": {12: {-1: 256}, 13: {-1: 256}, 14: {2: 256}},
}


class Watched:
    """One run of a network: its output, and what led to it, in an order that does not depend on how it is written.

    The order is that of the layers on the way to the output; where several ways meet, that of the parts of a `concat`, and
    of a sum first the way with more layers.

    Attributes
    ----------
    records : list
        The tape's records in this order.
    kinds : list of str
        What kind of layer each is.
    """

    def __init__(self, student: Any, net: Any, x: np.ndarray, training: bool = False) -> None:
        self.tape = student.tape.Tape(training)
        self.output = net(self.tape.watch(x))
        self.records = _ordered(self.tape.records, self.output)
        self.kinds = [kind_of(record) for record in self.records]

    @property
    def ends_in_softmax(self) -> bool:
        """Whether the last layer is an activation."""
        return bool(self.kinds) and self.kinds[-1] == "Activation"

    def probabilities(self) -> np.ndarray:
        """Return the network's probabilities, of logits if it ends in these."""
        value = np.asarray(self.output.value)
        return value if self.ends_in_softmax else softmax(value)

    def backward(self, gradient: np.ndarray) -> Any:
        """Run backwards from a gradient of the probabilities; return that of the input."""
        if not self.ends_in_softmax:
            p = softmax(np.asarray(self.output.value))
            gradient = p * (gradient - (gradient * p).sum(axis=-1, keepdims=True))
        return self.tape.backward(self.output, gradient)


def softmax(logits: np.ndarray) -> np.ndarray:
    """Return probabilities."""
    powers = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=-1, keepdims=True))


def _ordered(records: Sequence[Any], output: Any) -> list[Any]:
    made = {id(record.output): record for record in records}
    depth: dict[int, int] = {}
    # What a record needs was recorded before it.
    for record in records:
        depth[id(record.output)] = 1 + max((depth.get(id(tensor), 0) for tensor in record.inputs), default=0)
    found: list[Any] = []
    done: set[int] = set()

    def visit(tensor: Any) -> None:
        record = made.get(id(tensor))
        if record is None or id(record) in done:
            return
        done.add(id(record))
        inputs = record.inputs
        if record.layer is None:
            inputs = sorted(inputs, key=lambda one: -depth.get(id(one), 0))
        for one in inputs:
            visit(one)
        found.append(record)

    visit(output)
    return found


def kind_of(record: Any) -> str:
    """Return the kind of layer of a record, under the name that the handout uses."""
    if record.layer is None:
        return "+"
    name = type(record.layer).__name__
    return OTHER_NAMES.get(name, name)


def parameter_layers(records: Sequence[Any]) -> list[Any]:
    """Return the layers with variables, each once, in order."""
    found: dict[int, Any] = {}
    for record in records:
        if record.layer is not None and record.layer.variables:
            found.setdefault(id(record.layer), record.layer)
    return list(found.values())


def counts(records: Sequence[Any]) -> tuple[int, int]:
    """Return how many parameters there are, moving statistics included, and how many of them are trainable."""
    variables = [variable for layer in parameter_layers(records) for variable in layer.variables]
    return (
        sum(int(np.size(variable.value)) for variable in variables),
        sum(int(np.size(variable.value)) for variable in variables if variable.trainable),
    )


def require_count_without_meaning(student: Any, net: str, total: int) -> None:
    """Require that the number of parameters is none that gives a mistake away; name the mistake."""
    seen = (net, total)
    student.require(
        seen != ("AlexNet8", 20_649_226),
        "AlexNet8 has 20,649,226 parameters: that is what it has without its third pooling",
    )
    student.require(
        seen != ("Inception10", 120_826),
        "Inception10 has 120,826 parameters: that is what it has if its convolutions have no bias; in ConvBNRelu they "
        "have one",
    )
    student.require(
        seen != ("Inception10", 51_210),
        "Inception10 has 51,210 parameters: that is what it has if the second pair of blocks is as narrow as the "
        "first; channels double there",
    )
    student.require(
        seen != ("Inception10", 202_058),
        "Inception10 has 202,058 parameters: that is what it has with Flatten in the place of GlobalAveragePooling2D",
    )
    student.require(
        seen != ("ResNet18", 11_188_362),
        "ResNet18 has 11,188,362 parameters: that is what it has if its convolutions have a bias; none of them has one",
    )
    student.require(
        seen != ("ResNet18", 11_187_914),
        "ResNet18 has 11,187,914 parameters: that is what it has with a 1x1 convolution in the first stage, where x "
        "itself is added",
    )


def require_plan(student: Any, net: str, records: Sequence[Any]) -> None:
    """Require number and order of the handout's layers and the number of parameters; say what differs first."""
    total, trainable = counts(records)
    require_count_without_meaning(student, net, total)
    plan = PLANS[net]
    for place, (record, (kind, shape)) in enumerate(zip(records, plan, strict=False), start=1):
        seen, found = kind_of(record), tuple(record.output.shape[1:])
        student.require(
            seen == kind,
            "{net}: layer {place} is {seen}, expected {kind}",
            net=net,
            place=place,
            seen=seen,
            kind=kind,
        )
        student.require(
            _fits(found, shape),
            "{net}: layer {place}, {kind}, gives {found} for each picture, expected {wanted}",
            net=net,
            place=place,
            kind=kind,
            found=_text(found),
            wanted=_text(shape),
        )
    optional = net == "ResNet18" and len(records) == len(plan) - 1
    student.require(
        len(records) == len(plan) or optional,
        "{net} has {count} layers, expected {wanted} (activations count as layers of their own)",
        net=net,
        count=len(records),
        wanted=len(plan),
    )
    wanted = " / ".join(f"{most:,} ({some:,})" for most, some in RIGHT_COUNTS[net])
    student.require(
        (total, trainable) in RIGHT_COUNTS[net],
        "{net} has {total} parameters ({trainable} of them trainable), expected {wanted}",
        net=net,
        total=f"{total:,}",
        trainable=f"{trainable:,}",
        wanted=wanted,
    )


def _fits(found: tuple[int, ...], wanted: tuple[Any, ...]) -> bool:
    return len(found) == len(wanted) and all(
        one in two if isinstance(two, tuple) else one == two for one, two in zip(found, wanted, strict=True)
    )


def _text(shape: tuple[Any, ...]) -> str:
    return " x ".join(" / ".join(map(str, one)) if isinstance(one, tuple) else str(one) for one in shape)


def emitted_order(net: str, records: Sequence[Any]) -> np.ndarray:
    """Return kind and output of every layer as whole numbers, (layers, 4); of two right widths the first one."""
    rows = []
    for record, (_, wanted) in zip(records, PLANS[net], strict=False):
        kind = kind_of(record)
        shape = [two[0] if isinstance(two, tuple) and one in two else one
                 for one, two in zip(record.output.shape[1:], wanted, strict=False)]  # fmt: skip
        rows.append([KINDS.index(kind) if kind in KINDS else -1, *shape, *[0] * (3 - len(shape))])
    if net == "ResNet18" and len(rows) == len(PLANS[net]) - 1:
        rows.append([KINDS.index("Activation"), 10, 0, 0])
    return np.array(rows, np.int64)
