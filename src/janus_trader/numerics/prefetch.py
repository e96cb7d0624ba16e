"""A hint to the processor to fetch memory that will be read soon."""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic

from janus_trader.numerics import symbol_names as _stable_names  # noqa: F401  sound compile cache


def _prefetch(typing_context: Any, array: Any, index: Any) -> Any:
    signature = types.void(array, types.intp)

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        data = context.make_array(signature.args[0])(context, builder, values[0]).data
        address = builder.bitcast(builder.gep(data, [values[1]]), ir.IntType(8).as_pointer())
        word = ir.IntType(32)
        shape = ir.FunctionType(ir.VoidType(), [ir.IntType(8).as_pointer(), word, word, word])
        call = cgutils.get_or_insert_function(builder.module, shape, "llvm.prefetch.p0")
        builder.call(call, [address, word(0), word(3), word(1)])  # for reading, keep close, data
        return context.get_dummy_value()

    return signature, generate


#: ``prefetch_item(array, index)`` asks for the cache line of ``array.flat[index]`` of a contiguous array;
#: inside compiled code only. Changes no result; a wrong index costs time but reads nothing. Pays where the
#: addresses of many scattered reads are known before the first is needed.
prefetch_item: Any = intrinsic(_prefetch)
