"""Sources: the packaged default book and users' files."""
