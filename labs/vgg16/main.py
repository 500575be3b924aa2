"""Classify a picture with your VGG16, then propagate a gradient back to it.

    python main.py [PICTURE] --weights CHECKPOINT

``python -m grader run vgg16`` reads pictures with this file, and says where the lab's own checkpoint is.
"""

import argparse
import io
import pickle
import time
from pathlib import Path

import cv2
import numpy as np

CLASSES = ("daisy", "roses", "sunflowers", "tulips")
DEMO_PICTURE = Path(__file__).with_name("pictures") / "flower.jpg"
IMAGE_SIZE = (224, 224)  # rows, columns
IMAGE_MEAN = (125.307, 122.961, 113.8575)  # of red, green and blue, values 0 to 255
IMAGE_DEVIATION = (51.5865, 50.847, 51.255)
PADDING_VALUE = 114
BACKWARD_LABEL = 1
# A file in the folder of the lab's own checkpoint.
SYNTHETIC_MARK = "synthetic.txt"


def read_image(path):
    """Return a picture file as an array of bytes (rows, columns, 3), red first."""
    image = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if image is None:
        raise ValueError(f"cannot read the picture {path}: expected a JPEG or PNG file")
    return cv2.cvtColor(image, cv2.COLOR_BGR2RGB)


def resize_image(image, target_size):
    """Scale a picture to fit into target_size (rows, columns); the rest, at the right or bottom, becomes grey."""
    height, width = image.shape[:2]
    target_height, target_width = target_size
    scale = min(target_height / height, target_width / width)
    new_height, new_width = round(height * scale), round(width * scale)
    scaled = cv2.resize(image, (new_width, new_height), interpolation=cv2.INTER_LINEAR)
    result = np.full((target_height, target_width, 3), PADDING_VALUE, dtype=np.uint8)
    result[:new_height, :new_width] = scaled
    return result


def process_image(path):
    """Return a picture file as the network takes it: float32 (1, 3, 224, 224), normalised."""
    image = resize_image(read_image(path), IMAGE_SIZE).astype(np.float32)
    image -= IMAGE_MEAN
    image /= IMAGE_DEVIATION
    return np.ascontiguousarray(image.transpose((2, 0, 1))[None])


def load_checkpoint(path):
    """Return a checkpoint as ``{layer: {"weight": array, "bias": array}}``.

    Three forms are known: a folder with a file ``<layer>.<parameter>.npy`` for each array, an ``.npz`` with such
    names as keys, and the course's ``vgg16_ckpt.npy``.
    """
    path = Path(path)
    if path.is_dir():
        arrays = {file.stem: np.load(file, mmap_mode="c") for file in sorted(path.glob("*.npy"))}
    elif path.suffix == ".npz":
        with np.load(path) as archive:
            arrays = {name: archive[name] for name in archive.files}
    elif path.suffix == ".npy":
        return load_pickled_dict(path)
    else:
        raise ValueError(f"{path} is no checkpoint: expected a folder, an .npz or the course's .npy file")
    checkpoint = {}
    for name, array in arrays.items():
        layer, parameter = name.rsplit(".", 1)
        checkpoint.setdefault(layer, {})[parameter] = array
    return checkpoint


def is_synthetic(path):
    """Return whether a checkpoint is the lab's own, whose numbers come from a random generator."""
    return (Path(path) / SYNTHETIC_MARK).is_file()


class ArraysOnly(pickle.Unpickler):
    """Unpickles dictionaries of arrays and nothing else: a pickle from elsewhere could run any program."""

    def find_class(self, module, name):
        if module.startswith("numpy") and name in (
            "_reconstruct",
            "ndarray",
            "dtype",
            "scalar",
            "_frombuffer",
        ):
            return super().find_class(module, name)
        if (module, name) in (("collections", "OrderedDict"), ("_codecs", "encode")):
            return super().find_class(module, name)
        raise pickle.UnpicklingError(f"the checkpoint contains {module}.{name}, expected arrays only")


def load_pickled_dict(path):
    """Return the dictionary that ``np.save`` has written to an ``.npy`` file."""
    data = io.BytesIO(path.read_bytes())
    version = np.lib.format.read_magic(data)
    if version == (1, 0):
        np.lib.format.read_array_header_1_0(data)
    else:
        np.lib.format.read_array_header_2_0(data)
    return ArraysOnly(data).load().item()


def main(arguments=None):
    """Run the network forward and backward on one picture and print what comes out."""
    parser = argparse.ArgumentParser(description="Classify a picture with your VGG16.")
    parser.add_argument("picture", nargs="?", default=DEMO_PICTURE, help="default: the lab's flower")
    parser.add_argument("--weights", required=True, help="checkpoint: a folder, an .npz or an .npy file")
    options = parser.parse_args(arguments)

    from layer import CrossEntropy
    from vgg import VGG16

    network = VGG16(len(CLASSES))
    network.resume_weights(load_checkpoint(options.weights))
    image = process_image(options.picture)

    start = time.perf_counter()
    logits = network.forward(image)
    forward_s = time.perf_counter() - start
    exponentials = np.exp(logits[0] - logits[0].max())
    probabilities = exponentials / exponentials.sum()
    # On each line: one that is copied alone must not pass for what a trained network says.
    mark = "  synthetic" if is_synthetic(options.weights) else ""
    if mark:
        print("synthetic weights: they know the lab's own pictures and nothing else")
    print(f"class: {CLASSES[int(np.argmax(logits))]}{mark}")
    for name, probability in zip(CLASSES, probabilities, strict=True):
        print(f"  {name:<12}{probability:8.4f}{mark}")

    loss = CrossEntropy()
    value = loss.forward(logits, np.array([BACKWARD_LABEL]))
    print(f"loss for label {BACKWARD_LABEL} ({CLASSES[BACKWARD_LABEL]}): {value:.6f}{mark}")
    start = time.perf_counter()
    gradient = network.backward(loss.backward())
    backward_s = time.perf_counter() - start
    print(f"gradient of the picture: shape {gradient.shape}, mean {gradient.mean():.6e}, sum {gradient.sum():.6e}")
    print(f"forward {forward_s:.2f} s, backward {backward_s:.2f} s (the first run includes compiling)")


if __name__ == "__main__":
    main()
