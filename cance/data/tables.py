"""The tabular data sets of the paper's section 4 and Appendix H, each file checked by its SHA-256.

Files are looked for below the folder of `cance.data.images.data_root`: ``tabular/`` holds ODDS's ``.mat``
files and UCI's ``abalone.data``, ``kddcup99/`` the ten-percent file of KDD Cup 1999, which
scikit-learn can also fetch, ``adbench_resnet18/`` ADBench's published ResNet-18 features of CIFAR-10. Rows are as published, unscaled; what is constant is kept.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from scipy.io import loadmat

from cance.data.images import DatasetUnavailable, Status, data_root
from cance.extras import require
from cance.hashing import require_sha256

pd = require("pandas")

ABALONE_NORMAL, ABALONE_ANOMALOUS = (8, 9, 10), (3, 21)  # rings; DROCC's rule
KDD_SYMBOLIC = (1, 2, 3)  # protocol_type, service, flag; the 0/1 columns stay as they are
KDD_WIDTH = 42  # 41 features and the label


@dataclass(frozen=True, eq=False)
class Table:
    """One tabular data set, whole.

    Attributes
    ----------
    name : str
        One of `NAMES`.
    rows : numpy.ndarray
        float64, (N, d_0), in the order of the file.
    anomalous : numpy.ndarray
        bool, (N,).
    sha256 : str
        Of the file, 64 hexadecimal digits.
    """

    name: str
    rows: np.ndarray = field(repr=False)
    anomalous: np.ndarray = field(repr=False)
    sha256: str


def read_odds(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Read one of ODDS's ``.mat`` files: X and y, 1 for an anomaly."""
    contents = loadmat(path)
    return contents["X"].astype(np.float64), contents["y"].ravel() == 1


def read_abalone(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Read UCI's Abalone by DROCC's rule (Goyal et al. 2020, their published script).

    Rings 8, 9 and 10 are normal, 3 and 21 anomalous, other rows are left out; sex is coded
    M = 0, F = 1, I = 2 and stands first of the eight features.
    """
    frame = pd.read_csv(path, header=None)
    frame[0] = frame[0].map({"M": 0, "F": 1, "I": 2})
    rings = frame.pop(8)
    kept = rings.isin(ABALONE_NORMAL + ABALONE_ANOMALOUS)
    anomalous = rings[kept].isin(ABALONE_ANOMALOUS)
    return frame[kept].to_numpy(np.float64), anomalous.to_numpy()


def read_adbench(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Read one of ADBench's ``.npz`` files (Han et al. 2022): X and y, 1 for an anomaly."""
    with np.load(path) as contents:
        return contents["X"].astype(np.float64), contents["y"].ravel() == 1


def read_kddcup(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Read KDD Cup 1999's ten percent: 118 features, and the ``normal.`` records as anomalies.

    Attacks are four fifths of the file, so that it is the normal traffic that is rare, which Zong
    et al. (2018) and all after them take for the anomaly. Protocol, service and flag are one-hot
    over the whole file (3 + 66 + 11 columns), the other 38 columns are numbers already.
    """
    frame = pd.read_csv(path, header=None)
    if frame.shape[1] != KDD_WIDTH:
        raise ValueError(f"{path} has {frame.shape[1]} columns, expected {KDD_WIDTH}")
    label = frame.pop(KDD_WIDTH - 1)
    symbols = pd.get_dummies(frame[list(KDD_SYMBOLIC)].astype(str))
    numbers = frame.drop(columns=list(KDD_SYMBOLIC))
    rows = np.hstack([numbers.to_numpy(np.float64), symbols.to_numpy(np.float64)])
    return rows, (label == "normal.").to_numpy()


@dataclass(frozen=True)
class Source:
    """Where a data set's file lies, its hash, and how it is read.

    Attributes
    ----------
    file : str
        Below `cance.data.images.data_root`.
    sha256 : str
        Of the file as it was published.
    read : callable
        Path to rows and anomalous.
    """

    file: str
    sha256: str
    read: Callable[[Path], tuple[np.ndarray, np.ndarray]]


SOURCES = {
    "thyroid": Source(
        "tabular/thyroid.mat",
        "49155d7861b977e90808faf68343ff67a67f63090c2744d514dbb67ac68e7e33",
        read_odds,
    ),
    "arrhythmia": Source(
        "tabular/arrhythmia.mat",
        "e4d47e499591ae31e5d7f0cd983367092353eac240f48e14c9b36457edb3460d",
        read_odds,
    ),
    "annthyroid": Source(
        "tabular/annthyroid.mat",
        "17a1012d005f2179eca3b87c0028eb5ca807794b359c33fa1f8ca5ac846c514f",
        read_odds,
    ),
    "abalone": Source(
        "tabular/abalone.data",
        "de37cdcdcaaa50c309d514f248f7c2302a5f1f88c168905eba23fe2fbc78449f",
        read_abalone,
    ),
    "kddcup99": Source(
        "kddcup99/kddcup.data_10_percent.gz",
        "8045aca0d84e70e622d1148d7df782496f6333bf6eb979a1b0837c42a9fd9561",
        read_kddcup,
    ),
    "adbench-cifar10-0": Source(
        "adbench_resnet18/CIFAR10_0.npz",
        "f0e89be5576c37e5c2f7393f7a478d8ec0cc348559fc177c273ff076ef10db00",
        read_adbench,
    ),
    "adbench-cifar10-4": Source(
        "adbench_resnet18/CIFAR10_4.npz",
        "13fe6ac27684cadd0b223a48dcb532474e4eb69592b159d21d8f6d195ec48512",
        read_adbench,
    ),
}
NAMES = tuple(SOURCES)


def load(name: str, root: str | Path | None = None) -> Table:
    """Load a tabular data set and check that its file is exactly the published one.

    Parameters
    ----------
    name : str
        One of `NAMES`.
    root : str or Path, optional
        Folder to look in instead of `cance.data.images.data_root`.

    Returns
    -------
    Table

    Raises
    ------
    cance.data.DatasetUnavailable
        If the file is not there.
    ValueError
        If the name is unknown, or the file is another than the published one.
    """
    if name not in SOURCES:
        raise ValueError(f"unknown table {name!r}, expected one of {', '.join(NAMES)}")
    source = SOURCES[name]
    return Table(name, *source.read(_checked(name, root)), sha256=source.sha256)


def status(root: str | Path | None = None) -> list[Status]:
    """Look for every table's file and check its hash; nothing is parsed.

    Parameters
    ----------
    root : str or Path, optional
        Folder to look in instead of `cance.data.images.data_root`.

    Returns
    -------
    list of Status
    """
    found = []
    for name, source in SOURCES.items():
        try:
            path = _checked(name, root)
        except (DatasetUnavailable, ValueError) as error:
            found.append(Status(name, False, None, None, str(error)))
        else:
            found.append(Status(name, True, str(path), source.sha256, ""))
    return found


def _checked(name: str, root: str | Path | None) -> Path:
    """The table's file, if it is there and is the published one."""
    source = SOURCES[name]
    path = (data_root() if root is None else Path(root).expanduser()) / source.file
    if not path.is_file():
        raise DatasetUnavailable(
            f"{name} was not found: {path} is missing; set $CANCE_DATA to the folder that holds "
            f"{source.file}"
        )
    require_sha256(path, source.sha256)
    return path
