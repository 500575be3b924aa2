"""Makes what an instructor has at the start of `docs/class.md`: a project, a roster, a download, a worksheet."""

import shutil
import zipfile
from pathlib import Path

from tests.golden import ROOT
from tests.hostile.corpus import entries, materialise

SOLUTION = ROOT / "tests" / "hostile" / "lab" / "solution"
ROSTER = """\
Student ID,Name,Email,Section,Group
0012,Ann Lee,ann@uni.example,A,Red
0013,José García,jose@uni.example,A,Red
0014,王小明,wang@uni.example,B,Blue
0015,Bo O'Neil,bo@uni.example,B,Blue
0016,Cy Novák,cy@uni.example,B,Blue
"""
WORKSHEET = """\
Identifier,"Full name","ID number","Email address",Status,Grade,"Maximum Grade","Grade can be changed",\
"Last modified (submission)","Last modified (grade)","Feedback comments"
"Participant 7001","Ann Lee",0012,ann@uni.example,"Submitted for grading",,100.00,Yes,"30 March 2026, 18:00",-,
"Participant 7002","José García",0013,jose@uni.example,"Submitted for grading",,100.00,Yes,"1 April 2026, 10:00",-,
"Participant 7003",王小明,0014,wang@uni.example,"Submitted for grading",,100.00,Yes,"31 March 2026, 9:00",-,
"Participant 7004","Bo O'Neil",0015,bo@uni.example,"Submitted for grading",,100.00,Yes,"31 March 2026, 9:00",-,
"Participant 7006","Cy Novák",0016,cy@uni.example,"No submission",,100.00,Yes,-,-,
"""
# Name and number in the download, when it was handed in, and what it is.
HANDED_IN = (
    ("Ann Lee_7001", (2026, 3, 30, 18, 0, 0), "zip"),
    ("José García_7002", (2026, 4, 1, 10, 0, 0), "solution"),
    ("王小明_7003", (2026, 3, 31, 9, 0, 0), "notebook"),
    ("Bo O'Neil_7004", (2026, 3, 31, 9, 0, 0), "returns_nan"),
    ("Eve Stranger_7005", (2026, 3, 31, 9, 0, 0), "solution"),
)


def prepare(project: Path) -> None:
    """Write roster, download and worksheet into the folder of a project."""
    (project / "roster.csv").write_text(ROSTER, encoding="utf-8")
    (project / "worksheet.csv").write_text(WORKSHEET, encoding="utf-8")
    hostile = {entry.name: entry for entry in entries("submissions")}
    scratch = project / "scratch"
    with zipfile.ZipFile(project / "download.zip", "w") as download:
        for name, moment, what in HANDED_IN:
            shutil.rmtree(scratch, ignore_errors=True)
            if what in hostile:
                materialise(hostile[what], scratch, {})
            else:
                scratch.mkdir()
                for file in SOLUTION.glob("*.py"):
                    shutil.copyfile(file, scratch / file.name)
            if what == "zip":
                with zipfile.ZipFile(scratch / "work.zip", "w") as inner:
                    inner.write(scratch / "layer.py", "my work/layer.py")
            if what == "notebook":
                (scratch / "work.ipynb").write_text("{}")
            kept = {"zip": "*.zip", "notebook": "*.ipynb"}.get(what, "*.py")
            for file in sorted(scratch.glob(kept)):
                data = file.read_bytes() + (f"# {name}\n".encode() if kept == "*.py" else b"")
                place = zipfile.ZipInfo(f"{name}_assignsubmission_file_/{file.name}", moment)
                download.writestr(place, data)
    shutil.rmtree(scratch)
