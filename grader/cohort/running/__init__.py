"""Grading many: keys, the journal, slots, back ends, and the scheduler that drives them."""
