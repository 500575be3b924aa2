import os
import tempfile
import time

from attack import only_in_jail
from honest import Layer

only_in_jail()
here = os.getcwd()
top = tempfile.gettempdir()
os.mkdir(f"{top}/\x1b[31m\u202e\n-rf {os.getpid()}")
try:
    for _ in range(300):
        os.mkdir("d" * 100)
        os.chdir("d" * 100)
except OSError:
    pass
# Whoever watches the disk has time to look.
time.sleep(1.0)
os.chdir(here)
locked = tempfile.mkdtemp()
open(f"{locked}/file", "w").close()
os.symlink("/", f"{locked}/link")
try:
    os.chmod(locked, 0)
except OSError:
    pass
