"""What a network consists of and where its time goes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from time import perf_counter


@dataclass(frozen=True)
class LayerSummary:
    """One line of a summary.

    Attributes
    ----------
    shape : of the output, without the batch.
    multiply_adds : of one sample.
    seconds : of the whole batch, the best of a few runs; 0 where nothing was run.
    share : of the network's time, 0 to 1.
    """

    name: str
    shape: tuple[int, ...]
    parameters: int
    multiply_adds: int
    seconds: float
    share: float


@dataclass(frozen=True)
class Summary:
    """All layers of a network, in the order of the forward pass."""

    layers: tuple[LayerSummary, ...]
    batch: int

    @property
    def parameters(self) -> int:
        return sum(layer.parameters for layer in self.layers)

    @property
    def multiply_adds(self) -> int:
        return sum(layer.multiply_adds for layer in self.layers)

    @property
    def seconds(self) -> float:
        return sum(layer.seconds for layer in self.layers)

    def __str__(self) -> str:
        head = f"{'layer':12} {'output':>15} {'parameters':>12} {'multiply-adds':>15}"
        lines = [f"{head} {'ms':>8} {'share':>6} {'GFLOP/s':>8}"]
        for layer in self.layers:
            shape = " x ".join(map(str, layer.shape))
            speed = 2e-9 * layer.multiply_adds * self.batch / layer.seconds if layer.seconds else 0
            lines.append(
                f"{layer.name:12} {shape:>15} {layer.parameters:12,} {layer.multiply_adds:15,} "
                f"{layer.seconds * 1e3:8.2f} {layer.share:6.1%} {speed:8.0f}"
            )
        lines.append(
            f"{'total':12} {'':>15} {self.parameters:12,} {self.multiply_adds:15,} {self.seconds * 1e3:8.2f}"
        )
        return "\n".join(lines)


def summarize(rows: list[tuple[str, tuple[int, ...], int, int, float]], batch: int) -> Summary:
    """A summary from (name, shape, parameters, multiply-adds, seconds)."""
    total = sum(row[4] for row in rows) or 1.0
    return Summary(tuple(LayerSummary(*row, row[4] / total) for row in rows), batch)


def best_seconds(run: Callable[[], object], repeats: int = 3) -> float:
    """Shortest of a few runs: the one that other processes disturbed least."""
    times = []
    for _ in range(repeats):
        start = perf_counter()
        run()
        times.append(perf_counter() - start)
    return min(times)
