"""Which arithmetics a lab is proved under: the host's own, that of another processor, and float64."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

from grader.jail.arithmetic import Arithmetic, Computer, another_arithmetic, chosen_arithmetic, computer
from grader.project.contract import Lab
from grader.project.manifest import ComputerFacts
from grader.publishing.record_cache import RecordCache
from grader.publishing.recording import Recorder, context_of
from grader.publishing.times import opener

FLOAT64 = "the engine in float64"


def recorder_of(lab: Lab, resources: Mapping[str, Path], store: Path, arithmetic: Arithmetic) -> Recorder:
    """Return what runs solutions under an arithmetic; what it keeps is asked for on the same kind of host only."""
    context = f"{context_of(lab, resources)}\n{computer(arithmetic)}"
    return Recorder(lab, opener(lab, resources, arithmetic=arithmetic), RecordCache(store, context))


def arithmetics() -> list[Arithmetic]:
    """Return the chosen arithmetic, and one of another processor if this host can run it."""
    own = chosen_arithmetic()
    other = another_arithmetic(own)
    return [own] if other is None else [own, other]


def described(item: Computer) -> str:
    """Return a computer in words, for the certificate."""
    return f"{item.arithmetic}: {item.blas}, on {item.processor} ({', '.join(item.features) or 'features unknown'})"


def computer_facts(item: Computer) -> ComputerFacts:
    """Return what a fixture keeps of the computer that published it."""
    return ComputerFacts.model_validate(asdict(item))
