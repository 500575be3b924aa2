"""Table, JSON and picture of the engine's benchmark."""

from __future__ import annotations

import json
import platform
import statistics
import time
from importlib import metadata
from pathlib import Path
from typing import Any

from grader.drawing import draw_groups, style, to_png

from . import engine_cases as cases

LABELS = {
    "ours": "engine",
    "torch": "PyTorch (best layout)",
    "im2col": "im2col + numpy",
    "textbook": "textbook numba loops",
}

GROUPS: tuple[tuple[str, tuple[str, ...], float, float], ...] = (
    *((f"3x3 convolution, {d}, >= 64 channels (geometric mean)",
       tuple(f"conv/{n}/{d}" for n in cases.DEEP_LAYERS), 2.5, 3.0)
      for d in cases.DIRECTIONS),
    ("VGG16 forward", ("vgg16/forward",), 2.3, 2.8),
    ("VGG16 forward + backward to the picture", ("vgg16/both",), 2.4, 2.8),
    ("VGG16 forward, accurate mode", ("vgg16/accurate",), 1.7, 2.0),
    ("LeNet epoch, 10000 pictures, batch 64, Adam", ("lenet/epoch",), 3.6, 5.0),
    ("ResNet18 (CIFAR) training step, batch 128", ("resnet18/128",), 2.1, 2.5),
    ("style-transfer iteration, 192 x 320", ("style/iteration",), 2.5, 3.0),
    *((f"exact int8 VGG19 stack ({name}) against float32 PyTorch", (f"int8/{method}",), must, aim)
      for method, name, must, aim in (("amx", "AMX", 12.0, 20.0), ("vnni", "VNNI", 3.5, 4.5),
                                      ("float32", "neither", 1.7, 2.0))),
)  # fmt: skip
"""Title, cases, and the ratios to reach: least and aimed at."""


def seconds(results: dict[str, Any], case: str, library: str) -> float | None:
    """Median of a library's best memory format."""
    times = results.get(case, {}).get("times", {})
    found = [value["median"] for name, value in times.items() if name.split()[0] == library]
    return min(found) if found else None


def ratio(results: dict[str, Any], case: str, library: str = "torch") -> float | None:
    """How many times faster we are than a library's best memory format."""
    theirs, ours = seconds(results, case, library), seconds(results, case, "ours")
    return theirs / ours if theirs and ours else None


def machine(threads: int) -> dict[str, Any]:
    """Processor, threads and versions that a figure depends on."""
    from reference.engine.processor import PROCESSOR

    versions = {}
    for name in ("numpy", "numba", "llvmlite", "torch"):
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            versions[name] = None
    return {
        "processor": PROCESSOR.model, "llvm_name": PROCESSOR.name, "instruction_set": PROCESSOR.instruction_set,
        "features": PROCESSOR.features, "level2_bytes": PROCESSOR.level2_bytes, "threads": threads,
        "system": platform.platform(),
        "python": platform.python_version(), "versions": versions, "measured": time.strftime("%Y-%m-%d"),
    }  # fmt: skip


