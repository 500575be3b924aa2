import os

from attack import FACTS, must_fail, only_in_jail
from honest import Layer

only_in_jail()
bait = FACTS["bait"]


def write(path):
    with open(path, "w") as file:
        file.write("changed")


for path in (
    f"{bait}/empty.txt",
    f"{bait}/new.txt",
    FACTS["secret_file"],
    f"{FACTS['project']}/labs/tiny/checks.py",
    f"{FACTS['hidden']}/manifest.json",
    __file__,
    "/lab/checks.py",
    "/opt/stage/grader/lab/checks.py",
    os.__file__,
    "/proc/sys/kernel/core_pattern",
    "/proc/sys/vm/swappiness",
    "/sys/kernel/mm/ksm/run",
):
    must_fail(path, write, path)
must_fail("chmod", os.chmod, f"{bait}/empty.txt", 0o600)
must_fail("chmod own source", os.chmod, __file__, 0o777) if os.getuid() == 0 else None
must_fail("unlink", os.unlink, f"{bait}/empty.txt")
must_fail("rename", os.rename, f"{bait}/empty.txt", f"{bait}/other.txt")
must_fail("mkdir", os.mkdir, f"{bait}/folder")
must_fail("truncate", os.truncate, f"{bait}/empty.txt", 10)
must_fail("mknod", os.mknod, "/tmp/device", 0o20666, os.makedev(1, 3))
