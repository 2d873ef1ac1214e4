"""LSA, PixelCNN, the VAE on LSA's networks and DAGMM for images: what is trained, kept and scored."""

import numpy as np
import pytest
import torch
from scipy import stats
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.exceptions import NotFittedError

from cance.baselines.dagmm_images import ImageDAGMM
from cance.baselines.lsa import LSA, negative_log_likelihood
from cance.baselines.pixel_cnn import PixelCNN
from cance.baselines.vae_images import ImageVAE
from cance.networks.conv import ConvSettings
from cance.networks.lsa import LSANetworkSettings
from cance.protocols.images import auroc

TINY = LSANetworkSettings(stem=0, channels=(4, 8), last=4, hidden=16)
SHARED = {
    "batch_size": 20,
    "validation_fraction": 0.2,
    "contamination": None,
    "device": "cpu",
    "random_state": 0,
}
DETECTORS = {
    "LSA": LSA(latent_dim=3, network=TINY, head=(4,), bins=10, epochs=8, rate=3e-3, **SHARED),
    "VAE": ImageVAE(latent_dim=3, network=TINY, draws=4, epochs=8, rate=3e-3, **SHARED),
    "PixelCNN": PixelCNN(filters=12, blocks=1, levels=17, epochs=40, rate=5e-3, **SHARED),
    "DAGMM": ImageDAGMM(
        network=ConvSettings((4, 8), 16), latent_dim=2, components=2, epochs=16, rate=3e-3, **SHARED
    ),
}
each_detector = pytest.mark.parametrize("name", DETECTORS)


def moved(name, **parameters):
    return clone(DETECTORS[name]).set_params(**parameters)


@pytest.fixture(scope="module")
def digits():
    """Zeros to train on, and a test set of zeros and others; each pixel is doubled for the VAE."""
    found = load_digits()
    images = torch.from_numpy(found.images / 16).float()[:, None]
    zeros, others = images[found.target == 0], images[found.target != 0]
    return zeros[:100], torch.cat([zeros[100:], others[:150]]), np.arange(len(zeros) + 50) >= 78


@pytest.fixture(scope="module")
def fitted(digits):
    return {name: clone(detector).fit(digits[0]) for name, detector in DETECTORS.items()}


@each_detector
def test_every_parameter_moves(digits, fitted, name):
    start = moved(name, rate=1e-30, epochs=1).fit(digits[0])
    pairs = zip(fitted[name].network_.parameters(), start.network_.parameters(), strict=True)
    assert all(not torch.equal(ours, theirs) for ours, theirs in pairs)
    assert not fitted[name].network_.training


@each_detector
def test_the_scores_are_finite_distinct_and_better_than_untrained_ones(digits, fitted, name):
    _, test, anomalous = digits
    scores = fitted[name].anomaly_score(test)
    assert scores.dtype == np.float64
    assert np.isfinite(scores).all()
    assert len(np.unique(scores)) > 0.99 * len(scores)
    before = moved(name, rate=1e-30, epochs=1).fit(digits[0]).anomaly_score(test)
    assert auroc(scores, anomalous) > max(0.8, auroc(before, anomalous) + 0.02)


@each_detector
def test_a_refit_is_equal_bit_for_bit_and_leaves_global_generators_alone(digits, name):
    before, numpy_before = torch.get_rng_state(), np.random.get_state()
    first, again, other = (
        moved(name, epochs=1, random_state=seed).fit(digits[0]).anomaly_score(digits[1])
        for seed in (0, 0, 1)
    )
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)
    assert torch.equal(torch.get_rng_state(), before)
    np.testing.assert_equal(np.random.get_state(), numpy_before)


@each_detector
def test_uint8_images_are_taken_and_rows_refused(digits, fitted, name):
    images = (digits[1][:4] * 255).round()
    detector = fitted[name]
    np.testing.assert_allclose(
        detector.anomaly_score(images.to(torch.uint8)), detector.anomaly_score(images / 255)
    )
    with pytest.raises(ValueError, match=r"expected \(1, 8, 8\) as in fit"):
        detector.anomaly_score(images[:, :, 1:] / 255)
    with pytest.raises(ValueError, match="expected images"):
        clone(detector).fit(images.flatten(1))
    with pytest.raises(NotFittedError):
        clone(detector).anomaly_score(images)


@each_detector
def test_a_parameter_that_cannot_be_is_refused(digits, name):
    with pytest.raises(ValueError, match="epochs is 0, expected 1 or more"):
        moved(name, epochs=0).fit(digits[0])


@pytest.mark.parametrize(
    ("name", "rate", "epochs"), [("VAE", 0.1, 60), ("PixelCNN", 0.02, 60), ("DAGMM", 0.05, 24)]
)
def test_the_best_weights_are_those_that_score(digits, name, rate, epochs):
    # few rows and a high rate, so that the best weights are not the last
    few = {"rate": rate, "batch_size": 8}
    hasty = moved(name, epochs=epochs, **few).fit(digits[0][:20])
    losses = [loss for _, loss in hasty.best_.history]
    assert hasty.best_.validation_loss == min(losses) < 0.95 * losses[-1]
    stopped = moved(name, epochs=hasty.best_.step, **few).fit(digits[0][:20])
    pairs = zip(hasty.network_.parameters(), stopped.network_.parameters(), strict=True)
    assert all(torch.equal(ours, theirs) for ours, theirs in pairs)


