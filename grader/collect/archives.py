"""Reads the members of a zip or tar archive without trusting one field of it.

Everything here is refused as a whole with an :class:`ArchiveError` or returned; nothing is written. The caller
decides which members count and asks for their content.
"""

from __future__ import annotations

import gzip
import io
import itertools
import re
import stat
import tarfile
import unicodedata
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass

from grader.language.errors import BadInput
from grader.language.message import sentence

MIB = 1 << 20
TAR_BLOCK_BYTES = 512
MAX_TAR_HEADER_BYTES = 16 << 10
REDIRECTING_HEADER = re.compile(rb"\d{64}|\d size=|GNU\.sparse")
ZIP_ENTRY_SIGNATURE = b"PK\x01\x02"
ZIP_LOCAL_HEADER_BYTES = 30
DOS, UNIX = 0, 3  # zip's numbers of the systems that made an entry
ENCRYPTED_FLAG = 0x1
UTF8_FLAG = 0x800
UNPLAIN_CATEGORIES = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
DRIVE = re.compile(r"[A-Za-z]:")
LONG_HEADERS = (
    tarfile.XHDTYPE,
    tarfile.XGLTYPE,
    tarfile.SOLARIS_XHDTYPE,
    tarfile.GNUTYPE_LONGNAME,
    tarfile.GNUTYPE_LONGLINK,
)


class ArchiveError(BadInput):
    """An archive is damaged or holds what is not taken; the message says what, and what to do."""


@dataclass(frozen=True)
class CollectLimits:
    """How much is taken from one submission.

    Attributes
    ----------
    files, file_bytes, total_bytes : number and size of the files that are collected.
    archive_bytes : size of the archive itself.
    archive_entries : entries of an archive, whether they are collected or not.
    archive_unpacked_bytes : what all entries of an archive claim to unpack to.
    folder_entries : entries of a folder that are looked at.
    depth, name_characters : longest path, in parts, and longest part of it.
    """

    files: int = 200
    # Reading source takes a time that grows with the square of its size where it is made for that.
    file_bytes: int = MIB // 4
    total_bytes: int = 2 * MIB
    archive_bytes: int = 16 * MIB
    archive_entries: int = 5000
    archive_unpacked_bytes: int = 64 * MIB
    folder_entries: int = 5000
    depth: int = 8
    name_characters: int = 100


@dataclass(frozen=True)
class Member:
    """One file of a source: its path with ``/``, its claimed size, and how to read at most ``n`` bytes of it."""

    path: str
    size: int
    read: Callable[[int], bytes]


def is_plain(name: str) -> bool:
    """Whether a name has no control, direction or undecodable character; spaces of any script are plain."""
    return not any(unicodedata.category(letter) in UNPLAIN_CATEGORIES for letter in name)


def shown(name: str) -> str:
    """Write a name from a submission so that it cannot disturb a terminal or a log."""
    text = name if is_plain(name) else ascii(name)
    return text if len(text) <= 80 else text[:77] + "..."


def read_archive(data: bytes, limits: CollectLimits) -> list[Member]:
    """Return the files of a ``.zip``, ``.tar`` or ``.tar.gz``, told apart by content.

    Raises
    ------
    ArchiveError : it is none of these, damaged, too large, or holds anything but files and folders.
    """
    if data[:2] == b"PK":
        return _zip_members(data, limits)
    if data[:2] == b"\x1f\x8b":
        data = _gunzip(data, limits)
    if len(data) >= TAR_BLOCK_BYTES and data[257:262] == b"ustar":
        return _tar_members(data, limits)
    raise ArchiveError("is not a zip or tar archive; hand in a folder, a .zip or a .tar.gz")


