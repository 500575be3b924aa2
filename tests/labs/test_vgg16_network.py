"""The whole network of the lab vgg16: what building and loading must hold, and one run against PyTorch."""

from __future__ import annotations

import importlib.util
import shutil
from pathlib import Path

import numpy as np
import pytest

from grader.lab.checks import Case, Sampled

ROOT = Path(__file__).resolve().parents[2]
GOLDEN = ROOT / "tests" / "submissions" / "vgg16"
ANY_CASE = Case.of("default")


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory, vgg16_checks):
    """Return a folder of random parameters, scaled so that activations keep their size."""
    folder = tmp_path_factory.mktemp("checkpoint")
    rng = np.random.default_rng(0)
    for facts in vgg16_checks.NETWORK_LAYERS:
        if facts.weight_shape:
            weight = rng.standard_normal(facts.weight_shape, dtype=np.float32)
            weight *= np.sqrt(2 / np.prod(facts.weight_shape[1:]))
            np.save(folder / f"{facts.name}.weight.npy", weight)
            bias = rng.standard_normal(facts.weight_shape[0], dtype=np.float32)
            np.save(folder / f"{facts.name}.bias.npy", bias / 10)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def student(golden, tmp_path):
    """Return the folder of a right and fast submission, to be edited."""
    golden.materialise(GOLDEN / "im2col_gemm", tmp_path / "student")
    return tmp_path / "student"


def edit(student, old, new, file="vgg.py"):
    """Replace a text that occurs once."""
    text = (student / file).read_text()
    assert text.count(old) == 1
    (student / file).write_text(text.replace(old, new))


def test_network_facts_are_those_of_vgg16(vgg16_checks):
    """37 layers and 134,276,932 parameters, as counted by hand for 4 classes."""
    layers = vgg16_checks.NETWORK_LAYERS
    parameters = sum(int(np.prod(f.weight_shape)) + f.weight_shape[0] for f in layers if f.weight_shape)
    assert len(layers) == 37
    assert parameters == 134_276_932


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("add('layer%d_maxpool' % s, L.MaxPoolLayer(2, 2))", "pass", ["layer 5", "layer1_maxpool"]),
        ("(512, 3), (512, 3)]", "(512, 3), (512, 2)]", ["layer5_maxpool", "layer5_conv3"]),
        ("(512, 3), (512, 3)]", "(512, 3), (256, 3)]", ["layer5_conv1", "(256, 512, 3, 3)", "(512, 512, 3, 3)"]),
        ("width, 3, 1))", "width, 3, 0))", ["layer1_conv1", "padding 0", "expected 1"]),
        ("L.MaxPoolLayer(2, 2)", "L.MaxPoolLayer(3, 2)", ["layer1_maxpool", "kernel_size 3"]),
        ("L.MaxPoolLayer(2, 2)", "L.ReluLayer()", ["layer1_maxpool", "ReluLayer", "max pooling"]),
        ("add('relu1', L.ReluLayer())", "add('relu1', L.FlattenLayer())", ["relu1", "FlattenLayer"]),
        ("add('relu2', L.ReluLayer())", "add('relu2', self.graph_layers['relu1'])", ["relu1 and relu2", "same"]),
        ("add('flatten', L.FlattenLayer())", "add('flatten', L.ReluLayer())", ["flatten", "(1, 24)"]),
        (
            "L.FullyConnectLayer(4096, num_classes))",
            "L.FullyConnectLayer(4096, 1000))",
            ["fullyconnect3", "(4, 4096)"],
        ),
        ("L.FullyConnectLayer(4096, num_classes))", "L.ReluLayer())", ["fullyconnect3", "no `weight`"]),
        ("add('relu2',", "add('relu_2',", ["relu_2", "expected 'relu2'"]),
        (
            "L.FullyConnectLayer(4096, num_classes))",
            "L.FullyConnectLayer(4096, num_classes))\n        add('relu3', L.ReluLayer())",
            ["38 layers", "37"],
        ),
    ],
)
def test_a_wrong_network_is_named_by_its_first_wrong_layer(run_checks, student, old, new, words):
    """Order, kind, sizes and sharing of layers are checked, and the message says which layer is wrong and how."""
    edit(student, old, new)
    (outcome,) = run_checks(student, [("network_build", ANY_CASE)])
    assert outcome.error is not None and outcome.error["verdict"] == "wrong", outcome.error
    for word in words:
        assert word in outcome.error["message"]


def test_building_needs_neither_convolution_nor_pooling(run_checks, student):
    """The tier of the built network can be reached while the kernels are still unwritten."""
    for loops in ("patches = np.empty((n, c, k, k, rows, cols), x.dtype)",):
        edit(student, loops, "raise NotImplementedError('later')", "layer.py")
    (outcome,) = run_checks(student, [("network_build", ANY_CASE)])
    assert outcome.error is None


