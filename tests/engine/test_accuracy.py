"""Error of every algorithm against float64, next to PyTorch's own float32 error."""

from __future__ import annotations

import numpy as np
import pytest

from reference.engine import conv2d, conv2d_backward

torch = pytest.importorskip("torch")

SHAPES = [((1, 256, 28, 28), 256), ((1, 512, 14, 14), 512), ((2, 64, 56, 56), 64)]


def errors_of(shape, outputs, **options):
    """Largest relative errors (ours, PyTorch's) of output, input gradient and weight gradient."""
    rng = np.random.default_rng(0)
    x = rng.standard_normal(shape).astype(np.float32)
    w = (rng.standard_normal((outputs, shape[1], 3, 3)) * np.sqrt(2 / (9 * shape[1]))).astype(np.float32)
    g = rng.standard_normal((shape[0], outputs, *shape[2:])).astype(np.float32)
    found = []
    for dtype in (torch.float64, torch.float32):
        tx, tw = (torch.tensor(a, dtype=dtype, requires_grad=True) for a in (x, w))
        y = torch.nn.functional.conv2d(tx, tw, padding=1)
        y.backward(torch.tensor(g, dtype=dtype))
        found.append([v.detach().numpy().astype(np.float64) for v in (y, tx.grad, tw.grad)])
    grads = conv2d_backward(g, x, w, padding=1, **options)
    ours = conv2d(x, w, padding=1, **options), grads.inputs, grads.weight
    return [
        tuple(np.abs(a - true).max() / np.abs(true).max() for a in (mine, theirs))
        for mine, theirs, true in zip(ours, found[1], found[0], strict=True)
    ]


@pytest.mark.oracle
@pytest.mark.parametrize("algorithm", ["direct", "gemm"])
@pytest.mark.parametrize(("shape", "outputs"), SHAPES)
def test_exact_algorithms_are_nearly_as_accurate_as_pytorch(shape, outputs, algorithm):
    """Direct sum and matrix product stay within four times PyTorch's float32 error, or an absolute 1e-6."""
    for ours, theirs in errors_of(shape, outputs, algorithm=algorithm):
        assert ours < max(4 * theirs, 1e-6)


@pytest.mark.oracle
@pytest.mark.parametrize(("shape", "outputs"), SHAPES)
def test_winograd_error_on_vgg_shapes(shape, outputs):
    """F(4, 3) stays below 5e-5 of the largest value, F(2, 3) below 3e-6, forward and backward."""
    assert max(ours for ours, _ in errors_of(shape, outputs, algorithm="winograd_f4")) < 5e-5
    assert max(ours for ours, _ in errors_of(shape, outputs, algorithm="winograd_f2")) < 3e-6
