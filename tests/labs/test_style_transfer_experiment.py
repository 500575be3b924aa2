"""The whole experiment of style transfer on a tiny picture, through the command line and against PyTorch."""

import subprocess
import sys

import numpy as np
import pytest

from tests.golden import ROOT
from tests.labs.conftest import load_module
from tests.labs.experiment_runs import DEADLINE_S, project_with, read_run, type_run

LAB = "style_transfer"
ROWS, COLUMNS = 16, 32
CHANNELS = {"conv1_1": (3, 64), "conv1_2": (64, 64), "conv2_1": (64, 128)}


@pytest.fixture(scope="module")
def experiment():
    """The lab's ``experiment.py``, which is ours."""
    return load_module(ROOT / "labs" / LAB / "experiment.py")


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """A folder with the lab and the reference as the submission."""
    return project_with(LAB, tmp_path_factory.mktemp("project"))


def run(project, *words):
    """Type ``grader run`` on a tiny picture."""
    return type_run(project, LAB, "--set", f"size={ROWS}x{COLUMNS}", *words, GRADER_CACHE=str(ROOT / ".cache"))


def partial_weights(file, names=tuple(CHANNELS)):
    """Write random weights of the first layers, as public files name them; return them."""
    rng = np.random.default_rng(3)
    arrays = {}
    for name in names:
        c_in, c_out = CHANNELS[name]
        scale = np.sqrt(2 / (9 * c_in)) / (64 if c_in == 3 else 1)
        arrays[f"{name}_w"] = (rng.standard_normal((c_out, c_in, 3, 3)) * scale).astype(np.float32)
        arrays[f"{name}_b"] = rng.standard_normal(c_out).astype(np.float32) * np.float32(0.1)
    np.savez(file, **arrays)
    return arrays


def test_the_experiment_runs_with_all_layers_and_goes_on(project):
    """Two steps in two runs give the same as two in one; pictures, losses and measures are there."""
    read_run(run(project, "--set", "steps=1", "--weights", "seeded"))
    _, results, continued, folder = read_run(run(project, "--set", "steps=2", "--weights", "seeded"))
    expected = read_run(run(project, "--set", "steps=2", "--weights", "seeded", "--fresh")).arrays
    for name in ("state/picture", "state/optimiser/mt", "curve/loss/total/values"):
        np.testing.assert_array_equal(continued[name], expected[name])
    assert {"style distance, relu5_1 (in the loss)", "style distance, relu2_2 (not in the loss)"} <= set(results)
    assert {"content distance, relu4_2", "structural similarity to the photograph"} <= set(results)
    import cv2

    assert cv2.imread(f"{folder}/stylised.png").shape == (427, 640, 3)
    assert cv2.imread(f"{folder}/side_by_side.png").shape == (ROWS, 3 * COLUMNS, 3)


def test_a_course_file_with_a_list_of_names_runs_unchanged(tmp_path):
    """The course's files keep the names in a list and call `list.index` on it: the layers in use stay a list."""
    file = tmp_path / "part.npz"
    partial_weights(file)
    project = project_with(LAB, tmp_path / "project", "course_style")
    program = (project / "stu_upload" / LAB / "exp_3_3_style_transfer.py").read_text(encoding="utf-8")
    assert "list.index(self.param_layer_name" in program
    done = read_run(run(project, "--set", "steps=1", "--weights", file))
    assert np.isfinite(done.arrays["state/picture"]).all()


