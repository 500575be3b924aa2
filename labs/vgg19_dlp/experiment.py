"""The course's main program at work: ten timed forward passes, and what the device's bytes cost and gain.

Times are those of the emulator on this computer; the device's own are an estimate, `device_model` says by which model.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import cv2
import numpy as np

from grader.lab.experiments import Record, Snapshot, named, note

from . import drawing, pycnml
from .device_model import DEVICE_BALANCE, DEVICE_OPERATIONS_PER_S, grouped, round_trips_s, work_of
from .pycnml.floating import float_steps
from .pycnml.program import WITH_PARAMETERS, steps

QUANTIZATION = Path(__file__).with_name("vgg19_quant_param_new.npz")
CLASS_NAMES = Path(__file__).with_name("synset_words.txt")
FIRST = 5
SHOWN_STEPS, BINS_A_STEP = 10, 4
SHOWN_WEIGHT = "conv3_1"
MS = 1000.0


def run(student: Any, case: Any, state: Mapping[str, np.ndarray]) -> Iterator[Record]:
    """Yield a record after every forward pass; see `grader.lab.experiments`."""
    device = Device(student, case)
    seconds = [float(value) for value in state.get("seconds", ())]
    layers = list(state.get("layers", np.zeros((0, len(device.names)))))

    def snapshot() -> Snapshot:
        kept = {"seconds": np.array(seconds), "layers": np.array(layers)}
        return Snapshot(kept, device.pictures(np.median(layers, axis=0)), device.numbers(seconds, layers))

    if len(seconds) >= case.repeats:
        yield Record(len(seconds), len(seconds), {}, snapshot, device.notes)
    while len(seconds) < case.repeats:
        began = time.perf_counter()
        device.network.forward()
        seconds.append(time.perf_counter() - began)
        layers.append(np.array([value for _, value in device.network.net._layer_seconds]))
        yield Record(len(seconds), case.repeats, {"inference time in s": seconds[-1]}, snapshot, device.notes)


class Device:
    """The submission's network with its parameters loaded, the picture, and the same network in float32."""

    def __init__(self, student: Any, case: Any) -> None:
        sys.modules["pycnml"] = pycnml
        module = student.vgg19_demo
        self.network = module.vgg = module.VGG19()
        self.network.build_model(param_path=student.resource_file("checkpoint"), quant_param_path=str(QUANTIZATION))
        net = self.network.net
        self.floats: dict[int, tuple[np.ndarray, np.ndarray]] = {}
        original = net.loadParams

        def load(layer_id: int, filter_data: Any, bias_data: Any, quant_param: Any) -> None:
            original(layer_id, filter_data, bias_data, quant_param)
            shape = net._program.weight_shape(int(layer_id))
            weight = np.asarray(filter_data, np.float32).reshape(shape)
            self.floats[int(layer_id)] = (weight, np.asarray(bias_data, np.float32))

        net.loadParams = load
        self.network.load_model()
        del net.loadParams
        image = cv2.imdecode(case.picture, cv2.IMREAD_COLOR)
        student.require(image is not None, "the picture cannot be read; expected a JPEG or PNG file")
        self.photograph = np.ascontiguousarray(image[:, :, ::-1])
        with TemporaryDirectory() as folder:
            file = Path(folder, "picture.png")
            cv2.imwrite(str(file), image)
            self.network.load_image(str(file))
        self.program = net._program
        self.names = [layer.name for layer in self.program.layers]
        self.work = work_of(self.program)
        with CLASS_NAMES.open(encoding="utf-8") as file_of_names:
            self.classes = [line.strip() for line in file_of_names]
        self.notes = [note("device times are an estimate by the roofline model, not measured")]
        self._compare(net._picture)

    def _compare(self, picture: np.ndarray) -> None:
        """Run both networks once and keep the signal-to-noise ratio of each layer, and both outputs."""
        self.noise: dict[str, float] = {}
        self.float_s = 0.0
        exact = float_steps(self.program, self.floats, picture)
        for layer, value in steps(self.program, picture):
            began = time.perf_counter()
            _, wanted = next(exact)
            self.float_s += time.perf_counter() - began
            signal = float(np.square(wanted, dtype=np.float64).sum())
            error = float(np.square(value.astype(np.float64) - wanted).sum())
            self.noise[layer.name] = 10 * np.log10(signal / error) if error and signal else 99.0
        self.bytes_output = value.astype(np.float32).reshape(-1)
        self.float_output = wanted.reshape(-1)

    def numbers(self, seconds: list[float], layers: list[np.ndarray]) -> dict[str, float]:
        """Return what a person reads of the run."""
        by_layer = dict(zip(self.names, np.median(layers, axis=0).tolist(), strict=True))
        device = {name: work.device_s() for name, work in self.work.items()}
        cpu = {name: work.cpu_s() for name, work in self.work.items()}
        with_parameters = [layer.name for layer in self.program.layers if layer.kind in WITH_PARAMETERS]
        own, other = self.first(self.bytes_output), self.first(self.float_output)
        found = {
            named("forward pass on the emulator, median (s)"): float(np.median(seconds)),
            named("forward pass in float32 with NumPy, once (s)"): self.float_s,
            named("class"): float(own[0]),
            named("probability"): float(self.bytes_output[own[0]]),
            named("probability in float32"): float(self.float_output[own[0]]),
            named("classes that the first five of bytes and of float32 share"): float(len(set(own) & set(other))),
            named("device, estimate (ms)"): MS * sum(device.values()),
            named("device, arithmetic alone, estimate (ms)"): MS * self._arithmetic_s(),
            named("every output to the CPU and back, estimate (ms)"): MS * round_trips_s(self.program),
            named("CPU of 0.1 TFLOP/s, estimate (ms)"): MS * sum(cpu.values()),
        }
        total = sum(by_layer.values())
        for group, value in grouped(by_layer).items():
            found[named("emulator, {group} (% of the time)", group=group)] = 100 * value / total
        for group, value in grouped(device).items():
            found[named("device, {group}, estimate (ms)", group=group)] = MS * value
            found[named("CPU over device, {group}, estimate (times)", group=group)] = grouped(cpu)[group] / value
        return found | {
            named("signal to noise, {name} (dB)", name=name): self.noise[name] for name in with_parameters
        }

    def _arithmetic_s(self) -> float:
        return sum(self.work[name].operations for name in self.work) / DEVICE_OPERATIONS_PER_S

    def first(self, output: np.ndarray) -> list[int]:
        """Return the likeliest classes."""
        return [int(place) for place in np.argsort(-output, kind="stable")[:FIRST]]

    def pictures(self, layer_seconds: np.ndarray) -> dict[str, np.ndarray]:
        """Return the charts."""
        own = self.first(self.bytes_output)
        names = [self.classes[place].split(" ", 1)[-1].split(",")[0] for place in own]
        both = [
            (label, [100 * float(output[place]) for place in own])
            for label, output in (("8 bits", self.bytes_output), ("float32", self.float_output))
        ]
        top = drawing.bars("the likeliest classes", "probability, %", names, both)
        noisy = [layer.name for layer in self.program.layers if layer.kind in WITH_PARAMETERS]
        shares = grouped({name: work.device_s() for name, work in self.work.items()})
        cpu = grouped({name: work.cpu_s() for name, work in self.work.items()})
        measured = grouped(dict(zip(self.names, layer_seconds.tolist(), strict=True)))
        in_percent = [
            (label, [100 * found.get(group, 0.0) / sum(found.values()) for group in measured])
            for label, found in (
                ("CPU, estimate", cpu),
                ("device, estimate", shares),
                ("emulator, measured", measured),
            )
        ]
        return {
            "classes": drawing.beside(self.photograph, top),
            "noise": drawing.bars(
                "signal to noise of 8 bits against float32", "dB; 6 dB are one bit", noisy,
                [("", [self.noise[name] for name in noisy])],
            ),
            "time_shares": drawing.bars("where the time goes", "% of the forward pass", list(measured), in_percent),
            "operations_a_byte": drawing.bars(
                f"operations for each byte moved, estimate; from {DEVICE_BALANCE:.0f} on, arithmetic is the limit",
                "8-bit operations a byte", noisy,
                [("", [self.work[name].intensity() for name in noisy])], form="{:.0f}",
            ),
            "weight": self._histogram(),
        }  # fmt: skip

    def _histogram(self) -> np.ndarray:
        """Draw the middle of a weight's histogram, bins of a quarter of the byte's step."""
        place = self.names.index(SHOWN_WEIGHT)
        weight, held = self.floats[place][0], self.program.parameters[place]
        step = 2.0**held.quant.position / held.quant.scale
        back = held.weight.astype(np.float64) * step
        edges = step * np.linspace(-SHOWN_STEPS - 0.5, SHOWN_STEPS + 0.5, BINS_A_STEP * (2 * SHOWN_STEPS + 1) + 1)
        counts = [np.histogram(values, edges)[0] for values in (weight, back)]
        error = float(np.abs(back - weight).max())
        return drawing.columns(
            f"weight of {SHOWN_WEIGHT} near zero: steps of {step:.2g}, largest difference {error:.2g}",
            "value",
            edges,
            [("as in the file, float32", counts[0]), ("as bytes, scaled back", counts[1])],
        )
