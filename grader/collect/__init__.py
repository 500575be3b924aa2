"""Takes in a submission: a folder or an archive, of which only the files that count are copied; nothing is run."""
