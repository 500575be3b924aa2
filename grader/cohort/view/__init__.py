"""What an instructor looks at: a class as figures and pages, an appeal, a regrade, and works beside each other."""
