"""Turns ``--set NAME=VALUE`` into the options of a lab's experiment, and says with which weights it runs."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from grader.lab.checks import Case
from grader.language.near import did_you_mean
from grader.language.translation import _, listed, translated
from grader.project.contract import Lab
from grader.project.places import ProjectError, file_digest, read_picture
from grader.project.sections import ExperimentFacts, Option

SEEDED = "seeded"
# Endings of files with weights.
CHECKPOINTS, MATCONVNET = (".npz", ".npy"), ".mat"
MAX_NAMES = 64
SIZE = re.compile(r"(\d{1,4})[x×](\d{1,4})")
DIGEST_CHARACTERS = 8


@dataclass(frozen=True)
class Options:
    """The options of one run.

    Attributes
    ----------
    values : name to number, text, list of names, [rows, columns], or the name of a picture's file.
    pictures : name to the bytes of the file, uint8.
    """

    values: Mapping[str, Any]
    pictures: Mapping[str, np.ndarray]

    def case(self, name: str, state: Mapping[str, np.ndarray]) -> Case:
        """Return what the experiment gets; ``state`` has names that begin with ``state/``."""
        config = {key: value for key, value in self.values.items() if key not in self.pictures}
        return Case(name, config, {**self.pictures, **state})

    def needed(self, experiment: ExperimentFacts) -> list[str]:
        """Return the names of the resources that the choices need."""
        chosen = [(option.needs, self.values[name]) for name, option in experiment.options.items()]
        return [needs[value] for needs, value in chosen if isinstance(value, str) and value in needs]

    def label(self, experiment: ExperimentFacts, others: Sequence[str]) -> str:
        """Return a name for the run: equal for equal options, apart from those that extend a run.

        ``others`` is what also decides whether a run is the same, such as the hash of its weights.
        """
        facts = [
            [name, _digest(self.pictures[name].tobytes()) if name in self.pictures else value]
            for name, value in sorted(self.values.items())
            if not experiment.options[name].extends
        ]
        stems = [re.sub(r"[^A-Za-z0-9]+", "_", Path(str(self.values[name])).stem)[:24] for name in self.pictures]
        return "-".join([*(stems or ["run"]), _digest(json.dumps([facts, list(others)]).encode())])


@dataclass(frozen=True)
class Weights:
    """With which weights an experiment runs.

    Attributes
    ----------
    key : what tells them from others: the hash of a file, or `SEEDED`.
    trained : the lab's trained first layers, if they are to be used.
    about : what a person must know of them; empty for a course's own, and where there are none.
    """

    key: str
    trained: Path | None = None
    about: str = ""


def choose_weights(lab: Lab, own: Path | None, seeded: bool) -> Weights:
    """Return the weights of a run: a course's own, else the lab's trained first layers, unless it is ``seeded``.

    Raises
    ------
    ProjectError : a file is given but the experiment takes none, or a file cannot be read.
    """
    experiment = lab.facts.experiment
    takes_some = experiment is not None and bool(experiment.resources)
    if own is not None and not takes_some:
        raise ProjectError("the experiment of lab {name} takes no weights", name=lab.name)
    if own is not None:
        _require_weights(lab, own)
        return Weights(file_digest(own))
    if experiment is not None and experiment.trained is not None and not seeded:
        file = lab.folder / experiment.trained.file
        return Weights(file_digest(file), file, translated(experiment.trained.about, lab.folder))
    about = _("the weights are synthetic; the handout says where real ones are") if takes_some else ""
    return Weights(SEEDED, about=about)


def _require_weights(lab: Lab, own: Path) -> None:
    """Refuse what can be no file of weights by its name, before anything is made for it."""
    experiment = lab.facts.experiment
    kinds = {lab.facts.resources[name].kind for name in experiment.resources} if experiment is not None else set()
    endings = [*CHECKPOINTS, *([MATCONVNET] if "matconvnet" in kinds else [])]
    if not own.exists():
        words = [SEEDED] if experiment is not None and experiment.trained is not None else []
        near = did_you_mean(own.name, words)
        raise ProjectError("there is no file of weights {file}{near}", file=own, near=near)
    if own.suffix not in endings:
        raise ProjectError("{file}: a checkpoint must be one of {endings}", file=own, endings=", ".join(endings))


def read_options(lab: Lab, settings: Sequence[str], picture: Path | None) -> Options:
    """Return the options of the lab's experiment: the defaults, and over them ``NAME=VALUE`` settings.

    ``picture`` stands for the first option that is one.

    Raises
    ------
    ProjectError : a setting cannot be read or does not exist; the message lists what there is.
    """
    experiment = lab.facts.experiment
    if experiment is None:
        raise ProjectError("lab {name} has no experiment", name=lab.name)
    given = dict(_split(lab, experiment, setting) for setting in settings)
    pictures = [name for name, option in experiment.options.items() if option.kind == "picture"]
    if picture is not None:
        if not pictures:
            raise ProjectError(
                "the experiment of lab {lab} takes no picture. {options}",
                lab=lab.name,
                options=_known(experiment, lab.folder),
            )
        given.setdefault(pictures[0], str(picture))
    values: dict[str, Any] = {}
    for name, option in experiment.options.items():
        text = given.get(name)
        if option.kind == "picture" and text == "":
            raise ProjectError("{name}= is empty; a picture is expected", name=name)
        if option.kind == "picture":
            values[name] = text if text is not None else str(lab.folder / "pictures" / str(option.default))
        else:
            values[name] = _value(name, option, str(option.default) if text is None else text)
    return Options(values, {name: read_picture(Path(values[name])) for name in pictures})


def _split(lab: Lab, experiment: ExperimentFacts, setting: str) -> tuple[str, str]:
    name, equals, value = setting.partition("=")
    name = name.strip().lower()
    if not equals or name not in experiment.options:
        raise ProjectError(
            "`{setting}` is no option of the experiment of lab {lab}. {options}",
            setting=setting,
            lab=lab.name,
            options=_known(experiment, lab.folder),
        )
    return name, value.strip()


def describe_options(experiment: ExperimentFacts, lab: Path) -> list[str]:
    """Return a line for each option of the lab in the folder ``lab``: name, default, what it is."""
    return [
        f"{name}={option.default}: {translated(option.help, lab)}" for name, option in experiment.options.items()
    ]


def _known(experiment: ExperimentFacts, lab: Path) -> str:
    return "\n  ".join([_("Its options, with their defaults:"), *describe_options(experiment, lab)])


def _value(name: str, option: Option, text: str) -> Any:
    if option.kind == "size":
        found = SIZE.fullmatch(text)
        if found is None:
            raise ProjectError("{name}={text}: rows x columns are expected, such as 192x320", name=name, text=text)
        return [_bounded(name, option, float(number), text) for number in found.groups()]
    if option.kind == "choice":
        if text not in option.values:
            raise ProjectError(
                "{name}={text}: one of {values} is expected", name=name, text=text, values=", ".join(option.values)
            )
        return text
    if option.kind == "names":
        names = [part.strip() for part in text.split(",") if part.strip()]
        if not names or len(names) > MAX_NAMES or not all(re.fullmatch(r"\w{1,40}", part) for part in names):
            raise ProjectError("{name}={text}: names with commas between them are expected", name=name, text=text)
        return names
    try:
        number = int(text) if option.kind == "int" else float(text)
    except ValueError:
        wanted = _("a whole number") if option.kind == "int" else _("a number")
        raise ProjectError("{name}={text}: {wanted} is expected", name=name, text=text, wanted=wanted) from None
    return _bounded(name, option, number, text)


def _bounded(name: str, option: Option, number: float, text: str) -> float:
    # Written so that NaN is refused.
    above = option.min is None or number >= option.min
    below = option.max is None or number <= option.max
    if not (above and below and abs(number) < float("inf")):
        ends = []
        if option.min is not None:
            ends.append(_("at least {end}", end=f"{option.min:g}"))
        if option.max is not None:
            ends.append(_("at most {end}", end=f"{option.max:g}"))
        wanted = listed(ends) or _("a finite number")
        raise ProjectError("{name}={text}: {wanted} is expected", name=name, text=text, wanted=wanted)
    return int(number) if option.kind in ("int", "size") else number


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:DIGEST_CHARACTERS]
