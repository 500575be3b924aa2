"""Collecting an archive: honest ones are taken, everything else is refused and nothing is written."""

from __future__ import annotations

import gzip
import io
import os
import random
import shutil
import stat
import struct
import subprocess
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from grader.collect.submission import SubmissionError, collect

HONEST = {"layer.py": b"class ReluLayer:\n    pass\n", "vgg.py": b"import layer\n"}
REQUIRED = ("layer.py", "vgg.py")


def make_zip(path: Path, files: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return path


def add_to_tar(archive: tarfile.TarFile, name: str, data: bytes = b"", **fields: object) -> None:
    info = tarfile.TarInfo(name)
    info.size = len(data)
    for key, value in fields.items():
        setattr(info, key, value)
    archive.addfile(info, io.BytesIO(data))


def make_tar(path: Path, files: dict[str, bytes], mode: str = "w:gz", **options) -> Path:
    with tarfile.open(path, mode, **options) as archive:
        for name, data in files.items():
            add_to_tar(archive, name, data)
    return path


MAKERS = {
    "a.zip": make_zip,
    "stored.zip": lambda path, files: make_zip(path, files, zipfile.ZIP_STORED),
    "a.tar": lambda path, files: make_tar(path, files, "w"),
    "a.tar.gz": make_tar,
    "a.tgz": lambda path, files: make_tar(path, files, format=tarfile.GNU_FORMAT),
    "ustar.tar.gz": lambda path, files: make_tar(path, files, format=tarfile.USTAR_FORMAT),
}


@pytest.mark.parametrize("name", MAKERS)
def test_takes_ordinary_archives(tmp_path, name):
    """Zip, tar and compressed tar give the same files and the same hash as the folder they were made from."""
    source = MAKERS[name](tmp_path / name, HONEST | {"data/x.npy": b"1", "tools/im2col.py": b"2"})
    collected = collect(source, tmp_path / "copy", required=REQUIRED)
    plain = tmp_path / "plain"
    (plain / "tools").mkdir(parents=True)
    for path, data in (HONEST | {"tools/im2col.py": b"2"}).items():
        (plain / path).write_bytes(data)
    assert collected.sha256 == collect(plain, tmp_path / "other", required=REQUIRED).sha256
    assert (collected.root / "tools/im2col.py").read_bytes() == b"2"


@pytest.mark.parametrize("name", MAKERS)
def test_enters_the_folder_of_an_archive(tmp_path, name):
    """The usual archive of a folder, with macOS leftovers, is taken as the folder itself; its name may be any."""
    files = {f"作业 1/{path}": data for path, data in HONEST.items()} | {"__MACOSX/作业 1/._layer.py": b"\0\1"}
    source = MAKERS[name](tmp_path / name, files)
    assert [f.path for f in collect(source, tmp_path / "copy", required=REQUIRED).files] == list(REQUIRED)


@pytest.mark.parametrize("name", MAKERS)
def test_odd_names_of_what_is_left_out_do_no_harm(tmp_path, name):
    """A screenshot with a narrow space or a picture with a joined emoji in its name does not refuse the work."""
    files = HONEST | {
        "Screenshot at 1.02\u202fPM.png": b"",
        "\U0001f468\u200d\U0001f469.png": b"",
        "实验\u3000一.doc": b"",
    }
    collected = collect(MAKERS[name](tmp_path / name, files), tmp_path / "copy", required=REQUIRED)
    assert [file.path for file in collected.files] == list(REQUIRED)
    assert any("Screenshot" in note for note in collected.notes)


@pytest.mark.skipif(shutil.which("tar") is None, reason="needs the program tar")
def test_takes_what_the_program_tar_makes(tmp_path):
    """An archive of ``.`` made by the usual program, folders included, is taken."""
    work = tmp_path / "work"
    (work / "tools").mkdir(parents=True)
    for path, data in (HONEST | {"tools/im2col.py": b"2"}).items():
        (work / path).write_bytes(data)
    subprocess.run(["tar", "czf", str(tmp_path / "a.tgz"), "-C", str(work), "."], check=True)
    collected = collect(tmp_path / "a.tgz", tmp_path / "copy", required=REQUIRED)
    assert [file.path for file in collected.files] == ["layer.py", "tools/im2col.py", "vgg.py"]


def raw_zip(entries: list[tuple[zipfile.ZipInfo, bytes]], path: Path) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for info, data in entries:
            archive.writestr(info, data)
    return path


def zip_info(name: str, mode: int = stat.S_IFREG | 0o644) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo("placeholder")
    info.filename = info.orig_filename = name
    info.create_system = 3
    info.external_attr = mode << 16
    info.compress_type = zipfile.ZIP_DEFLATED
    return info


def zip_with_name(name: str) -> Callable[[Path], Path]:
    return lambda path: raw_zip([(zip_info("layer.py"), b""), (zip_info(name), b"x")], path)


def zip_with_mode(mode: int) -> Callable[[Path], Path]:
    return lambda path: raw_zip([(zip_info("vgg.py"), b""), (zip_info("layer.py", mode), b"/etc/passwd")], path)


def tar_with(name: str, **fields: object) -> Callable[[Path], Path]:
    def make(path: Path) -> Path:
        with tarfile.open(path, "w:gz") as archive:
            add_to_tar(archive, "vgg.py", b"x")
            add_to_tar(archive, name, **fields)
        return path

    return make


def patched_zip(change: Callable[[bytearray, int], None]) -> Callable[[Path], Path]:
    """Return a maker of a zip of which ``change(bytes, position of the first directory entry)`` edited a field."""

    def make(path: Path) -> Path:
        make_zip(path, HONEST)
        data = bytearray(path.read_bytes())
        change(data, data.index(b"PK\x01\x02"))
        path.write_bytes(data)
        return path

    return make


def set_field(offset: int, form: str, value: int) -> Callable[[bytearray, int], None]:
    return lambda data, entry: struct.pack_into(form, data, entry + offset, value)


def overlapping(data: bytearray, entry: int) -> None:
    second = data.index(b"PK\x01\x02", entry + 1)
    struct.pack_into("<I", data, second + 42, struct.unpack_from("<I", data, entry + 42)[0])


def bomb_zip(path: Path) -> Path:
    return make_zip(path, HONEST | {f"zeros{i}.bin": bytes(30 << 20) for i in range(3)})


def big_source_zip(path: Path) -> Path:
    return make_zip(path, HONEST | {"layer.py": bytes(8 << 20)})


def bomb_tar(path: Path) -> Path:
    path.write_bytes(gzip.compress(bytes(1 << 20), 9))
    with gzip.open(path, "wb", 1) as stream:
        info = tarfile.TarInfo("zeros.bin")
        info.size = 100 << 20
        stream.write(info.tobuf())
        for _ in range(100):
            stream.write(bytes(1 << 20))
    return path


def lying_tar(path: Path) -> Path:
    info = tarfile.TarInfo("layer.py")
    info.size = 1 << 19
    path.write_bytes(info.tobuf() + b"short")
    return path


def negative_tar(path: Path) -> Path:
    info = tarfile.TarInfo("layer.py")
    header = bytearray(info.tobuf(tarfile.GNU_FORMAT))
    header[124:136] = b"\xff" * 12
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header)
    path.write_bytes(bytes(header) + bytes(1024))
    return path


