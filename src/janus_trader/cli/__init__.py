"""The ``janus`` command."""
