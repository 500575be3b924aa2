"""Which module a file is, told from its path, wherever the parts of a path are separated by something else."""

import os

import pytest

from grader.inside.importwatch import _as_folder, _module_in


@pytest.mark.parametrize(
    ("file", "module"),
    [
        ("/opt/site/numpy/__init__.py", "numpy"),
        ("/home/a/site-packages/scipy/signal/_sigtools.cpython-311-x86_64-linux-gnu.so", "scipy.signal._sigtools"),
        ("/student/layer.py", ""),
        (None, ""),
    ],
)
def test_posix_paths(file, module):
    """The part below the folder of installed packages, without endings."""
    assert _module_in(file) == module


def test_windows_paths(monkeypatch):
    """Backslashes separate folders where the system says so, and there alone."""
    file = r"C:\Users\a\AppData\Local\Temp\box-1\site\scipy\signal\_sigtools.cp311-win_amd64.pyd"
    assert _module_in(file) == ""
    monkeypatch.setattr(os, "sep", "\\")
    assert _module_in(file) == "scipy.signal._sigtools"
    assert _as_folder("C:\\box-1\\student") == "C:/box-1/student/"
