"""The courses' own programs, started directly: with the lab's weights, each line with a class says so."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from grader.prepare.convert import converted_checkpoint
from grader.prepare.matconvnet import FILE_NAME, matconvnet_checkpoint
from grader.prepare.weights import checkpoint_shapes, seeded_checkpoint

ROOT = Path(__file__).resolve().parents[2]
DEADLINE_S = 120
WORD = "synthetic"
# What the programs import, with which a network gives the same answer whatever it is shown.
VGG16 = {
    "layer.py": """
import numpy as np
class CrossEntropy:
    def forward(self, logits, labels): return 0.5
    def backward(self): return np.ones((1, 4))
""",
    "vgg.py": """
import numpy as np
class VGG16:
    def __init__(self, classes): pass
    def resume_weights(self, checkpoint): assert checkpoint["conv"]["weight"].shape == (4, 3, 3, 3)
    def forward(self, x): return np.array([[0.0, 1.0, 2.0, 9.0]])
    def backward(self, gradient): return np.ones((1, 3, 224, 224))
""",
}
STUB_LAYER = """
import numpy as np
class Layer:
    def __init__(self, *sizes, **named): self.named = named
    def init_param(self): pass
    def load_param(self, weight, bias): pass
    def forward(self, x): return np.eye(1, 1000, 281)
"""
VGG19 = {
    "layers_1.py": STUB_LAYER + "FullyConnectedLayer = ReLULayer = SoftmaxLossLayer = Layer",
    "layers_2.py": STUB_LAYER + "ConvolutionalLayer = FlattenLayer = MaxPoolingLayer = Layer",
}
DEVICE = {
    "pycnml.py": """
class QuantParam:
    def __init__(self, *numbers): pass
class CnmlNet:
    def __init__(self, cores): self.names = []
    def size(self): return len(self.names)
    def getLayerName(self, place): return self.names[place]
    def setInputShape(self, *shape): pass
    def setInputData(self, data): pass
    def loadParams(self, *given): pass
    def forward(self): pass
    def getOutputData(self): return [0.0] * 281 + [0.9] + [0.0001] * 718
    def __getattr__(self, name):
        assert name.startswith("create"), name
        return lambda layer, *sizes: self.names.append(layer)
"""
}
STAGES = ((1, 2), (2, 2), (3, 4), (4, 4), (5, 4))
LAYERS = [
    name
    for stage, count in STAGES
    for name in (
        *(f"{kind}{stage}_{number}" for number in range(1, count + 1) for kind in ("conv", "relu")),
        f"pool{stage}",
    )
] + ["fc6", "relu6", "fc7", "relu7", "fc8", "prob"]
SMALL = {
    "seed": 1,
    "mean": [123.0, 116.0, 104.0],
    "layers": LAYERS,
    "parameters": {
        name: [2, 3 if name == "conv1_1" else 2, 3, 3] if "conv" in name else [2, 2 * 49 if name == "fc6" else 2]
        for name in LAYERS
        if "conv" in name or "fc" in name
    },
}


def prints(folder, files, program, *words):
    """Start a program of a course beside ``files`` and return its lines."""
    for name, text in files.items():
        (folder / name).write_text(text)
    done = subprocess.run(
        [sys.executable, program, *map(str, words)],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=DEADLINE_S,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def own_weights(shapes, file):
    """Return a file with a course's own parameters."""
    rng = np.random.default_rng(0)
    np.savez(file, **{name: rng.normal(size=shape).astype(np.float32) for name, shape in shapes.items()})
    return file


@pytest.mark.parametrize("kind", ["the lab's own", "a course's own", "a course's own, converted"])
def test_vgg16_main(kind, tmp_path):
    """``main.py`` knows a seeded checkpoint by the mark in its folder."""
    shapes = checkpoint_shapes({"parameters": {"conv": [4, 3, 3, 3]}})
    weights = own_weights(shapes, tmp_path / "own.npz")
    if kind == "the lab's own":
        weights = seeded_checkpoint(tmp_path / "cache", shapes, 16, None, str)
    elif kind == "a course's own, converted":
        weights = converted_checkpoint(tmp_path / "cache", weights, shapes, str)
    shutil.copy(ROOT / "labs" / "vgg16" / "main.py", tmp_path)
    shutil.copytree(ROOT / "labs" / "vgg16" / "pictures", tmp_path / "pictures")
    lines = prints(tmp_path, VGG16, "main.py", "--weights", weights)
    named = [line for line in lines if re.search(r"daisy|roses|sunflowers|tulips", line)]
    assert len(named) == 6 and named[0].startswith("class: tulips")
    assert [WORD in line for line in named] == [kind == "the lab's own"] * 6


@pytest.mark.parametrize("own", [False, True])
@pytest.mark.parametrize(
    ("lab", "program", "files", "classes"),
    [
        ("vgg19", "vgg_cpu.py", VGG19, r"id = 281"),
        ("vgg19_dlp", "main_exp_3_2.py", DEVICE, r"id = 281"),
        ("vgg19_dlp", "vgg19_demo.py", DEVICE, r" - n\d{8} "),
    ],
)
def test_vgg19_programs(lab, program, files, classes, own, tmp_path):
    """They know the lab's file by a variable that no trained one has."""
    weights = own_weights(checkpoint_shapes(SMALL), tmp_path / "own.npz") if own else None
    made = matconvnet_checkpoint(tmp_path / "cache", SMALL, weights, None, str)
    work = tmp_path / "work"
    shutil.copytree(ROOT / "labs" / lab, work, ignore=shutil.ignore_patterns("pycnml", "locale", "checks*"))
    for file in (ROOT / "reference" / lab).glob("*.py"):
        shutil.copy(file, work)
    shutil.copy(made / FILE_NAME, work)
    lines = [line for line in prints(work, files, program) if re.search(classes, line)]
    assert lines and [WORD in line for line in lines] == [not own] * len(lines)
