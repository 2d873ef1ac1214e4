"""The hashes, against those of the bytes spelled out."""

import hashlib
from dataclasses import asdict, dataclass, field, replace

import pytest
import torch

from cance.hashing import digest, recorded, require_sha256
from cance.nce import NCESettings


@dataclass
class Outer:
    nce: NCESettings
    widths: tuple[int, ...] = (1, 2)
    named: dict = field(default_factory=dict)


def test_digest_is_of_the_stated_bytes():
    images = torch.arange(12, dtype=torch.uint8).reshape(3, 1, 2, 2)
    labels = torch.tensor([7, 300, 1])
    content = bytes(range(12)) + b"".join(n.to_bytes(8, "little") for n in (7, 300, 1))
    content += bytes([4, 5, 6, 7]) + (300).to_bytes(8, "little")
    found = digest(images, labels, images[1:2], labels[1:2])
    assert found == hashlib.sha256(content).hexdigest()


def test_a_file_of_another_hash_is_refused(tmp_path):
    path = tmp_path / "table.csv"
    path.write_bytes(b"1,2")
    known = hashlib.sha256(b"1,2").hexdigest()
    require_sha256(path, known)
    require_sha256(path, known[:16])
    path.write_bytes(b"1,3")
    with pytest.raises(ValueError, match=f"not the known file: expected SHA-256 {known}"):
        require_sha256(path, known)


def test_a_field_that_came_later_is_recorded_where_it_is_not_the_default():
    settings = NCESettings(steps=7)
    expected = asdict(settings)
    assert expected.pop("adversary") == "ascends"
    expected["network"]["hidden"] = list(expected["network"]["hidden"])
    found = recorded(Outer(settings, named={"one": (settings, 3)}))
    assert found == {"nce": expected, "widths": [1, 2], "named": {"one": [expected, 3]}}
    changed = recorded(replace(settings, adversary="fixed"))
    assert changed == expected | {"adversary": "fixed"}
