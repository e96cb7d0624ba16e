"""Hash chain, random streams, clock, bus, logs, files, metrics, environment."""

import json
import os

import numpy as np
import pytest

from janus_trader.foundation import files
from janus_trader.foundation.bus import Bus
from janus_trader.foundation.clock import ManualClock, SystemClock
from janus_trader.foundation.environment import environment, environment_fingerprint
from janus_trader.foundation.files import overwrite, write_atomic
from janus_trader.foundation.hashing import HashChain, digest, file_digest
from janus_trader.foundation.logs import JsonLog
from janus_trader.foundation.metrics import Metrics
from janus_trader.foundation.rng import Rng


def test_changing_any_payload_changes_every_later_head():
    payloads = [b"a", b"b", b"c", b"d"]
    honest, forged = HashChain(), HashChain()
    heads = [honest.append(p) for p in payloads]
    forged_heads = [forged.append(p) for p in [b"a", b"B", b"c", b"d"]]
    assert heads[0] == forged_heads[0]
    assert all(x != y for x, y in zip(heads[1:], forged_heads[1:], strict=True))


def test_chain_resumes_from_its_head():
    whole, part = HashChain(), HashChain()
    for payload in (b"a", b"b"):
        whole.append(payload)
    part.append(b"a")
    assert HashChain(part.head, part.length).append(b"b") == whole.head


def test_file_digest_is_sha256(tmp_path):
    (tmp_path / "f").write_bytes(b"abc")
    assert file_digest(tmp_path / "f") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert digest({"a": 1}) == digest({"a": 1}) != digest({"a": 2})


def test_streams_are_independent_of_each_other_and_repeatable():
    root = Rng(3)
    a = root.child("a").generator().standard_normal(1000)
    b = root.child("b").generator().standard_normal(1000)
    assert np.array_equal(a, Rng(3).child("a").generator().standard_normal(1000))
    assert abs(np.corrcoef(a, b)[0, 1]) < 0.12
    assert not np.array_equal(a, root.child("a").generator(1).standard_normal(1000))
    assert not np.array_equal(a, Rng(4).child("a").generator().standard_normal(1000))


def test_clocks():
    clock = ManualClock(10)
    clock.advance_to(12)
    with pytest.raises(ValueError, match="go back"):
        clock.advance_to(11)
    assert SystemClock().now_ns() > 1_700_000_000 * 10**9


def test_bus_delivers_in_order_by_exact_type_and_stops_at_an_error():
    bus, seen = Bus(), []
    bus.subscribe(int, lambda x: seen.append(("first", x)))
    remove = bus.subscribe(int, lambda x: seen.append(("second", x)))
    bus.publish(1)
    bus.publish("ignored")
    remove()
    bus.publish(2)
    assert seen == [("first", 1), ("second", 1), ("first", 2)]
    bus.subscribe(float, lambda x: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        bus.publish(1.0)


def test_log_lines_are_json_and_survive_reopening(tmp_path):
    for number in range(2):
        log = JsonLog(tmp_path / "x.log", ManualClock(number))
        log.event("night", deep=True)
        log.close()
        log.close()
    lines = [json.loads(line) for line in (tmp_path / "x.log").read_text().splitlines()]
    assert [line["at"] for line in lines] == [0, 1]
    assert lines[0]["event"] == "night"


def test_a_failed_write_leaves_the_old_file_and_no_litter(tmp_path, monkeypatch):
    target = tmp_path / "x"
    write_atomic(target, b"old", durable=True)

    def full_disk(*args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(files.os, "replace", full_disk)
    with pytest.raises(OSError, match="No space"):
        write_atomic(target, b"new")
    assert target.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["x"]


def test_a_file_written_in_place_keeps_what_lies_beyond(tmp_path, monkeypatch):
    target, at_once = tmp_path / "x", os.writev
    overwrite(target, [b"abc", b"", b"defgh"])
    monkeypatch.setattr(
        files.os, "writev", lambda file, pieces: at_once(file, [pieces[0][:2]])
    )  # short writes
    overwrite(target, [b"ABCD", b"E"])
    assert target.read_bytes() == b"ABCDEfgh"


def test_an_unknown_metric_is_absent_not_zero():
    metrics = Metrics()
    metrics.gauge("equity", "now").set(5)
    metrics.histogram("step_seconds", "time", (0.1, 1)).observe(0.05)
    assert metrics.value("equity") == 5.0
    assert metrics.value("never_set") is None
    assert b"janus_equity 5.0" in metrics.exposition()
    assert metrics.gauge("equity", "now") is metrics.gauge("equity", "now")


def test_environment_fingerprint_is_stable_here():
    assert environment_fingerprint() == environment_fingerprint()
    assert environment()["packages"]["numba"] != "absent"
