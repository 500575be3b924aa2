"""Mistakes in the backward pass of the convolution."""

from grader.publishing.misconceptions import Edit, Misconception

FORMULA_4 = "formula (4) of the README"
BACK_CORNER = """                        top = h * stride
                        left = w * stride
                        grad ="""
BACK_SUM = "in_grad[n, k, top + i, left + j] += grad * weight[c, k, i, j]"
CROP = "in_grad[:, :, padding : padding + height, padding : padding + width]"
BACK_LOOPS = """            for c in range(out_channels):
                for h in range(out_height):
                    for w in range(out_width):
                        top = h * stride
                        left = w * stride
                        grad = out_grad[n, c, h, w]
                        for k in range(in_channels):
                            for i in range(kernel_size):
                                for j in range(kernel_size):
"""
BACK_LOOPS_OF_HANDOUT = """            for h in range(out_height):
                for w in range(out_width):
                    top = h * stride
                    left = w * stride
                    for k in range(in_channels):
                        for i in range(kernel_size):
                            for j in range(kernel_size):
                                in_grad[n, k, top + i, left + j] = 0
                                for c in range(out_channels):
                                    grad = out_grad[n, c, h, w]
"""
ROLL_LAST = """def roll_last(patches, shape, stride):
    x = np.zeros(shape, patches.dtype)
    k, rows, cols = patches.shape[2], patches.shape[4], patches.shape[5]
    for i in range(k):
        for j in range(k):
            x[:, :, i:i + stride * rows:stride, j:j + stride * cols:stride] = patches[:, :, i, j]
    return x


"""
OVERWRITES = (
    "Windows overlap, so most pixels belong to several of them and get a share from each. The gradient seems to be "
    "assigned (`=`); add the shares up with `+=`."
)


def backward(name, title, explanation, *edits, loses=("conv_backward",), formula=FORMULA_4, **more):
    """Return a mistake in the backward pass."""
    pairs = tuple(Edit("layer.py", old, new) for old, new in edits)
    return Misconception(name, title, ("conv_backward",), loses, explanation, pairs, formula, **more)


MISCONCEPTIONS = [
    backward(
        "backward_overwrites",
        "gradient assigned instead of added up",
        OVERWRITES,
        (BACK_SUM, BACK_SUM.replace("+=", "=")),
        common=True,
    ),
    backward(
        "backward_padding_not_cropped",
        "padding not cut off the gradient",
        "The gradient still has the padding: the input had none, so return only rows P to P + H and columns P to "
        "P + W.",
        (CROP, "in_grad"),
    ),
    backward(
        "backward_cropped_at_the_corner",
        "gradient cropped from the top left corner",
        "The gradient seems to be shifted: cut off P rows and columns on all four sides, so begin at row P and "
        "column P.",
        (CROP, CROP.replace("padding : padding + height, padding : padding + width", ":height, :width")),
        common=True,
    ),
    backward(
        "backward_stride_ignored",
        "stride not used in the backward pass",
        "The stride seems to be ignored in the backward pass: output entry (h, w) came from the window at row h * "
        "S and column w * S.",
        (BACK_CORNER, BACK_CORNER.replace("h * stride", "h").replace("w * stride", "w")),
        common=True,
    ),
    backward(
        "backward_kernel_flipped",
        "kernel flipped in the loops of the backward pass",
        "The kernel seems to be turned by 180 degrees in the backward pass. That is right only for a backward pass "
        "written as another convolution; here weight[c, k, i, j] goes to the pixel it was multiplied with.",
        (
            BACK_SUM,
            BACK_SUM.replace("weight[c, k, i, j]", "weight[c, k, kernel_size - 1 - i, kernel_size - 1 - j]"),
        ),
        common=True,
    ),
    backward(
        "backward_kernel_transposed",
        "rows and columns of the kernel exchanged in the backward pass",
        "Rows and columns of the kernel seem to be exchanged in the backward pass: it is weight[c, k, i, j] for "
        "row i and column j of the window.",
        (BACK_SUM, BACK_SUM.replace("weight[c, k, i, j]", "weight[c, k, j, i]")),
        common=True,
    ),
    backward(
        "backward_column_index_is_row_index",
        "column index written with i instead of j",
        "Both indices of the pixel seem to use i: the row is h * S + i, but the column is w * S + j. (The printed "
        "handout has this slip in its formula.)",
        (BACK_SUM, BACK_SUM.replace("left + j", "left + i")),
        common=True,
    ),
    backward(
        "backward_last_channel_only",
        "gradient of the last output channel only",
        "Only the last output channel seems to reach the gradient: add up the shares of all output channels.",
        (
            "grad = out_grad[n, c, h, w]",
            "grad = out_grad[n, c, h, w] if c == out_channels - 1 else 0 * out_grad[n, c, h, w]",
        ),
    ),
    backward(
        "backward_batch_index_fixed",
        "every sample's gradient computed from sample 0",
        "Every sample gets the gradient of the first one: index it by the sample, out_grad[n, ...].",
        ("grad = out_grad[n, c, h, w]", "grad = out_grad[0, c, h, w]"),
    ),
    backward(
        "backward_divided_by_batch",
        "gradient divided by the batch size again",
        "The gradient is too small by the batch size: the loss has already divided by it, so the layers must not.",
        ("grad = out_grad[n, c, h, w]", "grad = out_grad[n, c, h, w] / batch"),
    ),
    Misconception(
        "backward_overwrites_in_handout_order",
        "gradient assigned instead of added up, with the sum over output channels inside",
        ("conv_backward",),
        ("conv_backward",),
        OVERWRITES,
        (Edit("layer.py", BACK_LOOPS, BACK_LOOPS_OF_HANDOUT),),
        FORMULA_4,
        form_of="backward_overwrites",
    ),
    Misconception(
        "backward_overwrites_unrolled",
        "gradient assigned instead of added up, kernel position by kernel position",
        ("conv_backward",),
        ("conv_backward",),
        OVERWRITES,
        (
            Edit("layer.py", "class WithParams:", ROLL_LAST + "class WithParams:"),
            Edit("layer.py", "dx = roll(", "dx = roll_last("),
        ),
        FORMULA_4,
        form_of="backward_overwrites",
        variant="im2col_gemm",
    ),
]
