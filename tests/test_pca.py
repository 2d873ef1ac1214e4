"""PCA as an autoencoder against scikit-learn's transform and against the SVD."""

import numpy as np
import pytest
import torch
from sklearn.decomposition import PCA

from cance.composite import composite
from cance.pca import PCAReconstructor

N, D0, D = 200, 30, 4


@pytest.fixture(scope="module")
def rows() -> torch.Tensor:
    rng = np.random.default_rng(0)
    scale = np.geomspace(5, 0.1, D0)
    return torch.from_numpy(2 + rng.normal(size=(N, D0)) * scale).float()


def test_it_projects_and_maps_back_as_scikit_learn_does(rows):
    train, new = rows[:150], rows[150:]
    ours = PCAReconstructor.fit(train, D)
    theirs = PCA(D, svd_solver="full").fit(train.double().numpy())
    latent = theirs.transform(new.double().numpy())
    found = ours.encode(new)
    assert found.dtype == torch.float32
    np.testing.assert_allclose(found, latent, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(
        ours.decode(found), theirs.inverse_transform(latent), rtol=1e-4, atol=1e-5
    )


def test_it_is_the_best_reconstruction_of_its_rank(rows):
    model = PCAReconstructor.fit(rows, D)
    residual = (rows - model.decode(model.encode(rows))).double().square().sum()
    centred = rows.double() - rows.double().mean(0)
    expected = np.linalg.svd(centred.numpy(), compute_uv=False)[D:] ** 2
    assert float(residual) == pytest.approx(expected.sum(), rel=1e-5)


def test_its_composite_features_have_uncorrelated_latents_and_raw_errors(rows):
    model = PCAReconstructor.fit(rows, D)
    z = composite(rows, model)
    assert z.shape == (N, D + 2)
    correlation = np.corrcoef(z[:, :D].T)
    np.testing.assert_allclose(correlation, np.eye(D), atol=1e-4)
    centred = rows.double().numpy() - rows.double().numpy().mean(0)
    _, _, axes = np.linalg.svd(centred)
    error = (centred @ axes[D:].T) ** 2
    np.testing.assert_allclose(z[:, D], error.sum(1) / D0, rtol=1e-4)


@pytest.mark.parametrize(("n", "width", "latent_dim"), [(50, 5, 5), (50, 5, 6), (5, 50, 5)])
def test_a_full_basis_is_refused(n, width, latent_dim):
    rows = torch.randn(n, width, generator=torch.Generator().manual_seed(0))
    with pytest.raises(ValueError, match=f"latent_dim={latent_dim} leaves no reconstruction error"):
        PCAReconstructor.fit(rows, latent_dim)
    PCAReconstructor.fit(rows, 4)


def test_it_travels_as_a_state_dict(rows):
    model = PCAReconstructor.fit(rows, D)
    empty = PCAReconstructor(torch.zeros(D0), torch.zeros(D, D0))
    empty.load_state_dict(model.state_dict())
    assert torch.equal(empty.encode(rows), model.encode(rows))
