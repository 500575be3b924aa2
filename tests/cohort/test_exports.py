"""What leaves a class, held against the importers' rules on sheets laid out as the platforms write them."""

import csv
import io
import re
import zipfile
from dataclasses import replace

import openpyxl
import pytest

from grader.cohort.exports.blackboard import fill_blackboard
from grader.cohort.exports.canvas import fill_canvas
from grader.cohort.exports.feedback import feedback_folder
from grader.cohort.exports.moodle import feedback_zip, fill_moodle
from grader.cohort.exports.rows import Filled, Row, save
from grader.cohort.exports.spreadsheet import fill_workbook
from grader.cohort.exports.tables import gradescope_table, plain_table
from grader.cohort.problems import CohortError
from grader.cohort.release.grades import Grade
from grader.cohort.release.late import Lateness
from grader.cohort.sheets import Sheet, guarded, read_sheet, write_sheet
from grader.cohort.store.tables import Event, Student, Submission


def line(sid, name, final, why="", remark="", **external):
    """Make a line of an export."""
    student = Student(sid=sid, name=name, email=f"{sid}@uni.example", section="A", pseudonym="p" + sid)
    attempt = Submission(id=int(sid), number=1, source="moodle", original_name=f"{name}_9{sid}", submitted_at=None)
    grade = Grade(student, attempt, raw=final, final=final, why=why, late=Lateness(3661.0))
    return Row(grade, {system: (value,) for system, value in external.items()}, remark or why)


ROWS = [
    line("0012", "Ann Lee", 87.5, remark="late <1 day> & sorry", moodle="77", canvas="501", blackboard="alee"),
    line("0013", "José García", 100.0, moodle="78", canvas="502", blackboard="jgarcia"),
    line("0014", "王小明", None, why="it is not graded yet", moodle="79", canvas="503", blackboard="wang"),
    line("0015", "=SUM(A1)", 0.0, moodle="80", canvas="504", blackboard="sum"),
]

ENGLISH = (
    'Identifier,"Full name","ID number","Email address",Status,Grade,"Maximum Grade","Grade can be changed",'
    '"Last modified (submission)","Last modified (grade)","Feedback comments"\n'
)
GERMAN = (
    'ID,"Vollständiger Name",E-Mail-Adresse,Status,Bewertung,Bestwertung,"Bewertung kann geändert werden",'
    '"Zuletzt geändert (Abgabe)","Zuletzt geändert (Bewertung)","Feedback als Kommentar"\n'
)


def sheet_of(tmp_path, text, encoding="utf-8"):
    """Write and read a sheet."""
    (tmp_path / "sheet.csv").write_bytes(text.encode(encoding))
    return read_sheet(tmp_path / "sheet.csv")


def test_a_moodle_worksheet_is_filled_in_two_columns(tmp_path):
    """All other cells stay byte for byte; comments are HTML, so they are escaped."""
    text = ENGLISH + (
        'Participant 77,"Lee, Ann",0012,a@x,"Submitted for grading - ",,100.00,Yes,"Monday, 1 March 2026",-,\n'
        'Participant 78,José García,0013,j@x,"Submitted for grading - ",50.00,100.00,Yes,-,-,old\n'
    )
    before = sheet_of(tmp_path, text)
    filled = fill_moodle(before, ROWS, grade=None, feedback=None)
    after = filled.sheet.rows
    assert [(row[5], row[10]) for row in after[1:]] == [("87.5", "late &lt;1 day&gt; &amp; sorry"), ("100", "")]
    for old, new in zip(before.rows, after, strict=True):
        assert [cell for number, cell in enumerate(old) if number not in (5, 10)] == [
            cell for number, cell in enumerate(new) if number not in (5, 10)
        ]
    assert filled.written == 2


