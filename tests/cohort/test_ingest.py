"""Taking submissions in: what is recognised, what waits for a person, and what is kept."""

import hashlib
import os
import shutil
import time
import zipfile
from datetime import datetime, timezone
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import func, select

from grader.cohort.exports.rows import export_rows
from grader.cohort.intake.layouts import arrivals_in, detected
from grader.cohort.intake.plan import State, missing_students, plan
from grader.cohort.intake.take import take
from grader.cohort.intake.unpacking import opened_export
from grader.cohort.problems import CohortError
from grader.cohort.status import status_of
from grader.cohort.store.tables import Blob, Event, Student, Submission, SubmissionAuthor, SubmissionFile
from grader.language.translation import speaking
from grader.report.progress import Progress

BERLIN = ZoneInfo("Europe/Berlin")


def planned(room, lab, folder, source=None, **options):
    """Plan what a folder holds; return the lines by the label of their arrival."""
    with room.session() as session:
        arrivals = arrivals_in(folder, source, BERLIN)
        return {line.arrival.label: line for line in plan(room, session, lab, arrivals, Progress(), **options)}


def taken(room, lab, folder, **options):
    """Take in what a folder holds."""
    with room.session() as session:
        lines = plan(room, session, lab, arrivals_in(folder, None, BERLIN), Progress())
        return take(room, session, lab, lines, **options)


def zipped(folder, target, flag_utf8=True, encoding="utf-8"):
    """Pack a folder as a student would."""
    with zipfile.ZipFile(target, "w") as archive:
        for file in sorted(folder.rglob("*")):
            archive.write(file, file.relative_to(folder.parent).as_posix())
    return target


def test_moodle_folders_are_recognised(full_room, lab, tmp_path, write_work):
    """With and without the last `_`, a name in two orders, and the one zip inside is opened."""
    export = tmp_path / "export"
    write_work(export / "Ann Lee_7001_assignsubmission_file_")
    write_work(tmp_path / "mine")
    (export / "García José_7002_assignsubmission_file").mkdir()
    zipped(tmp_path / "mine", export / "García José_7002_assignsubmission_file" / "work.zip")
    (export / "Bo O'Neil_7004_assignsubmission_onlinetext_").mkdir()
    assert detected(export) == "moodle"
    lines = planned(full_room, lab, export)
    assert lines["Ann Lee_7001"].state is State.GUESSED
    assert [student.sid for student in lines["García José_7002"].students] == ["0013"]
    assert not lines["García José_7002"].problem
    assert "the files were taken from the archive work.zip inside" in lines["García José_7002"].notes
    assert lines["Ann Lee_7001"].collected == lines["García José_7002"].collected
    assert str(lines["Bo O'Neil_7004"].problem) == "only a text was handed in, no file"


def test_moodle_flat_files_are_recognised(full_room, lab, tmp_path, write_work):
    """All files of a participant are one attempt, under their own names."""
    export = tmp_path / "export"
    export.mkdir()
    work = write_work(tmp_path / "work") / "layer.py"
    (export / "Ann Lee_7001_assignsubmission_file_layer.py").write_bytes(work.read_bytes())
    (export / "Ann Lee_7001_assignsubmission_file_my_notes.txt").write_text("notes")
    lines = planned(full_room, lab, export)
    assert sorted(lines["Ann Lee_7001"].hashes) == ["layer.py", "my_notes.txt"]
    assert not lines["Ann Lee_7001"].problem


def test_canvas_names_are_recognised(full_room, lab, tmp_path, write_work):
    """The user's id counts before the name; a re-uploaded file gets its own name back; LATE is kept."""
    export = tmp_path / "export"
    export.mkdir()
    work = (write_work(tmp_path / "work") / "layer.py").read_bytes()
    (export / "leeann_LATE_501_9001_layer-1.py").write_bytes(work)
    (export / "garciajose_502_9002_layer.py").write_bytes(work)
    lines = planned(full_room, lab, export)
    ann, jose = lines["leeann_501"], lines["garciajose_502"]
    assert (ann.state, ann.late, ann.gaps) == (State.RECOGNISED, True, ())
    assert "layer-1.py was taken as layer.py" in ann.notes
    assert (jose.state, jose.late, jose.students[0].sid) == (State.GUESSED, False, "0013")


