"""The training of LeNet-5 and ResNet18 as an experiment, through the command line and against PyTorch."""

from __future__ import annotations

import numpy as np
import pytest

from tests.golden import ROOT
from tests.labs import resnet18_oracle as oracle
from tests.labs.conftest import load_module
from tests.labs.experiment_runs import project_with, run_of

LAB = "resnet18"
NARROW = ("--set", "model=resnet", "--set", "width=4", "--set", "images=128")


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """A folder with the lab and the reference as the submission."""
    return project_with(LAB, tmp_path_factory.mktemp("project"))


def run(project, *words):
    """Type ``grader run`` of this lab."""
    return run_of(project, LAB, *words)


@pytest.fixture(scope="module")
def two_epochs(project):
    """Return what two epochs of both narrow nets give in one run."""
    return run(project, *NARROW, "--set", "epochs=2", "--fresh")


def test_training_goes_on_as_if_it_had_not_stopped(project, two_epochs):
    """An epoch and then another give the parameters, statistics and curves of two epochs in one run."""
    whole = two_epochs[2]
    run(project, *NARROW, "--set", "epochs=1", "--fresh")
    printed, _, continued, _ = run(project, *NARROW, "--set", "epochs=2")
    assert "going on from step 2" in printed
    assert continued.keys() == whole.keys()
    for name in sorted(set(whole) - {"facts"}):
        np.testing.assert_array_equal(continued[name], whole[name], err_msg=name)


@pytest.mark.oracle
def test_losses_are_those_of_torch(two_epochs):
    """PyTorch, with the same first weights, rate and order of digits, has the same losses in every step."""
    torch = pytest.importorskip("torch")
    _, _, arrays, _ = two_epochs
    experiment, nndl = (load_module(ROOT / "labs" / LAB / f"{name}.py") for name in ("experiment", "nndl"))
    values = experiment.lab_module("checks_values")
    data = nndl.MNIST_dataset("train", 128)
    for name, residual in (("with shortcuts", True), ("without shortcuts", False)):
        net = oracle.resnet(1, 10, 4, residual)
        shapes = values.resnet_shapes(1, 10, 4, residual)
        oracle.load(net, values.values_of(shapes, 1, biased={"net.0.0"}, fresh=True))
        optimizer = torch.optim.SGD(net.train().parameters(), lr=experiment.EQUAL_RATE)
        losses = []
        for epoch in range(2):
            order = np.random.default_rng([1, epoch]).permutation(128)
            for chosen in (order[:64], order[64:]):
                optimizer.zero_grad()
                x, labels = torch.from_numpy(data.images[chosen]).double(), torch.from_numpy(data.labels[chosen])
                loss = torch.nn.functional.cross_entropy(net(x), labels)
                loss.backward()
                optimizer.step()
                losses.append(loss.item())
        np.testing.assert_allclose(arrays[f"curve/loss/{name}/values"], losses, rtol=1e-3)


def test_results_and_pictures_are_there(two_epochs):
    """Both curves in one picture, accuracies, the ratio of the losses, and every picture that the handout names."""
    import cv2

    printed, results, _, folder = two_epochs
    assert {"test accuracy, with shortcuts", "test accuracy, without shortcuts"} < results.keys()
    with_, without = (results[f"training loss of the last epoch, {kind} shortcuts"] for kind in ("with", "without"))
    assert results["loss with shortcuts / loss without"] == pytest.approx(with_ / without)
    assert "do not compare like with like" in printed and "0.81 (without shortcuts)" in printed
    names = [
        f"{kind}_{net}_shortcuts"
        for kind in ("confusion", "mistakes", "features", "kernels")
        for net in ("with", "without")
    ]
    for name in (*names, "gradient_norms", "edges", "curves"):
        assert min(cv2.imread(str(folder / f"{name}.png")).shape[:2]) > 60, name


