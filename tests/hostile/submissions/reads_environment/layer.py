import os
import sys

from attack import FACTS, Breach
from honest import Layer

for key, value in os.environ.items():
    if FACTS["project"] in value or "SECRET" in key or "TOKEN" in key or "GRADER" in key or "PYTEST" in key:
        raise Breach(f"{key}={value}")
if any(FACTS["project"] in part for part in [*sys.argv, *sys.orig_argv, *sys.path]):
    raise Breach(sys.path)
