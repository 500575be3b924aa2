"""The lab vgg19 on small arrays: reference against PyTorch, golden submissions, building, skeleton."""

from __future__ import annotations

import ast
from pathlib import Path

import numpy as np
import pytest

from grader.lab.checks import Case, Check
from grader.project.contract import load_lab
from grader.publishing.skeleton import generate
from tests.labs.conftest import same_of_every_call

ROOT = Path(__file__).resolve().parents[2]
REFERENCE = ROOT / "reference" / "vgg19"
GOLDEN = ROOT / "tests" / "submissions" / "vgg19"
RIGHT = [
    "course_loops",
    "im2col_gemm",
    "as_strided_windows",
    "einsum_windows",
    "tensordot_offsets",
    "numba_loops",
    "mutates_inputs",
]


@pytest.fixture(scope="module")
def layer_checks() -> list[Check]:
    """Return the checks that need no parameters."""
    return [check for check in load_lab(ROOT / "labs" / "vgg19").checks.values() if not check.slow]


@pytest.fixture(scope="module")
def jobs(layer_checks) -> list[tuple[str, Case]]:
    """Return every layer check with every case of one seed."""
    rng = np.random.default_rng(19)
    return [(check.id, case) for check in layer_checks for case in check.cases(rng)]


@pytest.fixture(scope="module")
def reference_outcomes(tmp_path_factory, run_checks_in, jobs):
    """Return what the reference gives for every job."""
    return run_checks_in(tmp_path_factory.mktemp("reference"))(REFERENCE, jobs, lab="vgg19")


def expected_by_torch(name, case):
    """Return what PyTorch computes in float64 for a case."""
    import torch
    from torch.nn import functional

    arrays = {key: torch.from_numpy(value.copy()).double() for key, value in case.arrays.items()}
    if name == "conv_forward":
        weight = arrays["weight"].permute(3, 0, 1, 2)
        y = functional.conv2d(arrays["x"], weight, arrays["bias"], stride=case.stride, padding=case.padding)
    elif name == "max_pool_forward":
        y = functional.max_pool2d(arrays["x"], case.k, case.stride)
    elif name == "relu_forward":
        y = functional.relu(arrays["x"])
    elif name == "flatten_forward":
        y = torch.flatten(arrays["x"].movedim(1, 3), 1)
    elif name == "fully_connected_forward":
        y = functional.linear(arrays["x"], arrays["weight"].T, arrays["bias"])
    else:
        y = functional.softmax(arrays["logits"], dim=1)
    return y.numpy()


@pytest.mark.oracle
def test_every_layer_agrees_with_torch_on_every_case(reference_outcomes, jobs):
    """Outputs of the reference are PyTorch's, in shape and value."""
    pytest.importorskip("torch")
    seen = set()
    for (name, case), outcome in zip(jobs, reference_outcomes, strict=True):
        assert outcome.error is None, (name, case.name, outcome.error)
        if name == "network_build":
            continue
        (actual,) = same_of_every_call(outcome).values()
        expected = expected_by_torch(name, case)
        assert actual.shape == expected.shape, (name, case.name)
        np.testing.assert_allclose(actual, expected, rtol=2e-5, atol=2e-5, err_msg=f"{name}: {case.name}")
        seen.add(name)
    assert len(seen) == 6


@pytest.mark.parametrize("name", RIGHT)
def test_right_submissions_agree_with_the_reference(golden, run_checks, reference_outcomes, jobs, tmp_path, name):
    """However a right submission is written, it gives the reference's shapes and values, to float32 rounding."""
    golden.materialise(GOLDEN / name, tmp_path / "student")
    outcomes = run_checks(tmp_path / "student", jobs, lab="vgg19")
    for (check, case), wanted, found in zip(jobs, reference_outcomes, outcomes, strict=True):
        assert found.error is None, (check, case.name, found.error)
        assert found.arrays.keys() == wanted.arrays.keys()
        for key, expected in wanted.arrays.items():
            actual = found.arrays[key]
            assert actual.shape == expected.shape and actual.dtype.kind == "f", (check, case.name)
            np.testing.assert_allclose(actual, expected, rtol=1e-5, atol=1e-5, err_msg=f"{check}: {case.name}")


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        (
            "ConvolutionalLayer(3, channels, width, 1, 1)",
            "ConvolutionalLayer(3, channels, width, 0, 1)",
            "padding 0",
        ),
        ("ConvolutionalLayer(3, channels, width, 1, 1)", "ConvolutionalLayer(5, channels, width, 1, 1)", "conv1_1"),
        ("MaxPoolingLayer(2, 2)", "MaxPoolingLayer(2, 1)", "pool1 has stride 1"),
        ("FullyConnectedLayer(4096, 1000)", "FullyConnectedLayer(4096, 10)", "num_output 10"),
        ("FullyConnectedLayer(4096, 4096)", "ReLULayer()", "fc7"),
        ('self.layers["relu6"] = ReLULayer()', "pass", "no 'relu6'"),
        ("'flatten', 'fc6', 'relu6'", "'fc6', 'relu6'", "layer 38"),
        ("'fc8', 'Softmax',", "'fc8',", "43 layers"),
    ],
)
def test_a_wrong_network_is_named_by_its_first_wrong_layer(run_checks, golden, tmp_path, old, new, words):
    """Names, kinds and sizes of layers are checked, and the message says which layer is wrong and how."""
    student = tmp_path / "student"
    student.mkdir()
    for file in REFERENCE.glob("*.py"):
        text = file.read_text()
        if file.name == "vgg_cpu.py":
            assert text.count(old) == 1
            text = text.replace(old, new)
        (student / file.name).write_text(text)
    (outcome,) = run_checks(student, [("network_build", Case.of("default"))], lab="vgg19")
    assert outcome.error is not None and outcome.error["verdict"] == "wrong", outcome.error
    assert words in outcome.error["message"]


@pytest.mark.parametrize("name", ["layers_1.py", "layers_2.py", "vgg_cpu.py"])
def test_committed_skeleton_is_what_the_generator_makes(name):
    """The lab's skeleton is generated from the reference and from nothing else."""
    skeleton = (ROOT / "labs" / "vgg19" / name).read_text(encoding="utf-8")
    assert skeleton == generate((REFERENCE / name).read_text(encoding="utf-8"), name)
    ast.parse(skeleton)


def test_untouched_skeleton_is_unfinished_in_every_layer_check(run_checks, jobs):
    """Every check ends with the verdict unfinished: nothing is solved in advance."""
    for (name, case), outcome in zip(jobs, run_checks(ROOT / "labs" / "vgg19", jobs, lab="vgg19"), strict=True):
        assert outcome.error is not None and outcome.error["verdict"] == "unfinished", (name, case.name)
