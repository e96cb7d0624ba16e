"""Shared by tests: small lives on the default book."""
