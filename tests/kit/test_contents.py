"""What is in a kit, and what must never be."""

import hashlib
import io
import json
import re
import shutil
import subprocess
import zipfile
from pathlib import Path, PurePosixPath

import pytest
import yaml

from grader.kits.kit import KitError, dependencies, kit_files, write_kit
from grader.project.contract import list_labs
from grader.project.packing import PackingError, write_folder
from grader.project.places import Project
from tests.golden import ROOT
from tests.kit.conftest import LAB, student

LABS = [
    name for name in list_labs(ROOT / "labs") if (ROOT / "fixtures" / name / "public" / "manifest.json").is_file()
]
MAX_KIT_BYTES = 16_000_000
TELLING_CHARACTERS = 25
INSTRUCTORS_COMMANDS = ("grade", "publish", "kit", "gradescope", "skeleton", "cohort")
INSTRUCTORS_ROOMS = ("publishing", "kits", "cohort")
INSTRUCTORS_MODULES = ("grader/commands/main.py", "grader/commands/instructor.py")


def everything_inside(files):
    """Yield path and content of every file, also of the members of archives."""
    for path, content in files.items():
        yield path, content
        if content[:2] == b"PK":
            with zipfile.ZipFile(io.BytesIO(content)) as archive:
                for name in archive.namelist():
                    yield f"{path}!{name}", archive.read(name)


def solution_lines(lab):
    """Lines between the solution marks that stand in no skeleton, read without the skeleton's generator."""
    found = set()
    for file in (ROOT / "reference" / lab).glob("*.py"):
        inside = False
        skeleton = ROOT / "labs" / lab / file.name
        known = skeleton.read_text() if skeleton.is_file() else ""
        for line in file.read_text().splitlines():
            if "BEGIN SOLUTION" in line or "END SOLUTION" in line:
                inside = "BEGIN" in line
            elif inside and len(line.strip()) > TELLING_CHARACTERS and line.strip() not in known:
                found.add(line.strip())
    # Of a loop that only counts, the names are all there is.
    return {line for line in found if not re.fullmatch(r"for \w+ in range\(\w+\):", line)}


@pytest.mark.parametrize("lab", LABS)
def test_no_line_of_a_solution_is_in_a_kit(lab, project):
    """No telling line of any solution region occurs in any file, or in a file inside of an archive."""
    lines = solution_lines(lab)
    assert lines
    for path, content in everything_inside(kit_files(project, [project.lab(lab)])):
        text = content.decode("utf-8", "replace")
        assert not [line for line in lines if line in text], path


@pytest.mark.parametrize("lab", LABS)
def test_nothing_of_the_hidden_fixtures_is_in_a_kit(lab, project):
    """Neither a hidden file, nor the hash of one, nor the hidden seed is there, unless it is public too."""
    folder = ROOT / "fixtures" / lab
    public = {hashlib.sha256(file.read_bytes()).hexdigest() for file in (folder / "public").iterdir()}
    secret = {hashlib.sha256(file.read_bytes()).hexdigest() for file in (folder / "hidden").iterdir()} - public
    manifest = json.loads((folder / "hidden" / "manifest.json").read_text())
    texts = [*secret, manifest["sha256"]]
    seed = str(manifest["facts"]["seed"])
    # A seed of few digits is found everywhere by chance.
    texts += [seed] if len(seed) > 5 else []
    for path, content in everything_inside(kit_files(project, [project.lab(lab)])):
        assert hashlib.sha256(content).hexdigest() not in secret, path
        assert not [text for text in texts if text.encode() in content], path
        assert "hidden/" not in path and not path.startswith(("reference/", "tests/"))


@pytest.mark.parametrize("lab", LABS)
def test_a_kit_is_small(lab, project, tmp_path):
    """The archive of each lab has less than 16 MB."""
    archive = tmp_path / "kit.zip"
    write_kit(project, [project.lab(lab)], archive)
    assert archive.stat().st_size < MAX_KIT_BYTES


def test_no_module_of_an_instructor_is_in_a_kit(files):
    """What publishes, generates or packs stays out."""
    packed = [PurePosixPath(path) for path in files if path.startswith("grader/")]
    assert PurePosixPath("grader/commands/student.py") in packed
    assert not [path for path in packed if path.parts[1] in INSTRUCTORS_ROOMS]
    assert not set(map(str, packed)) & set(INSTRUCTORS_MODULES)


