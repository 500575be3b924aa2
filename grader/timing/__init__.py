"""Decides how fast a submission is, as a ratio to a trusted baseline."""
