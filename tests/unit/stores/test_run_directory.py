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
    run.save_checkpoint(1, {"step": 5, "brain": b"abc" * 100})
    run.save_checkpoint(2, {"step": 9, "brain": b"xyz" * 100})
    run.save_checkpoint(3, {"step": 12, "brain": b"a"})
    assert run.load_checkpoint() == {"step": 12, "brain": b"a"}
    path = run.checkpoints[1]
    raw = bytearray(path.read_bytes())
    raw[60] ^= 1
    path.write_bytes(raw)
    assert run.load_checkpoint()["step"] == 9
    run.checkpoints[0].write_bytes(b"torn")
    with pytest.raises(IntegrityError, match="no checkpoint"):
        run.load_checkpoint()


def test_a_path_that_is_no_run_is_named(tmp_path):
    run = RunDirectory(tmp_path)
    with pytest.raises(DataError, match=r"manifest\.json"):
        run.read_json(run.manifest)
    run.manifest.write_text("{")
    with pytest.raises(IntegrityError):
        run.read_json(run.manifest)