def test_blackboard_attempts_are_numbered(full_room, lab, tmp_path, write_work):
    """Several attempts in the order of their times, in the server's zone; a receipt alone is no work."""
    export = tmp_path / "export"
    export.mkdir()
    first = (write_work(tmp_path / "a") / "layer.py").read_bytes()
    for when, text in (("2026-03-01-10-00-00", b""), ("2026-03-02-10-00-00", b"# more\n")):
        (export / f"Lab_1_boneil_attempt_{when}_layer.py").write_bytes(first + text)
        (export / f"Lab_1_boneil_attempt_{when}.txt").write_text("receipt")
    (export / "Lab_1_nobody_attempt_2026-03-03-10-00-00.txt").write_text("receipt")
    lines = planned(full_room, lab, export)
    assert detected(export) == "blackboard"
    assert [lines[f"boneil 2026-03-0{day}-10-00-00"].number for day in (1, 2)] == [1, 2]
    assert lines["boneil 2026-03-01-10-00-00"].submitted_at == datetime(2026, 3, 1, 10, tzinfo=BERLIN)
    nobody = lines["nobody 2026-03-03-10-00-00"]
    assert (nobody.state, str(nobody.problem)) == (State.UNKNOWN, "only a receipt, no file")


def test_gradescope_groups_are_one_attempt(full_room, lab, tmp_path, write_work):
    """All submitters are authors; keys begin with a colon, and ids keep their zeros."""
    export = tmp_path / "export"
    write_work(export / "submission_11")
    (export / "submission_metadata.yml").write_text(
        "submission_11:\n  :submitters:\n  - :name: Ann Lee\n    :sid: '0012'\n    :email: ann@uni.example\n"
        "  - :name: Jose\n    :sid: '0013'\n    :email: x@y\n  :created_at: 2026-03-01 09:00:00.000000000 Z\n"
    )
    lines = planned(full_room, lab, export)
    line = lines["submission_11"]
    assert [student.sid for student in line.students] == ["0012", "0013"]
    assert line.submitted_at.isoformat() == "2026-03-01T09:00:00+00:00"
    taken(full_room, lab, export)
    with full_room.session() as session:
        assert session.scalar(select(func.count()).select_from(SubmissionAuthor)) == 2
        assert session.scalar(select(func.count()).select_from(Submission)) == 1


def test_a_moodle_group_is_found_by_its_name(full_room, lab, tmp_path, write_work):
    """Every student of the group is an author."""
    write_work(tmp_path / "export" / "Blue_88_assignsubmission_file_")
    line = planned(full_room, lab, tmp_path / "export")["Blue_88"]
    assert {student.sid for student in line.students} == {"0014", "0015"}


def test_a_pattern_reads_other_names(full_room, lab, tmp_path, write_work):
    """Groups of the expression give id, name and file."""
    export = tmp_path / "export"
    export.mkdir()
    (export / "hw1-0014-layer.py").write_bytes((write_work(tmp_path / "w") / "layer.py").read_bytes())
    arrivals = arrivals_in(export, None, BERLIN, r"hw1-(?P<student>\d+)-(?P<file>.+)")
    with full_room.session() as session:
        [line] = plan(full_room, session, lab, arrivals, Progress())
    assert (line.state, line.students[0].name, list(line.hashes)) == (State.RECOGNISED, "王小明", ["layer.py"])
    with pytest.raises(CohortError, match=r"\?P<student>"):
        arrivals_in(export, None, BERLIN, r"hw1-(\d+)")


