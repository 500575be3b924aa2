"""What students type besides ``check``: start, watch, summary, a check's story, gradients, a picture's class."""
