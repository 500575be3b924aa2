"""The layers of the lab cifar10_zoo against PyTorch in float64, on the cases of the checks."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from grader.project.contract import load_lab
from tests.labs.conftest import is_one_call

ROOT = Path(__file__).resolve().parents[2]
LAB = "cifar10_zoo"
REFERENCE = ROOT / "reference" / LAB
CHECKS = load_lab(ROOT / "labs" / LAB).checks
EPSILON, MOMENTUM = 1e-3, 0.99

pytestmark = pytest.mark.oracle
torch = pytest.importorskip("torch")
functional = torch.nn.functional


def outcomes(run_checks, *names):
    """Return (case, outcomes of the reference in the named checks) for every case of these checks."""
    cases = [case for case in CHECKS[names[0]].cases(np.random.default_rng(31)) if is_one_call(case)]
    jobs = [(name, case) for case in cases for name in names]
    found = run_checks(REFERENCE, jobs, lab=LAB)
    assert [outcome.error for outcome in found if outcome.error] == []
    arrays = [outcome.arrays for outcome in found]
    return [(case, arrays[n * len(names) : (n + 1) * len(names)]) for n, case in enumerate(cases)]


def tensor(array):
    """Return an array as a tensor of float64 that collects gradients; pictures become (N, C, rows, columns)."""
    found = torch.from_numpy(np.ascontiguousarray(array)).double()
    return (found.permute(0, 3, 1, 2) if found.ndim == 4 else found).clone().requires_grad_()


def pictures(found):
    """Return a tensor of pictures in the lab's layout."""
    return (found.permute(0, 2, 3, 1) if found.ndim == 4 else found).detach().numpy()


def two(value):
    """Return a number twice, or a pair."""
    return tuple(value) if isinstance(value, list) else (value, value)


