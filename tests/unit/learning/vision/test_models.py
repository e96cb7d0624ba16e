"""Torch, compiled and ONNX forms of one model say the same; streaming says it bar by bar."""

import numpy as np
import pytest
import torch

from janus_trader.contracts.errors import ConfigError, DataError, IntegrityError
from janus_trader.learning.vision import CompiledVision, StreamingVision, VisionConfig, initial_parameters
from janus_trader.learning.vision.architecture import checked, shapes
from janus_trader.learning.vision.onnx_path import OnnxVision, export_onnx
from janus_trader.learning.vision.pipeline import VisionPipeline, build_model
from janus_trader.learning.vision.training import trained_model

KINDS = ("diffgaf_lstm", "vivit")
SMALL = VisionConfig(window=10, size=8, stride=3, frames=4, dim=12, heads=3, channels=6, hidden=8)
CONFIGS = {
    "plain": SMALL,
    "tubelets": SMALL.replace(tubelet=2, spatial_layers=1, temporal_layers=2),
    "learned": SMALL.replace(normalisation="learned"),
    "one_frame": SMALL.replace(frames=1, stride=1),
}
#: The learned form meets sqrt(1 - x²) near x = ±1 in float32.
TOLERANCE = {"plain": 1e-5, "tubelets": 1e-5, "learned": 2e-4, "one_frame": 1e-5}


def parameters(config, kind, seed=0):
    """Start values with every number moved, the head above all."""
    rng = np.random.default_rng(seed)
    p = {k: v + 0.1 * rng.standard_normal(v.shape) for k, v in initial_parameters(config, kind, rng).items()}
    p["head.weight"] = 0.2 * rng.standard_normal(p["head.weight"].shape)
    if "image.normalisation.variance" in p:
        p["image.normalisation.variance"] = np.array([4e-4])
        p["image.normalisation.mean"] = np.array([0.001])
    return {k: v.astype(np.float32) for k, v in p.items()}


def paths(config, count, seed=1):
    walk = np.cumsum(0.01 * np.random.default_rng(seed).standard_normal((count, config.span)), axis=1)
    return 4.6 + walk


def assert_same(a, b, tolerance):
    for name in ("direction", "mean", "deviation", "embedding"):
        x, y = np.asarray(getattr(a, name)), getattr(b, name)
        y = y.detach().numpy() if hasattr(y, "detach") else y
        np.testing.assert_allclose(x, y, atol=tolerance, err_msg=name)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", CONFIGS)
def test_compiled_equals_torch(kind, name):
    config = CONFIGS[name]
    p, x = parameters(config, kind), paths(config, 5)
    x[4] = 4.6  # a flat path
    ours = CompiledVision(config, kind, p).infer(x)
    model = trained_model(kind, config, p)
    assert_same(ours, model(torch.from_numpy(x)), TOLERANCE[name])
    assert_same(ours, model.double()(torch.from_numpy(x)), TOLERANCE[name])
    assert np.ptp(ours.direction) > 1e-2  # the paths are told apart


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", ["plain", "tubelets", "learned"])
def test_onnx_equals_torch(kind, name):
    config = CONFIGS[name]
    p, x = parameters(config, kind), paths(config, 3)
    onnx, model = OnnxVision(kind, config, p), trained_model(kind, config, p)
    full = onnx.infer(x)
    assert_same(full, model(torch.from_numpy(x)), TOLERANCE[name])
    near = torch.from_numpy(x)
    encodings = model.encodings(near)
    step, cached = onnx.step(x[:, -config.unit :], encodings[:, :-1].detach().numpy())
    assert_same(step, model(near), TOLERANCE[name])
    np.testing.assert_allclose(cached, encodings.detach().numpy(), atol=TOLERANCE[name])
    assert not onnx.infer(np.full_like(x, np.nan)).ready.any()
    assert isinstance(export_onnx(kind, config, p), bytes)
    with pytest.raises(ConfigError):
        export_onnx(kind, config, p, "head")  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", ["plain", "tubelets"])
def test_streaming_equals_full_inference_on_every_bar(kind, name):
    config = CONFIGS[name]
    p, n, bars = parameters(config, kind), 3, 3 * config.span
    rng = np.random.default_rng(5)
    values = 4.6 + np.cumsum(0.01 * rng.standard_normal((bars, n)), axis=0)
    present = rng.random((bars, n)) > 0.1
    values[20, 1] = np.nan
    eye, own = StreamingVision(config, kind, p, n), [[] for _ in range(n)]
    full = CompiledVision(config, kind, p)
    for t in range(bars):
        if t == 2 * config.span:  # after the ring wrapped: put a snapshot into a fresh one
            fresh = StreamingVision(config, kind, p, n)
            fresh.restore(eye.snapshot())
            eye = fresh
        seen = eye.update(values[t], present[t])
        for i in range(n):
            if present[t, i] and np.isfinite(values[t, i]):
                own[i].append(values[t, i])
            assert seen.ready[i] == (len(own[i]) >= config.span)
            if seen.ready[i]:
                whole = full.infer(np.array([own[i][-config.span :]]))
                assert abs(seen.direction[i] - whole.direction[0]) <= 1e-6
                assert np.abs(seen.embedding[i] - whole.embedding[0]).max() <= 1e-6
            else:
                assert seen.direction[i] == 0.0
    assert eye.ready
    eye.reset()
    assert not eye.ready