def _checked_path(name: str, seen: set[str], limits: CollectLimits) -> str:
    parts = name.removeprefix("./").split("/")
    reason = None
    if "\0" in name or "\\" in name:
        reason = sentence("has a name with a backslash or a NUL character")
    elif name.startswith("/") or DRIVE.match(name):
        reason = sentence("has an absolute name")
    elif ".." in parts:
        reason = sentence("points outside the archive")
    elif any(part in ("", ".") for part in parts):
        reason = sentence("has an empty part in its name")
    elif len(parts) > limits.depth or any(len(part) > limits.name_characters for part in parts):
        reason = sentence(
            "has a name longer than {depth} parts of {name_characters} characters",
            depth=limits.depth,
            name_characters=limits.name_characters,
        )
    if reason is not None:
        raise ArchiveError(
            "was refused: its entry {name} {reason}; pack plain files with plain names",
            name=shown(name),
            reason=reason,
        )
    path = "/".join(parts)
    if path.casefold() in seen:
        raise ArchiveError("was refused: it holds two entries named {path}; pack each file once", path=shown(path))
    seen.add(path.casefold())
    return path


def _too_many(limits: CollectLimits) -> ArchiveError:
    return ArchiveError(
        "was refused: it has more than {archive_entries} entries; pack only your source files (no .git, "
        "no virtual environment, no data)",
        archive_entries=limits.archive_entries,
    )


def _check_unpacked(size: int, limits: CollectLimits) -> None:
    if size > limits.archive_unpacked_bytes:
        raise ArchiveError(
            "was refused: it unpacks to more than {value} MiB; pack only your source files",
            value=limits.archive_unpacked_bytes // MIB,
        )


def _not_a_file(name: str) -> ArchiveError:
    return ArchiveError(
        "was refused: its entry {name} is a link or a device; pack the files themselves", name=shown(name)
    )


def _zip_members(data: bytes, limits: CollectLimits) -> list[Member]:
    # Every entry of the directory starts with this signature, so its count bounds the entries without parsing.
    if data.count(ZIP_ENTRY_SIGNATURE) > limits.archive_entries:
        raise _too_many(limits)
    try:
        archive = zipfile.ZipFile(io.BytesIO(data))
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError, EOFError) as error:
        raise ArchiveError("is damaged ({error}); pack it again", error=shown(str(error))) from None
    members: list[Member] = []
    seen: set[str] = set()
    spans: list[tuple[int, int]] = []
    _check_unpacked(sum(info.file_size for info in archive.infolist()), limits)
    for info in archive.infolist():
        # Windows PowerShell separates folders with backslashes, which are plain letters in a name from elsewhere.
        own = name_of(info)
        name = own.replace("\\", "/") if info.create_system == DOS else own
        is_folder = name.endswith("/")
        path = _checked_path(name.removesuffix("/"), seen, limits)
        kind = stat.S_IFMT(info.external_attr >> 16) if info.create_system == UNIX else 0
        if kind not in (0, stat.S_IFDIR if is_folder else stat.S_IFREG):
            raise _not_a_file(name)
        if info.flag_bits & ENCRYPTED_FLAG:
            raise ArchiveError(
                "was refused: its entry {name} is encrypted; pack it without a password", name=shown(name)
            )
        if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise ArchiveError(
                "was refused: its entry {name} uses an unusual compression; use ordinary zip (deflate)",
                name=shown(name),
            )
        spans.append((info.header_offset, info.header_offset + ZIP_LOCAL_HEADER_BYTES + info.compress_size))
        if not is_folder:
            members.append(Member(path, info.file_size, _zip_reader(archive, info)))
    spans.sort()
    if any(after[0] < before[1] for before, after in itertools.pairwise(spans)):
        raise ArchiveError("was refused: its entries overlap; pack it again with an ordinary program")
    return members


def name_of(info: zipfile.ZipInfo) -> str:
    """Return the name of an entry as whoever packed it meant it.

    Without the flag for UTF-8 the format knows only code page 437. Programs write UTF-8 there all the same, and
    Chinese Windows writes GBK; what is valid in neither stays as the format says.
    """
    if info.flag_bits & UTF8_FLAG or info.orig_filename.isascii():
        return info.orig_filename
    raw = info.orig_filename.encode("cp437")
    for encoding in ("utf-8", "gbk"):
        try:
            return raw.decode(encoding)
        except UnicodeDecodeError:
            continue
    return info.orig_filename


