import io

import numpy as np
from honest import Layer

stream = io.BytesIO()
np.save(stream, np.zeros(1, object), allow_pickle=True)
header = stream.getvalue()[: stream.getvalue().index(b"\n") + 1]
print(np.load(io.BytesIO(header + b"cscipy.signal\ncorrelate\n."), allow_pickle=True), Layer)
