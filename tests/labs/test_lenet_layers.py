"""The lab lenet on small arrays: reference against PyTorch's gradients, variants, and the skeleton."""

from __future__ import annotations

import ast
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from grader.lab.checks import Case, Check
from grader.project.contract import load_lab
from grader.project.solution import write_solution
from grader.publishing.skeleton import generate
from tests.labs.conftest import is_one_call, load_module

ROOT = Path(__file__).resolve().parents[2]
LAB = "lenet"
REFERENCE = ROOT / "reference" / LAB
VARIANTS = sorted(folder.name for folder in (REFERENCE / "variants").iterdir())
FILES = ["conv.py", "layers.py", "lenet.py", "exercises.py"]


@pytest.fixture(scope="module")
def layer_checks() -> list[Check]:
    """Return the checks of functions and layers."""
    return [check for check in load_lab(ROOT / "labs" / LAB).checks.values() if not check.slow]


@pytest.fixture(scope="module")
def jobs(layer_checks) -> list[tuple[str, Case]]:
    """Return every quick check with every case of one seed."""
    return [(check.id, case) for check in layer_checks for case in check.cases(np.random.default_rng(12))]


@pytest.fixture(scope="module")
def reference_outcomes(tmp_path_factory, run_checks_in, jobs):
    """Return what the reference gives for every job."""
    return run_checks_in(tmp_path_factory.mktemp("reference"))(REFERENCE, jobs, lab=LAB)


@pytest.fixture(scope="module")
def checks_module():
    """Return the lab's checks, to ask them about matrices of windows."""
    return load_module(ROOT / "labs" / LAB / "checks_layers.py")


