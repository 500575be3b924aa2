"""Taking submissions in: what an export holds, whose it is, and the copy that is kept."""
