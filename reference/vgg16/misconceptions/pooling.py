"""Mistakes in max pooling."""

from grader.publishing.misconceptions import Edit, Misconception

FORMULA_5 = "formula (5) of the README"
FORMULA_6 = "formula (6) of the README"
FORMULA_7 = "formula (7) of the README"

CORNER = """                        top = h * stride
                        left = w * stride
                        largest = inputs[n, c, top, left]"""
LARGER = "if value > largest:"
ROW = "row = h * stride + argidx[n, c, h, w] // kernel_size"
COLUMN = "column = w * stride + argidx[n, c, h, w] % kernel_size"
BACK_SUM = "in_grad[n, c, row, column] += out_grad[n, c, h, w]"
BOTH = ("max_pool_forward", "max_pool_backward")

ROLL_LAST = """def roll_last(patches, shape, stride):
    x = np.zeros(shape, patches.dtype)
    k, rows, cols = patches.shape[2], patches.shape[4], patches.shape[5]
    for i in range(k):
        for j in range(k):
            x[:, :, i:i + stride * rows:stride, j:j + stride * cols:stride] = patches[:, :, i, j]
    return x


"""
OVERWRITES = (
    "Where windows overlap, one pixel can be the maximum of several, and their gradients add up. They seem to be "
    "assigned (`=`): use `+=`."
)


def forward(name, title, explanation, *edits, loses=("max_pool_forward",), formula=FORMULA_5, **more):
    """Return a mistake in the forward pass."""
    pairs = tuple(Edit("layer.py", old, new) for old, new in edits)
    return Misconception(name, title, ("max_pool_forward",), loses, explanation, pairs, formula, **more)


def backward(name, title, explanation, *edits, formula=FORMULA_7, **more):
    """Return a mistake in the backward pass."""
    pairs = tuple(Edit("layer.py", old, new) for old, new in edits)
    loses = ("max_pool_backward",)
    return Misconception(name, title, ("max_pool_backward",), loses, explanation, pairs, formula, **more)


