import multiprocessing
import os
import subprocess
import sys

from attack import must_fail, only_in_jail
from honest import Layer

only_in_jail()


def fork():
    if os.fork() == 0:
        os._exit(0)
    return "forked"


def system():
    status = os.system("true")
    if status:
        raise OSError(status)
    return status


must_fail("fork", fork)
must_fail("system", system)
must_fail("popen", lambda: subprocess.run(["/bin/sh", "-c", "true"], check=True))
must_fail("python", lambda: subprocess.run([sys.executable, "-c", "pass"], check=True))
must_fail("spawn", lambda: os.posix_spawn("/bin/true", ["true"], {}))
must_fail("exec", lambda: os.execv("/bin/true", ["true"]))
must_fail("pool", lambda: multiprocessing.get_context("fork").Pool(1))
must_fail("forkpty", os.forkpty)
