"""What stands in for libraries that read pictures has the names by which submissions scale them."""

import importlib
import sys

import cv2
import numpy as np
import pytest

from grader.inside.stand_ins import FILTERS, StandIns


@pytest.fixture
def pil(monkeypatch):
    """``PIL.Image`` as a submission gets it."""
    for name in [name for name in sys.modules if name.partition(".")[0] == "PIL"]:
        monkeypatch.delitem(sys.modules, name)
    hook = StandIns(())
    monkeypatch.setattr(sys, "meta_path", [hook, *sys.meta_path])
    yield importlib.import_module("PIL.Image")
    for name in [name for name in sys.modules if name.partition(".")[0] == "PIL"]:
        del sys.modules[name]


@pytest.mark.parametrize("name", FILTERS)
def test_every_filter_scales_as_the_lab_does(pil, tmp_path, name):
    """By its old name and by its new one; the size is columns, rows."""
    picture = np.arange(6 * 8 * 3, dtype=np.uint8).reshape(6, 8, 3)
    cv2.imwrite(str(tmp_path / "a.png"), picture[:, :, ::-1])
    wanted = cv2.resize(picture, (4, 3), interpolation=cv2.INTER_LINEAR)
    for chosen in (getattr(pil, name), getattr(pil.Resampling, name)):
        opened = pil.open(tmp_path / "a.png")
        assert opened.size == (8, 6)
        np.testing.assert_array_equal(np.array(opened.resize((4, 3), chosen)), wanted)
