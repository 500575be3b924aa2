"""A defect of the grader itself is never taken for a graded submission."""

import pytest
import typer

from grader.commands.common import BAD_INPUT, GRADER_FAILED, errors, fail


def test_an_unforeseen_error_is_status_3(capsys):
    """It would otherwise end with Python's own status 1, which says that a submission was graded."""
    with pytest.raises(typer.Exit) as left, errors():
        raise ZeroDivisionError
    assert left.value.exit_code == GRADER_FAILED
    assert "the grader itself failed (ZeroDivisionError)" in capsys.readouterr().err


def test_a_status_that_was_chosen_stays():
    """Leaving on purpose is no defect."""
    with pytest.raises(typer.Exit) as left, errors():
        fail("a wrong word", BAD_INPUT)
    assert left.value.exit_code == BAD_INPUT
