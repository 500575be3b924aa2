"""Stands in for the picture functions that SciPy removed in 2018, for submissions that still call them.

The results are those of the lab's own way of reading a picture: RGB bytes and bilinear interpolation by OpenCV.
"""

from __future__ import annotations

from typing import Any

import numpy as np

used: set[str] = set()


def imread(name: str, flatten: bool = False, mode: str | None = None) -> np.ndarray:
    """Return a picture file as uint8 (rows, columns, 3), red first; (rows, columns) if flat."""
    import cv2

    used.add("imread")
    grey = flatten or mode in ("L", "F")
    image = cv2.imread(str(name), cv2.IMREAD_GRAYSCALE if grey else cv2.IMREAD_COLOR)
    if image is None:
        raise FileNotFoundError(f"no such picture: {name!r}")
    return np.asarray(image if grey else cv2.cvtColor(image, cv2.COLOR_BGR2RGB))


def imresize(arr: Any, size: Any, interp: str = "bilinear", mode: str | None = None) -> np.ndarray:
    """Return the picture as uint8 in another size: (rows, columns), a percentage (int) or a factor (float)."""
    import cv2

    used.add("imresize")
    image = np.asarray(arr)
    if image.dtype != np.uint8:
        low, high = float(image.min()), float(image.max())
        image = ((image - low) * (255.0 / ((high - low) or 1.0)) + 0.5).astype(np.uint8)
    if isinstance(size, int | np.integer):
        rows, columns = (max(1, int(length * size / 100.0)) for length in image.shape[:2])
    elif isinstance(size, float | np.floating):
        rows, columns = (max(1, int(length * size)) for length in image.shape[:2])
    else:
        rows, columns = int(size[0]), int(size[1])
    method = {"nearest": cv2.INTER_NEAREST, "bicubic": cv2.INTER_CUBIC, "cubic": cv2.INTER_CUBIC}
    return np.asarray(cv2.resize(image, (columns, rows), interpolation=method.get(interp, cv2.INTER_LINEAR)))


def imsave(name: str, arr: Any, format: str | None = None) -> None:
    """Write a picture; values are clipped to bytes."""
    import cv2

    used.add("imsave")
    image = np.clip(np.asarray(arr), 0, 255).astype(np.uint8)
    if not cv2.imwrite(str(name), cv2.cvtColor(image, cv2.COLOR_RGB2BGR) if image.ndim == 3 else image):
        raise OSError(f"the picture could not be written: {name!r}")
