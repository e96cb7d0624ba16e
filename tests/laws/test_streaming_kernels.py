"""Laws of every streaming kernel in `janus_trader.numerics`; a new one is covered without a line here."""

from __future__ import annotations

import importlib
import inspect
import pkgutil

import numpy as np
import pytest

import janus_trader.numerics
from janus_trader.contracts.errors import DataError, IntegrityError
from janus_trader.numerics.streaming import StreamingKernel

LENGTH = 240
CUTS = (0, 1, 7, LENGTH // 2, LENGTH - 1)

# Kernels whose documented output is defined before `ready`, with the reason.
DEFINED_EARLY = {
    "EwmaCovariance": "an allocator needs a covariance from the first bar; `ready` says how good",
    "IndicatorBundle": "each column is defined from its own indicator's warm-up on; `ready` is the slowest's",
}


def _kernels() -> list[type[StreamingKernel]]:
    package = janus_trader.numerics
    for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
        importlib.import_module(found.name)
    todo, kernels = [StreamingKernel], []
    while todo:
        for cls in todo.pop().__subclasses__():
            todo.append(cls)
            public = not cls.__name__.startswith("_") and not inspect.isabstract(cls)
            if public and cls.__module__.startswith(f"{package.__name__}.") and cls not in kernels:
                kernels.append(cls)
    return sorted(kernels, key=lambda cls: (cls.__module__, cls.__name__))


KERNELS = _kernels()
every_kernel = pytest.mark.parametrize("cls", KERNELS, ids=lambda cls: cls.__name__)


def test_the_known_kernels_are_discovered():
    names = {cls.__name__ for cls in KERNELS}
    assert {"EMA", "RollingStd", "RSI", "ATR", "ADX", "Bollinger", "MACD", "VWAP", "EwmaVolatility"} <= names


def _inputs(kernel: StreamingKernel, seed: int = 11, n: int = LENGTH) -> np.ndarray:
    return np.ascontiguousarray(kernel.example_input(np.random.default_rng(seed), n), dtype=np.float64)


def _feed(kernel: StreamingKernel, xs: np.ndarray) -> np.ndarray:
    """Outputs of repeated `update`, copied, because a kernel may reuse its output row."""
    return np.array([np.array(kernel.update(_input(x)), dtype=np.float64) for x in xs])


def _input(x):
    return float(x) if np.ndim(x) == 0 else x


def _bits(a) -> np.ndarray:
    """The bits of floats, with one NaN for all (which NaN a processor makes is no promise of ours)."""
    a = np.ascontiguousarray(a, dtype=np.float64).copy()
    a[np.isnan(a)] = np.nan
    return a.view(np.int64)


def assert_same_bits(got, wanted) -> None:
    got, wanted = np.asarray(got), np.asarray(wanted)
    assert got.shape == wanted.shape
    differs = _bits(got) != _bits(wanted)
    assert not differs.any(), f"first difference at {np.argwhere(differs)[0].tolist()}"


def _corrupt(xs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """A copy with NaN rows put in between, and the mask of the rows that were there before."""
    where = np.array([0, 1, 5, len(xs) // 2, len(xs) // 2, len(xs)])
    longer = np.insert(xs, where, np.nan, axis=0)
    real = ~np.isnan(longer.reshape(len(longer), -1)).all(axis=1)
    return longer, real


@every_kernel
def test_update_and_transform_are_bit_equal(cls):
    for kernel in cls.examples():
        xs = _inputs(kernel)
        assert_same_bits(_feed(kernel, xs), kernel.transform(xs))


@every_kernel
def test_outputs_become_numbers(cls):
    for kernel in cls.examples():
        assert np.isfinite(kernel.transform(_inputs(kernel))[-1]).all()


@every_kernel
def test_transform_leaves_the_state_alone(cls):
    for kernel in cls.examples():
        xs = _inputs(kernel)
        _feed(kernel, xs[:50])
        before = kernel.snapshot()
        kernel.transform(xs)
        assert kernel.snapshot() == before


@every_kernel
def test_reset_is_a_fresh_start(cls):
    for kernel in cls.examples():
        xs = _inputs(kernel)
        fresh = kernel.snapshot()
        first = _feed(kernel, xs)
        kernel.reset()
        assert kernel.snapshot() == fresh
        assert not kernel.ready
        assert_same_bits(_feed(kernel, xs), first)


@every_kernel
def test_snapshot_restores_into_a_fresh_instance(cls):
    for kernel, other in zip(cls.examples(), cls.examples(), strict=True):
        xs = _inputs(kernel)
        wanted = _feed(kernel, xs)
        for cut in CUTS:
            kernel.reset()
            _feed(kernel, xs[:cut])
            raw = kernel.snapshot()
            _feed(kernel, xs[cut:])
            other.restore(raw)
            assert other.snapshot() == raw
            assert_same_bits(_feed(other, xs[cut:]), wanted[cut:])
            assert other.snapshot() == kernel.snapshot()


@every_kernel
def test_inputs_are_not_modified(cls):
    for kernel in cls.examples():
        xs = _inputs(kernel)
        kept = xs.copy()
        _feed(kernel, xs)
        kernel.transform(xs)
        assert_same_bits(xs, kept)


@every_kernel
def test_ready_comes_with_the_warm_up_and_stays(cls):
    for kernel in cls.examples():
        ready = []
        for x in _inputs(kernel):
            kernel.update(_input(x))
            ready.append(kernel.ready)
        assert ready == sorted(ready)
        assert ready.index(True) == kernel.warmup - 1


@every_kernel
def test_outputs_before_the_warm_up_are_nan(cls):
    if cls.__name__ in DEFINED_EARLY:
        pytest.skip(DEFINED_EARLY[cls.__name__])
    for kernel in cls.examples():
        early = kernel.transform(_inputs(kernel))[: kernel.warmup - 1]
        assert np.isnan(early).all()


@every_kernel
def test_the_future_does_not_change_the_past(cls):
    for kernel in cls.examples():
        xs = _inputs(kernel)
        ys = kernel.transform(xs)
        for cut in CUTS[1:]:
            assert_same_bits(kernel.transform(xs[:cut]), ys[:cut])
            other = xs.copy()
            other[cut:] = _inputs(kernel, seed=99)[cut:]
            assert_same_bits(kernel.transform(other)[:cut], ys[:cut])


@every_kernel
def test_a_nan_row_repeats_the_output_and_changes_nothing_later(cls):
    for kernel in cls.examples():
        xs = _inputs(kernel)
        longer, real = _corrupt(xs)
        ys = _feed(kernel, longer)
        assert_same_bits(ys, kernel.transform(longer))
        assert_same_bits(ys[real], kernel.transform(xs))
        for t in np.flatnonzero(~real):
            assert_same_bits(ys[t], ys[t - 1] if t else np.full_like(ys[0], np.nan))


@every_kernel
def test_instances_do_not_share_state(cls):
    for kernel, other in zip(cls.examples(), cls.examples(), strict=True):
        xs, noise = _inputs(kernel), _inputs(kernel, seed=5)
        wanted = kernel.transform(xs)
        got = []
        for x, disturbance in zip(xs, noise, strict=True):
            got.append(np.array(kernel.update(_input(x)), dtype=np.float64))
            other.update(_input(disturbance))
        assert_same_bits(np.array(got), wanted)


@every_kernel
def test_a_snapshot_of_the_wrong_size_is_refused(cls):
    for kernel in cls.examples():
        raw = kernel.snapshot()
        for wrong in (b"", raw[:-1], raw + b"\x00"):
            with pytest.raises(IntegrityError):
                kernel.restore(wrong)
        assert kernel.snapshot() == raw


@every_kernel
def test_an_input_of_the_wrong_shape_is_refused(cls):
    for kernel in cls.examples():
        xs = _inputs(kernel, n=8)
        wrong: list[np.ndarray] = [np.zeros((2, 3, 4))]
        if xs.ndim == 1:
            wrong.append(np.zeros((8, 2)))
        else:
            wrong += [np.zeros(8), np.zeros((8, xs.shape[1] + 1))]
        for bad in wrong:
            with pytest.raises(DataError):
                kernel.transform(bad)
        assert len(kernel.transform(xs[:0])) == 0
