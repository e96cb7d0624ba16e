"""Configuration of the detectors."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from janus_trader.foundation.config import Config, Positive


class DetectorConfig(Config, frozen=True):
    """Rates, floors, calibration and memory of the detectors."""

    false_positive_rate: Annotated[
        float,
        Meta(gt=0, lt=0.5, description="per bar: fused anomaly of LOW or worse; gated signals together"),
    ] = 0.01
    severity_share: Annotated[
        float, Meta(gt=0, lt=1, description="rate of each severity over that of the one below it")
    ] = 0.2
    history: Annotated[int, Meta(ge=252, le=50000, description="past bars the rates are calibrated on")] = (
        2520
    )
    min_history: Annotated[int, Meta(ge=100, description="bars before floors give way to calibration")] = 252
    trees: Annotated[int, Meta(ge=1, le=500, description="isolation forest")] = 25
    tree_rows: Annotated[int, Meta(ge=8, le=256, description="bars drawn for each tree")] = 64
    window: Annotated[int, Meta(ge=50, le=20000, description="past values a p-value is taken over")] = 1008
    rank_window: Annotated[
        int, Meta(ge=50, le=20000, description="past losses a percentile is taken among")
    ] = 252
    ceiling: Annotated[
        float, Meta(gt=1, description="multiple of a floor above which no history is asked: a black swan")
    ] = 2.0
    gated_level: Annotated[
        float, Meta(gt=0, lt=1, description="highest level of a signal its p-value holds back")
    ] = 0.75
    zscore_floor: Annotated[Positive, Meta(description="deviations of the EWMA volatility")] = 4.0
    moving_average_floor: Annotated[Positive, Meta(description="deviations of a random walk")] = 3.0
    volatility_floor: Annotated[Positive, Meta(description="fast over baseline volatility (2.8)")] = 3.0
    mahalanobis_floor: Annotated[Positive, Meta(description="distance over its chi-square threshold")] = 1.0
    correlation_floor: Annotated[float, Meta(gt=0, le=1, description="breakdown in [0, 1]")] = 0.6
    shift_floor: Annotated[
        float, Meta(gt=0, le=1, description="crisis mass or change probability; LOW at most")
    ] = 0.9
    slowing_floor: Annotated[
        float,
        Meta(gt=0, le=1, description="both Kendall taus; 0.84 in 0.2 % of stationary AR(1); LOW at most"),
    ] = 0.84
    upside_weight: Annotated[
        float, Meta(ge=0, le=1, description="weight of a surprise upwards; losses count fully")
    ] = 0.5
    z_halflife: Annotated[Positive, Meta(description="bars, scale of the z-score")] = 21.0
    fast_halflife: Annotated[Positive, Meta(description="bars, fast volatility")] = 10.0
    slow_halflife: Annotated[Positive, Meta(description="bars, baseline volatility")] = 252.0
    average_window: Annotated[int, Meta(ge=5, le=1000, description="bars of the moving average")] = 21
    warmup: Annotated[int, Meta(ge=2, description="returns before the return detectors speak")] = 63
    stale_bars: Annotated[int, Meta(ge=1, description="bars without a market return before it counts")] = 3
    blind_level: Annotated[float, Meta(ge=1, description="level raised when nothing is seen")] = 1.25
    #: VPIN at LOW and MEDIUM (mechanisms C.9), and the rank in its own past it must have as well.
    vpin_levels: tuple[float, float] = (0.6, 0.8)
    vpin_rank: Annotated[float, Meta(ge=0, le=1, description="least rank of VPIN where one is known")] = 0.9
    #: Falls within ``flash_bars`` bars of a session at MEDIUM and HIGH (mechanisms C.9); worse with toxic flow.
    flash_levels: tuple[float, float] = (0.02, 0.05)
    flash_bars: Annotated[int, Meta(ge=1, le=1000, description="bars of a flash crash")] = 5
    spread_multiple: Annotated[Positive, Meta(description="spread over its normal at MEDIUM (2.8)")] = 10.0
    spread_halflife: Annotated[Positive, Meta(description="quotes, the normal spread")] = 250.0
    spread_warmup: Annotated[int, Meta(ge=1, description="quotes before a spread is called normal")] = 50
    drawdown_levels: tuple[float, float, float] = (0.12, 0.2, 0.3)
    drawdown_halt: Annotated[float, Meta(gt=0, le=1, description="from the all-time peak")] = 0.5
    peak_halflife: Annotated[Positive, Meta(description="bars: the peak forgets half its lead")] = 63.0
    daily_loss: Annotated[float, Meta(gt=0, lt=1, description="loss of a session that freezes")] = 0.05
