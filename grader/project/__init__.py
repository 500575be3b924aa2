"""What lies on the disk: labs and their contracts, fixtures, solutions."""
