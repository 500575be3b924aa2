"""What the emulator raises where the library prints a message and ends the process."""


class CnmlError(RuntimeError):
    """A call that the network is not ready for; the message is the library's own."""
