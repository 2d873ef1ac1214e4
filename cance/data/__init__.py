"""The data sets: images, tables, corruptions, and the features of pretrained networks."""

from cance.data.images import (
    NAMES,
    SHA256,
    DatasetUnavailable,
    ImageDataset,
    data_root,
    load,
    load_auto,
    status,
    to_unit,
)

__all__ = [
    "NAMES",
    "SHA256",
    "DatasetUnavailable",
    "ImageDataset",
    "data_root",
    "load",
    "load_auto",
    "status",
    "to_unit",
]
