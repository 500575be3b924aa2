"""The emulated library's interface: printed lines, indices, types, errors, the calibration's published pairs."""

from __future__ import annotations

import numpy as np
import pytest

from labs.vgg19_dlp import pycnml
from labs.vgg19_dlp.pycnml import record
from labs.vgg19_dlp.pycnml.program import Kind

Q = pycnml.QuantParam()


@pytest.fixture
def net() -> pycnml.CnmlNet:
    """Return a small network: convolution, ReLU, pooling, flatten, fully connected, softmax."""
    made = pycnml.CnmlNet(16)
    quant = pycnml.QuantParam(-3, 1.25)
    made.setInputShape(1, 2, 6, 6)
    made.createConvLayer("conv1", 4, 3, 1, 1, 1, quant)
    made.createReLuLayer("relu1")
    made.createPoolingLayer("pool1", 2, 2)
    made.createFlattenLayer("flatten", [1, 36, 1, 1])
    made.createMlpLayer("fc1", 5, quant)
    made.createSoftmaxLayer("softmax", 1)
    return made


def load_all(net: pycnml.CnmlNet) -> None:
    """Load random parameters and a picture."""
    rng = np.random.default_rng(1)
    quant = pycnml.QuantParam(-6, 1.5)
    net.loadParams(0, rng.uniform(-1, 1, 72), rng.uniform(-1, 1, 4), quant)
    net.loadParams(4, rng.uniform(-1, 1, 180), rng.uniform(-1, 1, 5), quant)
    net.setInputData(rng.uniform(-9, 9, 72))


@pytest.mark.parametrize(
    ("largest", "position", "scale"),
    [
        (151.061, 1, "1.681440"),
        (127.0, 0, "1.000000"),
        (63.5, -1, "1.000000"),
        (254.0, 2, "2.000000"),
        (255.0, 2, "1.992157"),
        (127.1, 1, "1.998426"),
        (1.0, -6, "1.984375"),
        (0.0, 0, "1.000000"),
    ],
)
def test_calibration_gives_the_published_pairs(largest, position, scale):
    """Position and scale are, digit for digit, those that were published for these largest magnitudes."""
    found = pycnml.QuantTool().getQuantParam([0.5 * largest, -largest], "conv1_1")
    assert (found.position, f"{found.scale:.6f}") == (position, scale)


def test_calibration_keeps_the_largest_magnitude_of_each_name():
    """A later, smaller array changes nothing; another name has its own."""
    tool = pycnml.QuantTool()
    first = tool.getQuantParam(np.array([-254.0]), "a")
    assert tool.getQuantParam([1.0], "b").position == -6
    assert (tool.getQuantParam([1.0], "a").position, tool.getQuantParam([1.0], "a").scale) == (2, first.scale)


def test_size_counts_one_less_until_parameters_are_loaded(net):
    """Six layers: 5 at first, 6 after the first `loadParams`; the indices stay."""
    assert net.size() == 5
    load_all(net)
    assert net.size() == 6
    assert [net.getLayerName(place) for place in range(net.size())][-2:] == ["fc1", "softmax"]
    assert [net.needToBeQuantized(place) for place in range(6)] == [True, False, False, False, True, False]


def test_the_librarys_lines_are_printed(capsys, net):
    """Cores, shapes, layers and parameters are told in the library's words."""
    load_all(net)
    lines = capsys.readouterr().out.splitlines()
    assert lines[:5] == [
        "CORE NUM: 16",
        "CORE VERSION: 5",
        "input_shape: [1 2 6 6]",
        "creating conv layer ...",
        "output_shape: [1 4 6 6]",
    ]
    assert lines[5:] == [
        "creating relu layer ...", "output_shape: [1 4 6 6]",
        "creating pooling layer ...", "output_shape: [1 4 3 3]",
        "creating flatten layer ...", "output_shape: [1 36 1 1]",
        "creating mlp layer ...", "output_shape: [1 5 1 1]",
        "creating softmax layer ...", "output_shape: [1 5 1 1]",
        "loading params for layer conv1 ...", "weight size: 72",
        "loading params for layer fc1 ...", "weight size: 180",
    ]  # fmt: skip


def test_forward_returns_nothing_and_the_output_is_a_tuple_of_floats(net):
    """`forward` is None; the output is empty before it and can be asked for an index afterwards."""
    load_all(net)
    assert net.getOutputData() == ()
    assert net.forward() is None
    output = net.getOutputData()
    assert type(output) is tuple and {type(value) for value in output} == {float}
    assert output.index(max(output)) in range(5)
    assert sum(output) == pytest.approx(1, abs=3e-3)