def test_weights_that_end_early_are_used_as_far_as_they_go(project, tmp_path):
    """The layers that there are take over, which the result says; grading with such a file is refused."""
    file = tmp_path / "part.npz"
    partial_weights(file)
    done = run(project, "--set", "steps=1", "--weights", file)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "the weights end before relu4_2: content is taken at relu2_1 only" in done.stdout
    assert "before relu3_1, relu4_1, relu5_1: style is taken at relu1_1, relu2_1 only" in done.stdout
    graded = subprocess.run(
        [sys.executable, "-m", "grader", "grade", LAB, "--weights", str(file), "--submission", str(project)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=DEADLINE_S,
        check=False,
    )
    assert graded.returncode in (2, 3) and "score" not in graded.stdout.lower()


def test_weights_without_a_first_layer_are_refused(project, tmp_path):
    """Nothing can be computed without conv1_1, and the message names it."""
    partial_weights(tmp_path / "part.npz", ("conv1_2",))
    done = run(project, "--set", "steps=1", "--weights", tmp_path / "part.npz")
    assert done.returncode == 2 and "lack conv1_1" in done.stderr


@pytest.mark.oracle
def test_losses_steps_and_measures_agree_with_pytorch(project, tmp_path):
    """The loss of the first step, the picture after it and the style distance are PyTorch's, computed apart."""
    torch = pytest.importorskip("torch")
    import cv2

    file = tmp_path / "part.npz"
    weights = {name: torch.tensor(array).double() for name, array in partial_weights(file).items()}
    done = run(
        project, "--set", "steps=1", "--weights", file, "--set", "seed=5", "--set", "noise=0.25", "--set", "rate=1"
    )
    _, results, arrays, _ = read_run(done)

    def picture(name):
        image = cv2.imread(str(ROOT / "labs" / LAB / "pictures" / name))[:, :, ::-1]
        image = cv2.resize(np.ascontiguousarray(image), (COLUMNS, ROWS), interpolation=cv2.INTER_LINEAR)
        return (image.astype(np.float32) - np.float32([123.68, 116.779, 103.939])).transpose(2, 0, 1)[None]

    def features(x):
        found = {}
        for name in CHANNELS:
            x = torch.nn.functional.conv2d(x, weights[f"{name}_w"], weights[f"{name}_b"], padding=1).relu()
            found[name.replace("conv", "relu")] = x
            x = torch.nn.functional.max_pool2d(x, 2) if name.endswith("_2") else x
        return found

    def gram(x):
        return torch.einsum("ncx,ndx->ncd", x.flatten(2), x.flatten(2))

    content, painting = picture("china.jpg"), picture("starry_night.jpg")
    np.random.seed(5)
    start = np.random.uniform(-20, 20, content.shape) * 0.25 + content * 0.75
    x = torch.tensor(start, requires_grad=True)
    seen, wanted, styled = (
        features(each) for each in (x, torch.tensor(content).double(), torch.tensor(painting).double())
    )
    loss = 0.5 * (seen["relu2_1"] - wanted["relu2_1"]).square().mean()
    for name in ("relu1_1", "relu2_1"):
        size = seen[name][0].numel()
        loss = loss + 500 / 2 * (gram(seen[name]) - gram(styled[name])).square().sum() / (4 * size**2)
    np.testing.assert_allclose(arrays["curve/loss/total/values"], [loss.item()], rtol=1e-6)
    optimiser = torch.optim.Adam([x], lr=1.0, eps=1e-8)
    loss.backward()
    optimiser.step()
    # Adam's first step is one in either direction; where the gradient is nearly zero, rounding decides.
    apart = np.abs(arrays["state/picture"] - x.detach().numpy())
    assert np.quantile(apart, 0.99) < 1e-4 and np.abs(x.detach().numpy() - start).mean() > 0.9
    with torch.no_grad():
        after = features(x)
    for name, kind in (("relu1_2", "not in the loss"), ("relu2_1", "in the loss")):
        far, near = (torch.linalg.norm(gram(each[name]) - gram(styled[name])) for each in (wanted, after))
        assert results[f"style distance, {name} ({kind})"] == pytest.approx((near / far).item(), rel=1e-4)


def test_structural_similarity_is_that_of_the_definition(experiment):
    """Window by window with loops in float64, as the paper defines it."""
    rng = np.random.default_rng(8)
    one = rng.integers(0, 256, (15, 17, 3), dtype=np.uint8)
    other = np.clip(one + rng.integers(-40, 40, one.shape), 0, 255).astype(np.uint8)
    offsets = np.arange(11) - 5
    weight = np.exp(-(offsets[:, None] ** 2 + offsets[None] ** 2) / (2 * 1.5**2))
    weight /= weight.sum()
    x, y = (picture.astype(float) @ [0.299, 0.587, 0.114] for picture in (one, other))
    values = []
    for row in range(15 - 10):
        for column in range(17 - 10):
            a, b = (grey[row : row + 11, column : column + 11] for grey in (x, y))
            mean_a, mean_b = (weight * a).sum(), (weight * b).sum()
            variance_a, variance_b = (weight * (a - mean_a) ** 2).sum(), (weight * (b - mean_b) ** 2).sum()
            covariance = (weight * (a - mean_a) * (b - mean_b)).sum()
            c1, c2 = 2.55**2, 7.65**2
            values.append(
                (2 * mean_a * mean_b + c1)
                * (2 * covariance + c2)
                / ((mean_a**2 + mean_b**2 + c1) * (variance_a + variance_b + c2))
            )
    assert experiment.structural_similarity(one, other) == pytest.approx(np.mean(values), rel=1e-9)
    assert experiment.structural_similarity(one, one) == pytest.approx(1)
