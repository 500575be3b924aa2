"""The lab vgg19_dlp: what it demands, the files that it gives, and what its derivations make of forged arrays."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest
import yaml

from grader.lab import Case, Unlike
from grader.publishing.skeleton import generate
from labs.vgg19_dlp import checks_cases, checks_derived
from labs.vgg19_dlp.checks_wanted import (
    PAIRS,
    SMALL_LAYERS,
    VGG19_LAYERS,
    pairs_in,
    program_of,
    require_layers,
)
from labs.vgg19_dlp.device_model import round_trips_s, work_of
from labs.vgg19_dlp.pycnml import CnmlNet, QuantParam, record
from labs.vgg19_dlp.pycnml.floating import float_steps
from labs.vgg19_dlp.pycnml.program import Kind, steps

ROOT = Path(__file__).resolve().parents[2]
LAB = ROOT / "labs" / "vgg19_dlp"


@pytest.fixture(scope="module")
def vgg19():
    """Return VGG19 as a program."""
    return program_of(VGG19_LAYERS, [QuantParam()] * PAIRS)


@pytest.fixture(scope="module")
def small_case() -> Case:
    """Return a small network with its pictures."""
    return next(iter(checks_cases.small_cases(np.random.default_rng(8))))


def asked_by(case: Case, layers=SMALL_LAYERS) -> dict[str, np.ndarray]:
    """Return what a right submission sends of the list of layers."""
    net = CnmlNet()
    net._program = program_of(layers, pairs_in(case.input))
    return {f"{checks_derived.SEEN}{name}": array for name, array in record.layers_asked_for(net).items()}


def test_the_network_has_the_published_counts(vgg19):
    """44 layers, 143,667,240 parameters, 19,632,062,464 multiply-adds."""
    work = work_of(vgg19)
    weights = sum(item.weights for item in work.values())
    biases = sum(layer.numbers[0] for layer in vgg19.layers if layer.quant is not None)
    assert len(vgg19.layers) == 44
    assert weights + biases == 143_667_240
    assert sum(item.operations for item in work.values() if item.weights) == 2 * 19_632_062_464


def test_the_device_model_has_the_figures_of_its_rates(vgg19):
    """Operations for each byte, and the times that follow from 128e12 operations and 102e9 bytes a second."""
    work = work_of(vgg19)
    intensities = [round(work[name].intensity()) for name in ("conv1_1", "conv1_2", "conv3_2", "conv5_4", "fc6")]
    assert intensities == [26, 287, 973, 335, 2]
    total, fc = (
        sum(item.device_s() for name, item in work.items() if name.startswith(start)) for start in ("", "fc")
    )
    assert (round(1000 * total, 2), round(1000 * fc, 2)) == (2.06, 1.21)
    assert round_trips_s(vgg19) > total


def test_the_small_network_shows_what_vgg19_hides():
    """The same names and kinds at the same places, but kernel, stride and pad are not all alike."""
    assert [(layer.name, layer.kind) for layer in SMALL_LAYERS] == [(w.name, w.kind) for w in VGG19_LAYERS]
    numbers = {layer.numbers for layer in SMALL_LAYERS if layer.kind is Kind.CONVOLUTION}
    assert len({size for _, size, *_ in numbers}) >= 4
    assert any(len({size, stride, pad}) == 3 for _, size, stride, _, pad in numbers)
    assert all(size != stride for size, stride in (w.numbers for w in SMALL_LAYERS if w.name in ("pool1", "pool5")))


def test_the_calibrated_pairs_are_nineteen_and_nineteen():
    """The first one is that of a picture whose largest number is 151.061, red's average subtracted from white."""
    with np.load(LAB / "vgg19_quant_param_new.npz") as stored:
        inputs, filters = pairs_in(stored["input"]), pairs_in(stored["filter"])
    assert len(inputs) == len(filters) == PAIRS
    assert (inputs[0].position, f"{inputs[0].scale:.6f}") == (1, "1.681440")
    assert len({(pair.position, pair.scale) for pair in inputs}) == PAIRS


def test_the_checkpoint_is_that_of_lab_vgg19():
    """The same options and the same fitted rows, so that both labs find one file in the cache."""
    options, fitted = [], []
    for lab in ("vgg19", "vgg19_dlp"):
        facts = yaml.safe_load((ROOT / "labs" / lab / "lab.yaml").read_text(encoding="utf-8"))
        options.append(facts["resources"])
        fitted.append(hashlib.sha256((ROOT / "fixtures" / lab / "overrides.npz").read_bytes()).hexdigest())
    assert options[0] == options[1] and fitted[0] == fitted[1]


@pytest.mark.parametrize("name", ["vgg19_demo.py", "quantize.py", "second_network.py"])
def test_committed_skeleton_is_what_the_generator_makes(name):
    """The skeletons follow from the solution."""
    source = (ROOT / "reference" / "vgg19_dlp" / name).read_text(encoding="utf-8")
    assert (LAB / name).read_text(encoding="utf-8") == generate(source, name)


