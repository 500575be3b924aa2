"""Whatever bytes a worker sends, they become a verdict and a document: nothing else is ever raised.

20,000 answers are made: of random bytes, of well-formed frames with random names, types, shapes and texts, and of
well-formed ones that were damaged afterwards. They go the way of real ones, from the channel to the document.
"""

from __future__ import annotations

import contextlib
import io
import json
import random
from types import SimpleNamespace

import numpy as np
import pytest
from rich.console import Console

from grader.checking import run_check
from grader.experiment.records import RecordError, read_record, read_snapshot
from grader.explain.messages import describe_outcome
from grader.inside import frames
from grader.inside.answers import SENTENCES
from grader.jail.channel import Closed, Late, Printed
from grader.jail.launcher import LauncherLost, Status
from grader.jail.model import Limits
from grader.jail.worker import Worker
from grader.language.translation import LANGUAGES, speaking
from grader.project.contract import load_lab
from grader.project.fixtures import read_fixture
from grader.report.console import render
from grader.report.json_report import to_json
from grader.run.answers import Answers
from grader.run.hidden import without_inputs
from grader.run.session import Session
from grader.run.vocabulary import Vocabulary
from grader.verdicts import Verdict
from tests.hostile.project import LAB, make_project
from tests.report.samples import honest

ANSWERS = 20_000
# A whole check and its document take a hundred times as long as reading an answer.
EVERY_DOCUMENT = 40
LETTERS = [
    *"abc{}:%\\\"'`/.,;()[]<>&|=+-@#0123456789 \n\t\r",
    *("\0", "\x1b", "\x7f", "\x85", "\u202e", "\u200b", "\ud800", "\ufffe", "\U0001f600", "中", "é", "e\u0301"),
]
WORDS = [
    *("layer.py", "forward", "<module>", "Layer", "ValueError", "::error::", "{name}", "{0}", "{", "%s", "../x"),
    *("/etc/passwd", "layer.py, line 3"),
]
PLACES = ("name", "name2", "type", "text", "place")
SHAPES = [(), (0,), (3,), (2, 0, 5), (2, 3, 4, 4), (1, 2, 4, 4), (0, 1 << 30, 1 << 20), (1,) * 8]
KEYS = ["verdict", "type", "message", "said", "required", "values", "frames", "notes", "emitted", "names"]
NAMES = ["outputs", "grad_input", "outputs/shape", "outputs/stats", "step", "total", "loss", "picture/a", "state/a"]


class Random(random.Random):
    """Makes what a hostile author might."""

    def text(self, most=40):
        """A word, or letters that are likely to be trouble; now and then very many."""
        if self.random() < 0.3:
            return self.choice(WORDS)
        length = self.choice((1, 3, most, 5000)) if self.random() < 0.05 else self.randrange(most)
        return "".join(self.choices(LETTERS, k=length))

    def value(self, depth=3):
        """Any JSON value."""
        kind = self.randrange(9 if depth else 6)
        if kind == 6:
            return [self.value(depth - 1) for _ in range(self.randrange(4))]
        if kind > 6:
            return {self.text(8): self.value(depth - 1) for _ in range(self.randrange(4))}
        numbers = (0, -1, 1 << 40, 1 << 62, -(1 << 62), 1 << 70)
        return (self.text(), self.choice(numbers), self.random() * 1e300, True, None, self.randrange(-3, 60))[kind]

    def frame(self):
        """A place of a traceback, more or less."""
        made = {"file": self.text(), "line": self.value(1), "function": self.text(), "code": self.text()}
        if self.random() < 0.5:
            made |= {"file": "layer.py", "line": self.randrange(-2, 60)}
        return made if self.random() < 0.9 else self.value()

    def info(self):
        """What is said at the end of an answer."""
        said = {key: self.value() for key in KEYS if self.random() < 0.3}
        if self.random() < 0.7:
            said["verdict"] = self.choice([*(verdict.value for verdict in Verdict), self.text()])
        if self.random() < 0.5:
            said["frames"] = [self.frame() for _ in range(self.randrange(9))]
        if self.random() < 0.4:
            name = self.choice([*SENTENCES])
            said |= {"said": name, "values": {part: self.text() for part in PLACES}}
        if self.random() < 0.3:
            said["notes"] = [self.value(2) for _ in range(self.randrange(12))]
        return said

    def array(self):
        """An array of some kind, empty ones with odd axes among them."""
        shape = self.choice(SHAPES)
        dtype = np.dtype(self.choice(sorted(frames.DTYPES)))
        size = int(np.prod(shape, dtype=object))
        return np.frombuffer(self.randbytes(size * dtype.itemsize), dtype).reshape(shape)


def made(draw, nonce, expected):
    """Return the bytes of one answer."""
    if draw.random() < 0.05:
        return draw.randbytes(draw.randrange(200))
    parts = []
    for _ in range(draw.randrange(4)):
        name = draw.choice([*NAMES, draw.text(12)])
        array = draw.array()
        if name in expected and draw.random() < 0.3:
            array = expected[name] + np.float32(draw.choice((0.0, 1.0, np.nan)))
        header = frames.ARRAY.pack(
            f"{array.dtype.kind}{array.dtype.itemsize}".encode(),
            array.ndim,
            len(name.encode("utf-8", "surrogatepass")),
            *array.shape,
            *[0] * (8 - array.ndim),
            array.nbytes,
        )
        head = frames.ANSWER.pack(frames.ARRAY_KIND, nonce, 0)
        parts += [head + header + name.encode("utf-8", "surrogatepass"), array.tobytes()]
    text = json.dumps(draw.info()).encode() if draw.random() < 0.95 else draw.randbytes(50)
    kind = draw.choice((frames.DONE_KIND, frames.ERROR_KIND))
    answer = bytearray(b"".join([*parts, frames.ANSWER.pack(kind, nonce, len(text)) + text]))
    if draw.random() < 0.3:
        for _ in range(draw.randrange(1, 4)):
            answer[draw.randrange(len(answer))] = draw.randrange(256)
    return bytes(answer[: draw.randrange(len(answer))] if draw.random() < 0.1 else answer)


