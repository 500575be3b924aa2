"""``grader run``: a submission's network on a picture, or a lab's whole experiment."""
