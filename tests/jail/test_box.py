"""The life of a box: fast fresh workers, nothing left behind, nothing shared."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from grader.jail import Box, Ending, JailError, Level, Limits, View, probe
from grader.jail.doctor import doctor_lines
from grader.jail.forking import Supervisor
from grader.verdicts import Verdict

ROOT = Path(__file__).parents[2]
PACKAGES = ("numpy", "numba", "llvmlite")


def gone(pid: int) -> bool:
    """Tell whether a process has ended."""
    try:
        return "\nState:\tZ" in Path(f"/proc/{pid}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return True


def test_nothing_is_left_after_closing(attack):
    """When a box is closed its processes and its files are gone, even in the middle of endless work."""
    attacker = attack()
    worker, box = attacker.worker, attacker.box
    attacker.run(
        "import threading\ndef spin():\n    while True: pass\nthreading.Thread(target=spin, daemon=True).start()"
    )
    pids = [worker._pid, box._launcher.process.pid]
    home = box._home
    box.close()
    assert all(gone(pid) for pid in pids)
    assert not home.exists()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux hands orphans to the supervisor")
def test_a_daemon_does_not_outlive_its_worker(attack, level):
    """Where processes can be started at all, a double-forked one in a session of its own ends with the worker."""
    attacker = attack()
    code = """
    import os, time
    reading, writing = os.pipe()
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            os.write(writing, str(os.getpid()).encode())
            time.sleep(60)
        os._exit(0)
    result = {'pid': int(os.read(reading, 20))}
    """
    answer = attacker.run(code)
    if level is not Level.PROCESS:
        assert answer.info["type"] == "PermissionError"
        return
    attacker.worker.close()
    assert gone(answer.info["pid"])


def test_a_worker_stands_still_between_requests(student):
    """Threads that were left running get no processor time from what is timed next."""
    if student.worker._pidfd is None:
        pytest.skip("this system has no handles of processes")
    student.run(
        "import builtins, threading\nbuiltins.count = 0\ndef spin():\n    while True: builtins.count += 1\n"
        "threading.Thread(target=spin, daemon=True).start()"
    )
    before = student.worker.usage.cpu_s
    time.sleep(0.5)
    assert student.worker.usage.cpu_s - before < 0.1
    student.worker.close()


def test_state_does_not_pass_to_the_next_worker(student):
    """What one worker changed in its modules is unknown to the next."""
    student.run("import numpy; numpy.marked = True")
    assert student.value("hasattr(np, 'marked')") is True
    student.worker.close()
    assert student.value("hasattr(np, 'marked')") is False


def test_a_lost_box_is_replaced(attack):
    """A box that was killed as a whole costs the present request, not the grader."""
    attacker = attack()
    assert attacker.run("pass").ok
    attacker.box._launcher.process.kill()
    with pytest.raises(Ending) as ending:
        for _ in range(100):
            attacker.run("import time; time.sleep(0.05)")
    assert ending.value.verdict is Verdict.CRASH
    assert attacker.value("1 + 1") == 2


def test_a_box_outlives_the_thread_that_made_it(attack):
    """A box can be started ahead in a thread that ends before the box is used."""
    made = []
    thread = threading.Thread(target=lambda: made.append(attack()))
    thread.start()
    thread.join()
    time.sleep(0.1)
    assert made[0].value("1 + 1") == 2


def processes_with(text):
    """The ids of all processes that have a text in their command."""
    found = []
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            command = entry.read_bytes()
        except OSError:
            continue
        if text.encode() in command:
            found.append(entry.parent.name)
    return found


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_a_box_closed_while_it_is_set_up_leaves_no_process(tmp_path):
    """A second process that does not die with the first yet, as bubblewrap's, is killed with it."""
    script = tmp_path / "setting_up.sh"
    script.write_text("sh -c 'sleep 987; true' & wait")
    supervisor = Supervisor(["/bin/sh", str(script)], {"PATH": os.defpath}, {})
    while len(processes_with("sleep 987")) < 1:
        time.sleep(0.01)
    supervisor.close()
    assert processes_with("sleep 987") == [] and processes_with(str(script)) == []


