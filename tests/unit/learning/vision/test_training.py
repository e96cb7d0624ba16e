"""Both models learn what a picture shows, and nothing where it shows nothing."""

import numpy as np
import pytest

from janus_trader.learning.vision import CompiledVision, FitConfig, VisionConfig, initial_parameters
from janus_trader.learning.vision.training import fit

CONFIG = VisionConfig(window=16, size=16, frames=3, stride=8, spatial_layers=1)


def videos(seed, count, *, planted):
    """Random walks; where planted, the newest frame holds a V before a rise and an inverted V before a fall."""
    rng = np.random.default_rng(seed)
    paths = 4.6 + np.cumsum(0.01 * rng.standard_normal((count, CONFIG.span)), axis=1)
    side = rng.choice([-1.0, 1.0], count)
    if planted:
        paths[:, -16:] += 0.06 * side[:, None] * np.abs(np.linspace(-1, 1, 16))
    return paths, side


def learned(kind, planted, count=768, epochs=4):
    paths, side = videos(1, count, planted=planted)
    start = initial_parameters(CONFIG, kind, np.random.default_rng(0))
    wish = FitConfig(epochs=epochs, batch_size=48, learning_rate=3e-3)
    parameters, report = fit(kind, CONFIG, start, paths, side, fitting=wish, seed=2)
    unseen, truth = videos(7, 1000, planted=planted)
    seen = CompiledVision(CONFIG, kind, parameters).infer(unseen)
    return parameters, report, float((np.sign(seen.direction) == truth).mean()), seen, truth


@pytest.mark.parametrize("kind", ["diffgaf_lstm", "vivit"])
def test_a_planted_picture_is_learned(kind):
    _, report, accuracy, seen, truth = learned(kind, planted=True)
    assert report.epochs[-1].train_loss < report.epochs[0].train_loss
    assert accuracy > 0.8
    assert np.corrcoef(seen.direction, truth)[0, 1] > 0.6


@pytest.mark.parametrize("kind", ["diffgaf_lstm", "vivit"])
def test_noise_teaches_nothing(kind):
    _, _, accuracy, seen, truth = learned(kind, planted=False, count=384, epochs=2)
    assert abs(accuracy - 0.5) < 4 * 0.5 / np.sqrt(1000)
    assert ((truth - seen.mean) ** 2).mean() > 0.98


def test_same_seed_same_parameters_and_weights_count():
    first, *_ = learned("diffgaf_lstm", planted=True, count=96, epochs=1)
    again, *_ = learned("diffgaf_lstm", planted=True, count=96, epochs=1)
    assert all(first[k].tobytes() == again[k].tobytes() for k in first)
    paths, side = videos(1, 96, planted=False)
    start = initial_parameters(CONFIG, "diffgaf_lstm", np.random.default_rng(0))
    # samples without weight pull in no direction
    weight = (side > 0).astype(float)
    wish = FitConfig(epochs=8, batch_size=48, learning_rate=3e-3, weight_decay=0.0)
    parameters, _ = fit("diffgaf_lstm", CONFIG, start, paths, side, weight, fitting=wish)
    assert (CompiledVision(CONFIG, "diffgaf_lstm", parameters).infer(paths).direction > 0).mean() > 0.95