def extended_tar(payload: bytes, kind: bytes = tarfile.XHDTYPE) -> Callable[[Path], Path]:
    """Return a maker of a tar whose first entry has this extended header."""

    def make(path: Path) -> Path:
        with tarfile.open(path, "w") as archive:
            add_to_tar(archive, "extended", payload, type=kind)
            add_to_tar(archive, "layer.py", b"x")
        return path

    return make


def hidden_header_tar(path: Path) -> Path:
    """Write a folder that claims a size: a walker that skips it misses the extended header that follows."""
    folder = tarfile.TarInfo("tools")
    folder.type, folder.size = tarfile.DIRTYPE, 1 << 20
    hidden = tarfile.TarInfo("hidden")
    hidden.type, hidden.size = tarfile.XHDTYPE, (1 << 20) - 512
    path.write_bytes(folder.tobuf() + hidden.tobuf() + b"1" * hidden.size + bytes(1024))
    return path


def long_header_tar(path: Path) -> Path:
    return make_tar(
        path, {"layer.py": b""}, "w", format=tarfile.PAX_FORMAT, pax_headers={"comment": "1" * (1 << 20)}
    )


def raw(data: bytes) -> Callable[[Path], Path]:
    """Return a maker of a file of these bytes."""

    def make(path: Path) -> Path:
        path.write_bytes(data)
        return path

    return make


def twins_tar(path: Path) -> Path:
    with tarfile.open(path, "w") as archive:
        add_to_tar(archive, "layer.py", b"1")
        add_to_tar(archive, "LAYER.py", b"2")
    return path


def windows_zip(*names: str) -> Callable[[Path], Path]:
    """Return a maker of a zip with honest content under names as DOS and Windows write them."""

    def make(path: Path) -> Path:
        with zipfile.ZipFile(path, "w") as archive:
            for name, data in zip(names, HONEST.values(), strict=False):
                info = zipfile.ZipInfo("x")
                info.filename, info.create_system = name, 0
                archive.writestr(info, data)
        return path

    return make


