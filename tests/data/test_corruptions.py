import hashlib
import io
import os
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from cance import data
from cance.data import corruptions
from cance.data.corruptions import NAMES, corrupt, digest, load_mnist_c
from cance.data.image_files import LAYOUTS

FIXED = {"scale", "brightness", "stripe", "canny_edges"}  # nothing is drawn
CHOICES = {"shear": 2, "rotate": 2, "translate": 4}


@pytest.fixture(scope="module")
def strokes() -> np.ndarray:
    """Two hundred and fifty copies of a thick grey ring with a bar across, uint8 (N, 28, 28)."""
    row, column = np.indices((28, 28)) - 13.5
    ring = np.clip(2.5 - np.abs(np.hypot(row, column) - 8), 0, 1)
    ring[12:15, 4:24] = 0.7
    return np.repeat(np.rint(255 * ring).astype(np.uint8)[None], 250, axis=0)


@pytest.fixture(scope="module")
def mnist() -> torch.Tensor:
    root = os.environ.get("CANCE_DATA")
    if not root:
        pytest.skip("$CANCE_DATA is not set: no mnist to test on")
    if all(layout.missing(Path(root)) for layout in LAYOUTS["mnist"]):
        pytest.skip("$CANCE_DATA holds no mnist")
    return data.load("mnist").test_images


def archive(path: Path, images: dict[str, np.ndarray], monkeypatch: pytest.MonkeyPatch) -> None:
    """Write (N, 28, 28) images as the published archive holds them, and have it pass for that."""
    with zipfile.ZipFile(path, "w") as members:
        for name, part in images.items():
            file = io.BytesIO()
            np.save(file, part[..., None])
            members.writestr(f"mnist_c/{name}/test_images.npy", file.getvalue())
    found = hashlib.sha256(path.read_bytes()).hexdigest()
    monkeypatch.setattr(corruptions, "ARCHIVE_SHA256", found)


def test_names_are_the_published_fifteen_in_order():
    published = """shot_noise impulse_noise glass_blur motion_blur shear scale rotate brightness
        translate stripe fog spatter dotted_line zigzag canny_edges"""
    assert list(NAMES) == published.split()


@pytest.mark.parametrize("name", NAMES)
def test_corrupt_gives_new_images_of_the_same_kind(name, strokes):
    images = strokes[:4].copy()
    corrupted = corrupt(images, name)
    assert corrupted.dtype == np.uint8 and corrupted.shape == (4, 28, 28)
    np.testing.assert_array_equal(images, strokes[:4])
    assert not np.array_equal(corrupted, images)
    tensor = corrupt(torch.from_numpy(images)[:, None], name)
    assert tensor.dtype == torch.uint8 and tensor.shape == (4, 1, 28, 28)
    np.testing.assert_array_equal(tensor[:, 0].numpy(), corrupted)


@pytest.mark.parametrize("name", NAMES)
def test_draws_depend_on_seed_and_name_alone(name, strokes):
    first = corrupt(strokes, name)
    corrupt(strokes[:5], "shot_noise")
    np.random.seed(5)  # nor on NumPy's global stream
    assert np.array_equal(corrupt(strokes, name, seed=0), first)
    assert np.array_equal(corrupt(strokes, name, seed=1), first) == (name in FIXED)


@pytest.mark.parametrize("name", NAMES)
def test_every_image_has_draws_of_its_own(name, strokes):
    different = len(np.unique(corrupt(strokes, name), axis=0))
    if name in FIXED or name in CHOICES:
        assert different == CHOICES.get(name, 1)
    else:
        # some of the 27 x 10 zigzags come twice, and many angles blur by the same pixels
        assert different >= {"dotted_line": 180, "zigzag": 120, "motion_blur": 60}.get(name, 250)


def test_corruptions_draw_from_different_streams(strokes):
    turned, slanted = corrupt(strokes, "rotate"), corrupt(strokes, "shear")
    same = (turned == turned[0]).all(axis=(1, 2)) == (slanted == slanted[0]).all(axis=(1, 2))
    assert 0.3 < same.mean() < 0.7


def test_whole_blocks_do_not_depend_on_what_follows(strokes):
    for name in ("glass_blur", "translate", "zigzag"):
        whole = corrupt(strokes, name)
        assert np.array_equal(corrupt(strokes[: corruptions.BLOCK], name), whole[:100])


def test_levels_are_rounded_to_the_nearest():
    levels = np.arange(256, dtype=np.uint8).repeat(784).reshape(256, 28, 28)
    bright = corrupt(levels, "brightness")[:, 0, 0].astype(int)
    assert (
        bright[0] == 128 and np.abs(bright - np.minimum(np.arange(256) + 127.5, 255)).max() <= 0.5
    )
    np.testing.assert_array_equal(corrupt(levels, "translate")[:, 5, 5], levels[:, 5, 5])
    np.testing.assert_array_equal(corrupt(levels, "stripe")[:, 5, 5], 255 - levels[:, 5, 5])
    assert set(np.unique(corrupt(levels, "shot_noise"))) == {0, 85, 170, 255}


def test_layout_in_memory_does_not_matter(strokes):
    turned = strokes[:3].transpose(0, 2, 1)
    expected = corrupt(np.ascontiguousarray(turned), "spatter")
    np.testing.assert_array_equal(corrupt(turned, "spatter"), expected)
    read_only = strokes[:3].copy()
    read_only.setflags(write=False)
    corrupt(read_only, "rotate")


