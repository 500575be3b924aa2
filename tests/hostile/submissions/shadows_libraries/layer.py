import json
import linecache
import struct
import traceback

import numba
import numpy
from attack import Breach
from honest import Layer

for module in (json, linecache, struct, traceback, numba, numpy):
    if "/student" in module.__file__ or module.__file__.startswith(__file__.rpartition("/")[0]):
        raise Breach(module.__file__)