def test_lsa_s_head_is_autoregressive(fitted):
    network = fitted["LSA"].network_
    latent = torch.rand(1, 3, generator=torch.Generator().manual_seed(0))
    jacobian = torch.autograd.functional.jacobian(network.logits, latent)[0, :, :, 0]
    depends = (jacobian != 0).any(1)  # of the logits of coordinate j on coordinate k
    assert torch.equal(depends, torch.ones(3, 3).tril(-1).bool())


def test_lsa_s_likelihood_reads_the_bins_and_moves_the_encoder_by_the_head_s_input_alone(fitted):
    network = fitted["LSA"].network_
    latent = torch.tensor([[0.0, 0.55, 1.0]], requires_grad=True)
    logits = network.logits(latent)
    found = negative_log_likelihood(logits, latent)
    probability = torch.softmax(logits.detach().double(), 2)[0]
    expected = -(probability[0, 0].log() + probability[1, 5].log() + probability[2, 9].log())
    assert found.item() == pytest.approx(float(expected), rel=1e-5)
    # the last coordinate is predicted and predicts nothing
    (gradient,) = torch.autograd.grad(found, latent)
    assert gradient[0, 0] != 0
    assert gradient[0, 2] == 0
    certain = torch.tensor([[[200.0, 0.0]]])
    hopeless = negative_log_likelihood(certain, torch.ones(1, 1))
    assert float(hopeless) == pytest.approx(-np.log(np.finfo(np.float32).eps), rel=1e-6)


def test_lsa_s_score_adds_the_two_terms_brought_to_the_range_of_the_images_held_out(digits, fitted):
    detector = fitted["LSA"]
    with torch.no_grad():
        likelihood, error = (term.double().numpy() for term in detector.network_(digits[1]))
        latent = detector.network_.encode(digits[1])
        rebuilt = detector.network_.decode(latent).numpy()
    np.testing.assert_allclose(
        error, ((digits[1].numpy() - rebuilt) ** 2).sum((1, 2, 3)), rtol=1e-4
    )
    assert 0 <= latent.min() and latent.max() <= 1
    parts = [
        (term - float(detector.least_[i])) / float(detector.most_[i] - detector.least_[i])
        for i, term in enumerate((likelihood, error))
    ]
    np.testing.assert_allclose(detector.anomaly_score(digits[1]), sum(parts), rtol=1e-4, atol=1e-4)


def test_the_vae_s_score_is_eq_02_by_numpy(digits, fitted):
    detector, x = fitted["VAE"], digits[1][:30]
    generator = torch.Generator().manual_seed(detector.scoring_seed_)
    noise = torch.randn(4, 30, 3, generator=generator).numpy()
    with torch.no_grad():
        mean, log_variance = (
            part.double().numpy() for part in detector.network_.encoder(x).chunk(2, 1)
        )
        latents = torch.from_numpy(mean + np.exp(log_variance / 2) * noise).float()
        rebuilt = [detector.network_.decoder(z).numpy() for z in latents]
    squares = np.mean([((x.numpy() - y) ** 2).sum((1, 2, 3)) for y in rebuilt], axis=0)
    divergence = -stats.norm.entropy(scale=np.exp(log_variance / 2)).sum(1)
    divergence += (0.5 * np.log(2 * np.pi) + 0.5 * (mean**2 + np.exp(log_variance))).sum(1)
    np.testing.assert_allclose(detector.anomaly_score(x), squares + divergence, rtol=1e-4)


def test_pixel_cnn_s_likelihood_sums_to_one_over_all_images_of_a_tiny_alphabet(digits):
    train = torch.rand(40, 2, 1, 3, generator=torch.Generator().manual_seed(0))
    tiny = moved("PixelCNN", levels=2, epochs=1).fit(train.round())
    every = torch.cartesian_prod(*[torch.tensor([0.0, 1.0])] * 6).view(-1, 2, 1, 3)
    assert np.exp(-tiny.anomaly_score(every)).sum() == pytest.approx(1, abs=1e-5)


def test_pixel_cnn_sees_the_pixels_read_before_and_the_channels_before_its_own():
    train = torch.rand(40, 3, 4, 4, generator=torch.Generator().manual_seed(0))
    network = moved("PixelCNN", epochs=1).fit(train).network_.double()
    x = train[:1].double()
    jacobian = torch.autograd.functional.jacobian(
        lambda a: network(a)[0, :, 5].permute(1, 2, 0).flatten(), x
    )
    jacobian = jacobian[:, 0].permute(0, 2, 3, 1).flatten(1)  # both in the order of reading
    assert torch.equal(jacobian.triu(), torch.zeros_like(jacobian))
    below = jacobian != 0
    assert below[1, 0] and below[2, 1] and below[3, 2]  # green by red, blue by green, then the next
    assert below.sum() > 0.5 * 48 * 47 / 2


def test_a_collapsed_dagmm_keeps_the_weights_of_before(digits):
    # what explodes at once leaves the untrained weights, which were looked at first
    found = moved("DAGMM", rate=1e12, validate_every=1).fit(digits[0])
    assert found.degenerate_epoch_ == 1
    assert found.best_.step == 0
    assert np.isfinite(found.anomaly_score(digits[1])).all()


def test_a_sound_dagmm_has_no_epoch_at_which_it_failed(fitted):
    assert fitted["DAGMM"].degenerate_epoch_ is None


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device here")
@each_detector
def test_cuda_learns_about_what_the_cpu_does(digits, fitted, name):
    scores = moved(name, device="cuda").fit(digits[0]).anomaly_score(digits[1])
    assert np.isfinite(scores).all()
    ours = auroc(fitted[name].anomaly_score(digits[1]), digits[2])
    assert auroc(scores, digits[2]) == pytest.approx(ours, abs=0.1)