def test_nothing_is_written_before_it_is_decided(full_room, lab, tmp_path, write_work):
    """A plan leaves database and folder as they were."""
    write_work(tmp_path / "export" / "0012")
    planned(full_room, lab, tmp_path / "export")
    with full_room.session() as session:
        assert session.scalar(select(func.count()).select_from(Submission)) == 0
    assert not full_room.originals.exists()


def test_guesses_and_strangers_wait_for_a_decision(full_room, lab, tmp_path, write_work):
    """Only what is recognised is taken in, unless the person says otherwise."""
    export = tmp_path / "export"
    for name in ("0012", "Jose Garcia", "stranger"):
        write_work(export / name)
    first = taken(full_room, lab, export)
    assert first.submissions == 1
    assert {line.state for line in first.left_out} == {State.GUESSED, State.UNKNOWN}
    second = taken(full_room, lab, export, guesses=True, unknown=True)
    assert second.submissions == 2
    with full_room.session() as session:
        assert session.scalar(select(Student).where(Student.sid == "stranger")) is not None


def test_the_same_attempt_is_taken_in_once(full_room, lab, tmp_path, write_work):
    """An export that is downloaded again adds only what is new, as a further attempt."""
    export = tmp_path / "export"
    write_work(export / "0012")
    assert taken(full_room, lab, export).submissions == 1
    assert planned(full_room, lab, export)["0012"].state is State.DUPLICATE
    (export / "0012" / "layer.py").open("a").write("# changed\n")
    line = planned(full_room, lab, export)["0012"]
    assert (line.state, line.number) == (State.RECOGNISED, 2)


def test_originals_are_kept_by_content(full_room, lab, tmp_path, write_work):
    """Equal files are one, its name is its hash, and nobody can write to it."""
    for name in ("0012", "0013"):
        write_work(tmp_path / "export" / name)
    taken(full_room, lab, tmp_path / "export")
    kept = [path for path in full_room.originals.rglob("*") if path.is_file()]
    with full_room.session() as session:
        files = session.scalar(select(func.count()).select_from(SubmissionFile))
        assert files == 2 * session.scalar(select(func.count()).select_from(Blob)) == 2 * len(kept)
    for path in kept:
        assert hashlib.sha256(path.read_bytes()).hexdigest() == path.name
        assert not path.stat().st_mode & 0o222


@pytest.mark.parametrize(
    ("name", "data", "problem"),
    [
        ("work.zip", b"PK\x03\x04 broken", "work.zip is damaged"),
        ("work.rar", b"Rar!\x1a\x07", "work.rar is not a zip or tar archive"),
        ("work.ipynb", b"{}", "A notebook cannot be graded"),
        ("layer.txt", b"x", "holds no .py file"),
    ],
)
def test_what_cannot_be_graded_has_a_row_and_a_reason(full_room, lab, tmp_path, name, data, problem):
    """The attempt is taken in all the same, with the reason and without a path of this machine."""
    folder = tmp_path / "export" / "0012"
    folder.mkdir(parents=True)
    (folder / name).write_bytes(data)
    assert taken(full_room, lab, tmp_path / "export").ungradable == 1
    with full_room.session() as session:
        submission = session.scalars(select(Submission)).one()
        assert problem in submission.problem
        assert str(tmp_path) not in submission.problem
        assert "/tmp" not in submission.problem
        assert "/tmp" not in str(submission.reason)


