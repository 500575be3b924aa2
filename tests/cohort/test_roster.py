"""The list of students: columns by name, encodings, and what is never done behind a person's back."""

import zipfile

import pytest
from sqlalchemy import select

from grader.cohort.intake.roster import read_roster, take_roster
from grader.cohort.problems import CohortError
from grader.cohort.store.tables import ExternalId, Student

MOODLE = 'Identifier,Full name,ID number,Email address\nParticipant 77,"Lee, Ann",0012,a@x\n'


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16"])
def test_encodings_of_spreadsheets_are_read(tmp_path, encoding):
    """UTF-8 with and without its mark, Excel's UTF-16, and GB 18030."""
    (tmp_path / "roster.csv").write_bytes("学号;姓名\n0007;王小明\n".encode(encoding))
    [line], problems = read_roster(tmp_path / "roster.csv", {})
    assert (line.sid, line.name, problems) == ("0007", "王小明", [])


def test_columns_are_found_by_name(tmp_path):
    """Usual names are known, an id of a platform loses the word in front, quoted commas stay."""
    (tmp_path / "roster.csv").write_text(MOODLE)
    [line], _ = read_roster(tmp_path / "roster.csv", {})
    assert (line.sid, line.name, dict(line.external)) == ("0012", "Lee, Ann", {"moodle": "77"})


def test_an_unusual_column_can_be_named(tmp_path):
    """And one that does not exist is refused with those that do."""
    (tmp_path / "roster.csv").write_text("Nr,Who\n0007,Ann\n")
    with pytest.raises(CohortError, match="no column of student ids; it has: Nr, Who"):
        read_roster(tmp_path / "roster.csv", {})
    [line], _ = read_roster(tmp_path / "roster.csv", {"sid": "Nr", "name": "Who"})
    assert (line.sid, line.name) == ("0007", "Ann")
    with pytest.raises(CohortError, match="no column 'Number'"):
        read_roster(tmp_path / "roster.csv", {"sid": "Number"})


def test_a_row_whose_cells_moved_is_left_out(tmp_path):
    """A comma in a name without quotes would make its second half an address; empty cells at the end are none."""
    (tmp_path / "roster.csv").write_text("sid,name,email\n1,Lee, Ann,a@x\n2,Bo,b@x,,\n")
    [line], problems = read_roster(tmp_path / "roster.csv", {})
    assert (line.sid, line.email) == ("2", "b@x")
    assert problems == ["row 2: more cells than the header has columns"]


@pytest.mark.parametrize("begin", [b"PK\x03\x04", b"\xd0\xcf\x11\xe0"])
def test_a_workbook_is_not_taken_for_an_encoding(tmp_path, begin):
    """An Excel file gets advice that helps."""
    (tmp_path / "roster.xlsx").write_bytes(begin + b"\x00\xff")
    with pytest.raises(CohortError, match="is a workbook of a spreadsheet program; save its sheet as CSV"):
        read_roster(tmp_path / "roster.xlsx", {})


def test_a_download_is_not_taken_for_a_workbook(tmp_path):
    """A zip with the parts of a workbook is one; any other goes elsewhere."""
    for name, part, said in (
        ("a.xlsx", "xl/workbook.xml", "is a workbook"),
        ("b.zip", "Ann_1/layer.py", "zip archive"),
    ):
        with zipfile.ZipFile(tmp_path / name, "w") as archive:
            archive.writestr(part, "x")
        with pytest.raises(CohortError, match=said):
            read_roster(tmp_path / name, {})


def test_a_group_is_named_as_in_the_table(tmp_path):
    """The column is called so on the screen; the field of the database has another name."""
    (tmp_path / "roster.csv").write_text("sid,Gruppe\n1,Red\n")
    [line], _problems = read_roster(tmp_path / "roster.csv", {"group": "Gruppe"})
    assert line.team == "Red"
    with pytest.raises(CohortError, match=r"there is no field 'grp'; there are: sid, .*, group, moodle"):
        read_roster(tmp_path / "roster.csv", {"grp": "Gruppe"})


def test_a_list_changes_nothing_until_it_is_written(room, tmp_path):
    """The second list shows who is new, changed, and no longer there; nobody is dropped."""
    (tmp_path / "roster.csv").write_text("sid,name\n1,Ann\n2,Bo\n")
    lines, problems = read_roster(tmp_path / "roster.csv", {})
    take_roster(room, lines, problems, write=False)
    with room.session() as session:
        assert session.scalars(select(Student)).all() == []
    take_roster(room, lines, problems, write=True)
    (tmp_path / "roster.csv").write_text("sid,name\n1,Anna\n1,twice\n,none\n3,Cy\n")
    change = take_roster(room, *read_roster(tmp_path / "roster.csv", {}), write=True)
    assert [line.sid for line in change.new] == ["3"]
    assert [line.name for line in change.changed] == ["Anna"]
    assert change.absent == ("2",)
    assert change.conflicts == ("row 3: 1 stands there twice", "row 4: no student id")
    with room.session() as session:
        assert len(session.scalars(select(Student)).all()) == 3


def test_an_id_belongs_to_one_student(full_room, tmp_path):
    """A platform's id that is another student's is named and not written."""
    (tmp_path / "roster.csv").write_text("sid,name,canvas id\n0013,José García,501\n")
    change = take_roster(full_room, *read_roster(tmp_path / "roster.csv", {}), write=True)
    assert change.conflicts == ("0013: 501 in canvas belongs to another student",)
    with full_room.session() as session:
        assert len(session.scalars(select(ExternalId).where(ExternalId.value == "501")).all()) == 1
