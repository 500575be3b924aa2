import os

from attack import FACTS, must_fail
from honest import Layer


def read(path):
    with open(path, "rb") as file:
        return file.read(64)


for pid in (1, os.getppid(), FACTS["grader_pid"], FACTS["test_pid"]):
    for name in ("environ", "cmdline", "maps", "mem", "status", "stack"):
        must_fail(f"/proc/{pid}/{name}", read, f"/proc/{pid}/{name}")
    must_fail("descriptors", os.listdir, f"/proc/{pid}/fd")
must_fail("list", os.listdir, "/proc")
