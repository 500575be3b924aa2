"""``grader data`` against a server on this machine: resumed, checked, and clear when there is no network."""

import hashlib
import http.server
import re
import subprocess
import sys
import threading

import numpy as np
import pytest

from tests.run.conftest import DEADLINE_S, environment

CONTENT = np.random.default_rng(4).bytes(300_000)
DIGEST = hashlib.sha256(CONTENT).hexdigest()


class Server(http.server.ThreadingHTTPServer):
    """Serves ``CONTENT``, cutting the connection after ``cut`` bytes; keeps the ranges that were asked for."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.content, self.cut, self.knows_ranges = CONTENT, None, True
        self.asked = []
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def url(self):
        """Address of the file."""
        return f"http://127.0.0.1:{self.server_address[1]}/numbers.gz"


class Handler(http.server.BaseHTTPRequestHandler):
    """Answers one request."""

    def do_GET(self):
        """Send the file, or the part of it that was asked for."""
        server = self.server
        server.asked.append(self.headers.get("Range"))
        if server.content is None:
            self.send_error(404)
            return
        start = 0
        found = re.match(r"bytes=(\d+)-", self.headers.get("Range") or "")
        if found and server.knows_ranges:
            start = int(found[1])
            self.send_response(206)
            self.send_header("Content-Range", f"bytes {start}-{len(server.content) - 1}/{len(server.content)}")
        else:
            self.send_response(200)
        self.send_header("Content-Length", str(len(server.content) - start))
        self.end_headers()
        self.wfile.write(server.content[start:][: server.cut])

    def log_message(self, *_):
        """Say nothing."""


@pytest.fixture
def server():
    """A server that is closed in the end."""
    with Server() as found:
        yield found
        found.shutdown()


@pytest.fixture
def fetch(project, server):
    """Type ``grader data toy`` for a lab that needs a file from the server."""

    def typed(*urls):
        file = project / "labs" / "toy" / "lab.yaml"
        listed = ", ".join(urls or [server.url])
        file.write_text(
            file.read_text().partition("resources:")[0] + "resources:\n  numbers:\n    kind: download\n"
            f"    options: {{files: {{numbers.gz: {{bytes: 300000, sha256: {DIGEST}, urls: [{listed}]}}}}}}\n"
        )
        return subprocess.run(
            [sys.executable, "-m", "grader", "data", "toy"],
            cwd=project,
            env=environment(),
            capture_output=True,
            text=True,
            timeout=DEADLINE_S,
            check=False,
        )

    return typed


def target(project):
    """Where the file belongs."""
    return project / ".cache" / "downloads" / "toy-numbers" / "numbers.gz"


def test_a_file_is_fetched_once(fetch, project, server):
    """It arrives whole, and the second time nothing is asked for."""
    assert fetch().returncode == 0
    assert target(project).read_bytes() == CONTENT
    assert fetch().returncode == 0 and server.asked == [None]


def test_a_broken_connection_is_gone_on_with(fetch, project, server):
    """What came stays and is told; the next run asks for the rest only."""
    server.cut = 100_000
    done = fetch()
    assert done.returncode == 2 and "100000 of 300000 bytes are here" in done.stderr
    assert not target(project).exists()
    server.cut = None
    assert fetch().returncode == 0
    assert server.asked == [None, "bytes=100000-"]
    assert target(project).read_bytes() == CONTENT


def test_a_server_without_ranges_begins_anew(fetch, project, server):
    """An answer with the whole file replaces the part."""
    server.cut = 100_000
    fetch()
    server.cut, server.knows_ranges = None, False
    assert fetch().returncode == 0
    assert target(project).read_bytes() == CONTENT


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (bytes(300_000), "has another content"),
        (CONTENT + b"x", "longer than 300000 bytes"),
        (None, "the server says 404"),
    ],
    ids=["wrong", "long", "missing"],
)
def test_a_wrong_file_is_not_kept(content, message, fetch, project, server):
    """What does not have the expected content never takes the file's place, and the next address is tried."""
    server.content = content
    done = fetch()
    assert done.returncode == 2 and message in done.stderr and DIGEST in done.stderr
    assert not target(project).exists()
    server.content = CONTENT
    done = fetch("http://127.0.0.1:9/numbers.gz", server.url)
    assert done.returncode == 0 and target(project).read_bytes() == CONTENT


def test_without_a_network_the_way_out_is_named(fetch, project):
    """The reason, the place for the file and its hash are there; status 2 and no traceback."""
    done = fetch("http://127.0.0.1:9/numbers.gz")
    assert done.returncode == 2 and "Traceback" not in done.stderr
    printed = done.stderr.replace("\n", "")
    assert "is there a network?" in printed and str(target(project)) in printed and DIGEST in printed


def test_a_lab_without_data_says_so(run, project):
    """There is nothing to fetch."""
    done = subprocess.run(
        [sys.executable, "-m", "grader", "data", "toy"],
        cwd=project,
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2 and "needs no data" in done.stderr


def test_an_experiment_that_needs_the_data_says_how_to_get_them(run, project, fetch):
    """A choice that needs the file names the command; with the file it runs and sees it."""
    file = project / "labs" / "toy" / "lab.yaml"
    choice = "mode: {kind: choice, default: plain, values: [plain, other], help: how"
    file.write_text(file.read_text().replace(choice, choice + ", needs: {other: numbers}"))
    program = project / "labs" / "toy" / "experiment.py"
    program.write_text(
        program.read_text().replace(
            "    done = int",
            "    if case.mode == 'other':\n"
            "        assert len(open(student.resource_file('numbers'), 'rb').read()) == 300000\n    done = int",
        )
    )
    (project / "labs" / "toy" / "lab.yaml").write_text(
        file.read_text() + "resources:\n  numbers:\n    kind: download\n    options: {files: {numbers.gz: "
        f"{{bytes: 300000, sha256: {DIGEST}, urls: ['http://127.0.0.1:9/x']}}}}}}\n"
    )
    assert run().returncode == 0
    done = run("--set", "mode=other")
    assert done.returncode == 2 and "make data LAB=toy" in done.stderr
    assert fetch().returncode == 0
    done = run("--set", "mode=other")
    assert done.returncode == 0, done.stdout + done.stderr