@pytest.mark.oracle
def test_the_float_network_is_that_of_torch(small_case):
    """Unequal kernels, strides, pads and windows: float32 agrees with PyTorch's layers in float64."""
    import torch
    from torch.nn import functional

    network = checks_cases.SmallNetwork(np.random.default_rng(3))
    floats = checks_cases.random_parameters(np.random.default_rng(4), network.device)
    picture = checks_cases.normalised(network.pictures[0])
    y = torch.from_numpy(picture.reshape(1, 3, 224, 224)).double()
    for place, (layer, seen) in enumerate(float_steps(network.device, floats, picture)):
        weight, bias = (torch.from_numpy(part).double() for part in floats.get(place, (np.zeros(1), np.zeros(1))))
        if layer.kind is Kind.CONVOLUTION:
            y = functional.conv2d(y, weight, bias, stride=layer.numbers[2], padding=layer.numbers[4])
        elif layer.kind is Kind.POOL:
            y = functional.max_pool2d(y, *layer.numbers)
        elif layer.kind is Kind.RELU:
            y = functional.relu(y)
        elif layer.kind is Kind.FLATTEN:
            y = y.permute(0, 2, 3, 1).reshape(layer.numbers)
        elif layer.kind is Kind.MLP:
            y = functional.linear(y.reshape(1, -1), weight, bias).reshape(layer.shape)
        else:
            y = functional.softmax(y, dim=1)
        wanted = y.numpy()
        assert np.allclose(seen, wanted, rtol=1e-4, atol=1e-5 * np.abs(wanted).max()), layer.name


def test_the_device_stays_near_the_float_network():
    """Bytes calibrated on the picture lose less than a tenth of the signal in every layer of a small network."""
    network = checks_cases.SmallNetwork(np.random.default_rng(5))
    picture = checks_cases.normalised(network.pictures[0])
    floats = {
        place: (held.weight * np.float32(2.0**held.quant.position / held.quant.scale), held.bias.astype(np.float32))
        for place, held in network.device.parameters.items()
    }
    pairs = zip(steps(network.device, picture), float_steps(network.device, floats, picture), strict=True)
    for (layer, seen), (_, wanted) in pairs:
        error = np.linalg.norm(seen.astype(np.float64) - wanted) / np.linalg.norm(wanted)
        assert error < 0.1, layer.name


@pytest.mark.parametrize(
    ("name", "change", "words"),
    [
        ("kinds", lambda a: a[:-1], "cannot be read"),
        ("numbers", lambda a: a.astype(np.float64), "cannot be read"),
        ("names", lambda a: a[::-1], "cannot be read|is called"),
        ("input_shape", lambda a: a + np.array([0, 1, 0, 0]), "the input shape is"),
        ("quants", lambda a: a * np.array([1, 0.5]), "gets another QuantParam"),
        ("quants", lambda a: a[[2, 1, 0, *range(3, 44)]], r"gets `input_quant_params\[1\]`"),
    ],
)
def test_a_forged_list_of_layers_is_refused(small_case, name, change, words):
    """Whatever was changed in it, the derivation says what differs and runs nothing."""
    sent = asked_by(small_case)
    sent[f"{checks_derived.SEEN}{name}"] = change(sent[f"{checks_derived.SEEN}{name}"])
    with pytest.raises(Unlike, match=words):
        require_layers(checks_derived.asked(sent), program_of(SMALL_LAYERS, pairs_in(small_case.input)))


def test_a_result_follows_from_parameters_not_from_what_was_said_of_it(small_case):
    """Right layers with parameters of zeros: nothing else that was sent helps."""
    sent = asked_by(small_case) | {"probabilities": np.eye(1, 1000, 281, dtype=np.float32)[0]}
    with pytest.raises(Unlike, match="param of layer conv1_1 is not loaded"):
        checks_derived.small_run(small_case, sent)


@pytest.mark.parametrize("text", ["", "accuracy1: 1.0", "accuracy1: 0.5 (1/2)", "accuracy5: 0.5 (1/2)"])
def test_counts_that_were_not_printed_are_asked_for(small_case, text):
    """Both lines have to be there, each with its counts."""
    with pytest.raises(Unlike, match="printed no line `accuracy"):
        checks_derived.counts_printed(small_case, {"printed": np.frombuffer(text.encode(), np.uint8)})


def test_old_names_work_and_are_noted(run_checks):
    """np.float, xrange and scipy.misc are given back to a submission that uses them."""
    folder = ROOT / "reference" / "vgg19_dlp" / "variants" / "python2_names"
    case = next(iter(checks_cases.picture_cases(np.random.default_rng(2))))
    outcome = run_checks(folder, [("picture_input", case)], lab="vgg19_dlp")[0]
    assert outcome.error is None
    sent = outcome.arrays[checks_derived.PICTURE]
    assert np.allclose(sent, checks_cases.normalised(tiles_of(case)), rtol=0, atol=1e-4)


def tiles_of(case: Case) -> np.ndarray:
    """Return the picture of a case, red first."""
    import cv2

    return cv2.imdecode(case.picture, cv2.IMREAD_COLOR)[:, :, ::-1]


@pytest.mark.parametrize("maker", ["small_cases", "picture_cases", "pair_cases"])
def test_cases_depend_on_their_seed_alone(maker, monkeypatch):
    """Made again at another time, every array is the same."""
    make = getattr(checks_cases, maker)
    first = list(make(np.random.default_rng(11)))
    monkeypatch.setattr("time.asctime", lambda *when: "Thu Jan  1 00:00:00 1970")
    for one, again in zip(first, make(np.random.default_rng(11)), strict=True):
        assert one.arrays.keys() == again.arrays.keys()
        assert [name for name in one.arrays if not np.array_equal(one.arrays[name], again.arrays[name])] == []
