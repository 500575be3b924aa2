"""The host as an attacker meets it: canaries that must stay as they are, and ears for who comes knocking."""

from __future__ import annotations

import hashlib
import os
import secrets
import socket
import sys
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

SYSTEM_FILES = ("/proc/sys/kernel/core_pattern", "/proc/sys/vm/swappiness", "/etc/passwd", "/etc/hosts")


@dataclass
class Host:
    """Canaries in a folder of the host, and listeners.

    Attributes
    ----------
    secret : a text that stands only in the canary file; whoever prints it has read it.
    knocks : what the listeners noticed.
    """

    folder: Path
    secret: str = field(default_factory=lambda: secrets.token_hex(16))
    knocks: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.secret_file = self.folder / "secret.txt"
        self.secret_file.write_text(self.secret)
        self.bait = self.folder / "bait"
        self.bait.mkdir()
        (self.bait / "empty.txt").write_text("")
        for path in (self.bait, self.bait / "empty.txt"):
            path.chmod(0o777 if path.is_dir() else 0o666)
        self.abstract = f"hostile-{secrets.token_hex(8)}"
        self.port = 0
        self._listeners: list[socket.socket] = []

    def listen(self) -> None:
        """Listen on loopback, on an abstract socket and on one in the file system."""
        tcp = socket.socket(socket.AF_INET)
        tcp.bind(("127.0.0.1", 0))
        self.port = tcp.getsockname()[1]
        self._listeners = [tcp]
        if sys.platform == "linux":
            for address in ("\0" + self.abstract, str(self.folder / "socket")):
                unix = socket.socket(socket.AF_UNIX)
                unix.bind(address)
                self._listeners.append(unix)
            os.chmod(self.folder / "socket", 0o777)
        for listener in self._listeners:
            listener.listen()
            threading.Thread(target=self._hear, args=(listener,), daemon=True).start()

    def _hear(self, listener: socket.socket) -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            self.knocks.append(str(listener.family))
            connection.close()

    def close(self) -> None:
        """Stop listening."""
        for listener in self._listeners:
            listener.close()

    def facts(self) -> dict[str, Any]:
        """Return what a well-informed attacker knows about this host."""
        return {
            "secret_file": str(self.secret_file),
            "bait": str(self.bait),
            "port": self.port,
            "abstract": self.abstract,
            "socket": str(self.folder / "socket"),
            "test_pid": os.getpid(),
        }

    def state(self, *folders: Path) -> dict[str, str]:
        """Return a digest of everything that must not change: canaries, ``folders``, and settings of the system."""
        state = {str(path): _digest(path) for path in map(Path, SYSTEM_FILES) if path.exists()}
        for top in (self.folder, *folders):
            for path in sorted(top.rglob("*")):
                if "__pycache__" not in path.parts:
                    state[str(path)] = f"{oct(path.stat().st_mode)} {_digest(path) if path.is_file() else ''}"
        return state


def traces(marker: str) -> list[str]:
    """Return the processes in whose command line, environment or mounts ``marker`` stands."""
    found = []
    for entry in Path("/proc").iterdir() if Path("/proc").is_dir() else ():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        for source in ("cmdline", "environ", "mountinfo"):
            try:
                content = (entry / source).read_bytes()
            except OSError:
                continue
            if marker.encode() in content:
                found.append(f"{entry.name}: {_command(entry)}")
                break
    return found


def _command(entry: Path) -> str:
    try:
        return (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode("utf-8", "replace")[:120]
    except OSError:
        return ""


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
