"""``grader data``: fetches the large public files that a lab names, once, checked by their SHA-256.

What has arrived stays when the connection breaks; the next run asks for the rest only. Files may also be put into
the folder by hand. A resource of kind ``download`` in ``lab.yaml`` lists, by the file's name, ``bytes``, ``sha256``
and ``urls``, which are tried in turn.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from pydantic import Field, ValidationError

from grader.language.message import sentence
from grader.language.translation import _
from grader.project.contract import ContractError, Lab
from grader.project.places import Project, ProjectError, file_digest
from grader.project.sections import Resource, Section

KIND = "download"
CONNECT_LIMIT_S = 20.0
CHUNK_BYTES = 1 << 16
PART_SUFFIX = ".part"
FROM_OFFSET = 206
# Called with the bytes that have arrived since the last call.
Arrived = Callable[[int], None]


class RemoteFile(Section):
    """One file: where it is, how long it is, and what it must hold."""

    bytes: int = Field(gt=0, le=1 << 34)
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    urls: tuple[str, ...] = Field(min_length=1)


def files_of(lab: Lab, resource: Resource) -> dict[str, RemoteFile]:
    """Return the files of a resource by name.

    Raises
    ------
    ContractError : ``lab.yaml`` does not describe them as expected.
    """
    place = f"{lab.folder}/lab.yaml"
    found = {}
    for name, facts in dict(resource.options.get("files", {})).items():
        try:
            found[name] = RemoteFile.model_validate(facts)
        except ValidationError as error:
            raise ContractError(
                "{place}: file {name}: {errors}", place=place, name=name, errors=error.errors()[0]["msg"]
            ) from None
        if not re.fullmatch(r"[\w.-]+", name) or not all(re.match("https?://", url) for url in found[name].urls):
            raise ContractError(
                "{place}: file {name}: a plain name and urls with http or https are expected",
                place=place,
                name=name,
            )
    if not found:
        raise ContractError("{place}: a resource of kind {KIND} needs `files`", place=place, KIND=KIND)
    return found


def folder_of(project: Project, lab: Lab, name: str) -> Path:
    """Return the folder in the cache where a resource's files belong."""
    return project.cache / "downloads" / f"{lab.name}-{name}"


def downloaded(project: Project, lab: Lab, name: str) -> Path:
    """Return the folder of a resource whose files are all there.

    Raises
    ------
    ProjectError : one is missing or has another content; the message says how to get it.
    """
    folder = folder_of(project, lab, name)
    for file, facts in files_of(lab, lab.facts.resources[name]).items():
        path = folder / file
        if not path.is_file() or file_digest(path) != facts.sha256:
            state = sentence("is damaged") if path.exists() else sentence("is not here yet")
            raise ProjectError(
                "{path} {state}: fetch it once, with a network, by `make data LAB={name}` (or `python -m grader "
                "data {name}`), or put the file there yourself",
                path=path,
                state=state,
                name=lab.name,
            )
    return folder


def fetch(url: str, part: Path, facts: RemoteFile, arrived: Arrived) -> None:
    """Bring ``part`` to its full length from ``url``, going on from what it holds.

    Raises
    ------
    OSError : the connection or the file failed (`urllib.error.URLError` is one); what has arrived stays.
    ValueError : the server's answer is not the file's length.
    """
    # Loading these takes as long as loading NumPy, and a grading does without.
    import http.client
    import urllib.request

    have = part.stat().st_size if part.exists() else 0
    if have > facts.bytes:
        part.unlink()
        have = 0
    if have == facts.bytes:
        return
    request = urllib.request.Request(url, headers={"Range": f"bytes={have}-"} if have else {})
    try:
        with urllib.request.urlopen(request, timeout=CONNECT_LIMIT_S) as answer:
            begins = re.match(r"bytes (\d+)-", answer.headers.get("Content-Range") or "")
            goes_on = answer.status == FROM_OFFSET and begins is not None and int(begins[1]) == have
            if not goes_on:
                arrived(-have)
                have = 0
            with part.open("ab" if goes_on else "wb") as stream:
                while piece := answer.read(CHUNK_BYTES):
                    have += len(piece)
                    if have > facts.bytes:
                        raise ValueError(sentence("it is longer than {bytes} bytes", bytes=facts.bytes))
                    stream.write(piece)
                    arrived(len(piece))
    except http.client.HTTPException as error:
        raise ConnectionError(sentence("the connection broke off ({name})", name=type(error).__name__)) from error
    if have < facts.bytes:
        text = sentence("the connection broke off after {have} of {bytes} bytes", have=have, bytes=facts.bytes)
        raise ConnectionError(text)


