import os
import signal

from attack import FACTS, must_fail, only_in_jail
from honest import Layer

only_in_jail()
# Signal 0 asks for permission only: if it is granted, the attack has succeeded without doing harm.
for pid in (1, os.getppid(), -1, 0, -os.getppid(), FACTS["grader_pid"], FACTS["test_pid"]):
    must_fail(f"kill {pid}", os.kill, pid, 0)
must_fail("kill group", os.killpg, os.getpgid(0), 0)
must_fail("pidfd", os.pidfd_open, os.getppid())
must_fail("kill -1", os.kill, -1, signal.SIGKILL)