def test_a_localised_worksheet_is_filled(tmp_path):
    """German headers, and numbers with a decimal comma as in the column of the greatest grade."""
    text = GERMAN + 'Teilnehmer/in 77,Ann Lee,a@x,Abgegeben,-,"100,00",Ja,-,-,\n'
    filled = fill_moodle(sheet_of(tmp_path, text), ROWS, grade=None, feedback=None)
    assert filled.sheet.rows[1][4] == "87,5"
    assert filled.sheet.rows[1][9].startswith("late")


def test_a_worksheet_in_an_unknown_language_is_filled_by_its_cells(tmp_path):
    """The greatest grade, the same in all rows, stands behind the grades; or a person names the columns."""
    text = "Tunniste,Nimi,Tila,Arvosana,Paras,Muutettavissa,Palautettu,Arvioitu,Palaute\n"
    text += "Osallistuja 77,Ann Lee,x,,100.00,Kyllä,-,-,\nOsallistuja 78,José,x,,100.00,Kyllä,-,-,\n"
    sheet = sheet_of(tmp_path, text)
    filled = fill_moodle(sheet, ROWS, grade=None, feedback="Palaute")
    assert [row[3] for row in filled.sheet.rows[1:]] == ["87.5", "100"]
    assert filled.sheet.rows[1][8]
    with pytest.raises(CohortError, match="no column 'Pisteet'"):
        fill_moodle(sheet, ROWS, grade="Pisteet", feedback=None)


def test_what_moodle_would_skip_in_silence_is_said(tmp_path):
    """Above the maximum, locked, not graded, unknown, not in the sheet."""
    text = ENGLISH + (
        "Participant 77,Ann,0012,,,,80.00,Yes,-,-,\n"
        "Participant 78,José,0013,,,,100.00,No,-,-,\n"
        "Participant 79,Wang,0014,,,,100.00,Yes,-,-,\n"
        "Participant 99,Nobody,,,,,100.00,Yes,-,-,\n"
    )
    filled = fill_moodle(sheet_of(tmp_path, text), ROWS, grade=None, feedback=None)
    reasons = {sid: why for sid, _name, why in filled.left_out}
    assert filled.written == 0
    assert reasons["0012"] == "87.5 are more than the 80.00 that Moodle allows"
    assert reasons["0013"] == "Moodle has locked this grade"
    assert reasons["0014"] == "it is not graded yet"
    assert reasons["0015"] == "not in the worksheet"
    assert reasons[""] == "nobody of this class"
    assert all(row[5] == "" for row in filled.sheet.rows[1:])


def test_a_folder_of_feedback_has_a_page_for_each_id_or_is_not_there(tmp_path):
    """Ids that make the same name of a file keep a page each; a damaged result leaves nothing, not even a part."""
    rows = [replace(ROWS[0], grade=replace(ROWS[0].grade, student=student)) for student in (
        Student(sid="a/1", name="A", pseudonym="p1"), Student(sid="a_1", name="B", pseudonym="p2"),
    )]  # fmt: skip
    assert feedback_folder([(row, row.sid) for row in rows], tmp_path / "pages") == 2
    found = {file.name: file.read_text() for file in (tmp_path / "pages").iterdir()}
    assert found == {"a_1.html": "a/1", "a_1-p2.html": "a_1"}

    def damaged():
        yield rows[0], "page"
        raise CohortError("damaged")

    with pytest.raises(CohortError):
        feedback_folder(damaged(), tmp_path / "others")
    assert [file.name for file in tmp_path.iterdir()] == ["pages"]


def test_feedback_files_have_the_paths_that_moodle_reads():
    """A part `<name>_<participant>_assignsubmission_file_`, names without further underscores or dots in front."""
    rows = [(row, "<p>x</p>") for row in ROWS[:2]]
    assert rows[0][0].sid == "0012"
    rows[0][0].grade.attempt.original_name = ".Ann_B Lee_77"
    data, count, left_out = feedback_zip(rows, "report.html")
    names = zipfile.ZipFile(io.BytesIO(data)).namelist()
    assert (count, left_out) == (2, [])
    assert "Ann B Lee_77_assignsubmission_file_/report.html" in names
    pattern = re.compile(r"^[^_]+_\d+_assignsubmission_file_?$")
    assert all(pattern.match(name.split("/")[0]) for name in names)
    ROWS[0].grade.attempt.original_name = "Ann Lee_77"