def download(project: Project, lab: Lab, arrived: Arrived, note: Callable[[str], None]) -> list[Path]:
    """Fetch every file of the lab that is not here yet; return all of them.

    Raises
    ------
    ProjectError : the lab has none, or a file cannot be had; the message says what to do.
    """
    names = [name for name, resource in lab.facts.resources.items() if resource.kind == KIND]
    if not names:
        raise ProjectError("lab {name} needs no data beyond what is here", name=lab.name)
    paths = []
    for name in names:
        folder = folder_of(project, lab, name)
        for file, facts in files_of(lab, lab.facts.resources[name]).items():
            path = folder / file
            note(file)
            try:
                folder.mkdir(parents=True, exist_ok=True)
                if path.is_file() and file_digest(path) == facts.sha256:
                    arrived(facts.bytes)
                else:
                    _download_one(path, facts, arrived)
            except PermissionError as error:
                raise ProjectError(
                    "{folder} cannot be written ({strerror}); name another cache with GRADER_CACHE",
                    folder=folder,
                    strerror=error.strerror,
                ) from None
            paths.append(path)
    return paths


def total_bytes(lab: Lab) -> int:
    """Return the length of all files of the lab together."""
    resources = [resource for resource in lab.facts.resources.values() if resource.kind == KIND]
    return sum(facts.bytes for resource in resources for facts in files_of(lab, resource).values())


def folders(project: Project, lab: Lab) -> dict[Path, int]:
    """Return the folders that a lab's files belong in, with the bytes of the files of each."""
    return {
        folder_of(project, lab, name): sum(facts.bytes for facts in files_of(lab, resource).values())
        for name, resource in lab.facts.resources.items()
        if resource.kind == KIND
    }


def _download_one(path: Path, facts: RemoteFile, arrived: Arrived) -> None:
    part = path.with_name(path.name + PART_SUFFIX)
    if part.exists():
        arrived(part.stat().st_size)
    reasons = []
    for url in facts.urls:
        try:
            fetch(url, part, facts, arrived)
        except PermissionError:
            raise
        except (OSError, ValueError) as error:
            reasons.append(f"{url}: {_reason(error)}")
            continue
        if file_digest(part) == facts.sha256:
            part.replace(path)
            return
        arrived(-part.stat().st_size)
        part.unlink()
        reasons.append(
            _("{url}: the file has another content (SHA-256) than expected, and was thrown away", url=url)
        )
    kept = part.stat().st_size if part.exists() else 0
    lines = "\n  ".join(reasons)
    raise ProjectError(
        "{name} could not be fetched; {kept} of {bytes} bytes are here:\n  {lines}\nWith a network, the "
        "same command goes on from there. Without one, bring the file from elsewhere to {path}; its "
        "SHA-256 must be {sha256}",
        name=path.name,
        kept=kept,
        bytes=facts.bytes,
        lines=lines,
        path=path,
        sha256=facts.sha256,
    )


def _reason(error: Exception) -> str:
    import urllib.error

    if isinstance(error, urllib.error.HTTPError):
        return _("the server says {code} {reason}", code=error.code, reason=error.reason)
    if isinstance(error, urllib.error.URLError):
        return _("cannot be reached ({reason}); is there a network?", reason=error.reason)
    return str(error) or type(error).__name__
