"""Mistakes in the exercises: the arithmetic of bytes, and a network whose sizes all differ."""

from grader.publishing.misconceptions import Edit, Misconception

WHOLE = "return (whole + (rest >= 0.5) - (rest <= -0.5)).astype(np.int8)"
CLIPPED = "clipped = np.clip(scaled, -128, 127)"
SCALED = "np.float32(scale) * np.float32(2.0**-position)"
SUMS = "sums = np.zeros((len(qx), len(qw), rows, columns), np.int32)"
ADDED = 'sums += np.einsum("nchw,oc->nohw", part, qw[:, :, i, j].astype(np.int32))'
BACK = "return sums.astype(np.float32) * unit + np.asarray(bias, np.float32).reshape(1, -1, 1, 1)"
POSITION = "position = max(-32, min(32, int(exponent)))"


def in_quantize(name, title, hole, explanation, *edits, **more):
    """Return a mistake in ``quantize.py``."""
    pairs = tuple(Edit("quantize.py", old, new) for old, new in edits)
    return Misconception(name, title, (hole,), (hole,), explanation, pairs, "section 8 of the README", **more)


def in_network(name, title, explanation, old, new, **more):
    """Return a mistake in ``second_network.py``."""
    hole = ("second_network",)
    edits = (Edit("second_network.py", old, new),)
    return Misconception(name, title, hole, hole, explanation, edits, "section 9 of the README", **more)


MISCONCEPTIONS = [
    in_quantize(
        "position_rounded",
        "position rounded",
        "quant_param",
        "The position is cut off towards zero after 1 was added to a positive logarithm; rounding to the nearest "
        "gives one too few or too many.",
        (POSITION, POSITION.replace("int(exponent)", "round(exponent)")),
    ),
    in_quantize(
        "position_one_higher",
        "1 added to every logarithm",
        "quant_param",
        "1 is added only where the logarithm is positive; where the largest number is 127 or less, nothing is "
        "added.",
        ("    if exponent > 0:\n        exponent += 1\n", "    exponent = math.floor(exponent) + 1\n"),
    ),
    in_quantize(
        "scale_upside_down",
        "scale upside down",
        "quant_param",
        "scale = 127 * 2^position / absmax: the largest number becomes 127.",
        ("127 * 2.0**position / absmax", "absmax / (127 * 2.0**position)"),
    ),
    in_quantize(
        "rounded_down",
        "bytes cut off instead of rounded",
        "quantize",
        "The bytes are cut off, not rounded: on average half a unit is lost.",
        (WHOLE, "return whole.astype(np.int8)"),
    ),
    in_quantize(
        "floor_of_bytes",
        "bytes rounded down",
        "quantize",
        "floor moves every number down, half a unit on average: round to the nearest.",
        (WHOLE, "return np.floor(clipped).astype(np.int8)"),
    ),
    in_quantize(
        "half_to_even",
        "halves rounded to even numbers",
        "quantize",
        "np.round takes 2.5 to 2 and 3.5 to 4; the device rounds halves away from zero.",
        (WHOLE, "return np.round(clipped).astype(np.int8)"),
    ),
    in_quantize(
        "half_added",
        "rounded by adding a half",
        "quantize",
        "floor(x + 0.5) rounds -2.5 up to -2; the device rounds halves away from zero.",
        (WHOLE, "return np.floor(clipped.astype(np.float64) + 0.5).astype(np.int8)"),
    ),
    in_quantize(
        "not_clipped",
        "bytes not clipped",
        "quantize",
        "Numbers outside of -128 to 127 wrap round when they become int8: clip them before.",
        (CLIPPED, "clipped = scaled"),
        (WHOLE, "return (whole + (rest >= 0.5) - (rest <= -0.5)).astype(np.int64).astype(np.int8)"),
    ),
    in_quantize(
        "clipped_at_minus_127",
        "bytes clipped at -127",
        "quantize",
        "The smallest byte is -128, and the device uses it.",
        (CLIPPED, "clipped = np.clip(scaled, -127, 127)"),
    ),
    in_quantize(
        "divided_by_the_scale",
        "divided by the scale",
        "quantize",
        "The scale multiplies: x * scale / 2^position.",
        (SCALED, "np.float32(1 / scale) * np.float32(2.0**-position)"),
    ),
    in_quantize(
        "multiplied_by_the_power",
        "multiplied by 2^position",
        "quantize",
        "The power divides: x * scale / 2^position.",
        (SCALED, "np.float32(scale) * np.float32(2.0**position)"),
    ),
    in_quantize(
        "sums_of_sixteen_bits",
        "sums in 16 bits",
        "int8_conv",
        "The sums need 32 bits: already two products of the largest bytes leave 16.",
        (SUMS, SUMS.replace("int32", "int16")),
        (ADDED, ADDED.replace("int32", "int16")),
        ("return sums\n", "return sums.astype(np.int32)\n"),
    ),
    in_quantize(
        "products_of_eight_bits",
        "products in 8 bits",
        "int8_conv",
        "A product of two bytes does not fit into a byte: convert before multiplying.",
        (ADDED, 'sums += np.einsum("nchw,oc->nohw", part.astype(np.int8), qw[:, :, i, j])'),
    ),
    in_quantize(
        "kernel_flipped",
        "kernel turned by 180 degrees",
        "int8_conv",
        "The kernel is laid over the picture as it is, not turned.",
        (ADDED, ADDED.replace("i, j]", "size - 1 - i, size - 1 - j]")),
    ),
    in_quantize(
        "bias_before_rescaling",
        "bias added before the sums are scaled back",
        "dequantize",
        "The bias is a real number: it is added after the sums were scaled back.",
        (BACK, "return (sums.astype(np.float32) + np.asarray(bias, np.float32).reshape(1, -1, 1, 1)) * unit"),
    ),
    in_quantize(
        "scales_multiplied_again",
        "sums multiplied by the scales",
        "dequantize",
        "Both scales were multiplied in when the bytes were made; here they divide.",
        (
            "unit = unit / (np.float32(input_scale) * np.float32(filter_scale))",
            "unit = unit * (np.float32(input_scale) * np.float32(filter_scale))",
        ),
    ),
    in_quantize(
        "bias_left_out",
        "no bias",
        "dequantize",
        "The bias is missing.",
        (BACK, "return sums.astype(np.float32) * unit"),
    ),
    in_network(
        "pad_and_stride_exchanged",
        "pad and stride exchanged",
        "The numbers of createConvLayer are out_channel, kernel_size, stride, dilation, pad: in VGG19 the last "
        "three "
        "are all 1, so nothing shows there.",
        '"conv1", 8, 5, 2, 1, 3,',
        '"conv1", 8, 5, 3, 1, 2,',
    ),
    in_network(
        "pad_before_stride",
        "pad before stride and dilation",
        "The numbers of createConvLayer are out_channel, kernel_size, stride, dilation, pad; pad is the last one.",
        '"conv1", 8, 5, 2, 1, 3,',
        '"conv1", 8, 5, 3, 2, 1,',
        symptom="dilation 2 is not supported",
    ),
    in_network(
        "pooling_arguments_exchanged",
        "stride of a pooling before its kernel size",
        "createPoolingLayer takes kernel_size, then stride: in VGG19 both are 2.",
        '"pool1", 3, 2',
        '"pool1", 2, 3',
    ),
    in_network(
        "rows_and_columns_of_the_shape_exchanged",
        "rows and columns of the input exchanged",
        "setInputShape takes N, C, H, W: rows before columns.",
        "1, 3, 40, 52",
        "1, 3, 52, 40",
        symptom="the input shape is",
    ),
]
