import tempfile
from pathlib import Path

import numpy as np
from honest import Layer as Honest


class Layer(Honest):
    def forward(self, inputs):
        found = super().forward(inputs)
        with tempfile.TemporaryFile() as file:
            np.save(file, found)
            file.seek(0)
            found = np.load(file)
        Path("notes.txt").write_text("seen")
        return found
