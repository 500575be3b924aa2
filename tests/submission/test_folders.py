"""Collecting a folder: what is taken, what is left out, what is refused."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

from grader.collect.submission import Collected, CollectLimits, SubmissionError, collect

HONEST = {"layer.py": b"class ReluLayer:\n    pass\n", "vgg.py": b"import layer\n"}
REQUIRED = ("layer.py", "vgg.py")
posix = pytest.mark.skipif(sys.platform == "win32", reason="links and devices of POSIX")


@pytest.fixture
def folder(tmp_path):
    """Return a maker of a submission folder from paths and contents."""

    def make(files: dict[str, bytes]) -> Path:
        root = tmp_path / "handed in"
        for name, data in files.items():
            file = root / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(data)
        return root

    return make


def paths(collected: Collected) -> list[str]:
    return [file.path for file in collected.files]


def test_copies_helpers_and_packages(folder, tmp_path):
    """Helpers beside the declared files and files of importable subfolders are copied byte for byte."""
    source = folder(HONEST | {"helper.py": b"x = 1\n", "tools/im2col.py": b"y = 2\n", "tools/__init__.py": b""})
    collected = collect(source, tmp_path / "copy", required=REQUIRED)
    assert paths(collected) == ["helper.py", "layer.py", "tools/__init__.py", "tools/im2col.py", "vgg.py"]
    assert (collected.root / "tools/im2col.py").read_bytes() == b"y = 2\n"
    assert not [note for note in collected.notes if "missing" in note]


@posix
def test_modes_do_not_depend_on_the_umask(folder, tmp_path):
    """Files are 0444 and folders 0755, whatever the umask is."""
    source = folder(HONEST | {"tools/im2col.py": b""})
    before = os.umask(0o077)
    try:
        root = collect(source, tmp_path / "copy", required=REQUIRED).root
    finally:
        os.umask(before)
    modes = {str(path.relative_to(root)): path.stat().st_mode & 0o777 for path in (root, *root.rglob("*"))}
    assert modes == {".": 0o755, "tools": 0o755, "tools/im2col.py": 0o444, "layer.py": 0o444, "vgg.py": 0o444}


def test_leaves_out_what_is_not_source(folder, tmp_path):
    """Caches, hidden files, start-up files, path files and data are left out, each named in a note."""
    junk = {
        "__pycache__/layer.cpython-311.pyc": b"",
        "layer.pyc": b"",
        ".git/config": b"",
        ".env.py": b"",
        "conftest.py": b"",
        "tools/sitecustomize.py": b"",
        "evil.pth": b"import os",
        "weights.npy": b"",
        "evil-1.0.dist-info/entry_points.py": b"",
        "my work/layer.py": b"",
    }
    collected = collect(folder(HONEST | junk), tmp_path / "copy", required=REQUIRED)
    assert paths(collected) == ["layer.py", "vgg.py"]
    notes = "\n".join(collected.notes)
    for name in ("__pycache__/", "layer.pyc", ".git/", ".env.py", "conftest.py", "tools/sitecustomize.py",
                 "evil.pth", "weights.npy", "evil-1.0.dist-info/", "my work/layer.py"):  # fmt: skip
        assert name in notes


def test_enters_a_single_folder(folder, tmp_path):
    """Files that lie in the only folder, however deep, are taken as if they lay at the top."""
    source = folder({f"hw1/code v2/{name}": data for name, data in HONEST.items()} | {"report.pdf": b"%PDF"})
    collected = collect(source, tmp_path / "copy", required=REQUIRED)
    assert paths(collected) == ["layer.py", "vgg.py"]
    assert any("hw1/code v2/" in note for note in collected.notes)


@pytest.mark.parametrize(
    ("files", "home"),
    [
        (("stu_upload/layer.py", "stu_upload/vgg.py", "main_exp.py"), "stu_upload/"),
        (("exp/stu_upload/layer.py", "exp/stu_upload/vgg.py", "exp/main.py", "tools.py"), "exp/stu_upload/"),
        (("kit/labs/vgg16/layer.py", "kit/labs/vgg16/vgg.py", "kit/stu_upload/vgg16/layer.py",
          "kit/stu_upload/vgg16/vgg.py", "kit/grader/__init__.py"), "kit/stu_upload/vgg16/"),
        (("a/layer.py", "a/vgg.py", "a/old/layer.py", "a/old/vgg.py", "b/notes.py"), "a/"),
        (("a/layer.py", "b/layer.py", "b/vgg.py"), "b/"),
        (("a/layer.py", "b/notes.py"), "a/"),
    ],
)  # fmt: skip
def test_enters_the_only_folder_that_holds_the_work(folder, tmp_path, files, home):
    """The folder with all required files is taken, wherever it lies; in a whole kit it is the student's own."""
    source = folder({name: name.encode() for name in files})
    collected = collect(source, tmp_path / "copy", required=REQUIRED)
    assert (collected.root / "layer.py").read_text() == f"{home}layer.py"
    assert any(home in note for note in collected.notes)


