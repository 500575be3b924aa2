"""What is typed after ``python -m grader``: each command parses its options and calls one function."""
