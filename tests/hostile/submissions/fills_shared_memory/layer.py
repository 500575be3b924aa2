from attack import Breach, only_in_jail
from honest import Layer

only_in_jail()
written = 0
try:
    for number in range(64):
        with open(f"/dev/shm/hostile-{number}", "wb") as file:
            file.write(b"x" * (1 << 20))
        written += 1
except OSError:
    pass
if written > 2:
    raise Breach(f"{written} MiB in /dev/shm")