def test_loading_sends_the_values_that_arrived(run_checks, student, checkpoint, vgg16_checks):
    """Every weight and bias is sent as a sample, and is as in the checkpoint that the case makes."""
    (case,) = vgg16_checks.load_cases(np.random.default_rng(7))
    (outcome,) = run_checks(student, [("network_load", case)], checkpoint=checkpoint)
    assert outcome.error is None
    start, number = 0, 0
    for facts in vgg16_checks.NETWORK_LAYERS:
        for parameter in ("weight", "bias") if facts.weight_shape else ():
            name = f"{facts.name} {parameter}"
            stored = np.load(checkpoint / f"{facts.name}.{parameter}.npy", mmap_mode="r")
            if parameter == "bias":
                stored = case.biases[start : start + len(stored)]
                start, number = start + len(stored), number + 1
            elif facts.name != "fullyconnect1":
                stored = stored * case.scales[number]
            for part, array in Sampled(stored, name).parts().items():
                # Sums are rounded as the processor's kernels go through memory; everything else is a copy.
                margin = 1e-12 if part == "stats" else 0
                np.testing.assert_allclose(outcome.arrays[f"{name}/{part}"], array, rtol=margin, atol=0)


def test_loading_must_refuse_a_wrong_shape(run_checks, student, checkpoint):
    """Parameters of the wrong shape must raise."""
    edit(
        student,
        "assert weight.shape == self.weight.shape and bias.shape == self.bias.shape",
        "pass",
        "layer.py",
    )
    (outcome,) = run_checks(student, [("network_load", ANY_CASE)], checkpoint=checkpoint)
    assert outcome.error is not None and outcome.error["verdict"] == "wrong"
    assert "layer1_conv1" in outcome.error["message"]


@pytest.mark.oracle
def test_whole_network_agrees_with_torch(run_checks, student, checkpoint, vgg16_checks):
    """Logits, class and every layer's output agree with PyTorch's; so do gradients, up to flips at near ties."""
    pytest.importorskip("torch")
    (case,) = vgg16_checks.network_cases(np.random.default_rng(3))
    jobs = [("network_forward", case), ("network_backward", case)]
    forward, backward = run_checks(student, jobs, checkpoint=checkpoint)
    assert forward.error is None and backward.error is None, (forward.error, backward.error)
    outputs, gradients = torch_vgg16(vgg16_checks, checkpoint, case)
    assert len([key for key in forward.arrays if key.endswith("/values")]) == 37
    np.testing.assert_allclose(forward.arrays["logits"], outputs["fullyconnect3"], rtol=1e-4, atol=1e-4)
    assert forward.arrays["class"] == outputs["fullyconnect3"].argmax(axis=1)
    for name, output in outputs.items():
        values = Sampled(output, name).parts()["values"]
        assert distance(forward.arrays[f"{name}/values"], values) < 1e-5, name
    for name, gradient in gradients.items():
        values = Sampled(gradient, name).parts()["values"]
        assert distance(backward.arrays[f"{name}/values"], values) < (1e-5 if "fully" in name else 0.05), name


def test_backward_in_a_new_worker_runs_forward_by_itself(run_checks, student, checkpoint, vgg16_checks):
    """Gradients are the same whether or not the worker ran the forward check on that picture before."""
    first, second = (next(iter(vgg16_checks.network_cases(np.random.default_rng(seed)))) for seed in (3, 4))
    jobs = [("network_backward", first), ("network_forward", second), ("network_backward", first)]
    alone, _, after = run_checks(student, jobs, checkpoint=checkpoint)
    assert alone.error is None and after.error is None
    np.testing.assert_array_equal(alone.arrays["picture/values"], after.arrays["picture/values"])
    assert len([key for key in alone.arrays if key.endswith("/values")]) == 38


def test_demo_uses_the_main_beside_the_submission(run_checks, student, checkpoint):
    """A picture's bytes become logits and every layer's output; a student's own main.py prepares the picture."""
    data = (ROOT / "labs" / "vgg16" / "pictures" / "china.jpg").read_bytes()
    case = Case.of("china.jpg", picture=np.frombuffer(data, dtype=np.uint8), suffix=".jpg")
    (given,) = run_checks(student, [("demo", case)], checkpoint=checkpoint)
    assert given.error is None and given.arrays["logits"].shape == (1, 4)
    assert len([key for key in given.arrays if key.endswith("/values")]) == 37
    shutil.copyfile(ROOT / "labs" / "vgg16" / "main.py", student / "main.py")
    edit(student, "IMAGE_MEAN = (125.307, 122.961, 113.8575)", "IMAGE_MEAN = (0.0, 0.0, 0.0)", "main.py")
    (own,) = run_checks(student, [("demo", case)], checkpoint=checkpoint)
    assert own.error is None
    assert not np.allclose(own.arrays["logits"], given.arrays["logits"], rtol=1e-3)