def _zip_reader(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> Callable[[int], bytes]:
    def read(limit: int) -> bytes:
        try:
            with archive.open(info) as stream:
                return stream.read(limit)
        except (
            zipfile.BadZipFile, zlib.error, OSError, EOFError, ValueError, NotImplementedError, RuntimeError,
        ) as error:  # fmt: skip
            raise ArchiveError(
                "is damaged at {orig_filename} ({error}); pack it again",
                orig_filename=shown(info.orig_filename),
                error=shown(str(error)),
            ) from None

    return read


def _gunzip(data: bytes, limits: CollectLimits) -> bytes:
    limit = limits.archive_unpacked_bytes + limits.archive_entries * 2 * TAR_BLOCK_BYTES
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(data)) as stream:
            unpacked = stream.read(limit + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise ArchiveError("is damaged ({error}); pack it again", error=shown(str(error))) from None
    _check_unpacked(max(0, len(unpacked) - (limit - limits.archive_unpacked_bytes)), limits)
    return unpacked


def _walk_tar_headers(data: bytes, limits: CollectLimits) -> None:
    """Bound the number of headers and what extended ones may hold before ``tarfile`` parses them.

    Its parser takes hours for long runs of digits in an extended header (CVE-2024-6232), and an extended or sparse
    header can send it to a place that this walk has not seen; both are refused.
    """
    offset = headers = total = 0
    while offset + TAR_BLOCK_BYTES <= len(data):
        block = data[offset : offset + TAR_BLOCK_BYTES]
        if not block.strip(b"\0"):
            return
        info = tarfile.TarInfo.frombuf(block, "utf-8", "surrogateescape")
        start = offset + TAR_BLOCK_BYTES
        extended = info.type in LONG_HEADERS
        payload = data[start : start + max(0, info.size)] if extended else b""
        if (
            info.size < 0
            or info.type == tarfile.GNUTYPE_SPARSE
            or len(payload) > MAX_TAR_HEADER_BYTES
            or REDIRECTING_HEADER.search(payload)
        ):
            raise ArchiveError(
                "was refused: its entry {name} has an unusable header; pack it again", name=shown(info.name)
            )
        headers += 1
        if headers > 2 * limits.archive_entries:
            raise _too_many(limits)
        total += info.size
        _check_unpacked(total, limits)
        # As in tarfile: folders and links have no content, whatever size they claim.
        has_content = extended or info.isreg() or info.type not in tarfile.SUPPORTED_TYPES
        offset = start + (-(-info.size // TAR_BLOCK_BYTES) * TAR_BLOCK_BYTES if has_content else 0)


def _tar_members(data: bytes, limits: CollectLimits) -> list[Member]:
    members: list[Member] = []
    seen: set[str] = set()
    count = 0
    try:
        _walk_tar_headers(data, limits)
        with tarfile.open(fileobj=io.BytesIO(data), mode="r:", encoding="utf-8") as archive:
            for info in archive:
                count += 1
                if count > limits.archive_entries:
                    raise _too_many(limits)
                if info.name in (".", "./"):
                    continue
                path = _checked_path(info.name, seen, limits)
                if info.isdir():
                    continue
                if not info.isreg() or info.issparse():
                    raise _not_a_file(info.name)
                start = info.offset_data
                if start + info.size > len(data):
                    raise ArchiveError("is cut off inside {name}; pack it again", name=shown(info.name))
                members.append(Member(path, info.size, _slice_reader(data, start, info.size)))
    except (tarfile.TarError, OSError, EOFError, ValueError, OverflowError, RecursionError) as error:
        raise ArchiveError("is damaged ({error}); pack it again", error=shown(str(error))) from None
    return members


def _slice_reader(data: bytes, start: int, size: int) -> Callable[[int], bytes]:
    return lambda limit: data[start : start + min(size, limit)]
