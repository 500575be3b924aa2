"""Traps for functions that a lab rules out in a library that it allows."""

import importlib
import sys
import types

import pytest

from grader.inside.traps import Trap, TrappedModules


@pytest.fixture
def library(tmp_path, monkeypatch):
    """A library with one function that is ruled out, which another of its functions uses."""
    (tmp_path / "trapped_library.py").write_text(
        "def ruled_out():\n    return 1\ndef free():\n    return ruled_out()\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    noted = []

    def note(name, frame):
        by_library = frame.f_code.co_filename.endswith("trapped_library.py")
        noted.extend([] if by_library else [name])
        return not by_library

    monkeypatch.setattr(sys, "meta_path", [TrappedModules(["trapped_library.ruled_out"], note), *sys.meta_path])
    yield importlib.import_module("trapped_library"), noted
    del sys.modules["trapped_library"]


def test_a_call_is_noted_and_refused(library):
    """However the function was reached, calling it is what counts."""
    module, noted = library
    with pytest.raises(PermissionError, match="write it yourself"):
        getattr(module, "ruled" + "_out")()
    assert noted == ["trapped_library.ruled_out"]


def test_the_library_itself_gets_the_real_one(library):
    """What an allowed function does inside is not the submission's affair."""
    module, noted = library
    assert module.free() == 1
    assert noted == []


def test_two_hooks_on_one_library_do_not_ask_each_other_for_ever(tmp_path, monkeypatch):
    """Each finds it through the other, and both set their traps."""
    (tmp_path / "twice_trapped.py").write_text("def one():\n    return 1\ndef other():\n    return 2\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    hooks = [TrappedModules([f"twice_trapped.{name}"], lambda name, frame: True) for name in ("one", "other")]
    monkeypatch.setattr(sys, "meta_path", [*hooks, *sys.meta_path])
    module = importlib.import_module("twice_trapped")
    del sys.modules["twice_trapped"]
    assert isinstance(module.one, Trap) and isinstance(module.other, Trap)


def test_looking_at_a_function_is_not_using_it(library):
    """Inspection and the import machinery ask for special attributes."""
    module, noted = library
    assert module.ruled_out.__name__ == "ruled_out"
    assert isinstance(module.ruled_out, Trap) and noted == []


def test_submodules_are_trapped_too():
    """A part of a library is used when something is taken from it."""
    part = types.ModuleType("part")
    part.function = abs
    noted = []
    trap = Trap("library.part", part, lambda name, frame: noted.append(name) or True)
    with pytest.raises(PermissionError):
        _ = trap.function
    assert noted == ["library.part"]
