"""The training of a network of cifar10_zoo as an experiment, through the command line and against PyTorch."""

import io
import tarfile
from hashlib import sha256

import numpy as np
import pytest

from tests.golden import ROOT
from tests.labs.experiment_runs import project_with, run_of

LAB = "cifar10_zoo"
FEW = ("--set", "images=160", "--set", "batch=32")


@pytest.fixture
def project(tmp_path):
    """A folder with the lab and the reference as the submission."""
    return project_with(LAB, tmp_path)


def run(project, *words):
    """Type ``grader run`` of this lab."""
    return run_of(project, LAB, *words)


def test_training_goes_on_as_if_it_had_not_stopped(project):
    """An epoch and then another give the variables, moments and curves of two epochs in one run."""
    run(project, *FEW, "--set", "epochs=1")
    printed, _, continued, _ = run(project, *FEW, "--set", "epochs=2")
    assert "going on from step 5" in printed
    _, _, whole, _ = run(project, *FEW, "--set", "epochs=2", "--fresh")
    assert continued.keys() == whole.keys()
    assert any("/optimizer/kmoments/v0/" in name for name in whole)
    for name in sorted(set(whole) - {"facts"}):
        np.testing.assert_array_equal(continued[name], whole[name], err_msg=name)


@pytest.mark.oracle
def test_the_accuracy_is_that_of_the_variables_that_were_kept(project):
    """PyTorch's Baseline with the kept variables reads as many test pictures right, with either statistics."""
    torch = pytest.importorskip("torch")
    import cv2

    printed, results, arrays, folder = run(project, *FEW, "--set", "epochs=4")
    assert "at the end (steps: 20) its moving statistics are 82% first values" in " ".join(printed.split())
    v = [torch.from_numpy(arrays[f"state/variable/{number}"].copy()).double() for number in range(10)]
    with np.load(ROOT / "labs" / LAB / "cifar10_subset.npz") as stored:
        x, labels = stored["x_test"].astype(np.float32) / np.float32(255), stored["y_test"].reshape(-1)
        learnt = stored["x_train"][:160].astype(np.float32) / np.float32(255)
    functional = torch.nn.functional

    def convolved(pictures):
        images = torch.from_numpy(pictures).double().permute(0, 3, 1, 2)
        return functional.conv2d(images, v[0].permute(3, 2, 0, 1), v[1], padding=2)

    def accuracy(mean, variance):
        y = functional.batch_norm(convolved(x), mean, variance, v[2], v[3], False, 0.0, 1e-3)
        y = functional.max_pool2d(torch.relu(y), 2).permute(0, 2, 3, 1).flatten(1)
        y = torch.relu(y @ v[6] + v[7]) @ v[8] + v[9]
        return (y.argmax(1).numpy() == labels).mean()

    unsettled = results["test accuracy with moving statistics that have not settled"]
    assert unsettled == pytest.approx(accuracy(v[4], v[5]), abs=1e-3)
    maps = [convolved(learnt[start : start + 32]).transpose(0, 1).flatten(1) for start in range(0, 160, 32)]
    mean = torch.stack([part.mean(1) for part in maps]).mean(0)
    variance = torch.stack([part.var(1, unbiased=False) for part in maps]).mean(0)
    settled = accuracy(mean, variance)
    assert results["settled accuracy"] == pytest.approx(settled, abs=6e-3)
    assert arrays["curve/accuracy/Validation Accuracy settled/values"][-1] == results["settled accuracy"]
    assert arrays["curve/accuracy/Validation Accuracy/values"][-1] == unsettled
    for name in ("predictions", "confusion", "features", "networks", "kernels"):
        assert cv2.imread(str(folder / f"{name}.png")).std() > 5, name


def test_a_training_is_not_lost_by_another_network(project):
    """A network that raises any error is left out of the bars; the one that trains is kept."""
    with (project / "stu_upload" / LAB / "nets.py").open("a", encoding="utf-8") as file:
        file.write("\n\ndef ResNet18(*arguments):\n    raise ValueError('not yet')\n")
    _, results, _, folder = run(project, *FEW, "--set", "epochs=1", "--set", "net=LeNet5")
    assert "test accuracy" in results and (folder / "networks.png").is_file()


def test_a_network_of_millions_of_parameters_is_kept(project):
    """AlexNet8's ten million parameters come into the checkpoint; in the box little may be written."""
    _, results, arrays, _ = run(
        project, "--set", "images=32", "--set", "batch=16", "--set", "epochs=1", "--set", "net=AlexNet8"
    )
    assert sum(array.size for name, array in arrays.items() if name.startswith("state/variable/")) == 9_639_178
    assert "test accuracy" not in results and results["first values left in the moving statistics"] > 0.9


def test_a_network_without_statistics_says_nothing_of_them(project):
    """LeNet5 has no batch normalisation: no note on statistics, but one on its slow beginning."""
    printed, results, _, _ = run(project, *FEW, "--set", "epochs=1", "--set", "net=LeNet5")
    assert "moving statistics" not in printed and "stays at chance" in printed
    assert "settled accuracy" not in results and 0 <= results["test accuracy"] <= 1


def test_all_of_cifar10_is_read_from_its_public_archive(project):
    """An archive in the public binary format that lies in the cache is taken: labels, channels first, in order."""
    with np.load(ROOT / "labs" / LAB / "cifar10_subset.npz") as stored:
        data = {name: stored[name] for name in stored.files}
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for number in range(6):
            part = "train" if number < 5 else "test"
            pictures = (
                data[f"x_{part}"][number % 5 * 32 : number % 5 * 32 + 32].transpose(0, 3, 1, 2).reshape(32, -1)
            )
            labels = data[f"y_{part}"].reshape(-1, 1)[number % 5 * 32 : number % 5 * 32 + 32]
            content = np.hstack([labels.astype(np.uint8), pictures]).tobytes()
            name = f"data_batch_{number + 1}.bin" if number < 5 else "test_batch.bin"
            entry = tarfile.TarInfo(f"cifar-10-batches-bin/{name}")
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    target = project / ".cache" / "downloads" / "cifar10_zoo-cifar10" / "cifar-10-binary.tar.gz"
    target.parent.mkdir(parents=True)
    target.write_bytes(buffer.getvalue())
    file = project / "labs" / LAB / "lab.yaml"
    known = "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd"
    text = file.read_text()
    assert text.count(known) == 1
    file.write_text(text.replace(known, sha256(buffer.getvalue()).hexdigest()))
    printed, _, from_archive, _ = run(project, "--set", "data=full", "--set", "epochs=1")
    assert "pictures to learn from: 160, to test with: 32" in printed
    _, _, from_subset, _ = run(project, *FEW, "--set", "epochs=1")
    for number in range(10):
        name = f"state/variable/{number}"
        np.testing.assert_array_equal(from_archive[name], from_subset[name], err_msg=name)
