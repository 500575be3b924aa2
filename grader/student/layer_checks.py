"""Finds the checks that belong to one layer, by the names that a student has in mind."""

from __future__ import annotations

import re

from grader.lab.checks import Check
from grader.language.near import meant_or_known
from grader.project.contract import Lab
from grader.project.places import ProjectError


def checks_of_layer(lab: Lab, layer: str, *, slow: bool = False) -> list[str]:
    """Return the ids of the checks of ``layer``: a hole, a part of an id, or words of a title.

    ``conv``, ``conv_forward``, ``Convolution`` and ``ConvolutionLayer`` all name the convolution.

    Raises
    ------
    ProjectError : no check fits; the message lists the layers.
    """
    quick = [check for check in lab.checks.values() if slow or not check.slow]
    found = [check.id for check in quick if _plain(layer) and fits(check, layer)]
    if not found:
        known = list(dict.fromkeys(re.sub(r"_(forward|backward)$", "", check.id) for check in quick))
        raise ProjectError(
            "lab {name} has no check of a layer {layer}{near}",
            name=lab.name,
            layer=repr(layer),
            near=meant_or_known(layer, known),
        )
    return found


def fits(check: Check, layer: str) -> bool:
    """Whether a check is of ``layer``: a hole, the beginning of its id, or words of its title."""
    wanted = _plain(layer)
    identifier = _plain(check.id)
    title = _plain(re.split(r"[,:(]", check.title)[0])
    return identifier.startswith(wanted) or title.startswith(wanted) or wanted in map(_plain, check.holes)


def _plain(name: str) -> str:
    return re.sub(r"(layer|[^a-z0-9])", "", name.lower())
