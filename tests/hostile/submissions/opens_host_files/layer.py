import os
import tempfile

from attack import FACTS, must_fail
from honest import Layer

secret = FACTS["secret_file"]
here = tempfile.gettempdir()


def read(path):
    with open(path) as file:
        return file.read()


def through_link():
    os.symlink(secret, f"{here}/link")
    return read(f"{here}/link")


def through_hard_link():
    os.link(secret, f"{here}/hard")
    return read(f"{here}/hard")


def through_folder_handle():
    handle = os.open("/", os.O_PATH | os.O_DIRECTORY)
    return os.read(os.open(secret.lstrip("/"), os.O_RDONLY, dir_fd=handle), 100)


for path in (
    secret,
    "../" * 40 + secret.lstrip("/"),
    f"/proc/self/root{secret}",
    f"/proc/1/root{secret}",
    f"/proc/{FACTS['grader_pid']}/root{secret}",
    f"/proc/{FACTS['grader_pid']}/cwd/README.md",
    f"/dev/fd/../../..{secret}",
    "/etc/shadow",
    "/etc/passwd",
    f"{FACTS['hidden']}/manifest.json",
):
    must_fail(path, read, path)
for route in (through_link, through_hard_link, through_folder_handle):
    must_fail(route.__name__, route)
for folder in (FACTS["project"], "/root", "/home", "/work", f"{FACTS['project']}/fixtures"):
    must_fail(f"list {folder}", os.listdir, folder)