def table(results: dict[str, Any], about: dict[str, Any]) -> str:
    """Markdown: the goals first, then every case."""
    versions = ", ".join(f"{k} {v}" for k, v in about["versions"].items() if v)
    lines = [
        f"{about['processor']} ({about['llvm_name']}, {about['instruction_set']}), {about['threads']} threads, "
        f"{about['clock']}, {versions}",
        "",
        f"Features in use: {' '.join(about['features']) or 'none'}. {about.get('torch_kernels', '')}",
        "",
    ]
    lines += ["| work | ratio to PyTorch's best layout | must | aim |", "|---|---|---|---|"]
    for title, members, must, aim in GROUPS:
        found = [r for case in members if (r := ratio(results, case))]
        if found and len(found) == len(members):
            lines.append(f"| {title} | {statistics.geometric_mean(found):.2f} | {must} | {aim} |")
    all_ratios = {case: r for case in results if (r := ratio(results, case))}
    if all_ratios:
        worst = min(all_ratios, key=all_ratios.__getitem__)
        lines.append(f"| slowest case of all: {worst} | {all_ratios[worst]:.2f} | 1.0 | 1.2 |")
    loops = [(cases.LAYER_REPEATS.get(n, 1), f"conv/{n}/forward") for n in cases.VGG16_LAYERS]
    if all(seconds(results, c, "textbook") for _, c in loops) and seconds(results, "vgg16/forward", "ours"):
        textbook = sum(times * (seconds(results, c, "textbook") or 0) for times, c in loops)
        network = seconds(results, "vgg16/forward", "ours") or 1.0
        lines.append(
            f"| VGG16 forward against textbook numba loops ({textbook:.1f} s) "
            f"| {textbook / network:.0f} | 100 | 150 |"
        )
    if "second_process_s" in about:
        lines.append(
            f"| second process, VGG16 ready, kernels from disk | {about['second_process_s']:.2f} s | 3 s | 1 s |"
        )
    lines += [
        "",
        "| case | ours ms | GFLOP/s | PyTorch NCHW ms | channels-last ms | ratio | difference |",
        "|---|---|---|---|---|---|---|",
    ]
    for case, result in results.items():
        times, compared = result["times"], result.get("compared")
        differs = f"{compared['difference']:.0e}" if compared else "not compared"
        if not times:
            lines.append(f"| {case} | **wrong** | | | | | {differs}, {compared['bound']:.0e} allowed |")
            continue
        ours = times["ours"]["median"]
        speed = f"{2e-9 * cases.multiply_adds(case) / ours:.0f}" if cases.multiply_adds(case) else ""
        theirs = [
            f"{times[n]['median'] * 1e3:.3f}" if n in times else "" for n in ("torch nchw", "torch channels-last")
        ]
        found_ratio = ratio(results, case)
        shown = f"{found_ratio:.2f}" if found_ratio else ""
        noise = " (noisy)" if result.get("noisy") else ""
        lines.append(
            f"| {case}{noise} | {ours * 1e3:.3f} | {speed} | {theirs[0]} | {theirs[1]} | {shown} | {differs} |"
        )
    return "\n".join(lines)


def picture(results: dict[str, Any], about: dict[str, Any], path: Path) -> bool:
    """Bars of milliseconds per VGG16 layer on a logarithmic scale; False when no layer was measured."""
    layers = [n for n in cases.VGG16_LAYERS if seconds(results, f"conv/{n}/forward", "ours")]
    if not layers:
        return False
    series = {
        label: [seconds(results, f"conv/{name}/forward", library) for name in layers]
        for library, label in LABELS.items()
        if seconds(results, f"conv/{layers[0]}/forward", library)
    }
    times = {label: [s and s * 1e3 for s in values] for label, values in series.items()}
    title = (
        "VGG16 convolutions, forward, one picture of 224 x 224: lower is faster\n"
        f"{about['processor']}, {about['threads']} threads, {about['clock']}, {about['measured']}"
    )
    with style():
        path.write_bytes(to_png(draw_groups(title, layers, times, "time (ms, logarithmic)")))
    return True


def write_report(results: dict[str, Any], threads: int, extra: dict[str, Any], folder: Path) -> str:
    """Write engine.json, engine.md and engine.png into ``folder``; returns the table."""
    folder.mkdir(parents=True, exist_ok=True)
    about = {**machine(threads), **extra}
    (folder / "engine.json").write_text(
        json.dumps({"about": about, "cases": results}, indent=1) + "\n", encoding="utf-8"
    )
    words = table(results, about)
    (folder / "engine.md").write_text(words + "\n", encoding="utf-8")
    drawn = picture(results, about, folder / "engine.png")
    return words + f"\n\nwritten to {folder}: engine.json, engine.md" + (", engine.png" if drawn else "")
