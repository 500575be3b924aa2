"""Workers where nothing can fork: every one a process of its own, with the same verdicts as elsewhere."""

from __future__ import annotations

import os
import socket
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from grader.jail import Box, Ending, JailError, Level, Limits
from grader.verdicts import Verdict
from tests.jail.conftest import LIMITS, Attacker, make_view
from tests.jail.test_box import gone


@pytest.fixture
def without_fork(monkeypatch):
    """Take ``fork`` away, and the right to become another user, which goes with it."""
    monkeypatch.delattr(os, "fork")


@pytest.fixture
def spawned(without_fork, tmp_path):
    """Run harmless code in a box whose workers are not forked."""
    with Box(make_view(tmp_path, ("numpy",)), LIMITS, Level.PROCESS, handler="handler") as box:
        yield Attacker(box)


def test_arrays_go_there_and_back(spawned):
    """A worker takes arrays and sends them, large ones too, one after the other with their times."""
    sent = np.arange(3_000_000, dtype=np.float32).reshape(3, -1)
    answer = spawned.run("emit('double', arrays['x'] * 2)\nemit('small', arrays['x'][:1, :2])", x=sent)
    assert answer.ok
    np.testing.assert_array_equal(answer.arrays["double"], sent * 2)
    assert 0 < answer.arrived_s["double"] <= answer.arrived_s["small"] <= answer.seconds


def test_every_worker_is_fresh(spawned):
    """What one worker leaves in its modules the next does not see, and it is another process."""
    first = spawned.value("os.getpid()")
    spawned.run("import builtins\nbuiltins.left = 1")
    spawned.worker.close()
    assert not spawned.value("hasattr(__import__('builtins'), 'left')")
    assert spawned.value("os.getpid()") != first


def test_the_next_worker_sees_a_replaced_submission(spawned, tmp_path):
    """The worker that was started beforehand has not read the submission that was replaced since."""
    spawned.value("1")
    fresh = tmp_path / "fresh"
    fresh.mkdir()
    handler = (tmp_path / "submission" / "handler.py").read_text()
    (fresh / "handler.py").write_text(handler.replace('"result": {}', '"result": {"value": "replaced"}'))
    spawned.box.replace_submission(fresh)
    spawned.worker.close()
    assert spawned.run("").info["value"] == "replaced"


@pytest.mark.parametrize(
    ("code", "verdict", "said"),
    [
        ("while True: pass", Verdict.TIMEOUT, "0.7 s"),
        ("import os; os._exit(3)", Verdict.EXITED, "status 3"),
        ("import ctypes; ctypes.string_at(0)", Verdict.CRASH, "SIGSEGV"),
        ("while True: print('x' * 10000)", Verdict.FLOOD, "printed"),
        ("raise SystemExit", None, ""),
        ("for n in range(500): open(f'{n}', 'w').close()\nwhile True: pass", Verdict.FLOOD, "400 files"),
    ],
)
def test_verdicts(spawned, code, verdict, said):
    """What ends a worker gets the verdict that it gets elsewhere, and the next worker answers."""
    if verdict is None:
        assert not spawned.run(code).ok
    else:
        with pytest.raises(Ending) as ending:
            spawned.run(code, deadline_s=0.7 if said == "0.7 s" else 20)
        assert ending.value.verdict is verdict, ending.value.message
        assert said in str(ending.value.message)
    assert spawned.value("1 + 1") == 2


def test_forged_bytes_are_seen(spawned):
    """A worker that writes into its own connection fails, as with a channel of any other kind."""
    code = """
    import gc, socket
    [s.send(b'x' * 16) for s in gc.get_objects() if isinstance(s, socket.socket) and s.fileno() > 0]
    """
    with pytest.raises(Ending) as ending:
        spawned.run(code)
        spawned.run("")
    assert ending.value.verdict is Verdict.PROTOCOL


def test_what_is_printed_arrives(spawned):
    """Letters of any language get through, and what a worker says before it crashes."""
    spawned.run("print('卷积 ✓')")
    time.sleep(0.2)
    assert "卷积 ✓" in spawned.worker.printed()
    spawned.worker.close()


def test_strangers_are_sent_away(spawned):
    """Whoever connects to the port without the token gets nothing, and workers come all the same."""
    port = spawned.box._launcher._listener.getsockname()
    with socket.create_connection(port) as silent, socket.create_connection(port) as wrong:
        wrong.sendall(bytes(32))
        assert spawned.value("1 + 1") == 2
        spawned.worker.close()
        assert spawned.value("1 + 1") == 2
        wrong.settimeout(10)
        assert wrong.recv(1) == b""
        silent.settimeout(10)
        assert silent.recv(1) == b""


def test_nothing_is_left_after_closing(spawned):
    """Both the worker and the one that waits are gone with the box, and its files."""
    pid = spawned.value("os.getpid()")
    launcher, home = spawned.box._launcher, spawned.box._home
    waiting = launcher._next._process.pid
    spawned.box.close()
    assert gone(pid) and gone(waiting)
    assert not Path(home).exists()
    assert not launcher.running


def test_a_worker_that_cannot_start_is_the_graders_fault(without_fork, tmp_path):
    """When the handler does not load, the verdict is the grader's, with the reason."""
    view = make_view(tmp_path, ("numpy",))
    with (
        Box(view, Limits(), Level.PROCESS, handler="handler_that_is_not_there") as box,
        pytest.raises(Ending) as ending,
    ):
        box.worker()
    assert ending.value.verdict is Verdict.GRADER
    assert "handler_that_is_not_there" in str(ending.value.message)


def test_a_level_that_needs_fork_is_refused(without_fork, tmp_path):
    """Asking for isolation says which level there is and what to do for more."""
    with pytest.raises(JailError, match=r"level 1 only.*WSL 2"):
        Box(make_view(tmp_path, ("numpy",)), Limits(), Level.LANDLOCK)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has job objects")
def test_missing_limits_are_said(spawned):
    """Where nothing bounds memory and processor time, the warnings say so."""
    assert any("does not limit memory" in str(warning) for warning in spawned.box.warnings)
    assert any("NOT ISOLATED" in str(warning) for warning in spawned.box.warnings)
