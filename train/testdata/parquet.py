"""Writes text.parquet with pyarrow: what TestParquetFromArrow reads.

Two row groups, a dictionary, zstd, small pages in version 2, nulls, an empty text, columns before and behind "text",
one of them nested.
"""
import pathlib

import pyarrow as pa
import pyarrow.parquet as pq

texts = ["first", None, "", "Grüße, 世界 😀", "first", "line one\r\nline two\n"] + [f"row {i}" for i in range(6, 40)]
table = pa.table({
    "id": pa.array(range(len(texts)), pa.int64()),
    "meta": pa.array([{"text": "not this", "tags": ["a", "b"]}] * len(texts)),
    "text": pa.array(texts, pa.string()),
    "score": pa.array([0.5] * len(texts), pa.float32()),
})
pq.write_table(table, pathlib.Path(__file__).with_name("text.parquet"), row_group_size=25, compression="zstd",
               data_page_version="2.0", data_page_size=64, use_dictionary=["text"], write_statistics=False)
