import pytest

from janus_trader.contracts.errors import DataError, IntegrityError
from janus_trader.stores.run_directory import RunDirectory, list_runs


def test_a_directory_that_holds_a_run_is_not_taken_again(tmp_path):
    run = RunDirectory(tmp_path / "a").create()
    run.write_json(run.manifest, {"x": 1})
    with pytest.raises(DataError, match="--resume"):
        RunDirectory(tmp_path / "a").create()
    assert not run.finished
    assert [r.run_id for r in list_runs(tmp_path)] == ["a"]
    assert list_runs(tmp_path / "absent") == []


def test_the_newest_whole_checkpoint_is_taken(tmp_path):
    run = RunDirectory(tmp_path / "a").create()
    assert run.load_checkpoint() is None
    run.save_checkpoint(1, {"step": 5}, {"brain": b"abc" * 100, "sleep": b"x"})
    run.save_checkpoint(2, {"step": 9}, {"brain": b"xyz" * 100, "sleep": b"x"})
    run.save_checkpoint(3, {"step": 12}, {"brain": b"a", "sleep": b""})
    assert run.load_checkpoint() == (3, {"step": 12}, {"brain": b"a", "sleep": b""})
    path = run.checkpoints[1]
    raw = bytearray(path.read_bytes())
    raw[10] ^= 1
    path.write_bytes(raw)
    assert run.load_checkpoint().state["step"] == 9
    run.checkpoints[0].write_bytes(b"torn")
    with pytest.raises(IntegrityError, match="no checkpoint"):
        run.load_checkpoint()


def test_a_write_torn_anywhere_leaves_the_checkpoint_before(tmp_path):
    run = RunDirectory(tmp_path)
    written = []
    for number in (1, 2, 3):
        grown = bytes([number]) * (40 + number)
        run.save_checkpoint(number, {"step": number}, {"same": b"s" * 30, "grown": grown, "none": b""})
        written.append(run.checkpoints[number % 2].read_bytes())
    old, new = written[0], written[2]
    assert RunDirectory(tmp_path).load_checkpoint().parts["grown"] == b"\3" * 43
    for at in range(len(new)):
        run.checkpoints[1].write_bytes(new[:at] + old[at:])  # both begin alike, so that at 0 it is night 1
        assert run.load_checkpoint().number == 2
        run.checkpoints[1].write_bytes(new[:at])
        assert run.load_checkpoint().number == 2


def test_a_path_that_is_no_run_is_named(tmp_path):
    run = RunDirectory(tmp_path)
    with pytest.raises(DataError, match=r"manifest\.json"):
        run.read_json(run.manifest)
    run.manifest.write_text("{")
    with pytest.raises(IntegrityError):
        run.read_json(run.manifest)
