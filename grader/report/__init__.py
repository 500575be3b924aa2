"""Reports: views of the result document."""
