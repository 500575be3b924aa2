"""What leaves a class: the teacher's own sheets filled, feedback, and with each a list of what was not written."""