def test_two_boxes_share_nothing(attack):
    """Boxes that are open at the same time have scratch folders and Numba caches of their own."""
    first, second = attack(), attack(slot=1)
    code = """
    import os
    os.makedirs(os.environ['NUMBA_CACHE_DIR'], exist_ok=True)
    open(os.environ['NUMBA_CACHE_DIR'] + '/planted', 'w').write('x')
    """
    assert first.run(code).ok
    assert second.value("os.path.exists(os.environ['NUMBA_CACHE_DIR'] + '/planted')") is False
    assert second.value("os.environ['NUMBA_CACHE_DIR'].startswith(os.environ['TMPDIR'])") is True


def test_parallel_numba_works_quietly(student):
    """Honest parallel code runs and makes no noise."""
    code = """
    import numba
    @numba.njit(parallel=True)
    def total(x):
        s = 0.0
        for i in numba.prange(x.size): s += x[i]
        return s
    result = {'s': total(np.ones(1000))}
    """
    student.worker.close()
    answer = student.run(code, deadline_s=60)
    assert answer.info == {"s": 1000.0}
    assert student.worker.printed() == ""


def test_printed_text_is_kept_and_harmless(student):
    """The beginning of what was printed is kept without control characters, even when the process is killed."""
    student.worker.close()
    worker = student.worker
    with pytest.raises(Ending):
        student.run(
            "import sys\nprint('before \\x1b[31mred\\u202e'); print('oops', file=sys.stderr)\nwhile True: pass",
            deadline_s=0.5,
        )
    assert worker.printed() == "before [31mred\noops"


def test_usage_is_reported(student):
    """Peak memory of the worker is known while it lives and after it has ended."""
    student.worker.close()
    student.run("x = np.ones(20 << 20); del x")
    worker = student.worker
    alive = worker.usage.peak_mib
    assert worker.close().peak_mib >= alive >= (100 if sys.platform == "linux" else 0)


def test_resources_are_shared_and_protected(tmp_path, level, view):
    """A resource can be mapped, changes to it stay in the worker."""
    folder = tmp_path / "weights"
    folder.mkdir()
    np.save(folder / "a.npy", np.arange(4.0))
    with Box(View(view.submission, view.lab, PACKAGES, {"w": folder}), Limits(), level, handler="handler") as box:
        code = "a = np.load(config['resources']['w'] + '/a.npy', mmap_mode='c'); a[0] = 9; emit('a', np.array(a))"
        answer = box.worker().call({"code": code}, deadline_s=10)
    assert answer.arrays["a"].tolist() == [9, 1, 2, 3]
    assert np.load(folder / "a.npy").tolist() == [0, 1, 2, 3]


def test_what_was_sent_stays_as_it_was_sent(student):
    """An array of the worker's own is sent without a copy; what is written to it later changes nothing here."""
    answer = student.run(
        "a = np.arange(300_000.0); emit('first', a); a[:] = 7; emit('second', a)\n"
        "a[:] = 8; emit('part', a[1::2]); a[:] = 9\n"
        "b = np.asfortranarray(np.arange(6).reshape(2, 3)); emit('columns', b); b[:] = 0"
    )
    assert np.array_equal(answer.arrays["first"], np.arange(300_000.0))
    assert np.array_equal(answer.arrays["second"], np.full(300_000, 7.0))
    assert np.array_equal(answer.arrays["part"], np.full(150_000, 8.0))
    assert answer.arrays["columns"].tolist() == [[0, 1, 2], [3, 4, 5]]


def test_a_handler_that_does_not_load_is_the_graders_fault(level, view):
    """A worker that cannot start says why, with the verdict that charges nobody."""
    with Box(view, Limits(), level, handler="missing") as box, pytest.raises(Ending) as ending:
        box.worker()
    assert ending.value.verdict is Verdict.GRADER
    assert "missing" in str(ending.value.message)


def test_a_missing_package_is_named(level, view):
    """A package that is not installed is an error that names it."""
    with pytest.raises(JailError, match="no_such_package"):
        Box(View(view.submission, view.lab, ("numpy", "no_such_package")), Limits(), level)


def test_scipy_and_cv2_load_when_named(level, view):
    """Packages with bundled libraries work from their own folders."""
    packages = tuple(p for p in ("scipy", "cv2") if __import__("importlib.util").util.find_spec(p))
    with Box(View(view.submission, view.lab, (*PACKAGES, *packages)), Limits(), level, handler="handler") as box:
        code = "".join(f"import {name}\n" for name in packages) + (
            "import scipy.signal\n" if "scipy" in packages else ""
        )
        answer = box.worker().call({"code": code}, deadline_s=60)
    assert answer.ok, answer.info