def test_every_argument_has_the_librarys_name():
    """All calls can be made with keywords."""
    net = pycnml.CnmlNet(core_num=1, core_version=pycnml.CNML_MLU220)
    quant = pycnml.QuantParam(position=0, scale=1.0)
    net.setInputShape(dim_1=1, dim_2=1, dim_3=4, dim_4=4)
    net.createConvLayer(
        layer_name="c", out_channel=1, kernel_size=1, stride=1, dilation=1, pad=0, quant_param=quant
    )
    net.createPoolingLayer(layer_name="p", kernel_size=2, stride=2)
    net.createFlattenLayer(layer_name="f", output_shape=(1, 4, 1, 1))
    net.createMlpLayer(layer_name="m", output_num=2, quant_param=quant)
    net.createReLuLayer(layer_name="r")
    net.createSoftmaxLayer(layer_name="s", axis=1)
    net.loadParams(layer_id=0, filter_data=[1], bias_data=pycnml.FloatVector([0]), quant_param=quant)
    net.loadParams(layer_id=3, filter_data=[1] * 8, bias_data=(0.0, 1.0), quant_param=quant)
    net.setInputData(data=list(range(16)))
    net.forward()
    assert len(net.getOutputData()) == 2
    assert net.getLayerName(layer_id=3) == "m" and net.needToBeQuantized(layer_id=3)
    assert pycnml.QuantTool().getQuantParam(data=[1.0], layer_name="m").position == -6
    assert (pycnml.QuantParam().position, pycnml.QuantParam().scale) == (1, 1.0)


def test_kinds_have_the_librarys_numbers():
    """CAST 0 to FLATTEN 8."""
    names = ["CAST", "CONVOLUTION", "LRN", "MLP", "NORMALIZE", "RELU", "SOFTMAX", "POOL", "FLATTEN"]
    assert [Kind[name].value for name in names] == list(range(9))


@pytest.mark.parametrize(
    ("values", "words"),
    [
        (np.zeros(72, np.float32), "holds float32 numbers, expected float64"),
        (np.zeros((2, 36)), r"has shape \(2, 36\), expected one axis"),
        ([np.float32(1)] * 72, "item 0 of .* is float32, expected a Python float"),
        ([[0.0] * 36] * 2, "item 0 of .* is list"),
        (np.zeros(72, np.int64), "holds int64 numbers"),
        (1.0, "is float, expected a sequence"),
    ],
)
def test_numbers_that_the_library_refuses_are_a_type_error(net, values, words):
    """Single precision and nested arrays are refused, with what to write instead."""
    with pytest.raises(TypeError, match=words) as raised:
        net.loadParams(0, values, np.zeros(4), pycnml.QuantParam())
    assert ".flatten().astype(np.float64)" in str(raised.value)


@pytest.mark.parametrize("values", [[1] * 72, (2.0,) * 72, [np.float64(1)] * 72, pycnml.DoubleVector([1] * 72)])
def test_numbers_that_the_library_takes_are_taken(net, values):
    """Whole numbers, tuples and NumPy's float64, which is a kind of float."""
    net.loadParams(0, values, [0.0] * 4, pycnml.QuantParam())


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda net: net.loadParams(1, [1.0], [1.0], Q), RuntimeError, "This layer is not conv or mlp ! relu1"),
        (lambda net: net.loadParams(9, [1.0], [1.0], Q), IndexError, "indices 0 to 5"),
        (lambda net: net.loadParams(-1, [1.0], [1.0], Q), IndexError, "indices 0 to 5"),
        (
            lambda net: net.loadParams(0, [1.0], [1.0] * 4, Q),
            ValueError,
            r"has 1 numbers, but 72 are needed \(4 x 2 x",
        ),
        (lambda net: net.loadParams(0, [1.0] * 72, [1.0], Q), ValueError, "the bias of conv1 has 1 numbers, but 4"),
        (lambda net: net.loadParams(0, [1.0] * 72, [1.0] * 4, (1, 1.0)), TypeError, "expected a QuantParam"),
        (lambda net: net.loadParams(0, [1.0] * 72, [1e5] * 4, Q), ValueError, "float16"),
        (lambda net: net.setInputData([1.0]), ValueError, "the input has 1 numbers, but 72 are needed"),
        (lambda net: net.forward(), RuntimeError, "param of layer conv1 is not loaded !"),
        (lambda net: net.getLayerName(6), IndexError, "indices 0 to 5"),
        (lambda net: net.setInputShape(1, 2, 6, 6), RuntimeError, "a second time"),
        (lambda net: net.createPoolingLayer("p", 2, 1), ValueError, "window of 2 does not fit"),
        (lambda net: net.createFlattenLayer("f", [36]), TypeError, "list of four"),
        (
            lambda net: net.createFlattenLayer("f", [1, 36, 1, 1]),
            ValueError,
            "36 entries, but the layer before gives",
        ),
        (lambda net: net.createConvLayer("c", 1, 1, 1, 2, 0, Q), ValueError, "dilation 2 is not supported"),
        (
            lambda net: net.createConvLayer("c", 1, 1, 1, 1, 0, pycnml.QuantParam(99, 1.0)),
            ValueError,
            "position first",
        ),
        (lambda net: net.createConvLayer("c", 1, 1, 1, 1, 0, pycnml.QuantParam(1, 0.0)), ValueError, "scale 0.0"),
        (lambda net: net.createSoftmaxLayer("s", 4), ValueError, "axis is 4"),
        (lambda net: pycnml.QuantParam(1.5, 1), TypeError, "position is 1.5, .* takes the position first"),
    ],
)
def test_a_call_that_does_not_fit_says_what_was_expected(net, call, error, words):
    """Where the library ends the process or reads past an array, there is an error with the library's own words."""
    with pytest.raises(error, match=words):
        call(net)


