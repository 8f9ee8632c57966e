"""Writes gguf-py.gguf with the reference implementation (gguf 0.19.0): every type of value, arrays of them, arrays in
arrays, and tensors of several types and shapes. Number i of a tensor is i - 3, so that all types hold it exactly.
"""

import numpy as np
from gguf import GGMLQuantizationType as T
from gguf import GGUFValueType as V
from gguf import GGUFWriter
from gguf.quants import quantize

w = GGUFWriter("gguf-py.gguf", "test")
w.add_uint8("v.u8", 200)
w.add_int8("v.i8", -100)
w.add_uint16("v.u16", 60000)
w.add_int16("v.i16", -30000)
w.add_uint32("v.u32", 4000000000)
w.add_int32("v.i32", -2000000000)
w.add_float32("v.f32", 1.5)
w.add_bool("v.true", True)
w.add_bool("v.false", False)
w.add_string("v.text", "tänk\n🙂")
w.add_uint64("v.u64", 1 << 60)
w.add_int64("v.i64", -(1 << 60))
w.add_float64("v.f64", -2.25)
w.add_array("a.text", ["", "a", "ünï"])
w.add_array("a.i32", [-1, 0, 1])
w.add_array("a.f32", [0.5, -0.5])
w.add_array("a.bool", [True, False])
w.add_key_value("a.u8", bytes([1, 2, 255]), V.ARRAY, V.UINT8)
w.add_array("a.nested", [[1, 2], [3]])


def numbers(*shape):
    return (np.arange(np.prod(shape)) - 3).reshape(shape).astype(np.float32)


w.add_tensor("f32", numbers(2, 3))
w.add_tensor("f16", numbers(5).astype(np.float16))
w.add_tensor("bf16", quantize(numbers(3, 4), T.BF16), raw_dtype=T.BF16)
w.add_tensor("i32", numbers(2, 2, 2, 1).astype(np.int32))
w.add_tensor("q8_0", quantize(numbers(2, 32), T.Q8_0), raw_dtype=T.Q8_0)
w.add_tensor("one", numbers(1))
w.write_header_to_file()
w.write_kv_data_to_file()
w.write_tensors_to_file()
w.close()
