"""Reads and writes tables as learning platforms and spreadsheets do: encodings, separators, quoting."""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from grader.cohort.problems import CohortError
from grader.report.csv_report import FORMULA_STARTS
from grader.report.files import write_bytes

MARKED = "utf-8-sig"
FALLBACK = "gb18030"
UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")
# How the files of spreadsheet programs begin: zip archives, and the older OLE containers.
# In a zip: of Excel, and of LibreOffice and Numbers.
WORKBOOK_PARTS = ("xl/", "content.xml", "Index/")
WORKBOOK_MARKS = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")
SEPARATORS = ",;\t"
MAX_BYTES = 64 << 20


@dataclass(frozen=True)
class Sheet:
    """A table as text, with what is needed to write it back as it was.

    Every cell is text: ids have leading zeros.
    """

    rows: list[list[str]]
    encoding: str = MARKED
    separator: str = ","
    line_end: str = "\r\n"
    quote_all: bool = False

    @property
    def header(self) -> list[str]:
        """The first row that is not blank."""
        return self.rows[self.first]

    @property
    def first(self) -> int:
        """Number of the header's row."""
        return next((number for number, row in enumerate(self.rows) if any(cell.strip() for cell in row)), 0)


def read_sheet(path: Path) -> Sheet:
    """Read a CSV or tab-separated file: UTF-8 with or without mark, UTF-16 with mark, else GB 18030.

    Raises
    ------
    CohortError : it cannot be read, is empty, or has cells without end.
    """
    try:
        if path.stat().st_size > MAX_BYTES:
            raise CohortError(
                "{path} is larger than {max_bytes} MiB, which no list of students is",
                path=path,
                max_bytes=MAX_BYTES >> 20,
            )
        data = path.read_bytes()
    except OSError as error:
        raise CohortError(
            "{path} cannot be read ({strerror}); name a CSV file", path=path, strerror=error.strerror
        ) from None
    text, encoding = _decoded(path, data)
    head = text[:4096]
    separator = max(SEPARATORS, key=head.splitlines()[0].count if head.strip() else head.count)
    try:
        rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True))
    except csv.Error as error:
        raise CohortError("{path} is no table ({error}); export it again as CSV", path=path, error=error) from None
    if not any(cell.strip() for row in rows for cell in row):
        raise CohortError("{path} is empty; expected a header and one row for each student", path=path)
    first = head.lstrip().splitlines()[0]
    return Sheet(rows, encoding, separator, "\r\n" if "\r\n" in head else "\n", first.startswith('"'))


def _is_archive(data: bytes) -> bool:
    """Whether this is a zip of other things than the parts of a workbook."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            return not any(name.startswith(WORKBOOK_PARTS) for name in archive.namelist())
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
        return False


def _decoded(path: Path, data: bytes) -> tuple[str, str]:
    if _is_archive(data):
        raise CohortError(
            "{path} is a zip archive; expected a table as CSV. What a platform's download gave you goes to "
            "`class ingest`",
            path=path,
        )
    if data.startswith(WORKBOOK_MARKS):
        raise CohortError("{path} is a workbook of a spreadsheet program; save its sheet as CSV", path=path)
    if data.startswith(UTF16_MARKS):
        return data.decode("utf-16"), "utf-16"
    for encoding in (MARKED, FALLBACK):
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError:
            continue
        if encoding == MARKED and not data.startswith(b"\xef\xbb\xbf"):
            return text, "utf-8"
        return text, encoding
    raise CohortError("{path} is neither UTF-8 nor GB 18030; export it again as UTF-8", path=path)


def write_sheet(path: Path, sheet: Sheet) -> None:
    """Write a table in one step.

    Raises
    ------
    ReportError : the file cannot be written.
    """
    stream = io.StringIO()
    writer = csv.writer(
        stream,
        delimiter=sheet.separator,
        lineterminator=sheet.line_end,
        quoting=csv.QUOTE_ALL if sheet.quote_all else csv.QUOTE_MINIMAL,
    )
    writer.writerows(sheet.rows)
    text = stream.getvalue()
    if sheet.encoding == "utf-16":
        write_bytes(path, UTF16_MARKS[0] + text.encode("utf-16-le"))
    else:
        write_bytes(path, text.encode(sheet.encoding))


def guarded(value: object) -> str:
    """Return a cell that no spreadsheet takes for a formula; numbers stay numbers."""
    if value is None:
        return ""
    if isinstance(value, bool | int | float):
        return number_text(value)
    text = " ".join(str(value).split("\n"))
    return f"'{text}" if text.startswith(FORMULA_STARTS) else text


def number_text(value: float) -> str:
    """Write a grade with at most two decimals, without a trailing zero."""
    text = f"{value:.2f}".rstrip("0").rstrip(".")
    return "0" if text in ("", "-0") else text


def column(header: Sequence[str], *names: str) -> int | None:
    """Return where the first of the names stands in a header, whatever its case and blanks; None if nowhere."""
    plain = [_plain(cell) for cell in header]
    for name in names:
        if _plain(name) in plain:
            return plain.index(_plain(name))
    return None


def _plain(text: str) -> str:
    return "".join(letter for letter in text.casefold() if letter.isalnum())