@pytest.mark.parametrize("kind", KINDS)
def test_new_parameters_are_as_if_they_had_looked_all_the_time(kind):
    values = paths(SMALL, 1)[0][:, None]
    values = np.concatenate([values, values[::-1] + 0.01])
    old, new = parameters(SMALL, kind, 0), parameters(SMALL, kind, 9)
    changed, always = StreamingVision(SMALL, kind, old, 1), StreamingVision(SMALL, kind, new, 1)
    for k, value in enumerate(values):
        if k == len(values) - 5:
            changed.adopt(new)
        a, b = changed.update(value), always.update(value)
    assert changed.snapshot() == always.snapshot()
    assert a.embedding.tobytes() == b.embedding.tobytes()


@pytest.mark.parametrize("kind", KINDS)
def test_instruments_do_not_touch_each_other(kind):
    p = parameters(SMALL, kind)
    x = paths(SMALL, 3)
    alone, together = StreamingVision(SMALL, kind, p, 1), StreamingVision(SMALL, kind, p, 3)
    for column in x.T:
        a, b = alone.update(column[1:2]), together.update(column)
    assert a.embedding[0].tobytes() == b.embedding[1].tobytes()


@pytest.mark.parametrize("kind", KINDS)
def test_an_untrained_model_expects_nothing(kind):
    model = CompiledVision(SMALL, kind, initial_parameters(SMALL, kind, np.random.default_rng(3)))
    seen = model.infer(paths(SMALL, 4))
    assert seen.direction.tolist() == [0.0] * 4
    assert seen.deviation.tolist() == [1.0] * 4
    assert np.ptp(seen.embedding) > 0


@pytest.mark.parametrize("kind", KINDS)
def test_pipeline_chains_series_to_projection_with_gradient(kind):
    pipeline = VisionPipeline(kind, SMALL, projection=5, seed=4)
    pipeline.model.adopt(parameters(SMALL, kind))
    series = torch.from_numpy(paths(SMALL, 2)).float()
    longer = torch.cat((series[:, :1].expand(2, 7) + 0.5, series), dim=1).requires_grad_()
    look = pipeline(longer, intermediates=True)
    np.testing.assert_array_equal(
        look.seen.direction.detach(), pipeline.model(series).direction.detach()
    )  # frames are cut from the end
    c = SMALL
    assert {k: tuple(v.shape) for k, v in look.intermediates.items()} == {
        "windows": (2, c.frames, c.window),
        "averages": (2, c.frames, c.size),
        "fields": (2, c.frames, 2, c.size, c.size),
        "patches": (2, c.tokens, c.patches, 2 * c.patch**2),
        "encodings": (2, c.tokens, c.dim),
    }
    assert look.projection.shape == (2, 5)
    look.projection.sum().backward()
    assert torch.isfinite(longer.grad).all()
    assert longer.grad[:, 7:].abs().max() > 0
    assert longer.grad[:, :7].abs().max() == 0
    assert pipeline.videos(longer[0]).shape == (8, c.span)
    assert pipeline(series).projection is not None
    assert VisionPipeline(kind, SMALL)(series).projection is None
    with pytest.raises(DataError):
        pipeline(series[:, 1:])


def test_building_a_model_leaves_global_randomness_alone():
    torch.manual_seed(0)
    before = torch.get_rng_state()
    build_model("vivit", SMALL, seed=1)
    VisionPipeline("diffgaf_lstm", SMALL, projection=2)
    assert torch.equal(before, torch.get_rng_state())


def test_what_does_not_fit_is_refused():
    for changes in ({"size": 16}, {"patch": 3}, {"heads": 5}, {"tubelet": 3}):
        with pytest.raises(ConfigError):
            checked(SMALL.replace(**changes))
    p = parameters(SMALL, "vivit")
    with pytest.raises(IntegrityError, match="another"):
        CompiledVision(SMALL, "diffgaf_lstm", p)
    with pytest.raises(IntegrityError, match="not numbers"):
        CompiledVision(SMALL, "vivit", {**p, "embed.bias": np.full(12, np.nan)})
    model = CompiledVision(SMALL, "vivit", p)
    with pytest.raises(DataError):
        model.infer(np.zeros((1, 5)))
    assert not model.infer(np.full((1, SMALL.span), np.nan)).ready[0]
    with pytest.raises(ConfigError):
        StreamingVision(SMALL, "vivit", p, 0)
    eye = StreamingVision(SMALL, "vivit", p, 2)
    with pytest.raises(DataError):
        eye.update(np.zeros(3))
    with pytest.raises(DataError):
        eye.follow(np.zeros((2, 3)), np.zeros(2, np.int64))
    with pytest.raises(IntegrityError):
        StreamingVision(SMALL, "vivit", p, 1).restore(eye.snapshot())


@pytest.mark.parametrize("kind", KINDS)
def test_the_tree_names_what_torch_has(kind):
    for config in CONFIGS.values():
        state = build_model(kind, config).state_dict()
        assert {k: tuple(v.shape) for k, v in state.items()} == shapes(config, kind)