def test_several_folders_with_the_work_are_named(folder, tmp_path):
    """Where nothing tells them apart, none is chosen, and both are named."""
    source = folder({f"{place}/{name}": b"" for place in ("first", "second") for name in REQUIRED})
    notes = collect(source, tmp_path / "copy", required=REQUIRED).notes
    assert any("first/" in note and "second/" in note for note in notes)


@pytest.mark.parametrize(
    "name", ["layer (1).py", "layer(2).py", "layer - Copy.py", "layer - 副本.py", "layer copy 2.py"]
)
def test_a_name_that_a_site_has_changed_is_understood(folder, tmp_path, name):
    """The one file that stands for a required one is taken under its name, and a note says so."""
    collected = collect(folder({name: b"x = 1", "vgg.py": b""}), tmp_path / "copy", required=REQUIRED)
    assert (collected.root / "layer.py").read_text() == "x = 1"
    assert any(name in note and "taken as layer.py" in note for note in collected.notes)


def test_two_copies_of_a_file_are_not_chosen_between(folder, tmp_path):
    """Which of two is meant is not known; both are named in the note on what is missing or left out."""
    source = folder({"layer (1).py": b"1", "layer (2).py": b"2", "vgg.py": b""})
    collected = collect(source, tmp_path / "copy", required=REQUIRED)
    assert not (collected.root / "layer.py").exists()


@posix
def test_a_folder_that_becomes_a_link_is_not_followed(folder, tmp_path):
    """A link that takes the place of a folder after it was listed leads nowhere: each part is opened by itself."""
    from grader.collect.folders import READ_FLAGS, open_below

    source = folder({"tools/im2col.py": b"own"})
    other = tmp_path / "other user"
    other.mkdir()
    (other / "im2col.py").write_text("secret")
    (source / "tools").rename(source / "tools before")
    (source / "tools").symlink_to(other)
    with pytest.raises(OSError, match=r"tools|irectory|symbolic|links"):
        open_below(source, "tools/im2col.py", READ_FLAGS)


def test_does_not_choose_between_two_folders(folder, tmp_path):
    """Two folders that both hold the files are not guessed between; the note names a candidate."""
    source = folder({"old/layer.py": b"", "new/layer.py": b"", "vgg.py": b""})
    collected = collect(source, tmp_path / "copy", required=REQUIRED)
    assert any("layer.py is missing" in note for note in collected.notes)
    assert any("layer.py is missing; there is" in note for note in collected.notes)


def test_missing_file_is_reported_with_a_near_miss(folder, tmp_path):
    """A wrong case in a required name is not an error, but a note that says what is there."""
    collected = collect(folder({"Layer.py": b"", "vgg.py": b""}), tmp_path / "copy", required=REQUIRED)
    assert any("layer.py is missing" in note for note in collected.notes)
    assert any("Layer.py" in note for note in collected.notes)


def test_hash_is_that_of_sha256sum_output(folder, tmp_path):
    """The submission's hash is the SHA-256 of the lines that ``sha256sum`` prints for the sorted files."""
    collected = collect(folder(HONEST), tmp_path / "copy", required=REQUIRED)
    lines = "".join(f"{hashlib.sha256(HONEST[name]).hexdigest()}  {name}\n" for name in ("layer.py", "vgg.py"))
    assert collected.sha256 == hashlib.sha256(lines.encode()).hexdigest()


def test_hash_sees_names_and_contents_only(folder, tmp_path):
    """Renaming a helper changes the hash; the source's place and files that are left out do not."""
    source = folder(HONEST | {"helper.py": b"1"})
    first = collect(source, tmp_path / "1", required=REQUIRED).sha256
    (source / "notes.txt").write_text("left out")
    moved = source.rename(tmp_path / "moved")
    assert collect(moved, tmp_path / "2", required=REQUIRED).sha256 == first
    (moved / "helper.py").rename(moved / "helpers.py")
    assert collect(moved, tmp_path / "3", required=REQUIRED).sha256 != first


def refused(source: Path, tmp_path: Path, **options) -> str:
    target = tmp_path / "copy"
    with pytest.raises(SubmissionError) as caught:
        collect(source, target, required=REQUIRED, **options)
    assert not target.exists()
    return str(caught.value)


