"""A worker of its own, for systems that cannot fork: prepares itself, waits for the word, then is the submission's.

Run as ``python -I -S -B alone.py`` with one line of JSON on stdin: what a supervisor is told, and ``port`` and
``token``. It connects to that port of this computer, names itself by the token, and starts when it is sent ``GO``;
until then it does not look at the submission, which may still change.
"""

from __future__ import annotations

import json
import os
import socket
import sys

GO = b"G"
THIS_COMPUTER = "127.0.0.1"


def main() -> None:
    """Prepare, connect, wait, serve."""
    config = json.loads(sys.stdin.buffer.readline())
    sys.path.append(config["stage"])
    sys.path.extend(config["site"])
    from grader.inside.preparing import prepare
    from grader.inside.worker import serve

    prepare(config)
    connection = socket.create_connection((THIS_COMPUTER, config["port"]))
    # Receipts are single bytes; without this the system may wait for more before it sends them.
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    connection.sendall(bytes.fromhex(config["token"]))
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    if connection.recv(len(GO)) == GO:
        serve(config, connection)


if __name__ == "__main__":
    main()