def test_the_doctor_has_a_line_for_everything():
    """The doctor names every mechanism and level, and its conclusion is the level that is used."""
    lines = "\n".join(doctor_lines(probe()))
    for word in ("bubblewrap", "namespaces", "Landlock", "seccomp", "level 3", "level 2", "level 1", "ms"):
        assert word in lines
    assert f"=> level {probe().level.value}" in lines


SMOKE = """
import sys, tempfile
import numpy
from pathlib import Path
from grader.jail import Box, Limits, View, probe
folder = Path(sys.argv[1])
for level in probe().levels:
    with Box(View(folder, folder, ("numpy",)), Limits(), level, handler="handler") as box:
        worker = box.worker()
        good = worker.call({"code": "emit('y', arrays['x'] * 2)"}, {"x": numpy.ones(3)}, deadline_s=20)
        bad = worker.call({"code": "import os; os.fork()" if level > 1 else "1/0"}, deadline_s=20)
        assert good.ok and good.arrays["y"].sum() == 6 and not bad.ok, (good, bad)
        print("level", int(level))
"""


def runs(command: list[str]) -> bool:
    """Tell whether a command succeeds."""
    return subprocess.run(command, capture_output=True, cwd="/").returncode == 0


def run_as(prefix: list[str], folder: Path, python: str = sys.executable) -> subprocess.CompletedProcess[str]:
    """Run the smoke test in another identity, with the packages of this interpreter."""
    places = [p for p in sys.path if p and (p.endswith("-packages") or (Path(p) / "grader").is_dir())]
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": os.pathsep.join([str(ROOT), *places])}
    command = [*prefix, python, "-B", "-c", SMOKE, str(folder)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, env=environment, cwd="/")


def test_inside_an_unprivileged_user_namespace(view):
    """In a namespace that maps a single user, as in CI containers, every level that is found works."""
    trial = subprocess.run(["unshare", "-Ur", "true"], capture_output=True) if sys.platform == "linux" else None
    if trial is None or trial.returncode:
        pytest.skip("user namespaces cannot be made here")
    done = run_as(["unshare", "-Ur"], view.submission)
    assert done.returncode == 0, done.stderr[-1500:]
    assert "level 1" in done.stdout


@pytest.mark.skipif(sys.platform != "linux" or os.geteuid() != 0, reason="only root can become an ordinary user")
@pytest.mark.parametrize("namespace", [[], ["unshare", "-Ur"]], ids=["plain", "user namespace"])
def test_as_an_ordinary_user(view, namespace):
    """An ordinary user gets every level that is found, in a user namespace of their own as well."""
    # The shell looks the interpreter up after the change of user; setpriv itself would still find it as root.
    prefix = [
        "setpriv",
        "--reuid=65534",
        "--regid=65534",
        "--clear-groups",
        *namespace,
        "sh",
        "-c",
        'exec "$0" "$@"',
    ]
    for folder in (view.submission, *view.submission.parents):
        if folder.name.startswith(("pytest", "popen", "test_")):
            folder.chmod(0o755)
    same = f"python{sys.version_info.major}.{sys.version_info.minor}"
    candidates = (sys.executable, shutil.which(same, path="/usr/bin:/usr/local/bin"))
    python = next((p for p in candidates if p and runs([*prefix, p, "-c", "import json"])), None)
    if python is None:
        pytest.skip(f"no {same} lies where an ordinary user can reach it")
    done = run_as(prefix, view.submission, python)
    assert done.returncode == 0, done.stderr[-1500:]
    assert "level 1" in done.stdout


HANDLER = """
import sys
class Runner:
    def __init__(self, config): pass
    def handle(self, head, arrays, emit): return {"loaded": "num" "ba" in sys.modules}
def describe(error): return {"message": repr(error)}
"""


@pytest.mark.parametrize(("source", "loaded"), [("import numba\n", True), ("import numpy\n", False)])
def test_compiler_is_ready_for_who_names_it(tmp_path, source, loaded):
    """Numba is loaded before the first worker starts where a file of the submission names it, and only there."""
    for name, text in (("work/echo.py", HANDLER), ("work/inner/layer.py", source), ("lab/lab.txt", "")):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    with Box(View(tmp_path / "work", tmp_path / "lab", PACKAGES), Limits(), handler="echo") as box:
        assert box.worker().call({}, deadline_s=60).info == {"loaded": loaded}
