"""Configuration base, clock, random streams, bus, codec, hashing, logging and metrics."""
