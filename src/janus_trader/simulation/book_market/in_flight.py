"""Messages on their way: a heap ordered by arrival, then by the order in which they were sent."""

from __future__ import annotations

import math

from janus_trader.simulation.book_market.state import ROW, SEQUENCE, TIME, inlined


@inlined
def earlier(heap, time, row, at):
    """Whether (time, row) comes before the entry at a place of the heap."""
    other = heap[at, TIME]
    return time < other or (time == other and heap[row, SEQUENCE] < heap[heap[at, ROW], SEQUENCE])


@inlined
def push(head, heap, time, account, what, side, slot, price, quantity):
    """Add an entry; False where there is no room, which is counted. O(log n)."""
    at = head.in_flight
    if at >= heap.shape[0]:
        head.overdue += 1
        return False
    row = heap[at, ROW]
    r = heap[row]
    r[2], r[3], r[4], r[5], r[6], r[7], r[8] = head.sequence, account, what, side, slot, price, quantity
    head.sequence += 1
    head.in_flight += 1
    while at > 0:
        above = (at - 1) >> 1
        if not earlier(heap, time, row, above):
            break
        heap[at, TIME], heap[at, ROW] = heap[above, TIME], heap[above, ROW]
        at = above
    heap[at, TIME], heap[at, ROW] = time, row
    return True


@inlined
def pop(head, heap):
    """Remove the earliest entry; the row with what arrives stays readable until the next `push`. O(log n)."""
    last = head.in_flight - 1
    head.in_flight = last
    found = heap[0, ROW]
    time, row = heap[last, TIME], heap[last, ROW]
    heap[last, ROW] = found
    at, below = 0, 1
    while below < last:
        if below + 1 < last and earlier(heap, heap[below + 1, TIME], heap[below + 1, ROW], below):
            below += 1
        if earlier(heap, time, row, below):
            break
        heap[at, TIME], heap[at, ROW] = heap[below, TIME], heap[below, ROW]
        at, below = below, 2 * below + 1
    if last > 0:
        heap[at, TIME], heap[at, ROW] = time, row
    return found


@inlined
def send(head, agents, heap, uniforms, account, what, side, slot, price, quantity):
    """Send a request: it arrives after the account's latency, never before what it sent earlier.

    The latency is ``latency_ns`` plus an exponential time of mean ``jitter_ns``; at most one uniform.
    """
    a = agents[account]
    arrival = head.time + a.latency_ns
    if a.jitter_ns > 0:
        arrival += int(-math.log(1.0 - uniforms[head.cursor]) * a.jitter_ns)
        head.cursor += 1
    arrival = max(arrival, a.last_arrival)
    sent = push(head, heap, arrival, account, what, side, slot, price, quantity)
    if sent:
        a.last_arrival = arrival
    return sent
