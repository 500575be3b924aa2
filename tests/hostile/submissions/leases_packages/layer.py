import fcntl
import os
import sys

from attack import FACTS, must_fail, only_in_jail
from honest import Layer

only_in_jail()


def lease(path, kind):
    descriptor = os.open(path, os.O_RDONLY)
    fcntl.fcntl(descriptor, fcntl.F_SETLEASE, kind)
    return path


def watch(folder):
    fcntl.fcntl(os.open(folder, os.O_RDONLY), fcntl.F_NOTIFY, fcntl.DN_ACCESS | fcntl.DN_MULTISHOT)
    return folder


open("own", "w").close()
files = [module.__file__ for module in list(sys.modules.values()) if getattr(module, "__file__", None)]
for path in ["own", *files]:
    for kind in (fcntl.F_RDLCK, fcntl.F_WRLCK):
        must_fail("lease", lease, path, kind)
for folder in [".", FACTS["packages"], *{os.path.dirname(path) for path in files}]:
    must_fail("watch", watch, folder)