def around(checks_module, case) -> tuple[int, int, int, int]:
    """Return the zeros left, right, above and below, in PyTorch's order; `same` by TensorFlow's rule."""
    pad = checks_module.pad_of(case)
    if pad == "same":
        kernel, dilation = checks_module.kernel_of(case), case.config.get("dilation", 1)
        (top, bottom), (left, right) = (
            ((size - 1) * dilation // 2, (size - 1) * dilation - (size - 1) * dilation // 2) for size in kernel
        )
    else:
        top, bottom, left, right = (
            (0,) * 4 if pad in ("valid", None) else (pad,) * 4 if isinstance(pad, int) else pad
        )
    return left, right, top, bottom


def expected_by_torch(name, case, checks_module):
    """Return what PyTorch computes in float64 for a case, gradients by its own differentiation."""
    import torch
    from torch.nn import functional

    a = {key: torch.from_numpy(value.copy()).double().requires_grad_() for key, value in case.arrays.items()}
    if name.startswith("flatten"):
        keep = case.keep_dim
        shape = {"first": (len(case.x), -1), "last": (-1, case.x.shape[-1]), "none": (1, -1)}[keep]
        y = a["x"].reshape(shape)
    else:
        x = functional.pad(a["x"].permute(0, 3, 1, 2), around(checks_module, case))
        kernel = checks_module.kernel_of(case)
        if "pool" in name:
            pool = functional.max_pool2d if "max" in name else functional.avg_pool2d
            y = pool(x, kernel, case.stride)
        else:
            bias = None if "conv2d" in name else a["bias"]
            weight, dilation = a["weight"].permute(3, 2, 0, 1), case.config.get("dilation", 1)
            y = functional.conv2d(x, weight, bias, case.stride, dilation=dilation)
            y = {
                "sigmoid": torch.sigmoid,
                "relu": torch.relu,
                "affine(slope=2, intercept=1)": lambda v: 2 * v + 1,
            }.get(case.config.get("acti_fn"), lambda v: v)(y)
        y = y.permute(0, 2, 3, 1)
    found = {} if "backward" in name else {"outputs": y.detach().numpy()}
    if "backward" in name or name == "activation":
        y.backward(a["out_grad"].detach())
        found["in_grad"] = a["x"].grad.numpy()
        if "bias" in a:
            for key in ("weight", "bias"):
                found[f"d_{key}"] = a[key].grad.numpy() + case.arrays.get(f"earlier_d_{key}", 0)
    return found


@pytest.mark.oracle
def test_every_layer_agrees_with_torch_on_every_case(reference_outcomes, jobs, checks_module):
    """Convolutions, poolings and flatten, forward and backward, are PyTorch's, in shape and value."""
    pytest.importorskip("torch")
    seen = set()
    for (name, case), outcome in zip(jobs, reference_outcomes, strict=True):
        if not name.startswith(("conv", "gemm", "max_pool", "average_pool", "flatten", "activation")):
            continue
        if not is_one_call(case):
            continue
        expected = expected_by_torch(name, case, checks_module)
        assert outcome.arrays.keys() == expected.keys()
        for key, wanted in expected.items():
            assert outcome.arrays[key].shape == wanted.shape, (name, case.name, key)
            np.testing.assert_allclose(outcome.arrays[key], wanted, rtol=2e-5, atol=2e-5, err_msg=f"{name}: {key}")
        seen.add(name)
    assert len(seen) == 13


@pytest.mark.oracle
def test_matrices_of_windows_are_those_of_torch(reference_outcomes, jobs, checks_module):
    """im2col is PyTorch's unfold, but for the order of rows and columns, with which the check does not bother."""
    torch = pytest.importorskip("torch")

    def unfolded(x, weight_shape, pad, stride, dilation):
        padded = torch.nn.functional.pad(torch.from_numpy(x).permute(0, 3, 1, 2), around(checks_module, case))
        matrix = torch.nn.functional.unfold(padded, weight_shape[:2], dilation=dilation, stride=stride)
        left, right, top, bottom = around(checks_module, case)
        return matrix.permute(1, 2, 0).reshape(matrix.shape[1], -1).numpy(), (top, bottom, left, right)

    def hold(condition, message, **values):
        assert condition, message.format(**values)

    student = SimpleNamespace(conv=SimpleNamespace(im2col=unfolded), require=hold)
    compared = 0
    for (name, case), outcome in zip(jobs, reference_outcomes, strict=True):
        if name == "im2col":
            expected = checks_module.im2col(student, case)
            for key, wanted in expected.items():
                np.testing.assert_array_equal(outcome.arrays[key], wanted, err_msg=case.name)
            compared += 1
    assert compared > 20


def test_col2im_is_the_transpose_of_im2col(reference_outcomes, jobs):
    """<im2col(x), c> = <x, col2im(c)> for every case, and that is what defines col2im."""
    found = {
        (name, case.name): (case, outcome.arrays)
        for (name, case), outcome in zip(jobs, reference_outcomes, strict=True)
    }
    names = [case for name, case in found if name == "col2im"]
    assert len(names) > 20
    for name in names:
        case, columns = found["im2col", name]
        forward = float((columns["columns"].astype(np.float64) * case.columns).sum())
        backward = float((case.x.astype(np.float64) * found["col2im", name][1]["image"]).sum())
        assert abs(forward - backward) < 1e-4 * np.linalg.norm(case.columns) * np.linalg.norm(columns["columns"])


def test_same_padding_is_tensorflows(run_checks):
    """The zeros of `same` are those of TensorFlow's published rule for stride 1, the odd one after the picture."""
    rows, columns = 9, 10
    x = np.ones((1, rows, columns, 1), np.float32)
    jobs, rule = [], []
    for dilation in (1, 2):
        for kernel in ((1, 1), (2, 3), (3, 2), (4, 5), (5, 4)):
            settings = {"pad": "same", "kernel_shape": list(kernel), "stride": 1, "dilation": dilation}
            jobs.append(("padding", Case.of(f"{kernel}, dilation {dilation}", **settings, x=x)))
            expected = []
            for size, width in zip((rows, columns), kernel, strict=True):
                reach = (width - 1) * dilation + 1
                out = -(-size // 1)
                total = max((out - 1) * 1 + reach - size, 0)
                expected += [total // 2, total - total // 2]
            rule.append(expected)
    for (_, case), expected, outcome in zip(jobs, rule, run_checks(REFERENCE, jobs, lab=LAB), strict=True):
        assert outcome.arrays["p"].tolist() == expected, case.name
        assert outcome.arrays["padded"].shape == (1, rows + sum(expected[:2]), columns + sum(expected[2:]), 1)


def test_the_zeros_of_same_are_the_fewest_that_give_the_wanted_size(reference_outcomes, jobs):
    """Counted, not computed: the windows are as many as wanted, and with one zero less they are not."""
    seen = set()
    for (name, case), outcome in zip(jobs, reference_outcomes, strict=True):
        if name == "padding" and case.pad == "same":
            sizes = case.x.shape[1:3]
            zeros = outcome.arrays["p"].reshape(2, 2).tolist()
            wanted = case.config.get("out_dim", sizes)
            for size, (before, after), width, out in zip(sizes, zeros, case.kernel_shape, wanted, strict=True):
                reach = case.dilation * (width - 1) + 1
                places = range(size + before + after - reach + 1)
                assert len(places[:: case.stride]) == out and len(places[:-1][:: case.stride]) < out, case.name
                assert after - before in (0, 1), case.name
            seen.add((case.stride, "out_dim" in case.config))
    assert seen == {(1, False), (2, False), (3, False), (2, True)}


def test_flatten_called_twice_goes_back_from_the_last_call(reference_outcomes, jobs):
    """Its gradient has the shape of the second batch, which is another one, and the numbers in their order."""
    [(case, outcome)] = [
        (case, outcome)
        for (name, case), outcome in zip(jobs, reference_outcomes, strict=True)
        if name == "flatten_backward" and "earlier_x" in case.arrays
    ]
    assert case.earlier_x.shape != case.x.shape
    np.testing.assert_array_equal(outcome.arrays["in_grad"], case.out_grad.reshape(case.x.shape))


@pytest.mark.parametrize("name", VARIANTS)
def test_variants_agree_with_the_reference(run_checks, reference_outcomes, jobs, tmp_path, name):
    """However a right solution is written, it gives the reference's shapes and values, to float32 rounding."""
    student = tmp_path / "student"
    write_solution(REFERENCE, name, student)
    for (check, case), wanted, found in zip(
        jobs, reference_outcomes, run_checks(student, jobs, lab=LAB), strict=True
    ):
        assert wanted.error is None, (check, case.name, wanted.error)
        assert found.error is None, (check, case.name, found.error)
        assert found.arrays.keys() == wanted.arrays.keys()
        for key, array in wanted.arrays.items():
            assert found.arrays[key].shape == array.shape, (check, case.name, key)
            np.testing.assert_allclose(found.arrays[key], array, rtol=3e-5, atol=3e-5, err_msg=f"{check}: {key}")


@pytest.mark.parametrize("name", FILES)
def test_committed_skeleton_is_what_the_generator_makes(name):
    """The lab's skeleton is generated from the reference and from nothing else."""
    skeleton = (ROOT / "labs" / LAB / name).read_text(encoding="utf-8")
    assert skeleton == generate((REFERENCE / name).read_text(encoding="utf-8"), name)
    ast.parse(skeleton)


def test_untouched_skeleton_is_unfinished_wherever_there_is_a_hole(run_checks, layer_checks, jobs):
    """Every check ends with the verdict unfinished: nothing is solved in advance."""
    holed = {check.id for check in layer_checks if check.holes}
    for (name, case), outcome in zip(jobs, run_checks(ROOT / "labs" / LAB, jobs, lab=LAB), strict=True):
        if name in holed and case.config.get("pad") not in (0, "valid"):
            assert outcome.error is not None and outcome.error["verdict"] == "unfinished", (name, case.name)
