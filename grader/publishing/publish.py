"""Publishes a lab: records its fixtures from the reference, if everything that must hold is proved.

Nothing is written unless the reference scores full marks and the skeleton none, right variants agree, gradients
agree with central differences, and every known mistake loses what it should. See `grader.publishing.conditions`.
"""

from __future__ import annotations

import hashlib
import json
import secrets
import shutil
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from grader.jail.arithmetic import computer
from grader.jail.scratch import scratch_folder
from grader.jail.slots import claim_slot
from grader.lab.checks import Case
from grader.prepare.resources import prepare_resources
from grader.project.contract import ContractError, Lab
from grader.project.fixtures import ARCHIVE_NAME, write_fixture
from grader.project.manifest import MANIFEST_NAME, Facts, read_manifest
from grader.project.places import Project
from grader.project.solution import KEPT_BACK, variants_of, write_solution
from grader.publishing.arithmetics import arithmetics, computer_facts, recorder_of
from grader.publishing.certificate import Certificate, require_complete, write_certificate
from grader.publishing.conditioning import Conditioner, Drawn, worst_shares
from grader.publishing.conditions import Proof, prove
from grader.publishing.engine import engine_version
from grader.publishing.linting import require_clean
from grader.publishing.misconceptions import common_pairs, load_misconceptions, singles
from grader.publishing.mutants import MUTANTS_NAME
from grader.publishing.overrides import prepare_overrides
from grader.publishing.recording import Recorder, make_cases
from grader.publishing.times import KINDS, measure_times
from grader.publishing.tolerances import with_tolerances
from grader.publishing.trials import recorded_mistakes
from grader.publishing.workbench import HIDDEN, Found, Workbench
from grader.report.progress import Progress


@dataclass(frozen=True)
class Published:
    """What was published: the release, the folder and number of cases of each kind, and what was proved."""

    release: str
    folders: Mapping[str, Path]
    cases: Mapping[str, int]
    certificate: Certificate


def publish(
    project: Project,
    lab: Lab,
    *,
    seed: int | None,
    weights: Path | None,
    progress: Progress,
    keep_seed: bool = False,
) -> Published:
    """Prove the lab and write its public and hidden fixtures and its certificate.

    ``seed`` makes the hidden cases; a fresh one is drawn if it is None, or that of the fixtures that are there is
    used again with ``keep_seed``, so that only what has changed is run. The public cases have a seed of their own
    that follows from the lab's name and version, so they change only when the lab does.

    Raises
    ------
    ContractError : the lab has no reference.
    LintError : something is wrong with its files.
    RecordingError : the reference or a variant does not come through a check.
    NotProved : a condition does not hold; nothing was written.
    """
    started = time.monotonic()
    reference = project.reference(lab.name)
    if not reference.is_dir():
        raise ContractError(
            "{reference}: missing; publishing records what the reference returns", reference=reference
        )
    progress.step("the lab's files")
    require_clean(project, lab.name)
    folders = {kind: project.fixtures(lab.name, kind, weights) for kind in KINDS}
    seeds = {"public": _public_seed(lab), "hidden": _hidden_seed(folders["hidden"], seed, keep_seed)}
    if weights is None:
        prepare_overrides(project, lab, reference, progress)
    resources = prepare_resources(project, lab, list(lab.checks.values()), weights, progress.note)
    store = project.cache / "records" / lab.name
    ways = arithmetics()
    recorder, *others = (recorder_of(lab, resources, store, way) for way in ways)
    mistakes = load_misconceptions(reference)
    engine = engine_version(project, lab, resources)
    trials = [*singles(mistakes), *common_pairs(mistakes)]
    with scratch_folder("publishing") as scratch:
        drawn = _draw(lab, reference, recorder, seeds, scratch, progress)
        cases = {kind: drawn[kind].cases for kind in KINDS}
        elsewhere = {way.name: other for way, other in zip(ways[1:], others, strict=True)}
        bench = Workbench(
            lab=lab,
            reference=reference,
            scratch=scratch,
            recorder=recorder,
            cases=cases,
            mistakes=trials,
            progress=progress,
            engine=engine,
            elsewhere=elsewhere,
        )
        found = bench.run()
        # Afterwards, because nothing else may run meanwhile.
        times = measure_times(lab, reference, engine, cases["hidden"], resources, scratch, progress)
    computers = [computer(way) for way in ways]
    seconds = time.monotonic() - started
    proof = prove(lab, found, trials, cases, times.rows, seconds, drawn, computers)
    certificate = proof.certificate
    require_complete(certificate)
    facts = {
        kind: Facts(
            seed=seeds[kind],
            draws=dict(drawn[kind].draws),
            conditioning=worst_shares(certificate.movements, kind),
            computer=computer_facts(computers[0]),
            versions=certificate.versions,
            variants=list(certificate.variants),
        ).replaced_by(times.facts())
        for kind in KINDS
    }
    _write(lab, folders, proof, cases, found, facts)
    count = {kind: sum(len(part) for part in cases[kind].values()) for kind in KINDS}
    return Published(certificate.release, folders, count, certificate)