def with_border(x, kernel, strides, padding, value):
    """Return the picture with TensorFlow's border for `same`: the odd one stands behind."""
    if padding == "valid":
        return x
    border = []
    for size, k, s in reversed(list(zip(x.shape[2:], kernel, strides, strict=True))):
        total = max((-(-size // s) - 1) * s + k - size, 0)
        border += [total // 2, total - total // 2]
    return functional.pad(x, border, value=value)


def close(actual, expected, scale=1.0):
    """Compare in float32's precision."""
    np.testing.assert_allclose(actual, expected, rtol=2e-5, atol=2e-5 * scale)


def test_convolution_is_torchs(run_checks):
    """Outputs and all three gradients, for every kernel, stride and padding."""
    for case, (forward, backward) in outcomes(run_checks, "conv_forward", "conv_backward"):
        x, weight = tensor(case.x), torch.from_numpy(case.weight).double().requires_grad_()
        bias = tensor(case.bias) if case.use_bias else None
        strides = two(case.strides)
        border = with_border(x, case.weight.shape[:2], strides, case.padding, 0.0)
        y = functional.conv2d(border, weight.permute(3, 2, 0, 1), bias, strides)
        y.backward(tensor(case.out_grad).detach())
        close(forward["outputs"], pictures(y))
        close(backward["in_grad"], pictures(x.grad))
        close(backward["d_kernel"], weight.grad.numpy(), 10)
        assert ("d_bias" in backward) == case.use_bias
        if case.use_bias:
            close(backward["d_bias"], bias.grad.numpy(), 10)


def test_pooling_is_torchs(run_checks):
    """Outputs and gradients; a border never wins, of equal values the first one does."""
    for case, (forward, backward) in outcomes(run_checks, "max_pool_forward", "max_pool_backward"):
        x, window = tensor(case.x), two(case.pool_size)
        strides = window if case.strides is None else two(case.strides)
        y = functional.max_pool2d(with_border(x, window, strides, case.padding, -np.inf), window, strides)
        y.backward(tensor(case.out_grad).detach())
        close(forward["outputs"], pictures(y))
        close(backward["in_grad"], pictures(x.grad))


def test_activations_are_torchs(run_checks):
    """Every function and its gradient."""
    for case, (forward, backward) in outcomes(run_checks, "activation_forward", "activation_backward"):
        x = torch.from_numpy(case.x.copy()).double().requires_grad_()
        y = torch.softmax(x, -1) if case.function == "softmax" else getattr(torch, case.function)(x)
        y.backward(torch.from_numpy(case.out_grad.copy()).double())
        close(forward["outputs"], y.detach().numpy())
        close(backward["in_grad"], x.grad.numpy())


def test_dense_flatten_average_and_concat_are_torchs(run_checks):
    """Outputs and gradients of the layers without a window."""
    for case, (forward, backward) in outcomes(run_checks, "dense_forward", "dense_backward"):
        x, weight, bias = (
            torch.from_numpy(case.arrays[n].copy()).double().requires_grad_() for n in ("x", "weight", "bias")
        )
        y = functional.linear(x, weight.T, bias)
        y.backward(torch.from_numpy(case.out_grad.copy()).double())
        close(forward["outputs"], y.detach().numpy())
        for name, one in (("in_grad", x), ("d_kernel", weight), ("d_bias", bias)):
            close(backward[name], one.grad.numpy())
    for case, (forward, backward) in outcomes(run_checks, "flatten_forward", "flatten_backward"):
        close(forward["outputs"], torch.flatten(torch.from_numpy(case.x), 1).numpy())
        close(backward["in_grad"], case.out_grad.reshape(case.x.shape))
    for case, (forward, backward) in outcomes(run_checks, "gap_forward", "gap_backward"):
        x = tensor(case.x)
        y = functional.adaptive_avg_pool2d(x, 1).flatten(1)
        y.backward(torch.from_numpy(case.out_grad.copy()).double())
        close(forward["outputs"], y.detach().numpy())
        close(backward["in_grad"], pictures(x.grad))
    for case, (forward, backward) in outcomes(run_checks, "concatenation", "concatenation_backward"):
        parts = [torch.from_numpy(case.arrays[f"part{n}"]).requires_grad_() for n in range(case.parts)]
        y = torch.cat(parts, dim=case.axis)
        y.backward(torch.from_numpy(case.out_grad.copy()))
        close(forward["outputs"], y.detach().numpy())
        for number, part in enumerate(parts):
            close(backward[f"part{number} gradient"], part.grad.numpy())


def test_batch_normalization_is_torchs(run_checks):
    """Outputs in both modes, statistics of two batches with the biased variance, and gradients."""
    names = ("bn_training", "bn_inference", "bn_backward")
    for case, (training, inference, backward) in outcomes(run_checks, *names):
        gamma, beta, mean, variance = (
            torch.from_numpy(case.arrays[n].copy()).double()
            for n in ("gamma", "beta", "moving_mean", "moving_variance")
        )
        close(
            inference["outputs"],
            pictures(functional.batch_norm(tensor(case.x), mean, variance, gamma, beta, False, 0.0, EPSILON)),
        )
        for number, batch in enumerate((case.x, case.second), start=1):
            y = functional.batch_norm(tensor(batch), None, None, gamma, beta, True, 0.0, EPSILON)
            close(training[f"outputs {number}"], pictures(y))
            axes = tuple(range(batch.ndim - 1))
            wide = torch.from_numpy(batch).double()
            mean = MOMENTUM * mean + (1 - MOMENTUM) * wide.mean(axes)
            variance = MOMENTUM * variance + (1 - MOMENTUM) * wide.var(axes, correction=0)
            close(training[f"moving_mean {number}"], mean.numpy())
            close(training[f"moving_variance {number}"], variance.numpy())
        x, gamma, beta = tensor(case.x), gamma.requires_grad_(), beta.requires_grad_()
        functional.batch_norm(x, None, None, gamma, beta, True, 0.0, EPSILON).backward(
            tensor(case.out_grad).detach()
        )
        close(backward["in_grad"], pictures(x.grad), float(x.grad.abs().max()))
        close(backward["d_gamma"], gamma.grad.numpy(), 10)
        close(backward["d_beta"], beta.grad.numpy(), 10)


def test_the_loss_is_torchs(run_checks):
    """The mean of -log p of the right class, clipped to 1e-7 ... 1 - 1e-7, or of logits; and its gradient."""
    for case, (forward, backward) in outcomes(run_checks, "loss_forward", "loss_backward"):
        outputs = torch.from_numpy(case.outputs.copy()).double().requires_grad_()
        labels = torch.from_numpy(case.labels.reshape(-1))
        if case.from_logits:
            loss = functional.cross_entropy(outputs, labels)
        else:
            # Rounded as float32 holds the bounds.
            clipped = outputs.clamp(float(np.float32(1e-7)), float(np.float32(1 - 1e-7)))
            loss = functional.nll_loss(clipped.log(), labels)
        loss.backward()
        close(forward["loss"], loss.item())
        close(backward["in_grad"], outputs.grad.numpy())


def test_the_largest_loss_is_that_of_the_bound(run_checks):
    """A right class with the probability 0 costs -ln 1e-7 = 16.118."""
    case = next(case for case in CHECKS["loss_forward"].cases(np.random.default_rng(1)) if "nearly 0" in case.name)
    alone = type(case).of("one", from_logits=False, outputs=case.outputs[:1], labels=case.labels[:1])
    (outcome,) = run_checks(REFERENCE, [("loss_forward", alone)], lab=LAB)
    assert outcome.arrays["loss"] == pytest.approx(16.118, abs=1e-3)


def test_adam_is_torchs_but_for_where_epsilon_stands(run_checks):
    """PyTorch adds epsilon to the corrected root, Keras to the plain one; with that made up for, they are equal."""
    for case, (found,) in outcomes(run_checks, "adam_steps"):
        settings = {"learning_rate": 0.001, "beta_1": 0.9, "beta_2": 0.999, **case.settings}
        for name in ("kernel", "bias"):
            value = torch.from_numpy(case.arrays[name].copy()).double().requires_grad_()
            optimizer = torch.optim.Adam(
                [value], settings["learning_rate"], (settings["beta_1"], settings["beta_2"])
            )
            for step in (1, 2, 3):
                optimizer.param_groups[0]["eps"] = 1e-7 / np.sqrt(1 - settings["beta_2"] ** step)
                value.grad = torch.from_numpy(case.arrays[f"gradient {name} {step}"].copy()).double()
                optimizer.step()
                close(found[f"{name} {step}"], value.detach().numpy())


def test_dropout_keeps_the_mean(run_checks):
    """What is left is divided by 1 - rate, as PyTorch does it in training."""
    for case, (found,) in outcomes(run_checks, "dropout_modes"):
        torch.manual_seed(3)
        rival = functional.dropout(torch.from_numpy(case.x), case.rate, training=True)
        kept = (rival != 0).numpy()
        close(found["factor"].max(), (rival.numpy()[kept] / case.x[kept]).max())
        np.testing.assert_array_equal(found["outputs"], case.x)
