"""How arrays and frames are saved: as buffers, not as text. Nothing is imported to find out."""

from __future__ import annotations

import importlib
import io
import math
import sys
from typing import Any

from fluffy_nb.engine.codecs import REMEDY, Decoder, Encoder, UnsavableError, add_later
from fluffy_nb.errors import CheckpointError, shortened

# ---------------------------------------------------------------- NumPy


def _numpy(value: Any, encoder: Encoder) -> tuple[str, Any] | None:
    numpy = sys.modules.get("numpy")
    if numpy is None:
        return None
    if isinstance(value, numpy.generic):
        return "numpy.scalar", _npy(numpy, numpy.asarray(value), value, encoder)
    if type(value) is not numpy.ndarray:
        return None
    if value.dtype == object:
        return "numpy.objects", [list(value.shape), encoder.value(value.ravel().tolist())]
    return "numpy.array", _npy(numpy, value, value, encoder)


def _npy(numpy: Any, array: Any, value: Any, encoder: Encoder) -> int | str:
    if array.dtype.hasobject:
        raise UnsavableError(f"{shortened(value)}, an array with objects in its fields")
    file = io.BytesIO()
    numpy.save(file, array, allow_pickle=False)
    return encoder.buffer(file.getvalue())


def _array(data: Any, decoder: Decoder) -> Any:
    from numpy.lib import format as form  # noqa: PLC0415 - only who has arrays imports it

    # Not `numpy.load`: it takes archives too. The size is compared before memory is taken for it.
    buffer = decoder.buffer(data)
    file = io.BytesIO(buffer)
    first = form.read_magic(file) == (1, 0)  # later versions have a longer header
    read = form.read_array_header_1_0 if first else form.read_array_header_2_0
    shape, _, kind = read(file)
    rest, count = len(buffer) - file.tell(), math.prod(shape)
    if count * kind.itemsize != rest or count > len(buffer):
        raise CheckpointError(f"a saved array has the shape {shortened(shape)}", REMEDY)
    file.seek(0)
    return form.read_array(file, allow_pickle=False)


def _objects(data: Any, decoder: Decoder) -> Any:
    shape, items = data
    array = importlib.import_module("numpy").empty(len(items), dtype=object)
    for place, item in enumerate(decoder.value(items)):
        array[place] = item
    return array.reshape(shape)


add_later(
    _numpy,
    {
        "numpy.array": _array,
        "numpy.scalar": lambda data, decoder: _array(data, decoder)[()],
        "numpy.objects": _objects,
    },
)

# ---------------------------------------------------------------- pandas


def _pandas(value: Any, encoder: Encoder) -> tuple[str, Any] | None:
    pandas = sys.modules.get("pandas")
    if pandas is None:
        return None
    if type(value) is pandas.DataFrame:
        columns = [_column(pandas, value.iloc[:, n], encoder) for n in range(value.shape[1])]
        labels = [_index(pandas, value.columns, encoder), _index(pandas, value.index, encoder)]
        return "pandas.frame", [*labels, columns]
    if type(value) is pandas.Series:
        index, name = _index(pandas, value.index, encoder), encoder.value(value.name)
        return "pandas.series", [index, name, _column(pandas, value, encoder)]
    if isinstance(value, pandas.Index):
        return "pandas.index", _index(pandas, value, encoder)
    if type(value) is pandas.Timestamp:
        return "pandas.timestamp", [
            value.isoformat(),
            value.unit,
            str(value.tz) if value.tz else None,
        ]
    if type(value) is pandas.Timedelta:
        return "pandas.timedelta", [int(value.value), value.unit]
    if value is pandas.NaT or value is pandas.NA:
        return "pandas.missing", "NaT" if value is pandas.NaT else "NA"
    return None


def _index(pandas: Any, index: Any, encoder: Encoder) -> Any:
    if type(index) is pandas.RangeIndex:
        return ["range", [index.start, index.stop, index.step], encoder.value(index.name)]
    if isinstance(index, pandas.MultiIndex):
        levels = [
            _column(pandas, index.get_level_values(n).to_series(), encoder)
            for n in range(index.nlevels)
        ]
        return ["levels", levels, encoder.value(list(index.names))]
    return ["values", _column(pandas, index.to_series(), encoder), encoder.value(index.name)]


