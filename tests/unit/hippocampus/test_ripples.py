from janus_trader.brain.hippocampus import RippleConfig, RippleDetector, RippleType

SECOND = 10**9


def test_eleven_kinds_in_order_of_weight():
    weights = [getattr(RippleConfig().weights, kind.value) for kind in RippleType]
    assert len(weights) == 11
    assert weights == sorted(weights, reverse=True)


def test_strength_grows_with_the_excess_over_the_threshold():
    detector = RippleDetector(RippleConfig())
    strengths = [detector.strength(RippleType.LARGE_LOSS, r) for r in (1.0, 1.5, 2.0, 3.0)]
    assert strengths == [1.0, 1.5, 2.0, 3.0]


def test_the_strongest_wins_and_below_threshold_or_nan_is_nothing():
    detector = RippleDetector(RippleConfig())
    assert detector.detect(0, 1, {RippleType.LARGE_LOSS: 0.99, RippleType.NOVEL_PATTERN: float("nan")}) == (
        None,
        0.0,
    )
    kind, strength = detector.detect(0, 1, {RippleType.LARGE_LOSS: 1.0, RippleType.VOLATILITY_SPIKE: 4.0})
    assert (kind, strength) == (RippleType.VOLATILITY_SPIKE, 0.55 * 3)


def test_a_kind_is_not_raised_twice_within_a_minute():
    detector = RippleDetector(RippleConfig())
    loss = {RippleType.LARGE_LOSS: 1.0}
    assert detector.detect(0, 1, loss)[0] is RippleType.LARGE_LOSS
    assert detector.detect(59 * SECOND, 2, loss)[0] is None
    assert detector.detect(60 * SECOND, 3, loss)[0] is RippleType.LARGE_LOSS


def test_periodic_needs_its_time_and_its_bars():
    detector = RippleDetector(RippleConfig(periodic_bars=10))
    hour = 3600 * SECOND
    daily = [detector.detect(step * 24 * hour, step, {})[0] for step in range(1, 31)]
    assert daily.count(RippleType.PERIODIC) == 3
    minute = RippleDetector(RippleConfig(periodic_bars=10))
    kinds = [minute.detect(step * 60 * SECOND, step, {})[0] for step in range(1, 121)]
    assert kinds.count(RippleType.PERIODIC) == 2