def test_the_kit_has_the_students_commands_only(kit):
    """``--help`` lists what a student needs, and an instructor's command does not exist."""
    shown = student(kit, "--help").stdout
    for command in ("check", "start", "run", "gradcheck", "summary", "list", "doctor"):
        assert re.search(rf"^\W*{command} ", shown, re.M), shown
    for command in INSTRUCTORS_COMMANDS:
        done = student(kit, command, LAB)
        assert done.returncode == 2 and "there is no command" in done.stderr


def test_only_the_kits_own_grader_is_used(kit):
    """Every module of the grader that a check loads lies in the kit."""
    code = (
        "import sys\nfrom grader.commands.student import main\n"
        f"sys.argv = ['grader', 'check', '{LAB}', '--only', 'relu_forward']\n"
        "try:\n    main()\nfinally:\n"
        "    print([m.__file__ for n, m in sys.modules.items() if n.split('.')[0] == 'grader' and m.__file__])"
    )
    done = student(kit, python=("-c", code))
    places = re.search(r"\[('.*')\]", done.stdout)[1].split(", ")
    assert len(places) > 20
    assert all(place.strip("'").startswith(str(kit)) for place in places)
    assert "1 of 1 check" in done.stdout or "All" in done.stdout, done.stdout


def test_a_kit_is_the_same_byte_for_byte(project, tmp_path):
    """Two builds are equal, whatever the times and modes of the files that they were made from."""
    copy = copy_of_project(tmp_path / "copy")
    for file in (copy.root / "labs").rglob("*.py"):
        file.chmod(0o700)
    first = write_kit(project, [project.lab(LAB)], tmp_path / "a.zip", "Course").path
    second = write_kit(copy, [copy.lab(LAB)], tmp_path / "b.zip", "Course").path
    assert first.read_bytes() == second.read_bytes()


def test_folder_and_archive_hold_the_same(files, project, tmp_path):
    """The archive unpacks to the files of the folder."""
    written = write_kit(project, [project.lab(LAB)], tmp_path / "kit.zip", "Deep learning")
    with zipfile.ZipFile(written.path) as archive:
        assert {name.partition("/")[2]: archive.read(name) for name in archive.namelist()} == files


