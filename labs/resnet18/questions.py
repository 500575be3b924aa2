"""Given: answers to the questions of section 10 of the README, measured on your own layers.

    python questions.py layers lenet5      output, parameters, operations and time of every layer
    python questions.py layers resnet18
    python questions.py field 3 3          pixels that one output of 3x3 convolutions in a row depends on
    python questions.py time               a forward pass of both networks, of one picture (60 runs, the first 10 do
                                           not count) and of 64 (12 runs without 2), beside compiled operators
"""

import json
import os
import sys
import time
from pathlib import Path

# One thread, as where the other times were recorded; it must be said before NumPy is there.
os.environ.update(dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"), "1"))

import numpy as np

SIDE, REPEATS = 32, 5
# Pictures, runs, how many of them do not count.
TIMED = ((1, 60, 10), (64, 12, 2))
RECORDED = Path(__file__).with_name("engine_times.json")


def network(name):
    """Return one of the two networks for one channel and ten classes."""
    if name == "lenet5":
        from lenet5 import Model_LeNet

        return Model_LeNet(1, 10)
    if name == "resnet18":
        from resnet import Model_ResNet18

        return Model_ResNet18(in_channels=1, num_classes=10)
    raise SystemExit(f"there is no network {name!r}: take lenet5 or resnet18")


def count_of(layer, inputs, outputs):
    """Return parameters, running statistics and operations of a layer, as the course counts them.

    A multiply-add is one operation, and so is adding a bias of a convolution; a mean costs one for each output, a
    batch norm two for each value, a maximum nothing.
    """
    parameters = sum(getattr(layer, key).size for key in layer.grads)
    statistics = sum(getattr(layer, key).size for key in ("_mean", "_variance") if hasattr(layer, key))
    kind = type(layer).__name__
    if kind == "Conv2D":
        operations = outputs[0, 0].size * layer.weight.size + (0 if layer.bias is None else outputs[0].size)
    elif kind == "Linear":
        operations = layer.weight.size
    elif kind in ("BatchNorm2D", "AdaptiveAvgPool2D"):
        operations = 2 * outputs[0].size
    else:
        operations = outputs[0].size if getattr(layer, "mode", "") == "avg" else 0
    return parameters, statistics, operations


def layers(name):
    """Print a line for each layer, in the order in which they run, and the sums."""
    net = network(name)
    net.eval()
    lines, seconds = {}, {}

    def listening(place, layer):
        forward = layer.forward

        def listened(x):
            started = time.perf_counter()
            y = forward(x)
            seconds.setdefault(place, []).append(time.perf_counter() - started)
            lines[place] = (type(layer).__name__, y.shape[1:], *count_of(layer, x, y))
            return y

        layer.forward = listened

    for place, layer in net.named_layers():
        if not layer.children():
            listening(place, layer)
    for _ in range(REPEATS):
        net(np.zeros((1, 1, SIDE, SIDE), np.float32))
    best = {place: min(values) for place, values in seconds.items()}
    total = sum(best.values())
    print(f"{'layer':<18}{'kind':<18}{'output':<16}{'parameters':>12}{'statistics':>12}{'operations':>13}{'ms':>9}{'share':>8}")
    for place, (kind, shape, *counts) in lines.items():
        size = " x ".join(str(number) for number in shape)
        times = f"{best[place] * 1e3:>9.2f}{best[place] / total:>8.1%}"
        print(f"{place:<18}{kind:<18}{size:<16}{counts[0]:>12,}{counts[1]:>12,}{counts[2]:>13,}{times}")
    sums = [sum(line[number] for line in lines.values()) for number in (2, 3, 4)]
    print(f"{'sum':<52}{sums[0]:>12,}{sums[1]:>12,}{sums[2]:>13,}{total * 1e3:>9.2f}{1:>8.1%}")


def field(sizes):
    """Print the part of a picture on which the middle output of convolutions in a row depends, by its gradient."""
    from op import Conv2D

    row = [Conv2D(1, 1, size, padding=size // 2) for size in sizes]
    x = np.ones((1, 1, 2 * sum(sizes) + 1, 2 * sum(sizes) + 1), np.float32)
    for layer in row:
        x = layer.forward(x)
    gradient = np.zeros_like(x)
    gradient[0, 0, x.shape[2] // 2, x.shape[3] // 2] = 1
    for layer in reversed(row):
        gradient = layer.backward(gradient)
    rows, columns = (len(np.unique(places)) for places in np.nonzero(gradient[0, 0]))
    print(f"{' and '.join(f'{size} x {size}' for size in sizes)}: an output depends on {rows} x {columns} pixels")


def timed():
    """Print the mean time of a forward pass, and what the solution and compiled operators took elsewhere."""
    with RECORDED.open(encoding="utf-8") as file:
        recorded = json.load(file)
    for name in ("lenet5", "resnet18"):
        net = network(name)
        net.eval()
        for pictures, runs, discarded in TIMED:
            x = np.random.randn(pictures, 1, SIDE, SIDE).astype(np.float32)
            seconds = []
            for _ in range(runs):
                started = time.perf_counter()
                net(x)
                seconds.append(time.perf_counter() - started)
            mean, best = np.mean(seconds[discarded:]) * 1e3, min(seconds[discarded:]) * 1e3
            print(f"{name}, {pictures} at a time: {mean:.2f} ms, {runs - discarded} runs, {best:.2f} at best", flush=True)
            there = recorded[name][str(pictures)]
            print(f"    recorded elsewhere: loops over places {there['solution']:.2f} ms, compiled operators {there['engine']:.2f} ms")
    print("all on one thread; the compiled operators bring the weights into their own order in every pass")


def main(words):
    """Do what the command line says."""
    if words[:1] == ["layers"] and len(words) == 2:
        layers(words[1])
    elif words[:1] == ["field"] and len(words) > 1 and all(word.isdigit() and int(word) % 2 for word in words[1:]):
        field([int(word) for word in words[1:]])
    elif words == ["time"]:
        timed()
    else:
        raise SystemExit(__doc__)


if __name__ == "__main__":
    main(sys.argv[1:])
