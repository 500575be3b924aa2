"""Builds what a student gets: handouts, skeletons, public fixtures and the checking part of the grader."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from grader import __version__
from grader.kits.editors import differentiable, notebook_of, tasks_of
from grader.kits.handouts import handout_pages
from grader.kits.import_closure import needed_files
from grader.kits.leaks import find_leaks, secrets_of
from grader.language.errors import BadInput
from grader.language.translation import ENGLISH, _, marked, speaking, translated
from grader.project.contract import Lab
from grader.project.packing import read_tree, write_folder, write_zip
from grader.project.places import Project

TEMPLATES = Path(__file__).parent / "kit_files"
# Template to its place in the kit.
PLACES = {
    "Makefile.template": "Makefile",
    "pyproject.toml.template": "pyproject.toml",
    "README.md.template": "README.md",
    "README.zh.md.template": "README.zh.md",
    "check.yml.template": ".github/workflows/check.yml",
    "vscode_settings.json.template": ".vscode/settings.json",
    "editorconfig.template": ".editorconfig",
    "gitignore.template": ".gitignore",
    "grader_main.py": "grader/__main__.py",
}
ROOTS = ("grader.commands.student", "grader.notebook")
# Needed to develop the grader or to build a kit, not by a student.
NOT_IN_KITS = ("pytest", "latex2mathml", "markdown-it-py")
DEFAULT_TITLE = marked("Neural-network layers, written by hand")
ZIP_SUFFIX = ".zip"


class KitError(BadInput):
    """The kit cannot be built or would give a secret away; nothing was written."""


@dataclass(frozen=True)
class WrittenKit:
    """Where the kit is, how many files it has and how large they are together."""

    path: Path
    files: int
    size_bytes: int


def kit_files(project: Project, labs: Sequence[Lab], course: str = "") -> dict[str, bytes]:
    """Return every file of a kit by its path, in order.

    Raises
    ------
    KitError : a lab has no public fixtures, or something of a solution or of hidden fixtures would be in the kit.
    """
    if not labs:
        raise KitError("name at least one lab, such as `python -m grader kit vgg16`")
    files = {path: file.read_bytes() for path, file in needed_files(Path(__file__).parents[1], ROOTS).items()}
    for lab in labs:
        files |= _files_of_lab(project, lab)
        files[f"notebooks/{lab.name}.ipynb"] = notebook_of(lab)
    files[".vscode/tasks.json"] = tasks_of(labs)
    with speaking(ENGLISH):
        files |= _from_templates(project, labs, course)
    for lab in labs:
        leaks = find_leaks(files, secrets_of(project, lab, beside=labs))
        if leaks:
            shown = "\n  ".join(leaks[:10])
            raise KitError(
                "the kit would give away {leaks} secrets of lab {name}, so nothing was written:\n  {shown}\nIf a "
                "skeleton was edited by hand, generate it again: python -m grader skeleton {name}",
                leaks=len(leaks),
                name=lab.name,
                shown=shown,
            )
    return dict(sorted(files.items()))


def write_kit(project: Project, labs: Sequence[Lab], out: Path | None, course: str = "") -> WrittenKit:
    """Build a kit and write it to ``out``: a new folder, or an archive if the name ends in ``.zip``.

    Raises
    ------
    KitError : as for `kit_files`.
    PackingError : ``out`` cannot be written.
    """
    files = kit_files(project, labs, course)
    name = f"{'-'.join(lab.name for lab in labs)}-kit"
    target = out or project.root / "dist" / f"{name}{ZIP_SUFFIX}"
    if target.suffix == ZIP_SUFFIX:
        write_zip(files, target, folder=name)
    else:
        write_folder(files, target)
    return WrittenKit(target, len(files), sum(map(len, files.values())))


def _files_of_lab(project: Project, lab: Lab) -> dict[str, bytes]:
    public = read_tree(lab.folder, f"labs/{lab.name}")
    handed = [file.path for file in lab.facts.files] + list(lab.facts.given)
    files = dict(public)
    pages = handout_pages(lab.folder, lab.facts.title)
    files |= {f"labs/{lab.name}/{name}": content for name, content in pages.items()}
    for path, content in public.items():
        inside = path.removeprefix(f"labs/{lab.name}/")
        if any(inside == name or inside.startswith(f"{name}/") for name in handed):
            files[f"stu_upload/{lab.name}/{inside}"] = content
    folder = project.root / "fixtures" / lab.name
    fixtures = [path for path in sorted(folder.glob("**/public")) if path.relative_to(folder).parts[0] != "archive"]
    if not fixtures:
        raise KitError(
            "{value}: missing; publish the lab first: python -m grader publish {name}",
            value=folder / "public",
            name=lab.name,
        )
    for place in fixtures:
        files |= read_tree(place, place.relative_to(project.root).as_posix())
    overrides = project.overrides(lab.name)
    if overrides.is_file():
        files[overrides.relative_to(project.root).as_posix()] = overrides.read_bytes()
    return files


def _from_templates(project: Project, labs: Sequence[Lab], course: str) -> dict[str, bytes]:
    values = {
        "LAB": labs[0].name,
        "LAB_LIST": ", ".join(lab.name for lab in labs),
        "LABS": "\n".join(_row(lab) for lab in labs),
        "TITLE": _title(labs, course),
        **_in_chinese(labs, course),
        "LAYER": next(filter(None, map(differentiable, labs)), "LAYER"),
        "VERSION": __version__,
        "DEPENDENCIES": "\n".join(f"  {line}" for line in dependencies(project.root / "pyproject.toml")),
    }
    return {place: _filled(TEMPLATES / name, values).encode() for name, place in PLACES.items()}


def _in_chinese(labs: Sequence[Lab], course: str) -> dict[str, str]:
    with speaking("zh"):
        return {"LABS_ZH": "\n".join(_row(lab) for lab in labs), "TITLE_ZH": _title(labs, course)}


def _title(labs: Sequence[Lab], course: str) -> str:
    own = translated(labs[0].facts.title, labs[0].folder) if len(labs) == 1 else _(DEFAULT_TITLE)
    return _one_line(course) or own


def _row(lab: Lab) -> str:
    pages = {"README.md": "English", "README.zh.md": "中文"}
    places = {page: f"labs/{lab.name}/{page}" for page in pages if (lab.folder / page).is_file()}
    links = ", ".join(
        f"[{pages[page]}]({place.replace('.md', '.html')}) ([Markdown]({place}))" for page, place in places.items()
    )
    title = _one_line(translated(lab.facts.title, lab.folder))
    return _("- **{lab}**: {title}. Handout: {links}", lab=lab.name, title=title, links=links)


def _one_line(text: str) -> str:
    return " ".join(text.replace('"', "'").replace("\\", "/").split())


def _filled(template: Path, values: Mapping[str, str]) -> str:
    text = template.read_text(encoding="utf-8")
    return re.sub(r"@([A-Z_]+)@", lambda found: values.get(found[1], found[0]), text)


def dependencies(file: Path) -> list[str]:
    """Return the lines of the grader's own dependencies, without those that only its tests and kits need.

    They are taken over as text: Python 3.10 has no TOML reader.

    Raises
    ------
    KitError : ``file`` does not list them as expected.
    """
    found = re.search(r"^dependencies = \[\n(.*?)^\]", file.read_text(encoding="utf-8"), re.M | re.S)
    if found is None:
        raise KitError("{file}: expected `dependencies = [` with one requirement on each line", file=file)
    lines = [line.strip() for line in found[1].splitlines() if line.strip()]
    return [line for line in lines if not line.strip('"').startswith(NOT_IN_KITS)]
