"""Journals and run directories: the only place below `trader` that touches the disk."""
