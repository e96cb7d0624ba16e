"""The works that are timed, one module an area; each has a tuple ``WORKS``."""