MISCONCEPTIONS = [
    forward(
        "maximum_starts_at_zero",
        "maximum started at 0",
        "The maximum seems to start at 0, which is too much for a window of negative values: start it at the "
        "window's first value.",
        (CORNER, CORNER.replace("inputs[n, c, top, left]", "0.0")),
        common=True,
    ),
    forward(
        "pool_stride_ignored",
        "stride not used for the window's place",
        "The window seems to move by one pixel whatever the stride: it starts at row h * S and column w * S.",
        (CORNER, CORNER.replace("h * stride", "h").replace("w * stride", "w")),
        common=True,
    ),
    forward(
        "window_taken_as_stride",
        "window size used as the stride",
        "The window seems to move by its own size K instead of the stride S; the two are the same only in VGG16. "
        "Use S in the output size and for the window's place.",
        (
            "    def __init__(self, kernel_size=2, stride=2):\n        self.kernel_size = kernel_size\n"
            "        self.stride = stride",
            "    def __init__(self, kernel_size=2, stride=2):\n        self.kernel_size = kernel_size\n"
            "        self.stride = kernel_size",
        ),
        formula=FORMULA_6,
    ),
    forward(
        "window_step_is_window_size",
        "window moved by K inside the kernel",
        "The window seems to start at row h * K and column w * K: it is h * S and w * S, and S can differ from K.",
        (CORNER, CORNER.replace("h * stride", "h * kernel_size").replace("w * stride", "w * kernel_size")),
        reads_outside=True,
    ),
    forward(
        "mean_instead_of_maximum",
        "mean taken instead of the maximum",
        "The outputs are the means of the windows: this layer takes the maximum.",
        (
            LARGER,
            "if i + j == 0:\n                                    largest = value / kernel_size**2\n"
            "                                else:\n"
            "                                    largest += value / kernel_size**2\n"
            "                                if False:",
        ),
    ),
    forward(
        "minimum_instead_of_maximum",
        "minimum taken instead of the maximum",
        "The outputs are the smallest values of the windows: turn the comparison round.",
        (LARGER, "if value < largest:"),
    ),
    forward(
        "maximum_of_magnitudes",
        "largest magnitude taken instead of the largest value",
        "The outputs are the values of the largest magnitude: compare the values themselves, with their sign.",
        (LARGER, "if abs(value) > abs(largest):"),
    ),
    forward(
        "window_without_last_row_and_column",
        "last row and column of the window left out",
        "The last row and column of each window seem to be left out: range(K) already stops before K.",
        (
            """                        for i in range(kernel_size):
                            for j in range(kernel_size):
                                value =""",
            """                        for i in range(kernel_size - 1):
                            for j in range(kernel_size - 1):
                                value =""",
        ),
    ),
    forward(
        "pool_batch_index_fixed",
        "every sample pooled from sample 0",
        "Every sample seems to be pooled from the first one: index the input by the sample, inputs[n, ...].",
        ("value = inputs[n, c, top + i", "value = inputs[0, c, top + i"),
        ("largest = inputs[n, c,", "largest = inputs[0, c,"),
        common=True,
    ),
    forward(
        "last_maximum_wins",
        "last of equal maxima taken",
        "Where a window has its maximum more than once, the gradient must go to the first place, row by row. "
        "Compare with > instead of >=.",
        (LARGER, "if value >= largest:"),
        loses=("max_pool_backward",),
        formula=FORMULA_7,
        common=True,
    ),
    forward(
        "place_not_recorded",
        "place of the maximum not recorded",
        "The gradient always goes to the window's first pixel: record the place of the maximum in argidx each time "
        "a larger value is found.",
        ("place = i * kernel_size + j", "place = 0"),
        loses=("max_pool_backward",),
        formula=FORMULA_7,
    ),
    forward(
        "place_counted_by_columns",
        "place of the maximum counted column by column",
        "The place of the maximum is counted the other way round than it is read: it is i * K + j, row by row.",
        ("place = i * kernel_size + j", "place = j * kernel_size + i"),
        loses=("max_pool_backward",),
        formula=FORMULA_7,
        common=True,
    ),
    forward(
        "place_counts_updates",
        "place of the maximum overwritten by the last pixel",
        "The gradient always goes to the window's last pixel: set the place only where a larger value is found, "
        "inside the `if`.",
        (
            "                                    place = i * kernel_size + j",
            "                                    pass\n                                place = i * kernel_size + j",
        ),
        loses=("max_pool_backward",),
        formula=FORMULA_7,
    ),
    backward(
        "pool_backward_overwrites",
        "gradients of overlapping windows overwritten",
        OVERWRITES,
        (BACK_SUM, BACK_SUM.replace("+=", "=")),
        common=True,
    ),
    backward(
        "row_and_column_of_place_swapped",
        "row and column of the place exchanged",
        "Row and column of the maximum's place seem to be exchanged: the row is argidx // K, the column argidx % "
        "K.",
        (ROW, ROW.replace("//", "%")),
        (COLUMN, COLUMN.replace("%", "//")),
        common=True,
    ),
    backward(
        "pool_backward_stride_ignored",
        "stride not used in the backward pass",
        "The stride seems to be ignored in the backward pass: the window of output (h, w) starts at row h * S and "
        "column w * S.",
        (ROW, ROW.replace("h * stride", "h")),
        (COLUMN, COLUMN.replace("w * stride", "w")),
        common=True,
    ),
    backward(
        "gradient_to_the_whole_window",
        "gradient given to every pixel of the window",
        "Every pixel of a window seems to get its gradient: only the one that was the maximum does, all others get "
        "0.",
        (
            BACK_SUM,
            "for i in range(kernel_size):\n"
            "                            for j in range(kernel_size):\n"
            "                                in_grad[n, c, h * stride + i, w * stride + j] += out_grad[n, c, h, w]",
        ),
    ),
    backward(
        "gradient_shared_out",
        "gradient shared out evenly, as for average pooling",
        "The gradient seems to be shared out over the window, as for average pooling: here all of it goes to the "
        "maximum.",
        (
            BACK_SUM,
            "for i in range(kernel_size):\n"
            "                            for j in range(kernel_size):\n"
            "                                in_grad[n, c, h * stride + i, w * stride + j] += (\n"
            "                                    out_grad[n, c, h, w] / kernel_size**2\n"
            "                                )",
        ),
    ),
    backward(
        "argmax_instead_of_argidx",
        "attribute spelt self.argmax",
        "The places of the maxima are kept in `self.argidx`; the printed handout once calls it `self.argmax`, "
        "which does not exist.",
        ("self._pool_back(out_grad, in_grad, self.argidx", "self._pool_back(out_grad, in_grad, self.argmax"),
    ),
    Misconception(
        "pool_backward_overwrites_unrolled",
        "gradients of overlapping windows overwritten, window position by window position",
        ("max_pool_backward",),
        ("max_pool_backward",),
        OVERWRITES,
        (
            Edit("layer.py", "class MaxPoolLayer:", ROLL_LAST + "class MaxPoolLayer:"),
            Edit("layer.py", "return roll(d_patches", "return roll_last(d_patches"),
        ),
        FORMULA_7,
        form_of="pool_backward_overwrites",
        variant="im2col_gemm",
    ),
]