CANVAS = (
    "Student,ID,SIS User ID,SIS Login ID,Section,Lab 1 (123),Final Score\n"
    ",,,,,,\n"
    "    Points Possible,,,,,100,(read only)\n"
    '"Lee, Ann",501,0012,alee,A,10,10\n'
    "José García,,0013,jg,A,,\n"
    "王小明,503,0014,wang,A,55,55\n"
    "Stranger,999,9999,str,A,,\n"
)


def test_a_canvas_gradebook_keeps_only_what_is_to_change(tmp_path):
    """Columns up to Section and the one; who has no grade is left out, for a blank cell would clear one."""
    filled = fill_canvas(sheet_of(tmp_path, CANVAS), ROWS, "Lab 1")
    assert filled.sheet.rows == [
        ["Student", "ID", "SIS User ID", "SIS Login ID", "Section", "Lab 1 (123)"],
        ["    Points Possible", "", "", "", "", "100"],
        ["Lee, Ann", "501", "0012", "alee", "A", "87.5"],
    ]
    assert ("0014", "王小明", "it is not graded yet") in filled.left_out
    # Without an id Canvas would not find him.
    assert ("0013", "José García", "not in the gradebook") in filled.left_out
    assert ("999", "Stranger", "nobody of this class") in filled.left_out


@pytest.mark.parametrize(
    ("header", "title", "message"),
    [
        ("Student,ID,SIS Login ID,Section,Lab 1", "Lab 1", "would make a new assignment"),
        ("Student,ID,SIS Login ID,Section,Final Grade Lab (5)", "Final Grade Lab", "Canvas ignores columns"),
        ("Student,ID,SIS Login ID,Lab 1 (5)", "Lab 1", "no column Section"),
        ("Name,Number,x,Section,Lab 1 (5)", "Lab 1", "no Canvas gradebook"),
        ("Student,ID,SIS Login ID,Section,Lab 1 (5)", "Lab 2", "assignments in it are: Lab 1"),
    ],
)
def test_a_gradebook_that_canvas_would_misread_is_refused(tmp_path, header, title, message):
    """With what is wrong and what there is."""
    with pytest.raises(CohortError, match=re.escape(message)):
        fill_canvas(sheet_of(tmp_path, header + "\n1,2,3,4,5\n"), ROWS, title)


@pytest.mark.parametrize(("encoding", "separator"), [("utf-8-sig", ","), ("utf-16", "\t")])
def test_a_blackboard_file_stays_as_blackboard_writes_it(tmp_path, encoding, separator):
    """Every cell in quotes as CSV; UTF-16 with tabs otherwise; the column keeps its number."""
    names = ["Last Name", "First Name", "Username", "Student ID", "Last Access", "Availability"]
    header = [*names, "Lab 1 [Total Pts: 100 Score] |12345"]
    cells = [header, ["Lee", "Ann", "alee", "0012", "", "Yes", ""], ["王", "小明", "wang", "0014", "", "Yes", ""]]
    text = "\r\n".join(separator.join(f'"{cell}"' for cell in row) for row in cells) + "\r\n"
    filled = fill_blackboard(sheet_of(tmp_path, text, encoding), ROWS, "Lab 1")
    write_sheet(tmp_path / "out.csv", filled.sheet)
    written = (tmp_path / "out.csv").read_bytes()
    assert written.startswith(b"\xff\xfe" if encoding == "utf-16" else b"\xef\xbb\xbf")
    body = written.decode(encoding)
    if separator == ",":
        assert body.splitlines()[1] == '"Lee","Ann","alee","87.5"'
    assert next(csv.reader(io.StringIO(body), delimiter=separator))[-1] == header[-1]
    assert filled.written == 1


