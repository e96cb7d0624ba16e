"""Pure compiled kernels: streaming and batch of the same source, no I/O, no clock, no randomness."""
