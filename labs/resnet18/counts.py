"""Optional: sizes, parameters, operations and receptive fields by formula. Section 10 of the README."""


def output_size(size, kernel_size, stride=1, padding=0):
    """Return the number of places along one axis, formula (2)."""
    # TODO(output_size): set places by formula (2)
    raise NotImplementedError("TODO output_size: set places by formula (2)")
    return places


def conv_counts(in_channels, out_channels, kernel_size, rows, columns, stride=1, padding=0):
    """Return parameters and operations of a convolution with a bias on rows x columns, formulas (14) and (15)."""
    # TODO(conv_counts): set parameters and operations by formulas (14) and (15)
    raise NotImplementedError("TODO conv_counts: set parameters and operations by formulas (14) and (15)")
    return parameters, operations


def receptive_field(layers):
    """Return how many rows of the input one output sees, for layers [(kernel_size, stride), ...] in their order."""
    # TODO(receptive_field): set field by formula (16)
    raise NotImplementedError("TODO receptive_field: set field by formula (16)")
    return field
