"""Mistakes in the exercises: the arithmetic of bytes, and a network whose sizes all differ."""

from grader.publishing.misconceptions import mistakes_in

quant_param = mistakes_in("quant_param", "quant_param", formula="section 8 of the README")
quantize = mistakes_in("quantize", "quantize", formula="section 8 of the README")
int8_conv = mistakes_in("int8_conv", "int8_conv", formula="section 8 of the README")
dequantize = mistakes_in("dequantize", "dequantize", formula="section 8 of the README")
network = mistakes_in("second_network", "second_network", formula="section 9 of the README")

MISCONCEPTIONS = [
    quant_param(
        "position_rounded",
        "position rounded",
        "The position is cut off towards zero after 1 was added to a positive logarithm; rounding to the nearest "
        "gives one too few or too many.",
        ("int(exponent)", "round(exponent)"),
    ),
    quant_param(
        "position_floored",
        "position rounded down",
        "The position is cut off towards zero, as int does; math.floor rounds negative logarithms down, which "
        "gives one too few.",
        ("int(exponent)", "math.floor(exponent)"),
    ),
    quant_param(
        "position_one_higher",
        "1 added to every logarithm",
        "1 is added only where the logarithm is positive; where the largest number is 127 or less, nothing is "
        "added.",
        ("if exponent > 0:\n    exponent += 1", "exponent = math.floor(exponent) + 1"),
    ),
    quant_param(
        "scale_upside_down",
        "scale upside down",
        "scale = 127 * 2^position / absmax: the largest number becomes 127.",
        ("127 * 2.0**position / absmax", "absmax / (127 * 2.0**position)"),
    ),
    quantize(
        "rounded_down",
        "bytes cut off instead of rounded",
        "The bytes are cut off, not rounded: on average half a unit is lost.",
        ("(whole + (rest >= 0.5) - (rest <= -0.5)).astype", "whole.astype"),
    ),
    quantize(
        "floor_of_bytes",
        "bytes rounded down",
        "floor moves every number down, half a unit on average: round to the nearest.",
        ("(whole + (rest >= 0.5) - (rest <= -0.5)).astype", "np.floor(clipped).astype"),
    ),
    quantize(
        "half_to_even",
        "halves rounded to even numbers",
        "np.round takes 2.5 to 2 and 3.5 to 4; the device rounds halves away from zero.",
        ("(whole + (rest >= 0.5) - (rest <= -0.5)).astype", "np.round(clipped).astype"),
    ),
    quantize(
        "half_added",
        "rounded by adding a half",
        "floor(x + 0.5) rounds -2.5 up to -2; the device rounds halves away from zero.",
        ("(whole + (rest >= 0.5) - (rest <= -0.5)).astype", "np.floor(clipped.astype(np.float64) + 0.5).astype"),
    ),
    quantize(
        "not_clipped",
        "bytes not clipped",
        "Numbers outside of -128 to 127 wrap round when they become int8: clip them before.",
        ("np.clip(scaled, -128, 127)", "scaled"),
        (".astype(np.int8)", ".astype(np.int64).astype(np.int8)"),
    ),
    quantize(
        "clipped_at_minus_127",
        "bytes clipped at -127",
        "The smallest byte is -128, and the device uses it.",
        ("np.clip(scaled, -128, 127)", "np.clip(scaled, -127, 127)"),
    ),
    quantize(
        "divided_by_the_scale",
        "divided by the scale",
        "The scale multiplies: x * scale / 2^position.",
        ("np.float32(scale)", "np.float32(1 / scale)"),
    ),
    quantize(
        "multiplied_by_the_power",
        "multiplied by 2^position",
        "The power divides: x * scale / 2^position.",
        ("-position", "position"),
    ),
    int8_conv(
        "sums_of_sixteen_bits",
        "sums in 16 bits",
        "The sums need 32 bits: already two products of the largest bytes leave 16.",
        ("((len(qx), len(qw), rows, columns), np.int32)", "((len(qx), len(qw), rows, columns), np.int16)"),
        ("qw[:, :, i, j].astype(np.int32)", "qw[:, :, i, j].astype(np.int16)"),
        ("return sums", "return sums.astype(np.int32)"),
    ),
    int8_conv(
        "products_of_eight_bits",
        "products in 8 bits",
        "A product of two bytes does not fit into a byte: convert before multiplying.",
        (", qw[:, :, i, j].astype(np.int32)", ".astype(np.int8), qw[:, :, i, j]"),
    ),
    int8_conv(
        "kernel_flipped",
        "kernel turned by 180 degrees",
        "The kernel is laid over the picture as it is, not turned.",
        ("qw[:, :, i, j]", "qw[:, :, size - 1 - i, size - 1 - j]"),
    ),
    dequantize(
        "bias_before_rescaling",
        "bias added before the sums are scaled back",
        "The bias is a real number: it is added after the sums were scaled back.",
        (
            "sums.astype(np.float32) * unit + np.asarray(bias, np.float32).reshape(1, -1, 1, 1)",
            "(sums.astype(np.float32) + np.asarray(bias, np.float32).reshape(1, -1, 1, 1)) * unit",
        ),
    ),
    dequantize(
        "scales_multiplied_again",
        "sums multiplied by the scales",
        "Both scales were multiplied in when the bytes were made; here they divide.",
        ("unit = unit / (", "unit = unit * ("),
    ),
    dequantize(
        "bias_left_out",
        "no bias",
        "The bias is missing.",
        ("(np.float32) * unit + np.asarray(bias, np.float32).reshape(1, -1, 1, 1)", "(np.float32) * unit"),
    ),
    network(
        "pad_and_stride_exchanged",
        "pad and stride exchanged",
        "The numbers of createConvLayer are out_channel, kernel_size, stride, dilation, pad: in VGG19 the last "
        "three are all 1, so nothing shows there.",
        ('("conv1", 8, 5, 2, 1, 3, quants[0])', '("conv1", 8, 5, 3, 1, 2, quants[0])'),
    ),
    network(
        "pad_before_stride",
        "pad before stride and dilation",
        "The numbers of createConvLayer are out_channel, kernel_size, stride, dilation, pad; pad is the last one.",
        ('("conv1", 8, 5, 2, 1, 3, quants[0])', '("conv1", 8, 5, 3, 2, 1, quants[0])'),
        symptom="dilation 2 is not supported",
    ),
    network(
        "pooling_arguments_exchanged",
        "stride of a pooling before its kernel size",
        "createPoolingLayer takes kernel_size, then stride: in VGG19 both are 2.",
        ('net.createPoolingLayer("pool1", 3, 2)', 'net.createPoolingLayer("pool1", 2, 3)'),
    ),
    network(
        "rows_and_columns_of_the_shape_exchanged",
        "rows and columns of the input exchanged",
        "setInputShape takes N, C, H, W: rows before columns.",
        ("net.setInputShape(1, 3, 40, 52)", "net.setInputShape(1, 3, 52, 40)"),
        symptom="the input shape is",
    ),
]