@posix
@pytest.mark.parametrize("kind", ["soft link", "hard link", "fifo", "dangling"])
def test_refuses_what_only_looks_like_a_file(folder, tmp_path, kind):
    """A link, a second name of another file, or a device in the place of a source file is refused."""
    secret = tmp_path / "secret.py"
    secret.write_bytes(b"SECRET")
    source = folder({"vgg.py": b""})
    fake = source / "layer.py"
    if kind == "soft link":
        fake.symlink_to(secret)
    elif kind == "hard link":
        os.link(secret, fake)
    elif kind == "fifo":
        os.mkfifo(fake)
    else:
        fake.symlink_to(tmp_path / "nowhere.py")
    assert "layer.py" in refused(source, tmp_path)


@posix
def test_never_follows_a_linked_folder(folder, tmp_path):
    """Files behind a linked folder are not copied, and a note says so."""
    (tmp_path / "reference").mkdir()
    (tmp_path / "reference" / "solution.py").write_bytes(b"SECRET")
    source = folder(HONEST)
    (source / "tools").symlink_to(tmp_path / "reference")
    collected = collect(source, tmp_path / "copy", required=REQUIRED)
    assert paths(collected) == ["layer.py", "vgg.py"]
    assert any("links" in note and "tools" in note for note in collected.notes)


@posix
def test_refuses_a_source_that_is_a_link(folder, tmp_path):
    """A submission folder that is a link could lead to the reference; it is refused."""
    link = tmp_path / "link"
    link.symlink_to(folder(HONEST))
    assert "is a link" in refused(link, tmp_path)


@pytest.mark.parametrize("name", ["nowhere", "file\0name"])
def test_refuses_a_path_that_is_not_there(tmp_path, name):
    """A path that does not exist is named, with what to do."""
    message = refused(tmp_path / name, tmp_path)
    assert "cannot be read" in message and "--submission" in message


def test_refuses_a_folder_without_source(folder, tmp_path):
    """A folder without any source file is an error that names the expected files."""
    assert "layer.py and vgg.py" in refused(folder({"README.md": b"hello"}), tmp_path)


def test_says_what_to_do_with_a_notebook(folder, tmp_path):
    """A notebook is not graded; the note says how to make a Python file of it."""
    source = folder({"layer.ipynb": b"{}", "vgg.py": b""})
    notes = collect(source, tmp_path / "copy", required=REQUIRED).notes
    assert any("save it as a Python file" in note for note in notes), notes


def test_refuses_a_single_file(folder, tmp_path):
    """Naming one source file instead of its folder says what to name."""
    assert "folder" in refused(folder(HONEST) / "layer.py", tmp_path)


@pytest.mark.parametrize(
    ("limits", "said"),
    [
        (CollectLimits(files=1), "at most 1"),
        (CollectLimits(file_bytes=20), "layer.py is larger"),
        (CollectLimits(total_bytes=30), "in all"),
        (CollectLimits(folder_entries=1), "more than 1 files"),
    ],
)
def test_caps(folder, tmp_path, limits, said):
    """Number, size and total of the files are capped, and nothing is written when one is passed."""
    assert said in refused(folder(HONEST), tmp_path, limits=limits)


@posix
def test_refuses_names_that_differ_in_case_only(folder, tmp_path):
    """Two names that one file system keeps apart and another does not are refused."""
    assert "upper and lower case" in refused(folder(HONEST | {"Layer.py": b""}), tmp_path)


@posix
def test_names_that_could_disturb_a_log(folder, tmp_path):
    """A source file with an escape code in its name is refused, and the message shows it escaped."""
    message = refused(folder(HONEST | {"\x1b[2Jx.py": b""}), tmp_path)
    assert "\x1b" not in message and r"\x1b" in message


@posix
def test_source_name_that_could_disturb_a_log(tmp_path):
    """An archive with an escape code in its own name is named escaped."""
    archive = tmp_path / "\x1b[2Jevil.zip"
    archive.write_bytes(b"PK nothing")
    message = refused(archive, tmp_path)
    assert "\x1b" not in message and "evil.zip" in message


@posix
def test_unreadable_bytes_in_a_data_name_do_no_harm(folder, tmp_path):
    """A data file whose name is not UTF-8 is left out under an escaped name."""
    source = folder(HONEST)
    (source / os.fsdecode(b"\xff.dat")).write_bytes(b"")
    collected = collect(source, tmp_path / "copy", required=REQUIRED)
    "\n".join(collected.notes).encode("utf-8")
    assert any("udcff" in note for note in collected.notes)


@posix
def test_copy_is_unaffected_by_later_changes(folder, tmp_path):
    """The copy is a file of its own: changing the source afterwards changes nothing."""
    source = folder(HONEST)
    collected = collect(source, tmp_path / "copy", required=REQUIRED)
    subprocess.run([sys.executable, "-c", f"open({str(source / 'layer.py')!r}, 'w').write('x')"], check=True)
    assert (collected.root / "layer.py").read_bytes() == HONEST["layer.py"]
