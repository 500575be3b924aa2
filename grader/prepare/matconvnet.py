"""Checkpoints in the layout of MatConvNet: one ``.mat`` file that the submission reads itself with ``scipy.io``.

The file of the course, ``imagenet-vgg-verydeep-19.mat`` [1]_, holds ``layers``, a cell of structures in the order
of the network, and ``normalization``, a structure whose first field is the average picture. The first field of a
layer with parameters, ``weights``, is a cell of the weight (rows, columns, C_in, C_out) and the bias (1, C_out). A
fully connected layer is a convolution as large as what arrives at it, 7 x 7 x 512 x 4096 for the first one.

Everywhere else in the grader a convolution's weight is (C_out, C_in, rows, columns) and a fully connected layer's
is (out, in), its input flattened in the order rows, columns, channels, as MatConvNet has it.

.. [1] A. Vedaldi, K. Lenc, "MatConvNet: convolutional neural networks for MATLAB", ACM Multimedia 2015.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from grader.language.message import sentence
from grader.prepare.convert import converted_checkpoint
from grader.prepare.weights import (
    Note,
    WeightsError,
    WeightsFileError,
    cached_checkpoint,
    checkpoint_shapes,
    read_checkpoint,
    seeded_parameters,
)
from grader.project.one_parser import read_arrays

FILE_NAME = "imagenet-vgg-verydeep-19.mat"
FORMAT_VERSION = 3  # part of the cache's key: raise it when the file written for the same facts changes
VARIABLES = ("layers", "normalization")
SHOWN_NAMES = 6
PICTURE_ROWS = PICTURE_COLUMNS = 224  # of the average picture
_ROW = re.compile(r"(?P<name>[\w.]+)\[(?P<row>\d+)\]")


def matconvnet_checkpoint(
    cache: Path,
    options: Mapping[str, Any],
    weights: Path | None,
    overrides: Path | None,
    note: Note,
    *,
    partial: bool = False,
    trained: Path | None = None,
) -> Path:
    """Return the folder of a checkpoint in MatConvNet's layout, made in the cache if it is not there.

    A course's own ``.mat`` is returned as it is: what it holds is read by submissions only, in the jail. Here only
    the names of its variables are read, which tell the layout of the course from the later one.

    Parameters
    ----------
    options : of the resource in ``lab.yaml``: ``seed``; ``layers``, the names in the order of the network;
        ``parameters``, weight shapes by layer; ``mean``, three numbers, red first; and ``gains``, by which the
        seeded weight of a layer is multiplied.
    weights : a course's own file instead of the seeded numbers, ``.mat`` or what `converted_checkpoint` reads.
    partial : whether ``weights`` may lack the last layers. They are then zeros in the file, and its variable
        ``usable`` lists the layers before them.
    trained : ``.npz`` of the first layers' parameters, which stand before the seeded ones of the other layers. The
        variable ``usable`` lists the layers as far as they go.
    overrides : ``.npz`` of parameters, or single rows of them as ``name[row]``, that replace seeded ones.

    Raises
    ------
    WeightsError : the file cannot be made or read.
    """
    shapes = checkpoint_shapes(options)
    if weights is not None and weights.suffix == ".mat":
        if not weights.is_file():
            raise WeightsFileError("{weights}: there is no such file", weights=weights)
        _require_layout(weights)
        return weights
    source = trained or overrides
    replaced = _read_overrides(source) if weights is None and source is not None else {}
    converted = converted_checkpoint(cache, weights, shapes, note, partial=partial) if weights is not None else None
    facts = {"version": FORMAT_VERSION, "options": options, "source": converted.name if converted else "seeded"}
    if weights is None and trained is not None:
        facts["source"] = "first layers trained"

    def fill(fresh: Path) -> None:
        usable = None
        if converted is not None:
            parameters = read_checkpoint(converted)
            usable = _usable(options["layers"], shapes, parameters)
            parameters |= {name: np.zeros(shapes[name], np.float32) for name in set(shapes) - set(parameters)}
        else:
            parameters = _seeded(shapes, options)
            _replace(parameters, replaced, source)
            if trained is not None:
                usable = _usable(options["layers"], shapes, replaced)
        synthetic = converted is None
        write_matconvnet(fresh / FILE_NAME, options["layers"], parameters, options["mean"], usable, synthetic)

    def announce(size: str) -> None:
        note(sentence("making the checkpoint in MatConvNet's layout, once ({value} MiB)", value=size))

    text = json.dumps(facts, sort_keys=True, default=str)
    return cached_checkpoint(cache, "matconvnet", text, replaced, shapes, announce, fill)


def write_matconvnet(
    file: Path,
    layers: Sequence[str],
    parameters: Mapping[str, np.ndarray],
    mean: Sequence[float],
    usable: Sequence[str] | None = None,
    synthetic: bool = False,
) -> None:
    """Write a network as MatConvNet does.

    ``parameters`` maps ``<layer>.weight`` and ``<layer>.bias`` to arrays; ``mean`` is the average of red, green and
    blue. The parameters are written as float32, the average picture as float64. ``usable`` lists the layers up to
    where the parameters mean something, if that is not the end; it becomes a variable of that name. So does
    ``synthetic`` where it holds, from which a program knows that the file is not a trained one.
    """
    cells = np.empty((1, len(layers)), dtype=object)
    channels = 3
    for position, name in enumerate(layers):
        if f"{name}.weight" in parameters:
            weight = parameters[f"{name}.weight"]
            cells[0, position] = _layer_with_weights(name, weight, parameters[f"{name}.bias"], channels)
            channels = weight.shape[0]
        else:
            cells[0, position] = _layer_without_weights(name)
    # In double precision: in single, the mean of 50176 equal numbers depends on the order in which they are added.
    average = np.empty((PICTURE_ROWS, PICTURE_COLUMNS, 3), dtype=np.float64)
    average[:] = mean
    size = np.array([[PICTURE_ROWS, PICTURE_COLUMNS]], dtype=np.float64)
    normalization = _structure(averageImage=average, keepAspect=1.0, border=np.zeros((1, 2)), imageSize=size)
    variables = {"layers": cells, "normalization": normalization}
    if usable is not None:
        variables["usable"] = np.array([*usable, None], dtype=object)[:-1]
    if synthetic:
        variables["synthetic"] = np.ones((1, 1))
    # Imported here: it takes a quarter of a second, and most checks need no such file.
    import scipy.io

    scipy.io.savemat(file, variables, do_compression=False)


def _require_layout(file: Path) -> None:
    """Refuse a file without the variables of the course's, as later versions of MatConvNet write it."""
    import scipy.io

    try:
        names = [name for name, _, _ in scipy.io.whosmat(file)]
    except Exception as error:  # scipy raises what it happens to meet in a damaged file
        raise WeightsFileError(
            "{file} cannot be read as a .mat file ({kind}); copy or download it again",
            file=file,
            kind=type(error).__name__,
        ) from None
    missing = [name for name in VARIABLES if name not in names]
    if missing:
        raise WeightsFileError(
            "{file} holds no variable `{missing}` but {found}. Files of later versions of MatConvNet are laid out "
            "otherwise; the course's is {name} of its version beta16: "
            "https://www.vlfeat.org/matconvnet/models/beta16/{name}",
            file=file,
            missing=missing[0],
            found=", ".join(f"`{name}`" for name in names[:SHOWN_NAMES]) or "-",
            name=FILE_NAME,
        )


