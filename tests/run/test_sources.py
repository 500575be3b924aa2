"""Files that import each other with a dot are read as files that lie side by side; all else stays as it is."""

import ast

import pytest

from grader.inside.sources import SideBySide, imports_relatively

CHANGED = {
    "from .layers import Conv, Pool as P": "from layers import Conv, Pool as P",
    "from .parts.layers import *": "from parts.layers import *",
    "from . import layers as own": "import layers as own",
    "def f():\n    from .layers import Conv": "def f():\n    from layers import Conv",
}
UNCHANGED = (
    "from ..layers import Conv",
    "from . import *",
    "from layers import Conv",
    "import layers",
    "x = 1 . real",
)


@pytest.mark.parametrize("text", CHANGED)
def test_the_dot_is_left_out(text, tmp_path):
    """Wherever the import stands; the lines of the file keep their numbers."""
    tree = SideBySide().visit(ast.parse(text))
    assert ast.unparse(tree) == ast.unparse(ast.parse(CHANGED[text]))
    assert [node.lineno for node in ast.walk(tree) if isinstance(node, ast.Import | ast.ImportFrom)] == [
        len(text.splitlines())
    ]
    (tmp_path / "file.py").write_text(text)
    assert imports_relatively(tmp_path / "file.py")


@pytest.mark.parametrize("text", UNCHANGED)
def test_other_imports_stay(text, tmp_path):
    """Two dots lead out of the folder, and a star of the folder itself names nothing."""
    assert ast.unparse(SideBySide().visit(ast.parse(text))) == ast.unparse(ast.parse(text))


def test_a_file_that_needs_no_change_is_loaded_as_ever(tmp_path):
    """Neither a decimal point, nor a text, nor a missing file is such an import."""
    (tmp_path / "file.py").write_text("x = 'from .a import b'\nfrom math import pi\nfrom ..a import b\n")
    assert not imports_relatively(tmp_path / "file.py")
    assert not imports_relatively(tmp_path / "missing.py")
