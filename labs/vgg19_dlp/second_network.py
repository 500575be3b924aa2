"""A network whose sizes all differ: in it, an argument in another's place shows. An exercise without points."""


def build(net, quants):
    """Create the eight layers of section 9 of the README on a fresh `pycnml.CnmlNet`, with three `quants`."""
    # TODO(second_network): create the eight layers of the table
    raise NotImplementedError("TODO second_network: create the eight layers of the table")
