import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from janus_trader.contracts.errors import DataError, IntegrityError
from janus_trader.contracts.orders import Fill, Side
from janus_trader.foundation.codec import decode, encode, pack, unpack

FILL = Fill(
    order_id="1", symbol="A", side=Side.BUY, quantity=1.5, price=2.0, cost=0.1, ts_event=7, decision_price=2.0
)


def test_messages_come_back_equal():
    assert decode(encode(FILL), Fill) == FILL


def test_key_order_does_not_change_the_bytes():
    assert encode({"a": 1, "b": 2.0}) == encode({"b": 2.0, "a": 1})


@given(
    hnp.arrays(
        st.sampled_from([np.float64, np.float32, np.int64, np.bool_]),
        hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4),
    )
)
def test_arrays_come_back_with_dtype_shape_and_bits(array):
    again = unpack(pack({"x": array}))["x"]
    assert again.dtype == array.dtype
    assert again.shape == array.shape
    assert again.tobytes() == np.ascontiguousarray(array).tobytes()


def test_structured_arrays_come_back():
    dtype = np.dtype([("a", "f8"), ("b", [("c", "i8"), ("d", "f8", (3,))])], align=True)
    array = np.zeros(2, dtype)
    array["b"]["d"][1, 2] = 5.0
    again = unpack(pack(array))
    assert again.dtype == dtype
    assert again.tobytes() == array.tobytes()


@pytest.mark.parametrize(
    "array", [np.arange(9000).astype("M8[ns]"), np.ones((90, 99)).T, np.zeros(999, "i4,f8"), np.zeros((0, 5))]
)
def test_large_and_empty_arrays_come_back_however_they_lie(array):
    again = unpack(pack(array))
    assert (again.dtype, again.shape) == (array.dtype, array.shape)
    assert again.tobytes() == array.tobytes()


def test_nan_is_refused_in_messages_and_kept_in_snapshots():
    with pytest.raises(DataError, match="NaN"):
        encode({"x": np.array([1.0, np.nan])})
    with pytest.raises(DataError, match="NaN"):
        encode({"x": [1.0, {"y": float("nan")}]})
    with pytest.raises(DataError, match="NaN"):
        encode(float("-inf"))
    with pytest.raises(DataError, match="NaN"):
        encode(np.array([(np.nan, 1)], dtype=[("a", "f8"), ("b", "i8")]))
    with pytest.raises(DataError, match="NaN"):
        encode([np.ones(3), np.array([1.0, np.inf], np.float16)])
    assert encode(b"\xcb\x7f\xf8" * 3)
    assert np.isnan(unpack(pack(np.array([np.nan])))[0])


def test_foreign_bytes_are_refused():
    with pytest.raises(IntegrityError):
        decode(b"\xff\x00", Fill)
    with pytest.raises(IntegrityError):
        decode(encode({"no": 1}), Fill)
    with pytest.raises(IntegrityError):
        unpack(b"\xc1")
