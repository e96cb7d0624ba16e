"""What is timed: a work of ours, and peers that do the same work.

Works live in ``research.bench.works``, a tuple ``WORKS`` in each module. Peers live outside the package,
in the folder ``benchmarks/peers``, a tuple ``PEERS`` in each file, because the product never imports
them; a file there imports a peer only inside ``prepare``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Case:
    """A work made ready: inputs drawn, kernels compiled.

    Attributes
    ----------
    ours : callable without arguments
        One repetition; what it returns is compared with the peer's.
    items : int
        Times are divided by it: ticks, bars, iterations or calls in one repetition.
    inputs : mapping
        What a peer needs to do the same work.
    limit : callable without arguments, optional
        What no implementation can beat on this machine (filling the same memory, a bare loop over the
        same arithmetic); it handles as many items as ``ours``.
    """

    ours: Callable[[], Any]
    items: int
    inputs: Mapping[str, Any] = field(default_factory=dict)
    limit: Callable[[], Any] | None = None


@dataclass(frozen=True)
class Work:
    """One line of the table.

    Attributes
    ----------
    name : str
        Unique, ``area.work`` or ``area.work.size``.
    title : str
        What is done, with sizes and settings, for a reader.
    unit : str
        What one item is: "tick", "bar", "iteration", "solve".
    prepare : callable
        Builds the `Case`; may take seconds.
    goal_ratio : float, optional
        How many times faster than the toughest peer we aim to be.
    goal_ns : float, optional
        Nanoseconds an item that we aim for.
    growth : callable, optional
        ``growth(n)`` builds the case of size ``n``; with ``sizes`` it shows how cost grows.
    """

    name: str
    title: str
    unit: str
    prepare: Callable[[], Case]
    goal_ratio: float | None = None
    goal_ns: float | None = None
    growth: Callable[[int], Case] | None = None
    sizes: tuple[int, ...] = ()


@dataclass(frozen=True)
class Peer:
    """The same work by another library.

    Attributes
    ----------
    work : str
        Name of the `Work`.
    name, package : str
        Name to print; distribution whose version is printed.
    prepare : callable
        ``prepare(case.inputs)`` imports the peer and returns one repetition. Raises ImportError where
        the peer is not installed.
    agreement : callable
        ``agreement(ours, theirs)`` on the results of one repetition: the largest difference, as a float.
    items : int, optional
        Items in one repetition of the peer, where it does fewer of them; default: those of the case.
    settings : str
        What a reader must know of the peer's settings, or where its work is not the same.
    """

    work: str
    name: str
    package: str
    prepare: Callable[[Mapping[str, Any]], Callable[[], Any]]
    agreement: Callable[[Any, Any], float] | None = None
    items: int | None = None
    settings: str = ""
