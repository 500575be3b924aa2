"""What a submission cannot reach. Every test would fail if its layer were taken away."""

from __future__ import annotations

import os
import platform
import socket
from pathlib import Path

import pytest

from grader.jail import Ending
from grader.jail.arithmetic import chosen_arithmetic
from grader.jail.host import WORKER_UIDS, worker_uid
from grader.verdicts import Verdict

ROOT = Path(__file__).parents[2]
DENIED = {"PermissionError", "FileNotFoundError", "OSError"}


@pytest.mark.parametrize(
    "path", ["/etc/passwd", "/etc/hostname", "/proc/self/maps", "/proc/1/environ", str(ROOT / "pyproject.toml")]
)
def test_files_of_the_host_cannot_be_read(attacker, path):
    """A file that the box was not given cannot be opened."""
    assert attacker.error(f"open({path!r}).read()") in DENIED


@pytest.mark.parametrize("folder", ["/", "/tmp/..", "/home", "/root", "/proc", str(ROOT), str(ROOT / "reference")])
def test_folders_of_the_host_cannot_be_listed(attacker, folder):
    """A folder that the box was not given cannot be listed."""
    assert attacker.error(f"import os; os.listdir({folder!r})") in DENIED


def test_a_neighbours_files_cannot_be_read(attacker, tmp_path):
    """A file that everyone may read by its mode is still out of reach."""
    canary = tmp_path / "canary.txt"
    canary.write_text("secret")
    for folder in (tmp_path, *tmp_path.parents):
        if folder.name.startswith(("pytest", "test_")):
            folder.chmod(0o755)
    assert attacker.error(f"open({str(canary)!r}).read()") in DENIED


@pytest.mark.parametrize("place", ["student", "lab"])
def test_what_it_is_given_cannot_be_changed(attacker, place):
    """Submission and lab can be read and not written."""
    assert attacker.value("os.listdir(config['student'])") == ["handler.py"]
    assert attacker.error(f"open(config[{place!r}] + '/planted.py', 'w')") in DENIED
    assert attacker.error("import os; os.unlink(config['lab'] + '/lab.txt')") in DENIED


def test_nothing_outside_the_scratch_folder_can_be_written(attacker):
    """Neither the grader's staged files, packages nor system folders can be written."""
    for place in ("/planted", "/usr/planted", "/var/tmp/planted", "/dev/planted"):
        assert attacker.error(f"open({place!r}, 'w')") in DENIED
    assert attacker.error("import numpy, os; open(os.path.dirname(numpy.__file__) + '/planted.py', 'w')") in DENIED
    assert (
        attacker.error("import grader, os; open(os.path.dirname(grader.__file__) + '/planted.py', 'w')") in DENIED
    )
    assert attacker.run("open('scratch.txt', 'w').write('x')").ok


def test_only_named_packages_can_be_imported(attacker):
    """A package that is installed but not named does not exist for a submission."""
    for name in ("scipy", "cv2", "pytest", "rich", "yaml"):
        assert attacker.error(f"import {name}") == "ModuleNotFoundError"


def test_the_rest_of_the_grader_is_not_there(attacker):
    """Only what runs inside can be imported of the grader."""
    for name in ("compare", "fixtures", "grading", "jail"):
        assert attacker.error(f"import grader.{name}") == "ModuleNotFoundError"


@pytest.mark.parametrize(
    "family", [socket.AF_INET, socket.AF_INET6, socket.AF_UNIX, 40], ids=["inet", "inet6", "unix", "vsock"]
)
def test_no_network(attacker, family):
    """No socket of any family can be made."""
    assert attacker.error(f"import socket; socket.socket({int(family)}, socket.SOCK_STREAM)") in DENIED


@pytest.mark.parametrize(
    "code",
    [
        "os.fork()",
        "os.forkpty()",
        "os.posix_spawn('/bin/true', ['true'], {})",
        "os.execv(sys.executable, ['python'])",
        "__import__('subprocess').run([sys.executable, '-c', ''])",
        "__import__('multiprocessing').Process(target=print).start()",
        "os.system('true') and (_ for _ in ()).throw(PermissionError())",
    ],
)
def test_no_processes(attacker, code):
    """No process can be started, by any road."""
    assert attacker.error(f"import os, sys\n{code}") in DENIED


