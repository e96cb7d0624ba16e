"""The hash chain that makes a journal tamper-evident, and content hashes."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from janus_trader.foundation.codec import encode

GENESIS = "0" * 64


def digest(value: Any) -> str:
    """SHA-256 in hex of the canonical bytes of a value."""
    return hashlib.sha256(encode(value)).hexdigest()


def file_digest(path: Path | str) -> str:
    """SHA-256 in hex of a file's bytes."""
    with open(path, "rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


class HashChain:
    """``head = sha256(head || payload)``: changing any past payload changes every later head.

    >>> a, b = HashChain(), HashChain()
    >>> a.append(b"x") == b.append(b"x"), a.append(b"y") == b.append(b"z")
    (True, False)
    """

    def __init__(self, head: str = GENESIS, length: int = 0) -> None:
        self.head = head
        self.length = length

    def append(self, payload: bytes) -> str:
        """Chain one payload and return the new head."""
        self.head = hashlib.sha256(bytes.fromhex(self.head) + payload).hexdigest()
        self.length += 1
        return self.head
