"""A worker that lies about its answer fails only itself. All attacks here know the channel and the frame layout."""

from __future__ import annotations

import time

import numpy as np
import pytest

from grader.jail import Ending
from grader.verdicts import Verdict

# Finds the nonce of the present request in the handler's callers, as a submission could.
FORGE = """
import os, struct, sys, time, json
frame = sys._getframe()
while 'nonce' not in frame.f_locals: frame = frame.f_back
nonce = frame.f_locals['nonce']
def answer(kind, length, data=b'', n=None):
    os.write(3, struct.pack('<4sQI', kind, nonce if n is None else n, length) + data)
def array(dtype, axes, nbytes, name=b'y', count=None):
    count = len(axes) if count is None else count
    head = struct.pack('<2sBH8QQ', dtype, count, len(name), *(list(axes) + [0] * 8)[:8], nbytes)
    answer(b'ARR1', 0, head + name)
"""


def ending_of(attacker, code, deadline_s=10.0):
    """Run code that must end its worker; the next worker must answer."""
    with pytest.raises(Ending) as ending:
        attacker.run(FORGE + code, deadline_s=deadline_s)
    assert attacker.value("1 + 1") == 2
    return ending.value


def test_arrays_travel_unchanged(student):
    """Every dtype and shape that may be sent arrives bit for bit, in both directions."""
    rng = np.random.default_rng(0)
    for dtype in ("f2", "f4", "f8", "i1", "i8", "u1", "u4", "b1"):
        for shape in ((), (0,), (3, 0, 2), (2, 3, 4), (1,) * 8):
            array = np.asarray(rng.integers(0, 2, shape)).astype(dtype)
            answer = student.run("emit('y', arrays['x'])", x=array)
            assert answer.ok, answer.info
            assert answer.arrays["y"].dtype == array.dtype
            assert answer.arrays["y"].shape == array.shape
            assert answer.arrays["y"].tobytes() == array.tobytes()


def test_odd_memory_layouts_travel(student):
    """Transposed, strided and big-endian arrays arrive with the same values."""
    answer = student.run(
        "emit('t', arrays['x'].T); emit('s', arrays['x'][::2, ::-1]); emit('b', arrays['x'].astype('>f4'))",
        x=np.arange(12, dtype="f4").reshape(3, 4),
    )
    x = np.arange(12, dtype="f4").reshape(3, 4)
    assert np.array_equal(answer.arrays["t"], x.T)
    assert np.array_equal(answer.arrays["s"], x[::2, ::-1])
    assert np.array_equal(answer.arrays["b"], x)


@pytest.mark.parametrize(
    "code",
    ["np.array([None])", "np.array(['x'])", "np.zeros(2, complex)", "np.zeros(2, 'M8[s]')", "np.zeros(2, 'f4,f4')"],
)
def test_other_dtypes_are_refused_by_name(student, code):
    """An array that is no array of numbers raises TypeError inside; the worker lives on."""
    answer = student.run(f"emit('y', {code})")
    assert answer.info["type"] == "TypeError"
    assert "dtype" in answer.info["message"]


def test_subclasses_are_refused(student):
    """An object that only looks like an array is not sent."""
    assert student.error("emit('y', np.matrix([[1.0]]))") == "TypeError"


def test_nothing_goes_on_before_an_array_was_noted(student):
    """A worker waits for the receipt of each array, and takes it out of the channel."""
    answer = student.run(
        "import os, time\nread = os.readv\nwaited = []\n"
        "def watched(*a):\n    began = time.monotonic(); n = read(*a); waited.append(n); return n\n"
        "os.readv = watched\nemit('a', np.ones(3)); emit('b', np.ones(3))\nos.readv = read\n"
        "emit('waited', np.array(waited))"
    )
    assert answer.ok, answer.info
    assert answer.arrays["waited"].tolist() == [1, 1]


def test_arrival_is_noted_for_each_array(student):
    """The clock notes each array when it comes, not when the request is done."""
    answer = student.run("import time\nemit('a', np.ones(3)); time.sleep(0.3); emit('b', np.ones(3))")
    assert answer.arrived_s["b"] - answer.arrived_s["a"] >= 0.25
    assert answer.arrived_s["a"] <= answer.arrived_s["b"] <= answer.seconds


def test_arrays_before_an_exception_are_kept(student):
    """What was sent before an exception is there."""
    answer = student.run("emit('a', np.ones(3)); raise ValueError('later')")
    assert not answer.ok
    assert list(answer.arrays) == ["a"]


