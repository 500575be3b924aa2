"""Where things lie: the folders of a project, found from the current folder or from the package's own."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from grader.language.errors import BadInput
from grader.language.near import did_you_mean
from grader.project.contract import ContractError, Lab, list_labs, load_lab
from grader.project.manifest import WEIGHTS_PREFIX

MAX_PICTURE_BYTES = 32 << 20
JPEG_BEGINS, JPEG_ENDS = b"\xff\xd8\xff", b"\xff\xd9"
PNG_BEGINS, PNG_ENDS = b"\x89PNG\r\n\x1a\n", b"IEND"
# What else OpenCV reads: BMP, WebP, GIF, TIFF, JPEG 2000, Sun raster, OpenEXR, Radiance, and PNM of every kind.
PICTURES_BEGIN = (
    JPEG_BEGINS, PNG_BEGINS, b"BM", b"RIFF", b"GIF8", b"II*\0", b"MM\0*", b"II+\0", b"MM\0+", b"\0\0\0\x0cjP",
    b"\xff\x4f\xff\x51", b"\x59\xa6\x6a\x95", b"v/1\x01", b"#?", b"P1", b"P2", b"P3", b"P4", b"P5", b"P6", b"P7",
    b"PF", b"Pf",
)  # fmt: skip
# In AVIF this stands behind a length of four bytes.
BOX_BEGINS = b"ftyp"


class ProjectError(BadInput):
    """The command was used in a wrong place or on a lab that does not exist."""


@dataclass(frozen=True)
class Project:
    """A checkout of this repository, or a student's kit."""

    root: Path

    @classmethod
    def find(cls) -> Project:
        """Return the project that holds the current folder, else the one that this package belongs to.

        Raises
        ------
        ProjectError : neither has a ``labs`` folder.
        """
        here = Path.cwd()
        package = Path(__file__).resolve().parents[2]
        for folder in (here, *here.parents, package):
            if (folder / "labs").is_dir() and list_labs(folder / "labs"):
                return cls(folder)
        raise ProjectError("no `labs` folder here or above: change into the project's folder and try again")

    @property
    def cache(self) -> Path:
        """Folder for what can be made again: checkpoints, compiled kernels."""
        return Path(os.environ.get("GRADER_CACHE", "") or self.root / ".cache")

    def lab(self, name: str) -> Lab:
        """Load the lab ``name``.

        Raises
        ------
        ProjectError : there is no such lab.
        ContractError : the lab is at fault.
        """
        folder = self.root / "labs" / name
        if not folder.is_dir() or "/" in name or not name:
            known = ", ".join(list_labs(self.root / "labs"))
            near = did_you_mean(name, list_labs(self.root / "labs"))
            raise ProjectError(
                "there is no lab {name}; the labs here are: {known}{near}", name=repr(name), known=known, near=near
            )
        return load_lab(folder)

    def submission(self, lab: str) -> Path:
        """Folder in which a student works on ``lab``."""
        return self.root / "stu_upload" / lab

    def fixtures(self, lab: str, kind: str, weights: Path | None = None) -> Path:
        """Folder of the published cases of ``lab``; ``kind`` is ``public`` or ``hidden``.

        Fixtures that were recorded with a course's own checkpoint lie in a folder named after its content.
        """
        if weights is None:
            return self.root / "fixtures" / lab / kind
        return self.root / "fixtures" / lab / f"{WEIGHTS_PREFIX}{file_digest(weights)[:12]}" / kind

    def overrides(self, lab: str) -> Path:
        """File of the parameters that replace seeded ones, such as a fitted last layer; it may be absent."""
        return self.root / "fixtures" / lab / "overrides.npz"

    def reference(self, lab: str) -> Path:
        """Folder of the hidden solution of ``lab``."""
        return self.root / "reference" / lab


def file_digest(file: Path) -> str:
    """Return the SHA-256 of a file, read in pieces.

    Raises
    ------
    ProjectError : it cannot be read.
    """
    digest = hashlib.sha256()
    try:
        with file.open("rb") as stream:
            while piece := stream.read(1 << 22):
                digest.update(piece)
    except OSError as error:
        raise ProjectError("{file} cannot be read ({strerror})", file=file, strerror=error.strerror) from None
    return digest.hexdigest()


def read_picture(file: Path) -> np.ndarray:
    """Return the bytes of a picture's file, uint8.

    Its first and last bytes are looked at, so that a web page or half a download is refused by the name that was
    typed; it is decoded in the jail only.

    Raises
    ------
    ProjectError : it cannot be read, is too large, or is no picture.
    """
    try:
        size = file.stat().st_size
        data = file.read_bytes() if size <= MAX_PICTURE_BYTES else b""
    except OSError as error:
        raise ProjectError(
            "{file} cannot be read ({strerror}); expected a JPEG or PNG picture", file=file, strerror=error.strerror
        ) from None
    if size > MAX_PICTURE_BYTES:
        raise ProjectError(
            "{file} has {value} MiB; at most {value2} are read",
            file=file,
            value=size >> 20,
            value2=MAX_PICTURE_BYTES >> 20,
        )
    _require_picture(file, data)
    return np.frombuffer(data, dtype=np.uint8)


def _require_picture(file: Path, data: bytes) -> None:
    if not data.startswith(PICTURES_BEGIN) and data[4:8] != BOX_BEGINS:
        raise ProjectError("{file} is no picture; expected a JPEG or PNG file", file=file)
    ends = {PNG_BEGINS: PNG_ENDS, JPEG_BEGINS: JPEG_ENDS}
    if any(data.startswith(begins) and end not in data for begins, end in ends.items()):
        raise ProjectError("{file} is only the beginning of a picture; copy or download it again", file=file)


__all__ = ["ContractError", "Project", "ProjectError", "file_digest", "read_picture"]