def test_unknown_name_is_refused(strokes):
    with pytest.raises(ValueError, match="unknown corruption 'snow', expected one of shot_noise,"):
        corrupt(strokes, "snow")


@pytest.mark.parametrize(
    "images",
    [
        np.zeros((2, 28, 28)),
        np.zeros((28, 28), np.uint8),
        np.zeros((2, 3, 28, 28), np.uint8),
        np.zeros((2, 28, 28, 1), np.uint8),
        np.zeros((2, 32, 32), np.uint8),
        torch.zeros(2, 1, 28, 28),
        [[[0] * 28] * 28],
        None,
    ],
    ids=lambda images: f"{type(images).__name__}{np.shape(images)}",
)
def test_other_images_are_refused(images):
    with pytest.raises(ValueError, match=r"expected uint8 of shape \(N, 28, 28\)"):
        corrupt(images, "stripe")


def test_negative_seed_is_refused(strokes):
    with pytest.raises(ValueError, match="non-negative"):
        corrupt(strokes, "stripe", seed=-1)


def test_digest_is_of_the_bytes_in_order():
    images = {
        name: torch.full((2, 1, 28, 28), i, dtype=torch.uint8) for i, name in enumerate(NAMES)
    }
    content = b"".join(bytes([i]) * 2 * 784 for i in range(15))
    backwards = dict(reversed(images.items()))
    assert digest(backwards) == hashlib.sha256(content).hexdigest()


def test_set_is_regenerated_where_there_is_none(strokes, tmp_path, capsys):
    images = torch.from_numpy(strokes[:3])[:, None]
    found = load_mnist_c(images, tmp_path)
    assert found.source == "regenerated" and tuple(found.images) == NAMES
    for name, corrupted in found.images.items():
        assert torch.equal(corrupted, corrupt(images, name))
    assert found.sha256 == digest(found.images) == load_mnist_c(images, tmp_path).sha256
    assert not list(tmp_path.iterdir())
    assert capsys.readouterr() == ("", "")


def test_progress_is_shown_on_standard_error(strokes, tmp_path, capsys):
    load_mnist_c(torch.from_numpy(strokes[:1])[:, None], tmp_path, verbose=True)
    out, err = capsys.readouterr()
    assert not out and "MNIST-C: 100%" in err and "15/15" in err


def test_published_set_is_preferred(strokes, tmp_path, monkeypatch):
    published = {name: np.full((5, 28, 28), i, np.uint8) for i, name in enumerate(NAMES)}
    archive(tmp_path / "mnist_c.zip", {"identity": strokes[:5]} | published, monkeypatch)
    (tmp_path / "mnist_c").mkdir()
    monkeypatch.setenv("CANCE_DATA", str(tmp_path))
    for n in (5, 3):
        found = load_mnist_c(torch.from_numpy(strokes[:n])[:, None])
        assert found.source == "official" and tuple(found.images) == NAMES
        for name, images in found.images.items():
            assert images.shape == (n, 1, 28, 28) and images.dtype == torch.uint8
            np.testing.assert_array_equal(images[:, 0].numpy(), published[name][:n])
        assert found.sha256 == digest(found.images)


@pytest.mark.parametrize("n", [5, 6])
def test_published_set_of_other_images_is_refused(n, strokes, tmp_path, monkeypatch):
    published = dict.fromkeys(("identity", *NAMES), strokes[:5])
    archive(tmp_path / "mnist_c.zip", published, monkeypatch)
    others = torch.from_numpy(255 - strokes[:n])[:, None]
    with pytest.raises(ValueError, match=f"are not the {n} test images given"):
        load_mnist_c(others, tmp_path)


def test_damaged_archive_is_refused(strokes, tmp_path):
    (tmp_path / "mnist_c.zip").write_bytes(b"PK cut short")
    found = hashlib.sha256(b"PK cut short").hexdigest()
    with pytest.raises(ValueError, match=f"not the published MNIST-C: expected .*, found {found}"):
        load_mnist_c(torch.from_numpy(strokes[:1])[:, None], tmp_path)


def test_unpacked_copy_alone_is_refused(strokes, tmp_path):
    (tmp_path / "mnist_c").mkdir()
    with pytest.raises(ValueError, match=r"of which no hash was published; put mnist_c\.zip"):
        load_mnist_c(torch.from_numpy(strokes[:1])[:, None], tmp_path)


def test_sizes_compressed_are_in_the_order_of_the_published_files(mnist):
    def size(images: torch.Tensor) -> int:
        file = io.BytesIO()
        Image.fromarray(images.reshape(-1, 28).numpy()).save(file, "PNG")
        return file.tell()

    # by the sizes of a public copy of the released arrays
    order = ["canny_edges", "brightness", "identity", "dotted_line", "glass_blur", "fog"]
    images = mnist[:1000]
    sizes = [size(images if name == "identity" else corrupt(images, name)) for name in order]
    assert sizes == sorted(sizes)


@pytest.mark.slow
def test_regenerated_mnist_c_is_the_known_set(mnist, tmp_path):
    assert load_mnist_c(mnist, tmp_path).sha256 == corruptions.REGENERATED_SHA256
