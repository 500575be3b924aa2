"""Libraries that a lab rules out are seen however they are spelled, and nothing honest is."""

import ast

import pytest

from grader.collect import policy
from grader.collect.policy import Rules, find_uses

RULES = Rules(("numpy", "numba", "scipy", "cv2"), ("scipy.signal", "scipy.ndimage", "cv2.filter2D"))


@pytest.mark.parametrize(
    "source",
    [
        "import torch",
        "import torch.nn.functional as F",
        "from torch import nn",
        "import scipy.signal",
        "import scipy.signal as s\ns.correlate",
        "from scipy import signal",
        "from scipy.signal import correlate2d as c",
        "import scipy\nscipy.signal.correlate(1, 2)",
        "import scipy as sp\nx = sp\nx.signal.convolve",
        "import cv2\ncv2.filter2D(a, -1, k)",
        "import cv2 as c\nf = c.filter2D",
        "from cv2 import filter2D",
        "import cv2\ngetattr(cv2, 'filter2D')(a)",
        "import importlib\nimportlib.import_module('torch')",
        "from importlib import import_module as load\nload('scipy.signal')",
        "__import__('torch')",
        "__import__('scipy.signal').signal",
        "import importlib\nimportlib.import_module('cv2').filter2D(a)",
        "def forward(self, x):\n    if x is None:\n        import torch",
        "if __name__ != '__main__':\n    import torch",
        "if __name__ == '__main__':\n    pass\nelse:\n    import torch",
        "try:\n    import torch\nfinally:\n    pass",
        "try:\n    import torch\nexcept ZeroDivisionError:\n    pass",
    ],
)
def test_spellings_are_caught(source, tmp_path):
    """Each way of reaching a ruled-out library is found, on its line."""
    (tmp_path / "layer.py").write_text(f"import numpy as np\n{source}\n")
    uses = find_uses(tmp_path, ["layer.py"], ["layer.py"], RULES)
    assert uses and uses[0].file == "layer.py" and uses[0].line >= 2
    assert uses[0].code


@pytest.mark.parametrize(
    "source",
    [
        "import numpy as np\nnp.pad(x, 1)\nsignal = np.zeros(3)\nsignal.sum()",
        "from numba import jit, njit, prange",
        "import os, sys, math, time, copy, itertools, collections, typing, random",
        "from layer import ConvolutionLayer\nfrom helper import torch",
        "import helper.deep",
        "import cv2\ncv2.imread(p)\ncv2.resize(p, (1, 2))",
        "import scipy.io\nfrom scipy.linalg import blas",
        "text = 'import torch'",
        "class A:\n    def filter2D(self): return self.filter2D",
        "import my_utils\nimport layer2\nfrom im2col_fast import im2col",
        "import matplotlib.pyplot as plt\nfrom tqdm import tqdm\nfrom PIL import Image\nimport imageio",
        "if __name__ == '__main__':\n    import torch\n    torch.nn.functional.conv2d(1, 2)",
        "try:\n    import cupy as cp\nexcept ImportError:\n    cp = None",
        "try:\n    from torch import nn\nexcept (ImportError, OSError):\n    pass",
        "from . import sibling",
        "def broken(:",
    ],
)
def test_honest_code_is_left_alone(source, tmp_path):
    """Allowed packages, the standard library, the submission's own modules and look-alikes are no uses."""
    (tmp_path / "layer.py").write_text(source + "\n")
    assert find_uses(tmp_path, ["layer.py"], ["layer.py", "helper/deep.py", "helper.py", "sibling.py"], RULES) == []


@pytest.mark.parametrize("statement", ["import helper", "from helper import f", "from stu_upload.helper import f"])
def test_helpers_are_followed(statement, tmp_path):
    """A helper beside the declared file is read when it is imported, through other helpers too."""
    (tmp_path / "layer.py").write_text(f"{statement}\n")
    (tmp_path / "helper.py").write_text("from deeper import g\n")
    (tmp_path / "deeper.py").write_text("import torch\n")
    uses = find_uses(tmp_path, ["layer.py"], ["layer.py", "helper.py", "deeper.py"], RULES)
    assert [(use.file, use.name) for use in uses] == [("deeper.py", "torch")]


def test_files_that_nobody_imports_are_not_read(tmp_path):
    """What lies beside the work without being used by it breaks no rule."""
    (tmp_path / "layer.py").write_text("import numpy\n")
    (tmp_path / "plots.py").write_text("import matplotlib\n")
    assert find_uses(tmp_path, ["layer.py"], ["layer.py", "plots.py"], RULES) == []


@pytest.mark.parametrize("tail", [".b" * 900, "()" * 2000, "[0]" * 2000, ".b()" * 800], ids=lambda text: text[:4])
def test_endless_chains_are_cut(tail, tmp_path):
    """What is longer than any name is not followed, so that reading stays quick and never overflows."""
    (tmp_path / "layer.py").write_text("import numpy as a\nimport torch\n" + f"x = a{tail}\n" * 20)
    assert [use.name for use in find_uses(tmp_path, ["layer.py"], ["layer.py"], RULES)] in (["torch"], [])


def test_reading_ends_after_so_many_bytes(tmp_path, monkeypatch):
    """A megabyte of source does not keep the grader busy: files behind the limit are not parsed."""
    parsed = []
    real = policy.parse_source
    monkeypatch.setattr(policy, "parse_source", lambda source: parsed.append(len(source)) or real(source))
    (tmp_path / "conv.py").write_text("import layers\n" + "x = 1\n" * (policy.MAX_SOURCE_BYTES // 6 - 100))
    (tmp_path / "layers.py").write_text("import torch\n" * 100)
    names = ["conv.py", "layers.py"]
    find_uses(tmp_path, names, names, Rules(["numpy"]))
    assert len(parsed) == 1 and sum(parsed) <= policy.MAX_SOURCE_BYTES


def test_nested_statements_that_do_not_run_are_looked_through_once(tmp_path, monkeypatch):
    """A chain of `if __name__ == "__main__":`, one in the other, costs as much as its length."""
    depth = 60
    lines = [f'{" " * level}if __name__ == "__main__":' for level in range(depth)]
    (tmp_path / "conv.py").write_text("\n".join([*lines, f"{' ' * depth}import torch\n"]))
    visited = []
    real = ast.iter_child_nodes
    monkeypatch.setattr(ast, "iter_child_nodes", lambda node: visited.append(node) or real(node))
    assert find_uses(tmp_path, ["conv.py"], ["conv.py"], Rules(["numpy"])) == []
    nodes = 6 * depth
    assert len(visited) < 5 * nodes