@pytest.mark.parametrize(
    ("name", "data", "chinese"),
    [
        ("work.rar", b"Rar!", "work.rar 不是 zip 或 tar 压缩包"),
        ("work.ipynb", b"{}", "提交内容 里没有 .py 文件；应有 layer.py。笔记本无法评分"),
        ("a.zip", b"PK\x05\x06" + bytes(18), "a.zip"),
    ],
)
def test_a_reason_is_in_the_language_of_who_reads_it(full_room, lab, tmp_path, name, data, chinese):
    """Whoever took the attempt in, in either language: status and exports say it in the reader's."""
    folder = tmp_path / "export" / "0012"
    folder.mkdir(parents=True)
    (folder / name).write_bytes(data)
    (tmp_path / "export" / "0013").mkdir()
    with speaking("zh"):
        taken(full_room, lab, tmp_path / "export")
    said = {}
    for language in ("en", "zh"):
        with speaking(language), full_room.session() as session:
            status = status_of(full_room, session)[0]
            remarks = [row.remark for row in export_rows(session, full_room.assignment(session, "tiny"))]
            said[language] = [why for _number, _name, why in status.problems]
            assert [any(why in remark for remark in remarks) for why in said[language]] == [True, True]
    with full_room.session() as session:
        assert [one.problem for one in session.scalars(select(Submission))] == said["en"]
    assert all(text.isascii() for text in said["en"])
    assert chinese in said["zh"][0]
    assert said["zh"][1] == "文件夹是空的"


def test_a_reason_of_an_earlier_grader_stays_as_it_was_written(full_room, lab, tmp_path):
    """It is a finished sentence, in whatever language; nothing is guessed about it."""
    (tmp_path / "export" / "0012").mkdir(parents=True)
    taken(full_room, lab, tmp_path / "export")
    with full_room.session() as session:
        old = session.scalars(select(Submission)).one()
        old.problem, old.reason = "文件夹 {x} 是空的", {}
    with full_room.session() as session:
        assert status_of(full_room, session)[0].problems[0][2] == "文件夹 {x} 是空的"


@pytest.mark.parametrize(
    "name", ["layer (1).py", "layer-1.py", "layer - Copy.py", "layer_副本.py", "layer-2 (3).py"]
)
def test_marks_of_copies_are_taken_off(full_room, lab, tmp_path, write_work, name):
    """What browsers and platforms add to a name, where exactly one file can be meant; the note says so."""
    work = write_work(tmp_path / "export" / "0012")
    (work / "layer.py").rename(work / name)
    line = planned(full_room, lab, tmp_path / "export")["0012"]
    assert not line.problem
    assert not line.gaps
    assert f"{name} was taken as layer.py" in line.notes


def test_work_that_was_packed_twice_is_unpacked(full_room, lab, tmp_path, write_work):
    """A platform's zip, the student's in it, and one more in that; a third one is refused, with its own name."""
    write_work(tmp_path / "mine")
    zipped(tmp_path / "mine", tmp_path / "work.zip")
    for depth in ("0012", "0013"):
        (tmp_path / "export" / depth).mkdir(parents=True)
        target = tmp_path / "export" / depth / "outer.zip"
        with zipfile.ZipFile(target, "w") as archive:
            archive.write(tmp_path / "work.zip", "work.zip")
        shutil.copy(target, tmp_path / "work.zip")
    lines = planned(full_room, lab, tmp_path / "export")
    assert (str(lines["0012"].problem), lines["0012"].gaps) == ("", ())
    assert str(lines["0013"].problem).startswith("outer.zip holds no .py file")
    with speaking("zh"), full_room.session() as session:
        wanted = [line for line in lines.values() if line.state is State.RECOGNISED]
        assert take(full_room, session, lab, wanted).ungradable == 1


def test_two_candidates_decide_nothing(full_room, lab, tmp_path, write_work):
    """Which of two copies was meant is for a person to say."""
    work = write_work(tmp_path / "export" / "0012")
    (work / "layer.py").rename(work / "layer (1).py")
    (work / "layer (2).py").write_text("")
    assert planned(full_room, lab, tmp_path / "export")["0012"].gaps == ("layer.py",)


