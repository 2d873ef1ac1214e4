import gzip
import hashlib
import os
import pickle
import shutil
import subprocess
import sys
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from cance import data
from cance.data.image_files import LAYOUTS, read_sheet
from cance.data.images import DatasetUnavailable, ImageDataset

# MD5s of the files as their authors published them, unpacked; CIFAR-10's are of the binary version.
PUBLISHED_IDX = {
    "mnist": [
        "6bbc9ace898e44ae57da46a324031adb",
        "a25bea736e30d166cdddb491f175f624",
        "2646ac647ad5339dbf082846283269ea",
        "27ae3e4e09519cfbb04c329615203637",
    ],
    "fashion-mnist": [
        "f4a8712d7a061bf5bd6d2ca38dc4d50a",
        "9018921c3c673c538a1fc5bad174d6f9",
        "8181f5470baa50b63fa0f6fddb340f0a",
        "15d484375f8d13e6eb1aabb0c3f46965",
    ],
}
PUBLISHED_BATCHES = [
    "5dd7e06a14cb22eb9f671a540d1b7c25",
    "5ea93a67294ea407fff1d09f752e9692",
    "942cd6a4bcdd0dd3c604fbe906cb4421",
    "ae636b3ba5c66a11e91e8cb52e771fcb",
    "53f37980c15c3d472c316c40844f3f0d",
    "803d5f7f4d78ea53de84dbe85f74fb6d",
]


def real(name: str) -> ImageDataset:
    """Load from $CANCE_DATA, or skip where it was not put."""
    root = os.environ.get("CANCE_DATA")
    if not root:
        pytest.skip(f"$CANCE_DATA is not set: no {name} to test on")
    if all(layout.missing(Path(root)) for layout in LAYOUTS[name]):
        pytest.skip(f"$CANCE_DATA holds no {name}")
    return data.load(name)


def idx(array: np.ndarray) -> bytes:
    """Encode uint8 as IDX, by its description: 0, 0, type 8, rank, then the sizes."""
    sizes = np.array(array.shape, dtype=">i4").tobytes()
    return bytes([0, 0, 8, array.ndim]) + sizes + array.astype(np.uint8).tobytes()


