"""Benchmarks: our side of every work, interleaved with the peers that are installed."""