def _usable(
    layers: Sequence[str], shapes: Mapping[str, tuple[int, ...]], parameters: Mapping[str, np.ndarray]
) -> list[str] | None:
    """Return the layers before the first one that lacks a parameter; None if none does.

    Raises
    ------
    WeightsFileError : the very first layer with parameters lacks one.
    """
    missing = {name.rpartition(".")[0] for name in set(shapes) - set(parameters)}
    if not missing:
        return None
    first = next(place for place, name in enumerate(layers) if name in missing)
    if first == 0:
        raise WeightsFileError("the weights lack {layers}, so that no layer can be used", layers=layers[0])
    return list(layers[:first])


def read_parameters(folder: Path) -> dict[str, np.ndarray]:
    """Return the parameters of a file that `matconvnet_checkpoint` wrote, by ``<layer>.<parameter>``.

    For files of one's own: a file from elsewhere is read in the jail only.
    """
    import scipy.io

    stored = scipy.io.loadmat(folder / FILE_NAME, variable_names=["layers"])["layers"]
    parameters = {}
    for cell in stored[0]:
        layer = cell[0, 0]
        if "weights" not in layer.dtype.names:
            continue
        name = str(layer["name"][0])
        weight, bias = layer["weights"][0]
        parameters[f"{name}.bias"] = bias.reshape(-1)
        parameters[f"{name}.weight"] = (
            weight.transpose(3, 2, 0, 1) if _is_convolution(name) else weight.reshape(-1, weight.shape[3]).T
        )
    return parameters