@pytest.mark.parametrize("code", ["os.kill(-1, 0)", "os.kill(1, 0)", "os.kill(os.getppid(), 9)", "os.killpg(0, 0)"])
def test_no_signals_to_others(attacker, code):
    """No other process can be signalled, or asked whether it is there."""
    assert attacker.error(f"import os\n{code}") in DENIED


def test_the_kernel_sends_no_signals_either(attacker):
    """A descriptor cannot be made to send signals to a process of one's choice."""
    assert attacker.error("import fcntl, os; fcntl.fcntl(1, fcntl.F_SETOWN, os.getppid())") in DENIED
    assert attacker.error("import fcntl; fcntl.fcntl(1, 10, 9)") in DENIED


@pytest.mark.parametrize("kind", ["F_RDLCK", "F_WRLCK"])
def test_no_leases(attacker, kind):
    """Nobody who opens a file can be held up by a lease on it, not even on a file of the worker's own."""
    code = f"""
    import fcntl, os
    open('own.txt', 'w').close()
    fcntl.fcntl(os.open('own.txt', os.O_RDONLY), fcntl.F_SETLEASE, fcntl.{kind})
    """
    assert attacker.error(code) == "PermissionError"


def test_no_notices_of_folders(attacker):
    """What happens in a folder is not told, and locks that honest files use still work."""
    code = "import fcntl, os; fcntl.fcntl(os.open('.', os.O_RDONLY), fcntl.F_NOTIFY, fcntl.DN_CREATE)"
    assert attacker.error(code) == "PermissionError"
    assert attacker.run("import fcntl; fcntl.lockf(open('locked', 'w'), fcntl.LOCK_EX)").ok


@pytest.mark.parametrize(
    ("name", "number", "arguments"),
    [
        ("ptrace", 101, "0, 0, 0, 0"),
        ("process_vm_readv", 310, "1, 0, 0, 0, 0, 0"),
        ("memfd_create", 319, "b'x', 0"),
        ("unshare", 272, "0x10000000"),
        ("mount", 165, "0, b'/tmp', b'tmpfs', 0, 0"),
        ("setns", 308, "0, 0"),
        ("bpf", 321, "0, 0, 0"),
        ("io_uring_setup", 425, "1, 0"),
        ("io_setup", 206, "8, b'\\0' * 8"),
        ("inotify_init", 253, ""),
        ("inotify_init1", 294, "0"),
        ("fanotify_init", 300, "0, 0"),
        ("perf_event_open", 298, "0, 0, -1, -1, 0"),
        ("add_key", 248, "0, 0, 0, 0, 0"),
        ("userfaultfd", 323, "0"),
        ("shmget", 29, "0, 4096, 0o1600"),
        ("setuid", 105, "0"),
        ("setsid", 112, ""),
        ("tkill", 200, "1, 0"),
        ("sync", 162, ""),
    ],
)
@pytest.mark.skipif(platform.machine() != "x86_64", reason="the numbers are those of x86_64")
def test_system_calls_are_refused(attacker, name, number, arguments):
    """A system call that no numeric code needs fails with EPERM."""
    code = "__import__('ctypes').CDLL(None, use_errno=True)"
    answer = attacker.run(
        f"libc = {code}; r = libc.syscall({number}{', ' + arguments if arguments else ''})\n"
        "import ctypes; result = {'returned': r, 'errno': ctypes.get_errno()}"
    )
    assert answer.info == {"returned": -1, "errno": 1}, name


@pytest.mark.skipif(platform.machine() != "x86_64", reason="the machine code is that of x86_64")
def test_calls_of_another_architecture_end_the_process(attacker):
    """A 32-bit call, whose number means something else, is not let through."""
    with pytest.raises(Ending) as ending:
        attacker.run(
            """
            import ctypes, mmap
            page = mmap.mmap(-1, 4096, prot=7)
            page.write(bytes.fromhex("b802000000cd80c3"))
            ctypes.CFUNCTYPE(ctypes.c_int)(ctypes.addressof(ctypes.c_char.from_buffer(page)))()
            """
        )
    assert ending.value.verdict is Verdict.CRASH
    assert "SIGSYS" in str(ending.value.message)


