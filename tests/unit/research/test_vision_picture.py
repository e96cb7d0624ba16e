"""The picture of what a vision model is shown."""

import json
import struct
import zlib

import numpy as np
import pytest

from janus_trader.cli.vision_command import study_vision_command
from janus_trader.contracts.errors import DataError
from janus_trader.learning.vision import VisionConfig
from janus_trader.numerics.gramian_video import gramian_video
from janus_trader.research.vision_picture import video_of, video_png, vision_figure
from janus_trader.runs.history import HistoryRequest, load_history


@pytest.fixture(scope="module")
def panel():
    return load_history(HistoryRequest(symbols=("AAPL",), end="2017-12-31", warmup_bars=0)).panel


def test_the_video_is_that_of_the_last_closes(panel):
    config = VisionConfig()
    days, path, video = video_of(panel, "AAPL", config)
    assert len(days) == len(path) == config.span
    assert days[-1] == "2017-12-29"
    np.testing.assert_allclose(np.exp(path), panel.bars["close"][-config.span :, 0])
    np.testing.assert_array_equal(video, gramian_video(path, config.window, config.stride, config.size))
    figure = vision_figure("AAPL", days, path, config)
    drawn = [t for t in figure.data if t.type == "heatmap"]
    assert len(drawn) == 2 * config.frames
    np.testing.assert_array_equal(drawn[-1].z, video[-1, 1])
    with pytest.raises(DataError, match="no symbol"):
        video_of(panel, "NOPE", config)
    with pytest.raises(DataError, match="too few bars"):
        video_of(panel, "AAPL", VisionConfig(window=1024, frames=64, stride=256))


def test_the_png_holds_the_colours_of_the_fields():
    video = np.zeros((1, 2, 2, 2))
    video[0, 0] = [[-1.0, 0.0], [1.0, 0.5]]
    raw = video_png(video, scale=1, gap=0)
    width, height = struct.unpack(">II", raw[16:24])
    assert (width, height) == (2, 4)
    at = raw.index(b"IDAT")
    size = struct.unpack(">I", raw[at - 4 : at])[0]
    rows = np.frombuffer(zlib.decompress(raw[at + 4 : at + 4 + size]), np.uint8).reshape(4, 7)[:, 1:]
    assert rows[0].tolist() == [178, 24, 43, 247, 247, 247]
    assert rows[1, :3].tolist() == [33, 102, 172]
    assert rows[1, 3:].tolist() == [140, 174, 210]


def test_the_command_writes_what_it_says(tmp_path, capsys):
    html, png = tmp_path / "v.html", tmp_path / "v.png"
    study_vision_command("KO", html=str(html), png=str(png), as_json=True)
    said = json.loads(capsys.readouterr().out)
    assert (said["symbol"], said["frames"], said["to"]) == ("KO", 8, "2017-12-29")
    assert "Plotly" in html.read_text()
    assert png.read_bytes().startswith(b"\x89PNG")
    study_vision_command("KO")
    assert "8 frames of 32 bars" in capsys.readouterr().out