def test_lenet_trains_by_the_same_command(project):
    """MODEL=lenet is the default; it shows one net."""
    _, results, arrays, folder = run(project, "--set", "images=64", "--set", "epochs=1")
    assert {"test accuracy, LeNet-5"} <= results.keys() and "loss with shortcuts / loss without" not in results
    assert len(arrays["curve/loss/LeNet-5/values"]) == 1
    assert (folder / "confusion_lenet5.png").is_file() and (folder / "kernels_lenet5.png").is_file()


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ('raise NotImplementedError("TODO edges")', "edge.py is not written yet"),
        ("return picture[0]", "there is no picture of edges: "),
    ],
)
def test_a_training_is_not_lost_by_edges_that_are_not_there(tmp_path, body, words):
    """LeNet-5 needs no edges: what is wrong with them is said, and all else is kept."""
    project = project_with(LAB, tmp_path)
    file = project / "stu_upload" / LAB / "edge.py"
    with file.open("a", encoding="utf-8") as stream:
        stream.write(f"\n\ndef edges(picture, neighbours=8):\n    {body}\n")
    printed, results, _, folder = run(project, "--set", "images=64", "--set", "epochs=1")
    assert words in " ".join(printed.split())
    assert "test accuracy, LeNet-5" in results and (folder / "features_lenet5.png").is_file()
    assert not (folder / "edges.png").exists()


def test_a_confusion_matrix_counts_every_digit():
    """A cell has the colour of its share of the row: all right is full blue on the diagonal, nothing elsewhere."""
    pictures = load_module(ROOT / "labs" / LAB / "experiment_pictures.py")
    labels = np.repeat(np.arange(10), 3)
    page = pictures.confusion(labels, labels, "net")
    corner = pictures.TOP + 2, pictures.LEFT + 2
    assert tuple(page[corner]) == pictures.RIGHT
    assert tuple(page[corner[0], corner[1] + pictures.CELL]) == pictures.PAPER
    wrong = pictures.confusion(labels, (labels + 1) % 10, "net")
    assert tuple(wrong[corner]) == pictures.PAPER
    assert tuple(wrong[corner[0], corner[1] + pictures.CELL]) == pictures.WRONG


def test_kernels_are_grey_at_zero_and_black_at_the_largest():
    """All on one scale: -1 white, 0 grey, 1 black; 17 kernels take two rows."""
    pictures = load_module(ROOT / "labs" / LAB / "experiment_pictures.py")
    weight = np.zeros((17, 1, 5, 5), np.float32)
    weight[0, 0, 0, 0], weight[16, 0, 0, 0] = 1, -1
    page = pictures.kernels(weight, "net")
    assert page[30, pictures.GAP].tolist() == [0, 0, 0]
    assert page[30 + 12, pictures.GAP].tolist() == [127] * 3
    step = 56
    assert page[30 + step, pictures.GAP].tolist() == [255] * 3
    assert len(page) == 2 * step + 36


def test_feature_maps_are_what_the_layers_get_and_give():
    """A layer that is listened to returns what it returned, and both ends are kept for the first picture only."""
    experiment = load_module(ROOT / "labs" / LAB / "experiment.py")
    found = {}
    x = np.arange(6, dtype=np.float32).reshape(2, 3)
    y = experiment._listening(lambda values: 2 * values, "in", "out", found)(x)
    np.testing.assert_array_equal(y, 2 * x)
    np.testing.assert_array_equal(found["in"], x[0])
    np.testing.assert_array_equal(found["out"], 2 * x[0])
    assert list(experiment.STAGES) == ["LeNet-5", "with shortcuts", "without shortcuts"]


def test_the_surest_mistake_comes_first():
    """Two digits of three are misread; the one with the larger margin stands at the left."""
    pictures = load_module(ROOT / "labs" / LAB / "experiment_pictures.py")
    digits = np.zeros((3, 28, 28), np.uint8)
    digits[1], digits[2] = 100, 200
    logits = np.zeros((3, 10))
    logits[0, 0], logits[1, 5], logits[2, 5] = 1, 1, 3
    page = pictures.mistakes(digits, np.array([0, 1, 2]), logits, "net")
    row, left = pictures.HEADING + pictures.GAP + 5, pictures.GAP + 5
    assert page[row, left].tolist() == [55] * 3
    assert page[row, left + pictures.TILE + pictures.GAP].tolist() == [155] * 3
    assert pictures.mistakes(digits[:1], np.array([0]), logits[:1], "net").shape[0] == 60
