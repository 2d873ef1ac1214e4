"""What users give for X, as something that can be sliced; what holds no numbers is refused."""

from __future__ import annotations

import numpy as np
import torch
from scipy import sparse


class RowTypeError(ValueError, TypeError):
    """X is of a type that holds no numbers; both of its bases, as scikit-learn raises either."""


def as_source(X):
    """X itself where it can be sliced, else as an array.

    Parameters
    ----------
    X : array-like, torch.Tensor, data frame, or whatever else has a shape and can be sliced

    Raises
    ------
    ValueError
        If it holds no numbers, or not in rows of one shape, or masks some.
    """
    if isinstance(X, list | tuple):
        X = _stacked(X)
    if sparse.issparse(X):
        raise RowTypeError(
            "X is sparse, expected dense rows: Sparse data was passed, give X.toarray()"
        )
    if isinstance(X, torch.Tensor):
        _refuse_tensor(X)
    if isinstance(X, np.ma.MaskedArray):
        if np.ma.is_masked(X):
            raise ValueError("X is an array with masked values, expected none: fill or drop them")
        X = np.asarray(X)
    if isinstance(X, np.matrix):
        raise RowTypeError("X is a numpy.matrix, expected an array: numpy.asarray(X)")
    is_frame = hasattr(X, "columns") and hasattr(X, "dtypes")
    can_be_sliced = all(hasattr(X, name) for name in ("shape", "__getitem__", "__len__"))
    if not (can_be_sliced and (is_frame or hasattr(X, "dtype"))):
        given = type(X).__name__
        X = np.asarray(X)
        if X.ndim == 0 and X.dtype == object:
            raise RowTypeError(
                f"X is a {given}, expected an array: Expected 2D array, got scalar array instead"
            )
    if is_frame:
        _refuse_columns(X)
    else:
        _refuse_dtype(X)
    return X


def part_of(source, start: int, stop: int):
    """Rows start .. stop - 1, as an array or, of a data frame, as one."""
    return as_numpy(source.iloc[start:stop] if hasattr(source, "iloc") else source[start:stop])


def as_numpy(part):
    """A tensor as an array; NumPy has no bfloat16."""
    if not isinstance(part, torch.Tensor):
        return part if hasattr(part, "columns") else np.asarray(part)
    part = part.detach().cpu().resolve_conj().resolve_neg()
    is_short = part.is_floating_point() and part.element_size() < 4
    return (part.float() if is_short else part).numpy()


def _stacked(rows):
    """A list of rows or images as one array, or one tensor where they are tensors."""
    if any(isinstance(row, torch.Tensor) for row in rows):
        try:
            return torch.stack([torch.as_tensor(row).detach().cpu() for row in rows])
        except (RuntimeError, TypeError, ValueError) as error:
            raise RowTypeError(
                f"X is a list of tensors that are no rows of one shape: {error}"
            ) from None
    if any(np.ma.is_masked(row) for row in rows):
        raise ValueError(
            "X is a list of arrays with masked values, expected none: fill or drop them"
        )
    try:
        return np.asarray(rows)
    except ValueError as error:
        raise RowTypeError(
            f"X is a list of rows or images that are not all of one shape: {error}"
        ) from None


def _refuse_tensor(X: torch.Tensor) -> None:
    if X.is_nested:
        raise RowTypeError("X is a nested tensor, expected rows or images of one shape")
    if X.layout != torch.strided:
        raise RowTypeError(
            "X is sparse, expected dense rows: Sparse data was passed, give X.to_dense()"
        )
    if X.is_quantized:
        raise RowTypeError("X is a quantized tensor, expected numbers: give X.dequantize()")
    if X.is_meta:
        raise RowTypeError("X is a tensor on the device 'meta', which holds no numbers")


def _refuse_columns(frame) -> None:
    kinds = list(zip(frame.columns, frame.dtypes))
    dates = [str(name) for name, dtype in kinds if _is_time(dtype)]
    if dates:
        raise RowTypeError(
            f"X has columns of dates or durations ({', '.join(dates)}), expected numbers: convert "
            "or drop them"
        )
    thin = [str(name) for name, dtype in kinds if str(dtype).startswith("Sparse")]
    if thin:
        raise RowTypeError(
            f"X has sparse columns ({', '.join(thin)}), expected dense ones: Sparse data was passed, "
            "give X.sparse.to_dense()"
        )


def _is_time(dtype) -> bool:
    """Of pandas, whose types have a kind, or of Polars, whose types have a name."""
    kind = getattr(dtype, "kind", "")
    return kind in ("m", "M") or str(dtype).startswith(("Date", "Time", "Duration", "period"))


def _refuse_dtype(X) -> None:
    kind = getattr(X.dtype, "kind", "")
    if kind in ("U", "S"):
        raise RowTypeError(f"X holds strings ({X.dtype}), expected numbers")
    if kind in ("m", "M"):
        raise RowTypeError(f"X holds dates or durations ({X.dtype}), expected numbers")
    if kind == "V":
        raise RowTypeError(
            f"X is a structured array with fields {X.dtype.names}, expected numbers in columns: "
            "numpy.lib.recfunctions.structured_to_unstructured(X)"
        )