def _layer_with_weights(name: str, weight: np.ndarray, bias: np.ndarray, channels: int) -> np.ndarray:
    if weight.ndim == 2:
        side = round(float(np.sqrt(weight.shape[1] / channels)))
        stored = weight.reshape(weight.shape[0], side, side, channels).transpose(1, 2, 3, 0)
        pad = 0.0
    else:
        stored = weight.transpose(2, 3, 1, 0)
        pad = float(weight.shape[2] // 2)
    pair = np.empty((1, 2), dtype=object)
    pair[0, 0] = np.asfortranarray(stored, dtype=np.float32)
    pair[0, 1] = bias.reshape(1, -1).astype(np.float32)
    return _structure(weights=pair, pad=np.full((1, 4), pad), type="conv", name=name, stride=np.ones((1, 2)))


def _layer_without_weights(name: str) -> np.ndarray:
    if "pool" in name:
        return _structure(
            name=name,
            stride=np.full((1, 2), 2.0),
            pad=np.zeros((1, 4)),
            type="pool",
            method="max",
            pool=np.full((1, 2), 2.0),
        )
    return _structure(type="relu" if "relu" in name else "softmax", name=name)


def _structure(**fields: Any) -> np.ndarray:
    structure = np.empty((1, 1), dtype=[(field, object) for field in fields])
    for field, value in fields.items():
        structure[field][0, 0] = value
    return structure


def _is_convolution(name: str) -> bool:
    return "conv" in name


def _seeded(shapes: Mapping[str, tuple[int, ...]], options: Mapping[str, Any]) -> dict[str, np.ndarray]:
    gains = options.get("gains", {})
    parameters = {}
    for name, shape in shapes.items():
        parameters[name] = seeded_parameters(name, shape, int(options.get("seed", 0)))
        layer, _, parameter = name.rpartition(".")
        if parameter == "weight" and layer in gains:
            parameters[name] *= np.float32(gains[layer])
    return parameters


def _read_overrides(file: Path) -> dict[str, np.ndarray]:
    return read_arrays(file) if file.is_file() else {}


def _replace(parameters: dict[str, np.ndarray], replaced: Mapping[str, np.ndarray], file: Path | None) -> None:
    for key, array in replaced.items():
        found = _ROW.fullmatch(key)
        name = found["name"] if found else key
        target = parameters.get(name)
        if found and target is not None and int(found["row"]) < len(target):
            target = (
                target[int(found["row"]) : int(found["row"]) + 1].reshape(array.shape)
                if (array.shape == target.shape[1:])
                else None
            )
        if target is None or target.shape != array.shape:
            raise WeightsError(
                "{file}: {key} has shape {shape}, which the lab's checkpoint does not have",
                file=file,
                key=key,
                shape=array.shape,
            )
        target[...] = array
