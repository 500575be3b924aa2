"""Optional: sizes, parameters, operations and receptive fields by formula. Section 10 of the README."""


def output_size(size, kernel_size, stride=1, padding=0):
    """Return the number of places along one axis, formula (2)."""
    ### BEGIN SOLUTION output_size: set places by formula (2)
    places = (size + 2 * padding - kernel_size) // stride + 1
    ### END SOLUTION
    return places


def conv_counts(in_channels, out_channels, kernel_size, rows, columns, stride=1, padding=0):
    """Return parameters and operations of a convolution with a bias on rows x columns, formulas (14) and (15)."""
    ### BEGIN SOLUTION conv_counts: set parameters and operations by formulas (14) and (15)
    parameters = out_channels * in_channels * kernel_size**2 + out_channels
    places = output_size(rows, kernel_size, stride, padding) * output_size(columns, kernel_size, stride, padding)
    operations = places * (out_channels * in_channels * kernel_size**2 + out_channels)
    ### END SOLUTION
    return parameters, operations


def receptive_field(layers):
    """Return how many rows of the input one output sees, for layers [(kernel_size, stride), ...] in their order."""
    ### BEGIN SOLUTION receptive_field: set field by formula (16)
    field, jump = 1, 1
    for kernel_size, stride in layers:
        field += (kernel_size - 1) * jump
        jump *= stride
    ### END SOLUTION
    return field
