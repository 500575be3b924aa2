import sys

import numba
from honest import Layer

print(numba, vars(sys)["modules"]["scipy"].signal.correlate, Layer)