class Wire:
    """Stands for a channel: what is sent is answered by bytes that were made for it."""

    def __init__(self, draw, expected):
        self.draw, self.expected = draw, expected
        self.waiting = io.BytesIO()
        self.printed = Printed(Limits())
        self.printed.add(draw.randbytes(30))

    def has_unasked_bytes(self):
        """Now and then something was sent that nobody asked for."""
        return self.draw.random() < 0.01

    def send(self, parts, deadline):
        """Make the answer as soon as the request's number is known; receipts are let pass."""
        first = bytes(parts[0])
        if len(first) > frames.REQUEST.size:
            nonce = frames.REQUEST.unpack(first[: frames.REQUEST.size])[1]
            self.waiting = io.BytesIO(made(self.draw, nonce, self.expected))

    def read(self, count, deadline):
        """Return so many bytes; at the end the channel is closed, or nothing comes any more."""
        found = bytearray(self.waiting.read(count))
        if len(found) < count:
            raise self.draw.choice((Closed, Late))
        return found

    def read_into(self, view, deadline):
        """Fill a buffer."""
        view[:] = self.read(len(view), deadline)

    def drain(self, deadline):
        """Nothing more is printed."""

    take_waiting_output = close = finish = lambda self, *_: None


class Launched:
    """Stands for what starts workers: they end in any way."""

    def __init__(self, draw):
        self.draw = draw

    def end(self, grace_s, limit_s):
        """Return how a worker ended."""
        draw = self.draw
        if draw.random() < 0.05:
            raise LauncherLost
        ended = {"exit": draw.randrange(256), "signal": None} if draw.random() < 0.5 else {}
        exceeded = draw.choice(["", "", "", "bytes", "entries", "depth", "hidden"])
        values = {"exit": None, "signal": draw.randrange(1, 70), **ended}
        return Status(
            **values,
            killed=draw.random() < 0.3,
            exceeded=exceeded,
            peak_kib=draw.randrange(1 << 21),
            cpu_s=1.0,
        )

    def kill(self):
        """Nothing is there to be killed."""


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    """The lab of the hostile submissions with its recorded cases, and a submission."""
    root = tmp_path_factory.mktemp("tiny") / "project"
    make_project(root)
    lab = load_lab(root / "labs" / LAB)
    fixtures = {kind: read_fixture(root / "fixtures" / LAB / kind) for kind in ("public", "hidden")}
    return SimpleNamespace(lab=lab, fixtures=fixtures, submission=root / "reference" / LAB)


class FuzzedSession(Session):
    """A session whose workers are made up; all that reads their answers is the real one."""

    def __init__(self, tiny, draw):
        self.lab, self.draw = tiny.lab, draw
        self.student_s = self.used_s = self.peak_mib = 0.0
        self.slowness, self._measured, self.cancelled = float, 1.0, None
        self.expected = tiny.fixtures["hidden"].checks["forward"][0].expected
        self._answers = Answers(tiny.lab.folder, tiny.submission)
        self._vocabulary = Vocabulary.of(tiny.lab.folder, ["numpy"], tiny.submission)
        self._worker, self._group, self._met = None, "", set()

    def _loaded(self, group, case, *left):
        self.student_s = self.used_s = 0.0
        self._worker = Worker(Launched(self.draw), Wire(self.draw, self.expected), Limits(), None)
        return self._worker, 0.0


def test_any_answer_becomes_an_outcome(tiny):
    """Reading, naming, hiding and describing raise nothing, in either language, and what is shown is text."""
    draw = Random(20)
    session = FuzzedSession(tiny, draw)
    check = tiny.lab.checks["forward"]
    recorded = tiny.fixtures["hidden"].checks["forward"][0]
    seen = set()
    for number in range(ANSWERS):
        outcome = session.run(check, recorded.case)
        shown = without_inputs(outcome, recorded, session.vocabulary)
        with speaking(LANGUAGES[number % len(LANGUAGES)]):
            for one in (outcome, shown):
                if one.verdict is not None:
                    describe_outcome(one, tiny.lab.folder).encode()
        "".join(map(str, outcome.notes)).encode()
        assert outcome.verdict is not Verdict.GRADER
        for frame in outcome.frames:
            assert frame.file == "layer.py" and frame.line > 0
        for read in (read_record, read_snapshot):
            with contextlib.suppress(RecordError):
                read(outcome.outputs, 1)
        seen.add(outcome.verdict)
    # The answers were not all refused at the door.
    assert {None, Verdict.EXCEPTION, Verdict.PROTOCOL, Verdict.TIMEOUT, Verdict.CRASH, Verdict.FLOOD} <= seen


@pytest.mark.parametrize("kind", ["public", "hidden"])
def test_any_answer_becomes_a_document(tiny, kind):
    """Comparing, explaining, scoring and writing raise nothing either."""
    draw = Random(21)
    session = FuzzedSession(tiny, draw)
    check = tiny.lab.checks["forward"]
    for _ in range(ANSWERS // EVERY_DOCUMENT // 2):
        result, _outcome = run_check(session, tiny.lab, check, tiny.fixtures[kind])
        assert result.verdict is not Verdict.GRADER
        document = honest(checks=[result])
        json.loads(to_json(document.model_dump(by_alias=True)))
        render(document, Console(file=io.StringIO(), width=80), verbose=True)
