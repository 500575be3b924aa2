import os
import resource

from attack import must_fail
from honest import Layer

for name in ("DATA", "AS", "NPROC", "FSIZE", "NOFILE", "CPU", "CORE"):
    number = getattr(resource, f"RLIMIT_{name}")
    must_fail(name, resource.setrlimit, number, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    must_fail(name, resource.prlimit, os.getpid(), number, (1 << 30, 1 << 30))
must_fail("affinity", os.sched_setaffinity, 0, range(os.cpu_count()))
must_fail("priority", os.nice, -5)
