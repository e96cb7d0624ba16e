"""What this machine and environment are: the fingerprint beside which a run is reproducible."""

from __future__ import annotations

import hashlib
import os
import platform
import sys
from importlib import metadata
from typing import Any

import msgspec

_PACKAGES = (
    "janus-trader",
    "numpy",
    "numba",
    "llvmlite",
    "nautilus_trader",
    "scipy",
    "msgspec",
    "pandas",
    "skfolio",
    "arch",
)


def _cpu_flags() -> str:
    try:
        with open("/proc/cpuinfo", encoding="ascii", errors="replace") as handle:
            for line in handle:
                if line.startswith(("flags", "Features")):
                    return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor()


def processor_name() -> str:
    """The processor's name as its maker writes it, and the number of cores at hand."""
    name = platform.processor() or platform.machine()
    try:
        with open("/proc/cpuinfo", encoding="ascii", errors="replace") as handle:
            named = [line.partition(":")[2].strip() for line in handle if line.startswith("model name")]
    except OSError:
        named = []
    return f"{named[0] if named else name}, {os.cpu_count()} cores"


def environment() -> dict[str, Any]:
    """Python, operating system, CPU class and the versions that can change a number."""
    versions = {}
    for name in _PACKAGES:
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            versions[name] = "absent"
    return {
        "python": platform.python_version(),
        "implementation": sys.implementation.name,
        "machine": platform.machine(),
        "system": platform.system(),
        "libc": "-".join(platform.libc_ver()),
        "cpu": hashlib.sha256(_cpu_flags().encode()).hexdigest()[:16],
        "packages": versions,
    }


def environment_fingerprint() -> str:
    """SHA-256 of `environment`, in hex."""
    return hashlib.sha256(msgspec.json.encode(environment(), order="deterministic")).hexdigest()
