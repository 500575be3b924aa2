"""Messages in the reader's language, and the catalogues that they come from."""