def _write(
    lab: Lab,
    folders: Mapping[str, Path],
    proof: Proof,
    cases: Mapping[str, Mapping[str, Sequence[Case]]],
    found: Found,
    facts: Mapping[str, Facts],
) -> None:
    """Write the fixtures of both kinds and the certificate; those that were there go to the archive."""
    _keep_old(folders)
    for kind in KINDS:
        write_fixture(
            folders[kind],
            lab=lab.name,
            lab_version=lab.facts.version,
            kind=kind,
            release=proof.certificate.release,
            checks=with_tolerances(lab, cases[kind], found.reference[kind], proof.tolerances),
            facts=facts[kind],
            mistakes=recorded_mistakes(lab, proof.trials, kind),
        )
    write_certificate(proof.certificate, folders["hidden"].parent)
    # They were tried on other cases.
    (folders["hidden"].parent / MUTANTS_NAME).unlink(missing_ok=True)


def _draw(
    lab: Lab,
    reference: Path,
    recorder: Recorder,
    seeds: Mapping[str, int],
    scratch: Path,
    progress: Progress,
) -> dict[str, Drawn]:
    """Draw the cases of both kinds that rounding does not decide, side by side."""
    solutions = []
    for name in (None, *variants_of(reference)):
        solutions.append(scratch / f"conditioning-{name or 'reference'}")
        write_solution(reference, name, solutions[-1])
    progress.step("cases that rounding does not decide")
    conditioner = Conditioner(lab, recorder, solutions, progress.note)
    chosen = conditioner.quickest(make_cases(lab, seeds["public"]))
    with ThreadPoolExecutor(len(KINDS), thread_name_prefix="draw") as pool:

        def draw(kind: str) -> Drawn:
            with claim_slot(lab.facts.limits.threads) as slot:
                return conditioner.draw(
                    seeds[kind], chosen, slot, reference / KEPT_BACK if kind == HIDDEN else None
                )

        jobs = {kind: pool.submit(draw, kind) for kind in KINDS}
        try:
            return {kind: job.result() for kind, job in jobs.items()}
        finally:
            conditioner.stopped.set()


def _public_seed(lab: Lab) -> int:
    digest = hashlib.sha256(f"public:{lab.name}:{lab.facts.version}".encode()).digest()
    return int.from_bytes(digest[:7], "little")


def _hidden_seed(folder: Path, seed: int | None, keep: bool) -> int:
    if seed is not None:
        return seed
    kept = read_manifest(folder).facts.seed if keep and (folder / MANIFEST_NAME).is_file() else None
    if kept is not None:
        return kept
    return secrets.randbits(63)


def _keep_old(folders: Mapping[str, Path]) -> None:
    """Copy the fixtures that are there to the archive, under their release: old results can then be explained."""
    for kind, folder in folders.items():
        if not (folder / MANIFEST_NAME).is_file():
            continue
        # They are kept even if somebody has edited them.
        release = json.loads((folder / MANIFEST_NAME).read_text(encoding="utf-8")).get("release", "unknown")
        target = folder.parent / ARCHIVE_NAME / str(release) / kind
        if not target.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copytree(folder, target)