def test_a_column_without_number_is_refused(tmp_path):
    """Blackboard would make a text column worth nothing of it."""
    sheet = sheet_of(tmp_path, '"Last Name","First Name","Username","Lab 1"\n"Lee","Ann","alee",""\n')
    with pytest.raises(CohortError, match="new text column"):
        fill_blackboard(sheet, ROWS, "Lab 1")


def test_a_template_is_filled_by_names_of_columns(tmp_path):
    """Header somewhere below a title; ids stay text with their zeros; formulas and all else stay."""
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.append(["课程成绩"])
    sheet.append(["序号", "学号", "姓名", "成绩", "评语", "合计"])
    sheet.append([1, "0012", "Ann Lee", None, None, "=D3*2"])
    sheet.append([2, "0014", "王小明", None, None, None])
    sheet.append([3, "9999", "Nobody", None, None, None])
    book.save(tmp_path / "template.xlsx")
    data, filled = fill_workbook(tmp_path / "template.xlsx", ROWS, {})
    after = openpyxl.load_workbook(io.BytesIO(data)).active
    assert [cell.value for cell in after[3]] == [1, "0012", "Ann Lee", 87.5, "late <1 day> & sorry", "=D3*2"]
    assert after["A1"].value == "课程成绩"
    assert after["D4"].value is None
    assert filled.written == 1
    assert {why for _sid, _name, why in filled.left_out} == {
        "it is not graded yet", "nobody of this class", "not in the template",
    }  # fmt: skip
    with pytest.raises(CohortError, match="--column FIELD=NAME"):
        fill_workbook(tmp_path / "template.xlsx", ROWS, {"grade": "Punkte"})


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@x", "\tx", "\rx", "＝1", "＠x"])
def test_no_cell_is_taken_for_a_formula(text):
    """Whatever a student is called."""
    assert guarded(text).startswith("'")


def test_the_plain_table_opens_in_a_spreadsheet(room, tmp_path):
    """With the mark of UTF-8, quotes where they are needed, everybody in it, and the guard in names."""
    filled = plain_table(room, ROWS)
    write_sheet(tmp_path / "grades.csv", filled.sheet)
    data = (tmp_path / "grades.csv").read_bytes()
    assert data.startswith(b"\xef\xbb\xbf")
    rows = list(csv.reader(io.StringIO(data.decode("utf-8-sig"))))
    assert [row[0] for row in rows[1:]] == ["0012", "0013", "0014", "0015"]
    assert rows[4][1] == "'=SUM(A1)"
    assert rows[3][9] == ""


def test_gradescope_s_columns_are_written():
    """Ids as text, lateness in hours, and who is missing."""
    rows = gradescope_table(ROWS, 100.0).sheet.rows
    assert rows[1][:8] == ["Ann", "Lee", "0012", "0012@uni.example", "A", "87.5", "100", "Graded"]
    assert rows[1][10] == "01:01:01"
    assert rows[3][7] == "Ungraded"


def test_who_was_not_written_is_listed_beside(full_room, tmp_path):
    """With the reason, and the hash of the chain; the export itself is an event of it."""
    filled = Filled(Sheet([["a"]]), 0, [("0014", "=x", "it is not graded yet")])
    with full_room.session() as session:
        assignment = full_room.ensured_assignment(session, "tiny")
        beside = save(session, assignment, tmp_path / "out.csv", filled)
        event = session.query(Event).order_by(Event.id.desc()).first()
    rows = read_sheet(beside).rows
    assert rows[1] == ["0014", "'=x", "it is not graded yet"]
    assert event.hash in rows[-1][2]
    assert (event.action, event.after["left_out"]) == ("export", 1)
