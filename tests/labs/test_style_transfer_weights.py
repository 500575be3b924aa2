"""The trained first layers of style_transfer: what the file holds, who uses it, and what a run says of it."""

import json

import cv2
import numpy as np
import pytest

from grader.kits.kit import kit_files
from grader.prepare.matconvnet import read_parameters
from grader.prepare.resources import prepare_named
from grader.prepare.weights import checkpoint_shapes, seeded_parameters
from grader.project.places import Project
from tests.golden import ROOT
from tests.labs.experiment_runs import project_with, read_run, type_run

LAB = "style_transfer"
FILE = ROOT / "labs" / LAB / "weights" / "trained_blocks.npz"
LAYERS = ("conv1_1", "conv1_2", "conv2_1", "conv2_2", "conv3_1")
MOST_BYTES = 3_000_000
PICTURES = (
    "style_transfer/pictures/china.jpg",
    "style_transfer/pictures/starry_night.jpg",
    "vgg16/pictures/chelsea.png",
    "vgg16/pictures/flower.jpg",
)


@pytest.fixture(scope="module")
def lab():
    """The lab as it is."""
    return Project(ROOT).lab(LAB)


@pytest.fixture(scope="module")
def trained():
    """The arrays of the file."""
    with np.load(FILE) as stored:
        return dict(stored)


def resource(lab, cache, **options):
    """Return the parameters of the checkpoint and the layers that it calls usable, None for all."""
    import scipy.io

    class Elsewhere(Project):
        @property
        def cache(self):
            return cache

    folder = prepare_named(Elsewhere(ROOT), lab, ["checkpoint"], None, lambda text: None, **options)["checkpoint"]
    (file,) = folder.iterdir()
    listed = scipy.io.loadmat(file, variable_names=["usable"]).get("usable")
    return read_parameters(folder), None if listed is None else [str(cell[0]) for cell in listed.reshape(-1)]


def test_the_file_is_small_and_fits_the_network(lab, trained):
    """Weights and biases of the first five convolutions, in half precision, all finite."""
    shapes = checkpoint_shapes(lab.facts.resources["checkpoint"].options)
    assert FILE.stat().st_size < MOST_BYTES
    assert set(trained) == {f"{layer}.{kind}" for layer in LAYERS for kind in ("weight", "bias")}
    for name, array in trained.items():
        assert array.shape == shapes[name] and array.dtype == np.float16 and np.isfinite(array).all()


def test_activations_have_the_mean_that_is_said(trained):
    """Or 2 where a style loss is to count 16 times; over the labs' pictures, by NumPy alone, as they are stored."""
    means = {layer: [] for layer in LAYERS}
    for name in PICTURES:
        image = cv2.resize(cv2.imread(str(ROOT / "labs" / name)), (320, 192), interpolation=cv2.INTER_LINEAR)
        x = (image[:, :, ::-1].astype(np.float32) - np.float32([123.68, 116.779, 103.939])).transpose(2, 0, 1)
        for layer in LAYERS:
            if layer in ("conv2_1", "conv3_1"):
                x = x.reshape(len(x), x.shape[1] // 2, 2, x.shape[2] // 2, 2).max((2, 4))
            padded = np.pad(x, ((0, 0), (1, 1), (1, 1)))
            windows = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), axis=(1, 2))
            weight, bias = (trained[f"{layer}.{kind}"].astype(np.float32) for kind in ("weight", "bias"))
            x = np.tensordot(weight, windows, axes=([1, 2, 3], [0, 3, 4])) + bias[:, None, None]
            x = np.maximum(x, 0)
            means[layer].append(x.mean(dtype=np.float64))
    for layer, found in means.items():
        wanted = 2 if layer in ("conv1_1", "conv2_1") else 1
        assert np.mean(found) == pytest.approx(wanted, rel=0.05), layer


