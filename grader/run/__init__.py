"""Opens a submission in its box and runs checks in it, on the grader's clock."""
