"""A language for one test."""

import pytest

from grader.language.translation import choose
from grader.project.places import Project
from tests.golden import ROOT


@pytest.fixture
def chinese():
    """Let the grader speak Chinese, and English again afterwards."""
    choose("zh")
    yield
    choose("en")


@pytest.fixture(scope="session")
def project():
    """This repository."""
    return Project(ROOT)