@pytest.fixture
def tiny(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A root with a set of three training and two test images that passes for MNIST."""
    rng = np.random.default_rng(0)
    arrays = [rng.integers(0, 256, (3, 28, 28)), np.arange(3)]
    arrays += [rng.integers(0, 256, (2, 28, 28)), np.arange(2)]
    folder = tmp_path / "MNIST" / "raw"
    folder.mkdir(parents=True)
    for file, array in zip(LAYOUTS["mnist"][0].files, arrays, strict=True):
        (folder / file).write_bytes(idx(array))
    content = b"".join(a.astype("<i8" if a.ndim == 1 else "u1").tobytes() for a in arrays)
    monkeypatch.setitem(data.SHA256, "mnist", hashlib.sha256(content).hexdigest())
    return tmp_path


@pytest.fixture
def mirror(tiny, tmp_path_factory, monkeypatch):
    """An empty root, with the tiny set on a local server that torchvision downloads from."""
    from torchvision.datasets import MNIST

    resources = []
    for path in sorted((tiny / "MNIST" / "raw").iterdir()):
        packed = gzip.compress(path.read_bytes())
        (tiny / f"{path.name}.gz").write_bytes(packed)
        resources.append((f"{path.name}.gz", hashlib.md5(packed).hexdigest()))
    handler = partial(SimpleHTTPRequestHandler, directory=tiny)
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        monkeypatch.setenv("no_proxy", "*")
        monkeypatch.setattr(MNIST, "mirrors", [f"http://127.0.0.1:{server.server_port}/"])
        monkeypatch.setattr(MNIST, "resources", resources)
        yield tmp_path_factory.mktemp("downloads")
        server.shutdown()
        thread.join()


@pytest.mark.parametrize("name", ["mnist", "fashion-mnist"])
def test_idx_sets_are_the_published_files(name):
    dataset = real(name)
    arrays = (dataset.train_images, dataset.train_labels, dataset.test_images, dataset.test_labels)
    encoded = [idx(array.squeeze().numpy()) for array in arrays]
    assert [hashlib.md5(content).hexdigest() for content in encoded] == PUBLISHED_IDX[name]
    assert [tuple(array.shape) for array in arrays] == [
        *((60000, 1, 28, 28), (60000,)),
        *((10000, 1, 28, 28), (10000,)),
    ]
    assert [array.dtype for array in arrays] == [torch.uint8, torch.int64] * 2
    assert all(array.is_contiguous() for array in arrays)


def test_cifar10_is_the_published_set():
    dataset = real("cifar10")
    nhwc = [images.permute(0, 2, 3, 1) for images in (dataset.train_images, dataset.test_images)]
    assert [hashlib.sha256(images.contiguous().numpy()).hexdigest() for images in nhwc] == [
        "47af8b02cfcfb6cdf3dbbd1969ad7f1b70f4413f6f80f437b020ee4e5bc8304a",
        "f9b1e2130bab680db56eb06d886f7f1ad0f1183907ceff4659d1735c890f5b04",
    ]
    images = torch.cat([dataset.train_images, dataset.test_images]).flatten(1)
    labels = torch.cat([dataset.train_labels, dataset.test_labels])
    records = torch.cat([labels.to(torch.uint8).unsqueeze(1), images], dim=1)  # (60000, 3073)
    batches = [hashlib.md5(batch.numpy()).hexdigest() for batch in records.split(10000)]
    assert batches == PUBLISHED_BATCHES
    assert dataset.train_labels.dtype == torch.int64


def test_digits_are_scikit_learns():
    from sklearn.datasets import load_digits

    dataset = data.load("digits")
    expected = load_digits()
    images = torch.cat([dataset.train_images, dataset.test_images]).squeeze(1)
    assert dataset.test_images.shape == (500, 1, 8, 8)
    assert dataset.source == "scikit-learn"
    # uint8 steps are 1/255, so the sixteenths come back to within half of one
    np.testing.assert_allclose(data.to_unit(images), expected.images / 16, atol=0.5 / 255 + 1e-7)
    labels = torch.cat([dataset.train_labels, dataset.test_labels])
    np.testing.assert_array_equal(labels, expected.target)


def test_to_unit():
    unit = data.to_unit(torch.tensor([0, 51, 255], dtype=torch.uint8))
    assert unit.dtype == torch.float32
    assert unit.tolist() == [0.0, pytest.approx(0.2), 1.0]
    with pytest.raises(TypeError, match=r"float32, expected torch.uint8"):
        data.to_unit(unit)


def test_unknown_name_lists_the_known_ones():
    with pytest.raises(ValueError, match="unknown data set 'MNIST', expected one of digits, mnist"):
        data.load("MNIST", download=True)


def test_missing_set_names_variable_and_command(tmp_path, monkeypatch):
    monkeypatch.setenv("CANCE_DATA", str(tmp_path))
    with pytest.raises(DatasetUnavailable) as caught:
        data.load("mnist")
    message = str(caught.value)
    assert f"$CANCE_DATA (now {tmp_path})" in message
    assert "`python -m cance data --download mnist`" in message
    assert f"{tmp_path / 'MNIST' / 'raw'} lacks train-images-idx3-ubyte and 3 more" in message


def test_root_is_the_variable_or_the_cache(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("CANCE_DATA", "~/elsewhere")
    assert data.data_root() == tmp_path / "elsewhere"
    for unset in (
        lambda: monkeypatch.setenv("CANCE_DATA", ""),
        lambda: monkeypatch.delenv("CANCE_DATA"),
    ):
        unset()
        assert data.data_root() == tmp_path / ".cache" / "cance"


def test_an_absent_file_makes_the_set_missing(tiny):
    (tiny / "MNIST" / "raw" / "t10k-labels-idx1-ubyte").unlink()
    with pytest.raises(DatasetUnavailable, match="lacks t10k-labels-idx1-ubyte. Set"):
        data.load("mnist", tiny)


def test_auto_takes_the_digits_only_where_mnist_is_not_to_be_found(tmp_path, monkeypatch):
    monkeypatch.setenv("CANCE_DATA", str(tmp_path))
    assert data.load_auto("auto").name == "digits"
    with pytest.raises(DatasetUnavailable):
        data.load_auto("mnist")
    monkeypatch.setattr("cance.data.images.load", lambda name: name)
    assert data.load_auto("auto") == "mnist"


def test_one_changed_byte_is_found(tiny):
    known = data.load("mnist", tiny).sha256
    path = tiny / "MNIST" / "raw" / "t10k-images-idx3-ubyte"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    with pytest.raises(
        ValueError, match=f"mnist from .*expected SHA-256 {known}, found [0-9a-f]{{64}}"
    ):
        data.load("mnist", tiny)


@pytest.mark.parametrize("keep", [0, 3, 10, 500])
def test_truncated_file_is_named(tiny, keep):
    path = tiny / "MNIST" / "raw" / "train-images-idx3-ubyte"
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(ValueError, match=r"mnist in .*MNIST/raw cannot be read .*--download mnist"):
        data.load("mnist", tiny)


def test_download_fetches_what_is_missing(mirror):
    dataset = data.load("mnist", mirror, download=True)
    assert dataset.train_images.shape == (3, 1, 28, 28)
    assert dataset.source == str(mirror / "MNIST" / "raw")
    assert [path.name for path in mirror.iterdir()] == ["MNIST"]
    assert data.load("mnist", mirror).sha256 == dataset.sha256


def test_download_mends_what_is_damaged(mirror, tiny):
    shutil.copytree(tiny / "MNIST", mirror / "MNIST")
    path = mirror / "MNIST" / "raw" / "train-images-idx3-ubyte"
    path.write_bytes(path.read_bytes()[:500])
    data.load("mnist", mirror, download=True)
    assert data.load("mnist", mirror).train_images.shape == (3, 1, 28, 28)


def test_interrupted_download_leaves_no_set_and_is_mended(mirror, monkeypatch):
    replace = os.replace

    def interrupted(source, target):
        if target.name == "t10k-images-idx3-ubyte":
            raise KeyboardInterrupt
        replace(source, target)

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", interrupted)
        with pytest.raises(KeyboardInterrupt):
            data.load("mnist", mirror, download=True)
    with pytest.raises(DatasetUnavailable, match="lacks t10k-images-idx3-ubyte and 1 more"):
        data.load("mnist", mirror)
    assert data.load("mnist", mirror, download=True).test_images.shape == (2, 1, 28, 28)


def test_download_of_other_data_puts_nothing_in_place(mirror, monkeypatch):
    monkeypatch.setitem(data.SHA256, "mnist", "0" * 64)
    with pytest.raises(ValueError, match="expected SHA-256 0000"):
        data.load("mnist", mirror, download=True)
    assert list(mirror.iterdir()) == []


def test_failed_download_says_what_to_do(mirror, tiny):
    (tiny / "t10k-labels-idx1-ubyte.gz").unlink()
    with pytest.raises(
        DatasetUnavailable, match=r"download of mnist failed .*by hand, or set \$CANCE_DATA"
    ):
        data.load("mnist", mirror, download=True)
    assert list(mirror.iterdir()) == []


def test_sheet_is_read_tile_by_tile(tmp_path):
    expected = np.random.default_rng(0).integers(0, 256, (1000, 3, 32, 32), dtype=np.uint8)
    sheet = Image.new("RGB", (1280, 800))
    for i, image in enumerate(expected):
        tile = Image.merge("RGB", [Image.fromarray(channel) for channel in image])
        sheet.paste(tile, (32 * (i % 40), 32 * (i // 40)))
    sheet.save(tmp_path / "sheet.webp", lossless=True, method=0)
    np.testing.assert_array_equal(read_sheet(tmp_path / "sheet.webp"), expected)


@pytest.fixture
def grey_sheets(tmp_path: Path) -> Path:
    """A root whose CIFAR10 folder has every file, but plain grey images of class 0."""
    folder = tmp_path / "CIFAR10"
    folder.mkdir()
    first = folder / "train_00.webp"
    Image.new("RGB", (1280, 800), (128, 128, 128)).save(first, lossless=True, method=0)
    for file in LAYOUTS["cifar10"][1].files[1:60]:
        (folder / file).hardlink_to(first)
    np.save(folder / "train_labels.npy", np.zeros(50000, np.uint8))
    np.save(folder / "test_labels.npy", np.zeros(10000, np.uint8))
    return tmp_path


def test_sheets_are_assembled_and_other_pixels_refused(grey_sheets, monkeypatch):
    with pytest.raises(ValueError, match="cifar10 from .*CIFAR10 is not the known data") as caught:
        data.load("cifar10", grey_sheets)
    found = str(caught.value).split("found ")[1][:64]
    expected = hashlib.sha256()
    for n in (50000, 10000):
        expected.update(bytes([128]) * (n * 3072) + bytes(8 * n))
    assert found == expected.hexdigest()


def test_damaged_sheets_are_named(grey_sheets):
    labels = grey_sheets / "CIFAR10" / "train_labels.npy"
    labels.write_bytes(labels.read_bytes()[:100])
    with pytest.raises(ValueError, match="cifar10 in .*CIFAR10 cannot be read"):
        data.load("cifar10", grey_sheets)


def test_pickled_batches_come_before_sheets(grey_sheets, monkeypatch):
    from torchvision.datasets import CIFAR10

    folder = grey_sheets / "cifar-10-batches-py"
    folder.mkdir()
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (6, 2, 3, 32, 32), dtype=np.uint8)  # two images a batch
    labels = np.arange(12).reshape(6, 2)
    contents = [{"data": images[k].reshape(2, -1), "labels": labels[k].tolist()} for k in range(6)]
    published = []
    for file, content in zip(
        LAYOUTS["cifar10"][0].files, [*contents, {"label_names": []}], strict=True
    ):
        (folder / file).write_bytes(pickle.dumps(content))
        published.append([file, hashlib.md5((folder / file).read_bytes()).hexdigest()])
    monkeypatch.setattr(CIFAR10, "train_list", published[:5])
    monkeypatch.setattr(CIFAR10, "test_list", published[5:6])
    monkeypatch.setattr(CIFAR10, "meta", {**CIFAR10.meta, "md5": published[6][1]})
    arrays = [images[:5].reshape(10, 3, 32, 32), labels[:5], images[5], labels[5]]
    content = b"".join(array.tobytes() for array in arrays)
    monkeypatch.setitem(data.SHA256, "cifar10", hashlib.sha256(content).hexdigest())

    dataset = data.load("cifar10", grey_sheets)
    assert dataset.source == str(folder)
    np.testing.assert_array_equal(dataset.train_images, arrays[0])
    np.testing.assert_array_equal(dataset.test_labels, arrays[3])


def test_foreign_pickles_are_never_opened(tmp_path):
    folder = tmp_path / "cifar-10-batches-py"
    folder.mkdir()
    for file in LAYOUTS["cifar10"][0].files:
        # unpickling this would raise ZeroDivisionError: GLOBAL builtins.eval, ('1/0',), REDUCE
        (folder / file).write_bytes(b"cbuiltins\neval\n(V1/0\ntR.")
    with pytest.raises(ValueError, match="cifar-10-batches-py cannot be read .RuntimeError"):
        data.load("cifar10", tmp_path)


def test_status_lists_every_set(tiny):
    (tiny / "FashionMNIST").mkdir()
    listed = {status.name: status for status in data.status(tiny)}
    assert tuple(listed) == data.NAMES
    assert listed["digits"].where == "scikit-learn"
    assert (listed["mnist"].found, listed["mnist"].sha256) == (True, data.SHA256["mnist"])
    assert listed["mnist"].where == str(tiny / "MNIST" / "raw")
    absent = listed["cifar10"]
    assert (absent.found, absent.where, absent.sha256) == (False, None, None)
    assert "--download cifar10" in absent.advice


def test_import_leaves_torchvision_alone():
    code = "import sys, cance.data.images; sys.exit('torchvision' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