def test_layers_need_the_shape_of_the_input_first():
    """The library's own words."""
    with pytest.raises(RuntimeError, match="You should set input shape first"):
        pycnml.CnmlNet().createReLuLayer("relu")


def test_forward_needs_a_picture_and_numbers_within_half_precision(net):
    """A missing picture and one beyond 65504 are errors that name what is meant."""
    load_all(net)
    net._picture = None
    with pytest.raises(RuntimeError, match="call setInputData"):
        net.forward()
    net.setInputData([70000.0] * 72)
    with pytest.raises(ValueError, match="the input: a number is larger than float16 can hold"):
        net.forward()


def test_layers_cannot_be_added_after_parameters(net):
    """The library would store them behind its hidden last layer."""
    load_all(net)
    with pytest.raises(RuntimeError, match="parameters are loaded already"):
        net.createReLuLayer("late")


def test_a_record_runs_elsewhere_to_the_same_bits(net):
    """Layers, parameters and picture of a record, as plain arrays, make the same network again."""
    load_all(net)
    net.forward()
    arrays = record.layers_asked_for(net) | record.parameters_loaded(net)
    program = record.program_in(
        {name: np.frombuffer(a.tobytes(), a.dtype).reshape(a.shape) for name, a in arrays.items()}
    )
    assert [layer.name for layer in program.layers] == ["conv1", "relu1", "pool1", "flatten", "fc1", "softmax"]
    assert record.run(program, record.picture_set(net)).tolist() == list(net.getOutputData())


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("kinds", np.array([1, 5, 7, 8, 3, 99])),
        ("kinds", np.zeros(5000, np.int64)),
        ("numbers", np.full((6, 5), 2**62)),
        ("names", np.full((6, 32), 255, np.uint8)),
        ("quants", np.full((6, 2), np.nan)),
        ("input_shape", np.array([1, 2, 2**40, 2**40])),
        ("input_shape", np.array([1, 2])),
        ("0 weight", np.zeros((4, 2, 3, 3), np.int64)),
        ("0 weight", np.zeros(3, np.int8)),
        ("0 quant", np.array([1.0, -1.0])),
        ("4 bias", np.zeros(5, np.int8)),
    ],
)
def test_arrays_that_are_no_record_are_refused(net, name, value):
    """Whatever a submission sends in place of a record, the answer is one error, before anything is run."""
    load_all(net)
    arrays = record.layers_asked_for(net) | record.parameters_loaded(net) | {name: value}
    with pytest.raises(record.RecordError):
        record.program_in(arrays)


def test_a_record_without_parameters_or_picture_does_not_run(net):
    """Fail closed: what is missing is named."""
    with pytest.raises(record.RecordError, match="param of layer conv1 is not loaded"):
        record.run(record.program_in(record.layers_asked_for(net)), np.zeros(72))
    load_all(net)
    program = record.program_in(record.layers_asked_for(net) | record.parameters_loaded(net))
    with pytest.raises(record.RecordError, match="the picture has 3 numbers"):
        record.run(program, np.zeros(3))