def test_takes_a_zip_of_windows_powershell(tmp_path):
    """Backslashes separate folders in an entry that DOS or Windows made."""
    path = windows_zip(*(f"lab2\\{name}" for name in HONEST))(tmp_path / "windows.zip")
    assert [file.path for file in collect(path, tmp_path / "copy", required=REQUIRED).files] == list(REQUIRED)


def test_takes_archives_with_hundreds_of_leftovers(tmp_path):
    """Compiled files and a repository's objects are left out, not counted as work."""
    leftovers = {f"{folder}/{i}": b"" for i in range(400) for folder in ("__pycache__", ".git/objects")}
    path = make_zip(tmp_path / "a.zip", {**HONEST, **leftovers})
    assert [file.path for file in collect(path, tmp_path / "copy", required=REQUIRED).files] == list(REQUIRED)


REFUSED: dict[str, tuple[Callable[[Path], Path], str]] = {
    "zip: climbs": (zip_with_name("../../evil.py"), "outside"),
    "zip: climbs later": (zip_with_name("a/../../evil.py"), "outside"),
    "zip: absolute": (zip_with_name("/etc/evil.py"), "absolute"),
    "zip: drive": (zip_with_name("C:/evil.py"), "absolute"),
    "zip: backslash": (zip_with_name("..\\evil.py"), "backslash"),
    "zip: backslash of Windows": (windows_zip("..\\evil.py"), "outside"),
    "zip: NUL": (zip_with_name("evil.py\0.txt"), "NUL"),
    "zip: escape code": (zip_with_name("\x1b[2Jevil.py"), "control"),
    "zip: direction override": (zip_with_name("\u202eyp.evil.py"), "control"),
    "zip: long name": (zip_with_name("a" * 300 + ".py"), "longer"),
    "zip: deep": (zip_with_name("a/" * 50 + "b.py"), "longer"),
    "zip: twins": (zip_with_name("LAYER.py"), "two entries"),
    "zip: link": (zip_with_mode(stat.S_IFLNK | 0o777), "link or a device"),
    "zip: device": (zip_with_mode(stat.S_IFBLK | 0o666), "link or a device"),
    "zip: fifo": (zip_with_mode(stat.S_IFIFO | 0o666), "link or a device"),
    "zip: bomb": (bomb_zip, "unpacks to more"),
    "zip: large source": (big_source_zip, "larger than 0.25 MiB"),
    "zip: encrypted": (patched_zip(set_field(8, "<H", 1)), "without a password"),
    "zip: bzip2": (lambda path: make_zip(path, HONEST, zipfile.ZIP_BZIP2), "compression"),
    "zip: lzma": (lambda path: make_zip(path, HONEST, zipfile.ZIP_LZMA), "compression"),
    "zip: unknown method": (patched_zip(set_field(10, "<H", 97)), "compression"),
    "zip: claims less": (patched_zip(set_field(24, "<I", 3)), "damaged"),
    "zip: claims more": (patched_zip(set_field(24, "<I", 4000)), "damaged"),
    "zip: wrong checksum": (patched_zip(set_field(16, "<I", 1)), "damaged"),
    "zip: overlap": (patched_zip(overlapping), "its entries overlap"),
    "zip: many entries": (lambda path: make_zip(path, {f"{i}.txt": b"" for i in range(10_000)}), "more than 5000"),
    "zip: nothing inside": (lambda path: make_zip(path, {}), "no .py file"),
    "tar: climbs": (tar_with("../../evil.py"), "outside"),
    "tar: absolute": (tar_with("/etc/evil.py"), "absolute"),
    "tar: link": (tar_with("layer.py", type=tarfile.SYMTYPE, linkname="/etc/passwd"), "link or a device"),
    "tar: hard link": (tar_with("layer.py", type=tarfile.LNKTYPE, linkname="vgg.py"), "link or a device"),
    "tar: device": (tar_with("layer.py", type=tarfile.CHRTYPE, devmajor=1, devminor=5), "link or a device"),
    "tar: fifo": (tar_with("layer.py", type=tarfile.FIFOTYPE), "link or a device"),
    "tar: linked folder": (tar_with("tools", type=tarfile.SYMTYPE, linkname="/"), "link or a device"),
    "tar: twins": (twins_tar, "two entries"),
    "tar: bomb": (bomb_tar, "unpacks to more"),
    "tar: cut off": (lying_tar, "cut off"),
    "tar: negative size": (negative_tar, "header"),
    "tar: long header": (long_header_tar, "header"),
    "tar: long digits": (extended_tar(b"1" * 10_000), "header"),
    "tar: long global digits": (extended_tar(b"1" * 10_000, tarfile.XGLTYPE), "header"),
    "tar: size elsewhere": (extended_tar(b"16 size=1048576\n"), "header"),
    "tar: sparse": (tar_with("layer.py", type=tarfile.GNUTYPE_SPARSE), "header"),
    "tar: hidden header": (hidden_header_tar, "header"),
    "tar: many entries": (lambda path: make_tar(path, {f"{i}.txt": b"" for i in range(10_000)}), "more than 5000"),
    "xz": (lambda path: make_tar(path, HONEST, "w:xz"), "not a zip or tar"),
    "empty": (raw(b""), "is empty"),
    "text": (raw(b"print('hello')"), "not a zip or tar"),
    "noise in gzip": (raw(b"\x1f\x8b" + random.Random(1).randbytes(500)), "damaged"),
    "zip header only": (raw(b"PK\x03\x04" + bytes(50)), "damaged"),
    "large": (raw(bytes((16 << 20) + 1)), "at most 16"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_refuses(tmp_path, name):
    """What no honest archive holds is refused, with the reason, before anything is written anywhere."""
    make, said = REFUSED[name]
    inner = tmp_path / "a" / "b" / "c"
    inner.mkdir(parents=True)
    source = make(tmp_path / "handed-in")
    before = sorted(str(path) for path in tmp_path.rglob("*"))
    with pytest.raises(SubmissionError, match=said) as caught:
        collect(source, inner / "copy", required=REQUIRED)
    assert str(source) in str(caught.value)
    assert str(caught.value).isprintable()
    assert sorted(str(path) for path in tmp_path.rglob("*")) == before


@pytest.mark.parametrize("kind", ["a.zip", "a.tar", "a.tar.gz"])
def test_damage_never_escapes_as_another_error(tmp_path, kind):
    """Whatever bytes of an archive are changed or cut off, it is collected or refused, never anything else."""
    source = MAKERS[kind](tmp_path / kind, HONEST)
    whole = source.read_bytes()
    chance = random.Random(7)
    for trial in range(300):
        data = bytearray(whole)
        for _ in range(chance.randint(1, 4)):
            data[chance.randrange(len(data))] = chance.randrange(256)
        if chance.random() < 0.3:
            del data[chance.randrange(len(data)) :]
        source.write_bytes(data)
        target = tmp_path / "copies" / str(trial)
        try:
            collect(source, target, required=REQUIRED)
        except SubmissionError:
            assert not target.exists()


def test_device_is_refused_as_a_source(tmp_path):
    """A device or pipe named as the submission is refused at once instead of being waited for."""
    pipe = tmp_path / "pipe.zip"
    os.mkfifo(pipe)
    with pytest.raises(SubmissionError, match="neither a file nor a folder"):
        collect(pipe, tmp_path / "copy", required=REQUIRED)


def zip_named(path: Path, names: dict[bytes, bytes]) -> Path:
    """Write a zip whose names are these bytes, without the flag that would say UTF-8."""
    with zipfile.ZipFile(path, "w") as archive:
        for number, data in enumerate(names.values()):
            archive.writestr(f"{number:010d}.py", data)
    content = path.read_bytes()
    for number, name in enumerate(names):
        assert len(name) == len(f"{number:010d}.py")
        content = content.replace(f"{number:010d}.py".encode(), name)
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("encoding", ["gbk", "utf-8"])
def test_chinese_names_without_a_flag_are_read(tmp_path, encoding):
    """What Chinese Windows writes (GBK) and what others write (UTF-8) come out as they were typed."""
    folder = {"gbk": "实验/", "utf-8": "实a/"}[encoding]
    source = zip_named(tmp_path / "a.zip", {f"{folder}layer.py".encode(encoding): b"x = 1"})
    collected = collect(source, tmp_path / "copy", required=["layer.py"])
    assert any(folder in note for note in collected.notes), collected.notes


def test_the_one_archive_inside_is_opened(tmp_path):
    """A site that packs a report beside the student's own archive does not hide the work; a note says so."""
    inner = make_zip(tmp_path / "code.zip", HONEST).read_bytes()
    source = make_zip(tmp_path / "a.zip", {"report.pdf": b"%PDF", "code.zip": inner})
    collected = collect(source, tmp_path / "copy", required=REQUIRED)
    assert (collected.root / "vgg.py").read_bytes() == HONEST["vgg.py"]
    assert any("code.zip" in note for note in collected.notes)


def test_two_archives_inside_are_named(tmp_path):
    """Nothing is guessed between two; the message names both and says what to do."""
    inner = make_zip(tmp_path / "code.zip", HONEST).read_bytes()
    source = make_zip(tmp_path / "a.zip", {"one.zip": inner, "two.zip": inner})
    with pytest.raises(SubmissionError, match=r"one\.zip and two\.zip; pack the files themselves"):
        collect(source, tmp_path / "copy", required=REQUIRED)