def distance(actual, expected):
    """Return the Euclidean distance relative to the size of the expected array."""
    return np.linalg.norm(actual.astype(np.float64) - expected) / np.linalg.norm(expected)


def torch_vgg16(checks, checkpoint, case):
    """Return PyTorch's outputs and gradients of the inputs, float32, by layer name."""
    import torch
    from torch.nn import functional

    x = torch.from_numpy(checks.normalised(case.image)).requires_grad_()
    inputs, outputs = {}, {}
    for facts in checks.NETWORK_LAYERS:
        inputs[facts.name] = x
        if facts.weight_shape:
            weight, bias = (
                torch.from_numpy(np.load(checkpoint / f"{facts.name}.{parameter}.npy"))
                for parameter in ("weight", "bias")
            )
        if facts.kind == "convolution":
            x = functional.conv2d(x, weight, bias, padding=1)
        elif facts.kind == "fully connected":
            x = functional.linear(x, weight, bias)
        else:
            x = {"relu": torch.relu, "max pooling": pool, "flatten": flatten}[facts.kind](x)
        x.retain_grad()
        outputs[facts.name] = x
    functional.cross_entropy(x, torch.tensor([checks.BACKWARD_LABEL])).backward()
    return (
        {name: value.detach().numpy() for name, value in outputs.items()},
        {name: sent(name, value) for name, value in inputs.items()},
    )


def sent(name, value):
    """Return the gradient of a layer's input; of a pooling's, without what the ReLU before it makes 0 again."""
    gradient = value.grad.numpy()
    return np.where(value.detach().numpy() != 0, gradient, 0) if "maxpool" in name else gradient


def pool(x):
    """Return 2 x 2 maxima."""
    from torch.nn import functional

    return functional.max_pool2d(x, 2)


def flatten(x):
    """Return rows of features."""
    return x.flatten(1)


@pytest.fixture(scope="module")
def main_module():
    """Return the lab's given ``main.py``."""
    spec = importlib.util.spec_from_file_location("_vgg16_given_main", ROOT / "labs" / "vgg16" / "main.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_wide_picture_is_scaled_and_padded_below(main_module, vgg16_checks):
    """640 x 427 becomes 224 x 149 with grey below, and the checks normalise as main.py does."""
    path = ROOT / "labs" / "vgg16" / "pictures" / "flower.jpg"
    scaled = main_module.resize_image(main_module.read_image(path), (224, 224))
    assert scaled.shape == (224, 224, 3) and scaled.dtype == np.uint8
    assert (scaled[149:] == 114).all() and not (scaled[148] == 114).all()
    tensor = main_module.process_image(path)
    assert tensor.shape == (1, 3, 224, 224) and tensor.dtype == np.float32
    np.testing.assert_array_equal(tensor, vgg16_checks.normalised(scaled))
    grey = (114 - np.array([125.307, 122.961, 113.8575])) / [51.5865, 50.847, 51.255]
    np.testing.assert_allclose(tensor[0, :, 200, 100], grey, rtol=1e-5, atol=1e-6)


def test_checkpoint_forms_give_the_same_dictionary(main_module, tmp_path):
    """A folder, an .npz and the course's pickled .npy are read alike."""
    wanted = {"a": {"weight": np.ones((2, 3), np.float32), "bias": np.zeros(2, np.float32)}}
    (tmp_path / "folder").mkdir()
    flat = {f"a.{key}": value for key, value in wanted["a"].items()}
    for key, value in flat.items():
        np.save(tmp_path / "folder" / f"{key}.npy", value)
    np.savez(tmp_path / "one.npz", **flat)
    np.save(tmp_path / "course.npy", wanted)
    for name in ("folder", "one.npz", "course.npy"):
        found = main_module.load_checkpoint(tmp_path / name)
        assert found.keys() == wanted.keys()
        for key, value in wanted["a"].items():
            np.testing.assert_array_equal(found["a"][key], value)


def test_pickled_checkpoint_cannot_run_code(main_module, tmp_path):
    """A pickle that names anything but arrays is refused before it runs."""
    import pickle

    class Hostile:
        def __reduce__(self):
            return Path.touch, (tmp_path / "owned",)

    np.save(tmp_path / "bad.npy", {"a": Hostile()})
    with pytest.raises(pickle.UnpicklingError, match="expected arrays only"):
        main_module.load_checkpoint(tmp_path / "bad.npy")
    assert not (tmp_path / "owned").exists()
