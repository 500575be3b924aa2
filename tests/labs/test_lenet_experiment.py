"""The training of LeNet as an experiment, through the command line and against PyTorch."""

import gzip
import hashlib
import re

import numpy as np
import pytest

from tests.golden import ROOT
from tests.labs.conftest import load_module
from tests.labs.experiment_runs import project_with, run_of

LAB = "lenet"
FEW = ("--set", "images=300", "--set", "batch=50")
FULL = {"train": 120, "t10k": 40}


@pytest.fixture
def project(tmp_path):
    """A folder with the lab and the reference as the submission."""
    return project_with(LAB, tmp_path)


def run(project, *words):
    """Type ``grader run`` of this lab."""
    return run_of(project, LAB, *words)


def test_training_goes_on_as_if_it_had_not_stopped(project):
    """An epoch and then another give the parameters, moments and curves of two epochs in one run."""
    run(project, *FEW, "--set", "epochs=1")
    printed, _, continued, _ = run(project, *FEW, "--set", "epochs=2")
    assert "going on from step 6" in printed
    _, _, whole, _ = run(project, *FEW, "--set", "epochs=2", "--fresh")
    assert continued.keys() == whole.keys()
    for name in sorted(set(whole) - {"facts"}):
        np.testing.assert_array_equal(continued[name], whole[name], err_msg=name)


@pytest.mark.oracle
def test_the_accuracy_is_that_of_the_parameters_that_were_kept(project):
    """PyTorch with the kept parameters reads as many test digits right, and its loss is the curve's last value."""
    torch = pytest.importorskip("torch")
    import cv2

    _, results, arrays, folder = run(project, *FEW, "--set", "epochs=2", "--set", "rate=0.01")
    with np.load(ROOT / "labs" / LAB / "mnist_subset.npz") as stored:
        digits, labels = torch.tensor(stored["x_test"]), torch.tensor(stored["y_test"]).long()
    parameters = {
        name: {key: torch.tensor(arrays[f"state/{name}/params/{key}"]) for key in ("W", "b")}
        for name in ("Conv1", "Conv2", "FC3", "FC4", "FC5")
    }
    x = (digits.float() / 127.5 - 1)[:, None]
    for name in ("Conv1", "Conv2"):
        weight, bias = parameters[name]["W"].permute(3, 2, 0, 1), parameters[name]["b"].flatten()
        x = torch.nn.functional.max_pool2d(torch.sigmoid(torch.nn.functional.conv2d(x, weight, bias)), 2)
    x = x.permute(0, 2, 3, 1).flatten(1)
    for name in ("FC3", "FC4", "FC5"):
        x = x @ parameters[name]["W"] + parameters[name]["b"]
        x = torch.sigmoid(x) if name != "FC5" else x
    right = (x.argmax(1) == labels).double().mean().item()
    assert results["test accuracy"] == pytest.approx(right, abs=2e-3)
    assert results["wrong, of 1000 digits"] == pytest.approx(1000 * (1 - right), abs=2)
    loss = torch.nn.functional.cross_entropy(x, labels).item()
    assert arrays["curve/loss/test/values"][-1] == pytest.approx(loss, rel=1e-4)
    assert cv2.imread(str(folder / "misclassified.png")).shape[0] > 100
    assert cv2.imread(str(folder / "kernels.png")).shape[1] > 6 * 5 * 10


def test_all_of_mnist_is_read_from_its_public_files(project):
    """Files in the public format that lie in the cache are taken, with their own numbers of pictures."""
    with np.load(ROOT / "labs" / LAB / "mnist_subset.npz") as stored:
        data = {name: stored[name] for name in stored.files}
    file = project / "labs" / LAB / "lab.yaml"
    text = file.read_text()
    for kind, count in FULL.items():
        part = "train" if kind == "train" else "test"
        for name, array, header in (
            ("images-idx3", data[f"x_{part}"][:count], [2051, count, 28, 28]),
            ("labels-idx1", data[f"y_{part}"][:count], [2049, count]),
        ):
            content = gzip.compress(np.array(header, ">i4").tobytes() + array.tobytes())
            target = project / ".cache" / "downloads" / "lenet-mnist" / f"{kind}-{name}-ubyte.gz"
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)
            digest = hashlib.sha256(content).hexdigest()
            text = re.sub(rf"({target.name}:\n +bytes: \d+\n +sha256: )\w+", rf"\g<1>{digest}", text)
    file.write_text(text)
    printed, results, _, _ = run(project, "--set", "data=full", "--set", "epochs=1", "--set", "batch=40")
    assert "pictures to learn from: 120, to test with: 40" in printed
    assert any("of 40 digits" in name for name in results)


def test_a_captioned_digit_shows_both_labels():
    """The picture of mistakes has the digit's ink above, and in the caption a green and a red figure."""
    experiment = load_module(ROOT / "labs" / LAB / "experiment.py")
    digit = np.zeros((1, 28, 28), np.uint8)
    digit[0, 3:6] = 255
    page = experiment.mistakes_picture(digit, np.array([1]), np.array([8]))
    assert (page[9:18, :84] == 0).all() and (page[:9, :84] == 255).all()
    caption = page[84:106, :84].reshape(-1, 3).tolist()
    # A figure is of cells, nine pixels each: "1" has eight, "8" has thirteen.
    assert caption.count(list(experiment.RIGHT_COLOUR)) == 9 * 8
    assert caption.count(list(experiment.WRONG_COLOUR)) == 9 * 13