def copy_of_project(root: Path) -> Project:
    """A project with its own copy of the lab, its reference and its fixtures."""
    for part in ("labs", "reference", "fixtures"):
        shutil.copytree(ROOT / part / LAB, root / part / LAB, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copyfile(ROOT / "pyproject.toml", root / "pyproject.toml")
    return Project(root)


def plant_a_line(root):
    """A skeleton into which a line of the solution was pasted."""
    file = root / "labs" / LAB / "layer.py"
    file.write_text(file.read_text() + f"\n# {sorted(solution_lines(LAB))[0]}\n")


def plant_the_solution(root):
    """The whole solution left beside the skeleton."""
    shutil.copyfile(root / "reference" / LAB / "vgg.py", root / "labs" / LAB / "old_vgg.py")


def plant_a_variant(root):
    """A right variant left in the lab's folder, although it has no solution marks."""
    variant = next((root / "reference" / LAB / "variants").glob("*/layer.py"))
    shutil.copyfile(variant, root / "labs" / LAB / "pictures" / "notes.txt")


def plant_a_hidden_fixture(root):
    """A hidden fixture under another name."""
    shutil.copyfile(root / "fixtures" / LAB / "hidden" / "conv_forward.npz", root / "labs" / LAB / "data.bin")


def plant_a_hash(root):
    """The hash of the hidden fixtures in a note."""
    manifest = json.loads((root / "fixtures" / LAB / "hidden" / "manifest.json").read_text())
    (root / "fixtures" / LAB / "public" / "note.txt").write_text(f"released as {manifest['sha256']}")


@pytest.mark.parametrize(
    "plant", [plant_a_line, plant_the_solution, plant_a_variant, plant_a_hidden_fixture, plant_a_hash]
)
def test_a_kit_that_would_give_a_secret_away_is_not_built(plant, tmp_path):
    """Whatever slips into a public folder is found, named, and nothing is written."""
    copy = copy_of_project(tmp_path / "project")
    plant(copy.root)
    with pytest.raises(KitError, match="give away"):
        write_kit(copy, [copy.lab(LAB)], tmp_path / "kit.zip")
    assert not (tmp_path / "kit.zip").exists()


def test_a_folder_with_files_is_not_written_into(files, tmp_path):
    """A folder that holds anything is left as it is."""
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(PackingError, match="holds something"):
        write_folder(files, tmp_path)
    assert [file.name for file in tmp_path.iterdir()] == ["mine.txt"]


def test_the_kit_begins_with_the_skeletons(files, project):
    """What a student edits is the skeleton, not the sample submission of the repository."""
    for handed in project.lab(LAB).facts.files:
        text = files[f"stu_upload/{LAB}/{handed.path}"]
        assert text == (ROOT / "labs" / LAB / handed.path).read_bytes()
        assert all(f"TODO({hole})".encode() in text for hole in handed.holes)


def test_every_template_is_filled(files):
    """No placeholder is left, and the course's title is there."""
    for path, content in files.items():
        if path.endswith((".md", ".toml", ".yml", ".json", "Makefile")) and not path.startswith(
            ("fixtures", "labs")
        ):
            assert not re.search(rb"@[A-Z_]+@", content), path
    assert files["README.md"].startswith(b"# Deep learning\n")


def test_a_kit_can_draw(files):
    """The room that draws is there, and its library is asked for, at setup and before a command is run."""
    assert {"grader/drawing/appearance.py", "grader/explain/difference.py"} <= set(files)
    assert b"matplotlib>=" in files["pyproject.toml"] and b'"matplotlib"' in files["grader/__main__.py"]


def test_the_kits_requirements_are_the_graders(files):
    """A kit asks for the same packages as the grader, without those of its tests."""
    lines = dependencies(ROOT / "pyproject.toml")
    assert len(lines) > 5 and not any("pytest" in line for line in lines)
    assert all(line in files["pyproject.toml"].decode() for line in lines)


def test_the_workflow_checks_every_lab(project):
    """The CI workflow is YAML, runs on a push, and its matrix names the labs of the kit."""
    labs = [project.lab(name) for name in LABS]
    workflow = yaml.safe_load(kit_files(project, labs)[".github/workflows/check.yml"])
    # YAML reads the key `on` as a truth value.
    assert "push" in workflow[True]
    job = workflow["jobs"]["check"]
    assert job["strategy"]["matrix"]["lab"] == LABS
    assert any("grader check" in step.get("run", "") for step in job["steps"])


def test_every_target_of_the_kits_makefile_is_a_command(kit):
    """`make -n` knows each target that the help lists, and each runs the grader."""
    targets = re.findall(r"^([a-z]+):.*## ", (kit / "Makefile").read_text(), re.M)
    assert {"setup", "check", "watch", "run", "gradcheck", "summary"} <= set(targets)
    for target in set(targets) - {"help", "clean"}:
        done = subprocess.run(["make", "-n", target], cwd=kit, capture_output=True, text=True, check=False)
        assert done.returncode == 0 and "-m grader" in done.stdout, done.stderr


@pytest.mark.parametrize("lab", LABS)
def test_the_pages_commands_exist(lab, project, kit):
    """Both READMEs of a kit and both handouts of a lab name no command and no target that it does not have."""
    shown = student(kit, "--help").stdout
    targets = set(re.findall(r"^([a-z]+):.*## ", (kit / "Makefile").read_text(), re.M))
    pages = [kit / "README.md", kit / "README.zh.md", *(ROOT / "labs" / lab).glob("README*.md")]
    assert len(pages) == 4
    for page in pages:
        text = page.read_text(encoding="utf-8")
        for command in set(re.findall(r"python3?(?:\.\d+)? -m grader ([a-z]+)", text)):
            assert command == "setup" or re.search(rf"^\W*{command} ", shown, re.M), command
        used = set(re.findall(r"^make ([a-z]+)|`make ([a-z]+)", text, re.M))
        assert {first or second for first, second in used} <= targets, page


def test_a_kit_of_several_labs_checks_each(project, tmp_path):
    """Every lab of a kit is listed and can be checked; its title is that of the course or a common one."""
    write_folder(kit_files(project, [project.lab(name) for name in LABS]), tmp_path / "kit")
    listed = student(tmp_path / "kit", "list").stdout
    assert all(re.search(rf"^{name} ", listed, re.M) for name in LABS)
    for name in LABS:
        first = next(iter(project.lab(name).checks))
        done = student(tmp_path / "kit", "check", name, "--only", first)
        assert done.returncode in (0, 1) and "Traceback" not in done.stderr, done.stderr
