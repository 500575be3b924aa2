"""Finds the folder that holds the work among what was handed in, and the names that a site has changed."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import PurePosixPath

from grader.collect.archives import Member, shown
from grader.language.translation import _, listed

# Where a kit keeps a student's work; its skeletons lie elsewhere under the same names.
WORK_FOLDER = "stu_upload"
# What browsers, file managers and course sites add to a name that is taken already.
COPY_MARK = re.compile(
    r"(\s*\(\d+\)|\s*-\s*(Copy|Kopie|副本)(\s*\(\d+\))?|\s+copy(\s*\d+)?|-\d+|[_\s]?副本(\s*\(\d+\))?)+$", re.I
)


def with_own_names(members: Sequence[Member], required: Sequence[str]) -> tuple[list[Member], list[str]]:
    """Give files such as ``layer (1).py`` the name that they stand for, where exactly one in a folder does.

    Returns the members, and a note for each that was renamed.
    """
    present = {member.path for member in members}
    stands_for: dict[str, list[Member]] = {}
    for member in members:
        path = PurePosixPath(member.path)
        stem = COPY_MARK.sub("", path.stem)
        wanted = str(path.with_name(f"{stem}{path.suffix}")) if stem else ""
        if stem != path.stem and wanted not in present and _is_required(wanted, required):
            stands_for.setdefault(wanted, []).append(member)
    renamed = {found[0].path: wanted for wanted, found in stands_for.items() if len(found) == 1}
    notes = [
        _("{file} was taken as {wanted}", file=shown(path), wanted=shown(own)) for path, own in renamed.items()
    ]
    return [replace(member, path=renamed.get(member.path, member.path)) for member in members], notes


def _is_required(path: str, required: Sequence[str]) -> bool:
    return any(path == name or path.endswith(f"/{name}") for name in required)


def home_of(members: Sequence[Member], required: Sequence[str]) -> tuple[str, str]:
    """Return the folder that holds the work, with a ``/`` at its end, and a note.

    It is the only one with all required files; else, if none has all, the only one with any. A folder goes before
    those inside it, and in a whole kit the student's folder before the skeletons. Between others nothing is
    guessed: then it is the top, and the note names the candidates.
    """
    folders: dict[str, int] = {}
    for member in members:
        for name in required:
            if member.path == name or member.path.endswith(f"/{name}"):
                folder = member.path.removesuffix(name)
                folders[folder] = folders.get(folder, 0) + 1
    if not folders or "" in folders:
        return "", ""
    most = [folder for folder, count in folders.items() if count == len(required)] or list(folders)
    outermost = [one for one in most if not any(one != other and one.startswith(other) for other in most)]
    chosen = outermost if len(outermost) == 1 else [one for one in outermost if f"/{WORK_FOLDER}/" in f"/{one}"]
    if len(chosen) == 1:
        return chosen[0], _("the files were taken from the folder {folder}", folder=shown(chosen[0]))
    names = listed([shown(folder) for folder in sorted(outermost)])
    return "", _("there are several folders with the work, and none was chosen: {folders}", folders=names)
