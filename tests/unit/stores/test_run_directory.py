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


def test_checkpoint_comes_back_and_a_changed_one_is_refused(tmp_path):
    run = RunDirectory(tmp_path / "a").create()
    assert run.load_checkpoint() is None
    run.save_checkpoint({"step": 5, "brain": b"abc"})
    assert run.load_checkpoint() == {"step": 5, "brain": b"abc"}
    raw = bytearray(run.checkpoint.read_bytes())
    raw[-3] ^= 1
    run.checkpoint.write_bytes(raw)
    with pytest.raises(IntegrityError):
        run.load_checkpoint()


def test_a_path_that_is_no_run_is_named(tmp_path):
    run = RunDirectory(tmp_path)
    with pytest.raises(DataError, match=r"manifest\.json"):
        run.read_json(run.manifest)
    run.manifest.write_text("{")
    with pytest.raises(IntegrityError):
        run.read_json(run.manifest)