@pytest.mark.parametrize(
    "code", ["raise SystemExit(0)", "raise KeyboardInterrupt", "raise GeneratorExit", "import sys; sys.exit()"]
)
def test_exits_are_exceptions(student, code):
    """Whatever is raised is an answer; it does not end the worker."""
    assert not student.run(code).ok
    assert student.worker.alive


def test_a_hostile_exception_is_survived(student):
    """An exception that raises while it is described is described without its help."""
    answer = student.run(
        "class E(Exception):\n    def __str__(self): raise SystemExit\n    __repr__ = __str__\nraise E()"
    )
    assert not answer.ok
    assert "could not be described" in answer.info["message"]


@pytest.mark.parametrize(
    "code",
    [
        "os.write(3, b'x' * 100)",
        "answer(b'DONE', 2, b'{}', n=nonce ^ 1)",
        "answer(b'WHAT', 2, b'{}')",
        "answer(b'DONE', 1 << 31)",
        "answer(b'DONE', 3, b'[1]')",
        "answer(b'DONE', 4, b'\\xff\\xfe{}')",
        "answer(b'DONE', 60000, b'[' * 60000)",
        "answer(b'DONE', 9, b'{\"a\":NaN}')",
        "answer(b'DONE', 5006, b'{\"a\":' + b'9' * 5000 + b'}')",
        "array(b'O8', [1], 8)",
        "array(b'f4', [1 << 62, 4], 16)",
        "array(b'f4', [2], 4)",
        "array(b'f4', [1], 4, count=200)",
        "array(b'f4', [0, 1 << 63], 0)",
        "array(b'f4', [1], 4, name=b'a\\nb'); os.write(3, b'1234')",
        "array(b'f4', [1], 4); os.write(3, b'1234'); array(b'f4', [1], 4); os.write(3, b'1234')",
    ],
)
def test_malformed_answers(student, code):
    """An answer that does not follow the layout is a protocol violation, whatever it claims."""
    assert ending_of(student, code + "\ntime.sleep(30)").verdict is Verdict.PROTOCOL


def test_a_huge_claim_allocates_nothing(student):
    """A size over the cap is refused from the header alone."""
    ending = ending_of(student, "array(b'u1', [1 << 40], 1 << 40)\ntime.sleep(30)")
    assert ending.verdict is Verdict.OUTPUT


def test_an_answer_that_stops_in_the_middle(student):
    """Bytes that were promised and never come end at the deadline."""
    ending = ending_of(student, "array(b'u1', [1000], 1000); os.write(3, b'x' * 10)\ntime.sleep(30)", 0.5)
    assert ending.verdict is Verdict.TIMEOUT


def test_an_answer_that_dribbles(student):
    """Bytes that come one by one do not move the deadline."""
    began = time.monotonic()
    ending = ending_of(
        student, "array(b'u1', [100000], 100000)\nwhile True: os.write(3, b'x'); time.sleep(0.01)", 0.7
    )
    assert ending.verdict is Verdict.TIMEOUT
    assert time.monotonic() - began < 10


def test_a_second_answer(student):
    """An answer too many is found before the next request."""
    student.run(FORGE + "answer(b'DONE', 2, b'{}')")
    with pytest.raises(Ending) as ending:
        student.run("pass")
    assert ending.value.verdict is Verdict.PROTOCOL


@pytest.mark.parametrize(
    ("code", "verdict"),
    [
        ("os._exit(0)", Verdict.EXITED),
        ("os._exit(70)", Verdict.EXITED),
        ("os._exit(71)", Verdict.EXITED),
        ("os.close(3)", Verdict.EXITED),
        ("os.closerange(0, 100); time.sleep(30)", Verdict.EXITED),
        ("import ctypes; ctypes.string_at(0)", Verdict.CRASH),
        ("os.abort()", Verdict.CRASH),
        ("os.kill(os.getpid(), 9)", Verdict.CRASH),
    ],
)
def test_a_worker_that_ends_itself(student, code, verdict):
    """However a worker ends after student code has run, it is never the grader's fault."""
    assert ending_of(student, code).verdict is verdict


def test_a_worker_that_ends_between_requests(student):
    """A worker that ends after its answer is found out at the next request."""
    student.run("import os, threading, time\nthreading.Timer(0.05, os._exit, (0,)).start()\ntime.sleep(0.02)")
    with pytest.raises(Ending) as ending:
        for _ in range(200):
            student.run("import time; time.sleep(0.01)")
    assert ending.value.verdict is Verdict.EXITED


def test_bools_are_bools(student):
    """A forged bool that is neither 0 nor 1 arrives as one of them."""
    answer = student.run(FORGE + "array(b'b1', [2], 2); os.write(3, bytes([7, 0]))")
    assert answer.arrays["y"].view(np.uint8).tolist() == [1, 0]