def _column(pandas: Any, column: Any, encoder: Encoder) -> Any:
    """One column: its values as an array where NumPy has the type, else as a list or as codes."""
    kind = column.dtype
    if isinstance(kind, pandas.CategoricalDtype):
        codes = encoder.value(column.cat.codes.to_numpy())
        return ["category", codes, _index(pandas, kind.categories, encoder), bool(kind.ordered)]
    if isinstance(kind, pandas.DatetimeTZDtype):
        naive = column.dt.tz_convert("UTC").dt.tz_localize(None)
        return ["zone", encoder.value(naive.to_numpy()), str(kind)]
    if kind.kind in "biufcmM" and not pandas.api.types.is_extension_array_dtype(kind):
        return ["array", encoder.value(column.to_numpy())]
    items = [None if item is pandas.NA else item for item in column.astype(object).tolist()]
    return ["list", encoder.value(items), str(kind)]


def _read_column(pandas: Any, data: Any, decoder: Decoder) -> Any:
    form, values, *more = data
    if form == "category":
        categories, ordered = more
        codes, found = decoder.value(values), _read_index(pandas, categories, decoder)
        return pandas.Categorical.from_codes(codes, found, ordered=bool(ordered))
    array = decoder.value(values)
    if form == "zone":
        return pandas.Series(array).dt.tz_localize("UTC").astype(more[0]).array
    if form == "array":
        return array
    kind = pandas.api.types.pandas_dtype(more[0])
    if kind.kind in "SUV" and not pandas.api.types.is_extension_array_dtype(kind):
        # Texts of one width, as "U1000000000" is, could fill the memory; no frame has them.
        raise CheckpointError(f"a saved column has the type {shortened(more[0])}", REMEDY)
    return pandas.array(array, dtype=kind)


def _read_index(pandas: Any, data: Any, decoder: Decoder) -> Any:
    form, values, name = data
    if form == "range":
        return pandas.RangeIndex(*values, name=decoder.value(name))
    if form == "levels":
        levels = [_read_column(pandas, level, decoder) for level in values]
        return pandas.MultiIndex.from_arrays(levels, names=decoder.value(name))
    return pandas.Index(_read_column(pandas, values, decoder), name=decoder.value(name))


def _frame(data: Any, decoder: Decoder) -> Any:
    pandas = importlib.import_module("pandas")
    labels, index, columns = data
    found = _read_index(pandas, index, decoder)
    read = {
        place: pandas.Series(_read_column(pandas, column, decoder), index=found)
        for place, column in enumerate(columns)
    }
    frame = pandas.DataFrame(read, index=found)
    frame.columns = _read_index(pandas, labels, decoder)
    return frame


def _series(data: Any, decoder: Decoder) -> Any:
    pandas = importlib.import_module("pandas")
    index, name, column = data
    values = _read_column(pandas, column, decoder)
    return pandas.Series(
        values, index=_read_index(pandas, index, decoder), name=decoder.value(name)
    )


def _timestamp(data: Any, _: Decoder) -> Any:
    text, unit, zone = data
    moment = importlib.import_module("pandas").Timestamp(text).as_unit(unit)
    return moment.tz_convert(zone) if zone else moment


def _timedelta(data: Any, _: Decoder) -> Any:
    number, unit = data
    return importlib.import_module("pandas").Timedelta(number, unit="ns").as_unit(unit)


def _missing(data: Any, _: Decoder) -> Any:
    pandas = importlib.import_module("pandas")
    return {"NaT": pandas.NaT, "NA": pandas.NA}[data]


add_later(
    _pandas,
    {
        "pandas.frame": _frame,
        "pandas.series": _series,
        "pandas.index": lambda data, d: _read_index(importlib.import_module("pandas"), data, d),
        "pandas.timestamp": _timestamp,
        "pandas.timedelta": _timedelta,
        "pandas.missing": _missing,
    },
)

# ---------------------------------------------------------------- polars


def _polars(value: Any, encoder: Encoder) -> tuple[str, Any] | None:
    polars = sys.modules.get("polars")
    if polars is None or type(value) not in {polars.DataFrame, polars.Series}:
        return None
    is_frame = type(value) is polars.DataFrame
    file = io.BytesIO()
    try:
        (value if is_frame else value.to_frame()).write_ipc(file)
    except Exception as problem:
        raise UnsavableError(f"{shortened(value)}, a frame that has no Arrow form") from problem
    return "polars.frame" if is_frame else "polars.series", encoder.buffer(file.getvalue())


def _polars_frame(data: Any, decoder: Decoder) -> Any:
    return importlib.import_module("polars").read_ipc(io.BytesIO(decoder.buffer(data)))


add_later(
    _polars,
    {
        "polars.frame": _polars_frame,
        "polars.series": lambda data, decoder: _polars_frame(data, decoder).to_series(),
    },
)
