import pytest

from janus_trader.contracts.errors import IntegrityError
from janus_trader.stores.frames import FrameWriter, read_frames


def write(path, payloads, offset=None):
    writer = FrameWriter(path, offset)
    for payload in payloads:
        writer.append(payload)
    end = writer.flush()
    writer.close()
    return end


def test_frames_come_back_in_order(tmp_path):
    payloads = [b"", b"a", b"b" * 100_000]
    write(tmp_path / "f", payloads)
    assert list(read_frames(tmp_path / "f")) == payloads


@pytest.mark.parametrize("cut", [1, 7, 9])
def test_a_torn_last_frame_is_left_out(tmp_path, cut):
    write(tmp_path / "f", [b"first", b"second"])
    raw = (tmp_path / "f").read_bytes()
    (tmp_path / "f").write_bytes(raw[:-cut])
    assert list(read_frames(tmp_path / "f")) == [b"first"]


def test_a_damaged_frame_in_the_middle_is_refused(tmp_path):
    write(tmp_path / "f", [b"first", b"second"])
    raw = bytearray((tmp_path / "f").read_bytes())
    raw[9] ^= 1
    (tmp_path / "f").write_bytes(raw)
    with pytest.raises(IntegrityError, match="frame 0"):
        list(read_frames(tmp_path / "f"))


def test_going_on_from_an_offset_drops_what_came_after(tmp_path):
    end = write(tmp_path / "f", [b"kept"])
    write(tmp_path / "f", [b"dropped"])
    write(tmp_path / "f", [b"new"], offset=end)
    assert list(read_frames(tmp_path / "f")) == [b"kept", b"new"]


def test_a_file_shorter_than_its_offset_is_refused(tmp_path):
    write(tmp_path / "f", [b"x"])
    with pytest.raises(IntegrityError, match="shorter"):
        FrameWriter(tmp_path / "f", 1000)


def test_frames_beyond_an_end_are_not_read(tmp_path):
    end = write(tmp_path / "f", [b"first", b"second"])
    write(tmp_path / "f", [b"third"])
    assert list(read_frames(tmp_path / "f", end)) == [b"first", b"second"]
    assert list(read_frames(tmp_path / "f", 0)) == []
