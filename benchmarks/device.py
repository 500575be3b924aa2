"""Times a forward pass of VGG19: on the emulated device, with the engine's integer kernels, in float32 by PyTorch.

    python -m benchmarks.device [ROUNDS]

All three run in one process on the same picture and parameters, in turn, round after round; figures are medians of
wall-clock and processor seconds. The emulator's bytes and the engine's must give the same bits.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from labs.vgg19_dlp.checks_wanted import PAIRS, VGG19_LAYERS, program_of
from labs.vgg19_dlp.pycnml import QuantTool, arithmetic
from labs.vgg19_dlp.pycnml.program import Kind, Program, on_device, steps
from reference.engine.geometry import window_of
from reference.engine.integer import IntegerConvolution

ROUNDS = 5
REACH_OF_INPUTS = 8.0


def main() -> None:
    """Print the table."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else ROUNDS
    rng = np.random.default_rng(1)
    tool = QuantTool()
    program = program_of(VGG19_LAYERS, [tool.getQuantParam([REACH_OF_INPUTS], "inputs")] * PAIRS)
    floats = random_parameters(rng, program)
    picture = rng.uniform(-2, 2, program.input_shape).astype(np.float32)
    runs = {
        "emulator, NumPy": lambda: last(program, picture),
        "engine, 8-bit kernels": with_engine(program, picture),
        "PyTorch, float32": torch_run(program, floats, picture),
    }
    results = {name: run() for name, run in runs.items()}  # compiles and warms up
    assert np.array_equal(results["emulator, NumPy"], results["engine, 8-bit kernels"]), "the bits differ"
    times: dict[str, list[tuple[float, float]]] = {name: [] for name in runs}
    for _ in range(rounds):
        for name, run in runs.items():
            wall, busy = time.perf_counter(), time.process_time()
            run()
            times[name].append((time.perf_counter() - wall, time.process_time() - busy))
    print(f"VGG19, one picture, median of {rounds}: wall-clock and processor seconds")
    for name, found in times.items():
        wall, busy = (statistics.median(values) for values in zip(*found, strict=True))
        print(f"{name:24} {wall:8.3f} s {busy:8.3f} s")


def random_parameters(rng: np.random.Generator, program: Program) -> dict[int, tuple[np.ndarray, np.ndarray]]:
    """Load random parameters and return them in float32, by place."""
    floats = {}
    for place, layer in enumerate(program.layers):
        if layer.quant is None:
            continue
        shape = program.weight_shape(place)
        bound = float(np.sqrt(6 / np.prod(shape[1:])))
        weight = rng.uniform(-bound, bound, shape).astype(np.float32)
        bias = np.zeros(shape[0], np.float32)
        quant = QuantTool().getQuantParam([bound], layer.name)
        program.parameters[place] = on_device(weight.reshape(-1), bias, layer.kind, shape, quant)
        floats[place] = (weight, bias)
    return floats


def last(program: Program, picture: np.ndarray) -> np.ndarray:
    """Return the output of the last layer."""
    value = picture
    for _, output in steps(program, picture):
        value = output
    return value


def with_engine(program: Program, picture: np.ndarray) -> Callable[[], np.ndarray]:
    """Return a run in which the engine computes the sums of bytes."""
    own = arithmetic.convolution, arithmetic.fully_connected
    prepared: dict[Any, IntegerConvolution] = {}

    def plan_for(weight: np.ndarray, shape: tuple[int, ...], stride: int, pad: int) -> IntegerConvolution:
        key = (id(weight), shape)
        if key not in prepared:
            window = window_of(shape, weight.shape[2:], stride, pad, 1, "NCHW")
            prepared[key] = IntegerConvolution(window, weight)
        return prepared[key]

    def convolution(inputs, weight, bias, unit, stride, pad):
        plan = plan_for(weight, inputs.shape, stride, pad)
        plan.load(np.ascontiguousarray(inputs.transpose(0, 2, 3, 1)))
        sums = plan.run()[..., : plan.outputs].transpose(0, 3, 1, 2)
        return arithmetic.scale_back(sums[0].reshape(len(weight), -1), unit, bias).reshape(sums.shape)

    kernels: dict[int, np.ndarray] = {}

    def fully_connected(inputs, weight, bias, unit):
        kernel = kernels.setdefault(id(weight), weight.reshape(*weight.shape, 1, 1))
        return convolution(inputs.reshape(1, -1, 1, 1), kernel, bias, unit, 1, 0)

    def run() -> np.ndarray:
        arithmetic.convolution, arithmetic.fully_connected = convolution, fully_connected
        try:
            return last(program, picture)
        finally:
            arithmetic.convolution, arithmetic.fully_connected = own

    return run


def torch_run(program: Program, floats: Any, picture: np.ndarray) -> Callable[[], np.ndarray]:
    """Return a run of the same network in float32 by PyTorch."""
    import torch
    from torch.nn import functional

    tensors = {place: [torch.from_numpy(part) for part in parts] for place, parts in floats.items()}

    @torch.inference_mode()
    def run() -> np.ndarray:
        y = torch.from_numpy(picture)
        for place, layer in enumerate(program.layers):
            if layer.kind is Kind.CONVOLUTION:
                y = functional.conv2d(y, *tensors[place], padding=layer.numbers[4])
            elif layer.kind is Kind.RELU:
                y = functional.relu(y)
            elif layer.kind is Kind.POOL:
                y = functional.max_pool2d(y, *layer.numbers)
            elif layer.kind is Kind.FLATTEN:
                y = y.permute(0, 2, 3, 1).reshape(1, -1)
            elif layer.kind is Kind.MLP:
                y = functional.linear(y, *tensors[place])
            else:
                y = functional.softmax(y, dim=1)
        return y.numpy()

    return run


if __name__ == "__main__":
    main()