def test_the_experiment_gets_them_before_seeded_layers_and_grading_does_not(lab, trained, tmp_path):
    """What is recorded for grading was made with seeded parameters throughout, and stays so."""
    file = lab.folder / lab.facts.experiment.trained.file
    assert file == FILE
    mixed, usable = resource(lab, tmp_path, trained=file)
    seeded, all_layers = resource(lab, tmp_path)
    assert usable[-2:] == ["conv3_1", "relu3_1"] and all_layers is None
    for layer in LAYERS:
        np.testing.assert_array_equal(mixed[f"{layer}.weight"], trained[f"{layer}.weight"].astype(np.float32))
    for name in ("conv3_2.weight", "conv5_4.bias"):
        np.testing.assert_array_equal(mixed[name], seeded[name])
    expected = seeded_parameters("conv1_2.weight", (64, 64, 3, 3), 19)
    np.testing.assert_array_equal(seeded["conv1_2.weight"], expected)
    assert not np.array_equal(mixed["conv1_2.weight"], expected)


def test_a_run_says_which_weights_it_uses(tmp_path):
    """Once, at its start, in either language; each kind of weights has a run of its own."""
    project = project_with(LAB, tmp_path)
    words = ("--set", "steps=1", "--set", "size=16x32")
    cache = {"GRADER_CACHE": str(ROOT / ".cache")}
    folders = set()
    for more, language, said in (
        ((), "en", "conv1_1 to conv3_1 are trained on 5000 small photographs (CIFAR-10)"),
        ((), "zh", "conv1_1 到 conv3_1 是在 5000 张小照片（CIFAR-10）上训练的"),
        (("--weights", "seeded"), "en", "the weights are synthetic"),
        (("--weights", "seeded"), "zh", "权重是合成的"),
    ):
        done = type_run(project, LAB, *words, *more, "--lang", language, "--fresh", **cache)
        assert done.returncode == 0, done.stdout + done.stderr
        printed = done.stdout.replace("\n", " ")
        assert printed.count(said) == 1
        # Results are named in the reader's language; what is kept is the same in all languages.
        named = {"en": "style distance, relu1_1 (in the loss)", "zh": "风格距离，relu1_1（计入损失）"}
        assert [name in printed for name in named.values()] == [language == name for name in named]
        assert named["en"] in json.loads((read_run(done).folder / "run.json").read_text())["results"]
        folders.add(read_run(done).folder if language == "en" else None)
    assert len(folders - {None}) == 2


def test_a_file_of_that_name_comes_before_the_word(tmp_path):
    """Who has a file called `seeded` means the file."""
    project = project_with(LAB, tmp_path)
    (project / "seeded").write_text("no weights")
    done = type_run(project, LAB, "--set", "steps=1", "--weights", "seeded", GRADER_CACHE=str(tmp_path / "cache"))
    assert done.returncode == 2 and "a checkpoint must be one of" in done.stderr


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--weights", "sedeed"), "there is no file of weights sedeed; did you mean seeded?"),
        (("--weights", "vgg.mat"), "there is no file of weights vgg.mat\n"),
        (("--weights", "README.md"), "README.md: a checkpoint must be one of .npz, .npy, .mat"),
        (("--set", "content="), "content= is empty; a picture is expected"),
    ],
)
def test_a_slip_is_refused_before_anything_is_made(words, said, tmp_path):
    """What was typed is named, and no folder for results is left."""
    project = project_with(LAB, tmp_path)
    (project / "README.md").write_text("no weights")
    done = type_run(project, LAB, *words, GRADER_CACHE=str(tmp_path / "cache"))
    assert done.returncode == 2 and said in done.stderr
    assert not (project / "results").exists() and "results" not in done.stdout


def test_a_kit_carries_them(lab):
    """A student needs no network and nothing else for a picture that shows what is meant."""
    files = kit_files(Project(ROOT), [lab])
    assert files[f"labs/{LAB}/weights/trained_blocks.npz"] == FILE.read_bytes()
