"""The hashes, against those of the bytes spelled out."""

import hashlib

import pytest
import torch

from cance.hashing import digest, require_sha256


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
