"""A warm process that forks boxes: it imports libraries once and never runs student code, nor sees any.

Run like ``supervisor.py``, in a file system of its own. For each box the grader sends a configuration with two
descriptors; a fork of this process goes into fresh namespaces, mounts fresh scratch folders and the one submission,
gives up the right to do so, and is the box's supervisor from then on. Nothing of one box is in reach of another:
each is forked from here, where no box has ever been.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import select
import signal
import socket
import sys
import time
from typing import Any, NoReturn

CLONE_NEWNS, CLONE_NEWUTS, CLONE_NEWIPC = 0x20000, 0x4000000, 0x8000000
CLONE_NEWPID, CLONE_NEWNET = 0x20000000, 0x40000000
MS_RDONLY, MS_NOSUID, MS_NODEV, MS_REMOUNT, MS_BIND = 1, 2, 4, 32, 4096
MS_REC, MS_PRIVATE = 16384, 1 << 18
CAP_KILL, CAP_SETGID, CAP_SETUID = 5, 6, 7
CAPABILITY_VERSION_3 = 0x20080522
PR_SET_PDEATHSIG = 1
# Where the folders of all submissions are in this process; a box gets one of them and does not see the rest.
INCOMING = "/incoming"
STUDENT = "/student"
HIGHEST_DESCRIPTOR = 1024
BOX_NOT_STARTED = 70


class Zygote:
    """Starts boxes, ends them, and says when one has gone."""

    def __init__(self, control: Any, wake: int) -> None:
        self.control = control
        self.wake = wake
        self.boxes: dict[int, int] = {}

    def run(self) -> None:
        """Serve until the grader goes."""
        while True:
            ready, _, _ = select.select([self.control.connection, self.wake], [], [])
            if self.wake in ready:
                with contextlib.suppress(BlockingIOError):
                    os.read(self.wake, 4096)
                self.reap()
            if self.control.connection in ready:
                command, descriptors = self.control.receive()
                if command["command"] == "box":
                    self.start(command["number"], command["shared_bytes"], command["scratch_bytes"], descriptors)
                else:
                    self.end(command["number"])

    def start(self, number: int, shared_bytes: int, scratch_bytes: int, descriptors: list[int]) -> None:
        """Fork a box that talks over the first descriptor and logs into the second."""
        pid = os.fork()
        if pid == 0:
            try:
                signal.set_wakeup_fd(-1)
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                become_box(number, shared_bytes, scratch_bytes, *descriptors)
            except BaseException as error:
                os.write(2, f"{type(error).__name__}: {error}\n".encode("utf-8", "replace"))
            finally:
                os._exit(BOX_NOT_STARTED)
        for descriptor in descriptors:
            os.close(descriptor)
        self.boxes[pid] = number

    def end(self, number: int) -> None:
        """Have a box killed as a whole; that it has gone is said when it has."""
        for pid, known in self.boxes.items():
            if known == number:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGTERM)

    def reap(self) -> None:
        """Say which boxes have gone."""
        while self.boxes:
            pid, _ = os.waitpid(-1, os.WNOHANG)
            if not pid:
                return
            number = self.boxes.pop(pid, None)
            if number is not None:
                self.control.send({"gone": number})


def become_box(number: int, shared_bytes: int, scratch_bytes: int, control: int, log: int) -> NoReturn:
    """Turn this fork of the zygote into a box; it stays outside and waits for the first process inside."""
    control, log = _only(control, log)
    _call("unshare", CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWPID | CLONE_NEWNET)
    inside = os.fork()
    if inside:
        # The kernel gives the first process back only when all others of its namespace have ended.
        signal.signal(signal.SIGTERM, lambda number, frame: os.kill(inside, signal.SIGKILL))
        os.close(control)
        while True:
            with contextlib.suppress(InterruptedError):
                os.waitpid(inside, 0)
                os._exit(0)
    _call("prctl", PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    _mount_own(number, shared_bytes, scratch_bytes)
    _keep_capabilities(CAP_KILL, CAP_SETGID, CAP_SETUID)
    from grader.inside.supervisor import serve_box

    serve_box(control)
    os._exit(0)


def _only(control: int, log: int) -> tuple[int, int]:
    """Close every descriptor but these two and what is open as input; the log takes the place of output."""
    os.dup2(log, 1)
    os.dup2(log, 2)
    os.dup2(control, 3)
    os.closerange(4, HIGHEST_DESCRIPTOR)
    return 3, 2


def _mount_own(number: int, shared_bytes: int, scratch_bytes: int) -> None:
    """Mount what belongs to this box alone, over what the zygote has at the same places."""
    _mount(None, "/", None, MS_REC | MS_PRIVATE)
    plain = MS_NOSUID | MS_NODEV
    _mount("tmpfs", "/tmp", "tmpfs", plain, f"mode=1777,size={scratch_bytes}")
    _mount("tmpfs", "/dev/shm", "tmpfs", plain, f"mode=1777,size={shared_bytes}")
    _mount(f"{INCOMING}/{number}/student", STUDENT, None, MS_BIND)
    _mount(None, STUDENT, None, MS_BIND | MS_REMOUNT | MS_RDONLY | plain)
    _mount("tmpfs", INCOMING, "tmpfs", plain | MS_RDONLY, "mode=0555,size=4096")


def _mount(source: str | None, target: str, kind: str | None, flags: int, data: str | None = None) -> None:
    texts = [text.encode() if text is not None else None for text in (source, target, kind)]
    _call("mount", *texts, ctypes.c_ulong(flags), data.encode() if data is not None else None)


def _call(name: str, *arguments: Any) -> None:
    """Call a function of the C library; raises OSError where it fails."""
    if getattr(ctypes.CDLL(None, use_errno=True), name)(*arguments):
        code = ctypes.get_errno()
        raise OSError(code, f"{name}: {os.strerror(code)}")


def _keep_capabilities(*kept: int) -> None:
    """Give up all capabilities but these: nobody in the box may mount or change namespaces any more."""
    bits = sum(1 << number for number in kept)
    header = (ctypes.c_uint32 * 2)(CAPABILITY_VERSION_3, 0)
    # Two sets of (effective, permitted, inheritable), 32 capabilities each.
    _call("capset", header, (ctypes.c_uint32 * 6)(bits, bits, 0, 0, 0, 0))


def main() -> None:
    """Prepare and serve."""
    # Only this file is run by its path; the rest is found where the grader's files are staged.
    sys.path.append(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
    from grader.inside.supervisor import Control, ready_to_prepare

    control = Control(socket.socket(fileno=int(sys.argv[1])))
    config, _ = control.receive()
    began = time.monotonic()
    ready_to_prepare(config)
    wake, woken = os.pipe()
    for descriptor in (wake, woken):
        os.set_blocking(descriptor, False)
    signal.signal(signal.SIGCHLD, lambda number, frame: None)
    signal.set_wakeup_fd(woken, warn_on_full_buffer=False)
    control.send({"ready_s": time.monotonic() - began})
    # All boxes end with this process: they are below it in its namespace.
    with contextlib.suppress(EOFError):
        Zygote(control, wake).run()


if __name__ == "__main__":
    main()