def test_limits_and_processors_cannot_be_changed(attacker):
    """What was set before cannot be undone."""
    assert attacker.error(
        "import resource; resource.setrlimit(resource.RLIMIT_DATA, (1 << 40, 1 << 40))"
    ) in DENIED | {"ValueError"}
    assert attacker.error("import resource as r; r.prlimit(0, r.RLIMIT_NPROC, (5, 5))") in DENIED
    assert attacker.error("import os; os.sched_setaffinity(0, [0])") in DENIED


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has another user to change to")
def test_root_gives_its_identity_away(attacker):
    """A submission that root grades runs as another user, with no group and no way back."""
    from grader.jail import probe

    if not probe().changes_user:
        pytest.skip("this namespace maps a single user")
    found = attacker.value("[*os.getresuid(), *os.getresgid(), *os.getgroups()]")
    assert len(found) == 6 and len(set(found)) == 1 and found[0] in WORKER_UIDS
    assert attacker.error("import os; os.setuid(0)") in DENIED
    assert attacker.error("import os; os.chown('.', 0, 0)") in DENIED


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has another user to change to")
def test_every_box_has_a_user_of_its_own():
    """Limits on processes count by user: what one submission starts must not be taken from another."""
    uids = [worker_uid() for _ in range(4)]
    assert uids == [None] * 4 or len(set(uids)) == 4


def test_no_capability_that_writes(attacker):
    """No capability is in effect but, at most, the one to read past file modes."""
    answer = attacker.run(
        """
        import ctypes
        header = (ctypes.c_uint32 * 2)(0x20080522, 0)
        sets = (ctypes.c_uint32 * 6)()
        ctypes.CDLL(None).capget(header, sets)
        result = {"effective": sets[0] | sets[3], "permitted": sets[1] | sets[4]}
        """
    )
    assert answer.info["effective"] in (0, 4)
    assert answer.info["permitted"] in (0, 4)


def test_the_environment_is_fixed(student, monkeypatch):
    """Nothing of the grader's environment reaches a submission but how it computes, if that was asked for."""
    assert student.value("sorted(os.environ)") == sorted(
        [*chosen_arithmetic().variables()]
        + ["PATH", "HOME", "TMPDIR", "LANG", "NUMBA_CACHE_DIR", "PYTHONHASHSEED", "PYTHONDONTWRITEBYTECODE"]
        + [f"{name}_NUM_THREADS" for name in ("OMP", "OPENBLAS", "MKL", "NUMBA", "NUMEXPR", "VECLIB")]
        + (["PWD"] if "PWD" in student.value("sorted(os.environ)") else [])
    )


def test_only_four_descriptors_are_open(student):
    """Nothing but stdin, the output and the channel is inherited."""
    code = "[d for d in range(256) if not __import__('ctypes').CDLL(None).fcntl(d, 1) == -1]"
    assert student.value(code) == [0, 1, 2, 3]


def test_the_submission_shadows_nothing(attack, view):
    """Files that are named like modules in use change nothing for the grader's side of the worker."""
    for name in ("numpy", "json", "sitecustomize", "usercustomize", "random"):
        (view.submission / f"{name}.py").write_text("raise RuntimeError('shadowed')")
    (view.submission / "evil.pth").write_text("import os; os._exit(3)")
    attacker = attack()
    answer = attacker.run("import json, random; result = {'sum': float(np.ones(2).sum()), 'text': json.dumps([1])}")
    assert answer.info == {"sum": 2.0, "text": "[1]"}
    assert attacker.value("sys.path[-1] == config['student']")


def test_links_in_a_submission_lead_nowhere(attack, view, tmp_path):
    """A link that was handed in is not followed, neither when copying nor inside."""
    (tmp_path / "secret.txt").write_text("secret")
    (view.submission / "link.txt").symlink_to(tmp_path / "secret.txt")
    (view.submission / "folder").symlink_to(tmp_path)
    assert attack().value("sorted(os.listdir(config['student']))") == ["handler.py"]