def test_a_zip_of_the_download_is_opened_in_its_encoding(full_room, lab, tmp_path, write_work):
    """Names packed as GBK without a mark are read; the folder is gone afterwards."""
    work = (write_work(tmp_path / "w") / "layer.py").read_bytes()
    name = "王小明_7003_assignsubmission_file_/layer.py"
    download = tmp_path / "download.zip"
    # The module writes such names only as UTF-8 with its mark: pack under a name of equal length and replace it.
    stand_in = "x" * len(name.encode("gbk"))
    with zipfile.ZipFile(download, "w") as archive:
        archive.writestr(stand_in, work)
    download.write_bytes(download.read_bytes().replace(stand_in.encode(), name.encode("gbk")))
    with opened_export(download) as folder:
        line = planned(full_room, lab, folder)["王小明_7003"]
        assert line.students[0].sid == "0014"
        inside = folder
    assert not inside.exists()


def test_an_export_that_leads_out_is_refused(tmp_path):
    """Nothing of it is written anywhere."""
    with zipfile.ZipFile(tmp_path / "bad.zip", "w") as archive:
        archive.writestr("../outside.txt", "x")
    with pytest.raises(CohortError, match="leads out of it"), opened_export(tmp_path / "bad.zip"):
        pass
    assert not list(tmp_path.rglob("outside.txt"))


def test_who_is_missing_is_listed(full_room, lab, tmp_path, write_work):
    """Students without an arrival are named, so that a lost upload is noticed."""
    write_work(tmp_path / "export" / "0012")
    with full_room.session() as session:
        lines = plan(full_room, session, lab, arrivals_in(tmp_path / "export", None, BERLIN), Progress())
        assert [student.sid for student in missing_students(session, full_room, lines)] == ["0013", "0014", "0015"]


def test_a_platform_id_is_remembered(full_room, lab, tmp_path, write_work):
    """A guess that was confirmed is recognised the next time."""
    export = tmp_path / "export"
    write_work(export / "Ann Lee_7001_assignsubmission_file_")
    taken(full_room, lab, export, guesses=True)
    write_work(export / "Ann Lee_7001_assignsubmission_file_", "# again\n")
    assert planned(full_room, lab, export)["Ann Lee_7001"].state is State.RECOGNISED


def test_times_of_files_count_only_on_request(full_room, lab, tmp_path, write_work):
    """An unpacked download may have them right; nobody else knows."""
    file = write_work(tmp_path / "export" / "0012") / "layer.py"
    os.utime(file, (1_000_000_000, 1_000_000_000))
    assert planned(full_room, lab, tmp_path / "export")["0012"].submitted_at is None
    line = planned(full_room, lab, tmp_path / "export", file_times=True)["0012"]
    assert line.submitted_at.timestamp() == 1_000_000_000


def test_a_zip_tells_the_time_of_the_platforms_clock(tmp_path, monkeypatch):
    """Wherever the grader runs, 23:30 in the download is 23:30 in the zone of the course; no date is none."""
    monkeypatch.setenv("TZ", "America/Lima")
    time.tzset()
    with zipfile.ZipFile(tmp_path / "download.zip", "w") as archive:
        archive.writestr(zipfile.ZipInfo("0012/layer.py", (2026, 3, 31, 23, 30, 0)), "")
        archive.writestr(zipfile.ZipInfo("0013/layer.py", (2026, 0, 0, 0, 0, 0)), "")
    try:
        with opened_export(tmp_path / "download.zip", ZoneInfo("Europe/Berlin")) as folder:
            moment = (folder / "0012" / "layer.py").stat().st_mtime
            assert (folder / "0013" / "layer.py").is_file()
    finally:
        monkeypatch.undo()
        time.tzset()
    assert datetime.fromtimestamp(moment, timezone.utc) == datetime(2026, 3, 31, 21, 30, tzinfo=timezone.utc)


def test_what_was_done_is_recorded(full_room, lab, tmp_path, write_work):
    """Taking in leaves an event."""
    write_work(tmp_path / "export" / "0012")
    taken(full_room, lab, tmp_path / "export")
    with full_room.session() as session:
        assert session.scalars(select(Event.action).order_by(Event.id)).all() == ["init", "roster", "ingest"]
