"""The notation page of the book: ``python -m cance.pages`` writes it.

Each symbol of the paper names the one place of the package that computes or holds it; a test finds
the symbol in that place's docstring.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tabulate import tabulate

PAGE = Path("book/notation.md")
HEADING = r"""# Notation

The paper's symbols, what they stand for, and the one place of the package that computes or holds each.
Shapes are those of one row or of what is learnt: $d_0$ is the width of an input, $d$ of its latent. The
paper writes both $p_n$ and $p_{nK}$ for the noise, and $\bpsi \in \R^d$; here $p_n$ is the Gaussian before
it is widened and $\bpsi$ has an entry for every coordinate that $L_K$ acts on, see
{doc}`06_adversarial_noise`.
"""


@dataclass(frozen=True)
class Symbol:
    """One line of the table.

    Attributes
    ----------
    text : str
        As the docstrings write it.
    latex : str
        As the book shows it.
    meaning : str
    shape : str
        Of one row, or of what is learnt.
    where : str
        Dotted name of the function, class or attribute.
    """

    text: str
    latex: str
    meaning: str
    shape: str
    where: str


SYMBOLS = (
    Symbol(
        "E_phi1",
        r"E_{\phi_1}",
        "encoder",
        r"$\R^{d_0} \to \R^d$",
        "cance.networks.conv.ConvEncoder",
    ),
    Symbol(
        "D_phi2",
        r"D_{\phi_2}",
        "decoder",
        r"$\R^d \to \R^{d_0}$",
        "cance.networks.conv.ConvDecoder",
    ),
    Symbol("z_l", r"\z_l", "latent of a row", "$d$", "cance.autoencoder.Autoencoder.encode"),
    Symbol("x'", r"\x'", "reconstruction", "$d_0$", "cance.autoencoder.Autoencoder.decode"),
    Symbol("z_e", "z_e", "squared error a coordinate", "1", "cance.composite.squared_error"),
    Symbol("z_c", "z_c", "cosine dissimilarity", "1", "cance.composite.cosine_dissimilarity"),
    Symbol("C(x)", r"C(\x)", "composite feature", "$d + 2$", "cance.composite.composite"),
    Symbol(
        "L_error",
        r"\L_\text{error}",
        "reconstruction loss",
        "1",
        "cance.autoencoder.reconstruction_loss",
    ),
    Symbol("L_cov", r"\L_\text{cov}", "covariance loss", "1", "cance.autoencoder.covariance_loss"),
    Symbol(
        "lambda",
        r"\lambda",
        "weight of the covariance loss",
        "1",
        "cance.autoencoder.AutoencoderSettings",
    ),
    Symbol(
        "mu_z", r"\hat\bmu_\z", "mean of the composite features", "$d + 2$", "cance.moments.Moments"
    ),
    Symbol(
        "Sigma_z",
        r"\hat\bSigma_\z",
        "their covariance, divided by $n$",
        r"$(d + 2) \times (d + 2)$",
        "cance.moments.Moments",
    ),
    Symbol(
        "p_n",
        "p_n",
        "Gaussian noise, before it is widened",
        "$d + 2$",
        "cance.noise.GaussianNoise.sample",
    ),
    Symbol("p_nK", "p_{nK}", "widened noise", "$d + 2$", "cance.noise.GaussianNoise"),
    Symbol(
        "K_jj",
        "K_{jj}",
        r"widening, $1 + \softplus(\psi_j)$",
        "$d + 2$",
        "cance.noise.GaussianNoise.widening",
    ),
    Symbol(
        "psi", r"\bpsi", "free parameters of the widening", "$d + 2$", "cance.noise.GaussianNoise"
    ),
    Symbol(
        "L_K",
        "L_K",
        "affine map that widens",
        r"$\R^{d+2} \to \R^{d+2}$",
        "cance.noise.GaussianNoise.widen",
    ),
    Symbol(
        "L_K^-1",
        "L_K^{-1}",
        "its inverse",
        r"$\R^{d+2} \to \R^{d+2}$",
        "cance.noise.GaussianNoise.narrow",
    ),
    Symbol("nu", r"\nu", "noise rows a data row", "1", "cance.nce.NCESettings"),
    Symbol(
        "T_theta",
        r"T_\theta",
        "log-odds that a row is data",
        r"$\R^{d+2} \to \R$",
        "cance.networks.log_odds.LogOdds",
    ),
    Symbol("L_NCE", r"\L_\text{NCE}", "the loss of NCE", "1", "cance.nce.nce_loss"),
    Symbol(
        "M, data rows",
        "M",
        "data rows in a batch; $N = \\nu M$ of noise",
        "1",
        "cance.nce.NCESettings",
    ),
    Symbol("m_z", "m_z", "mode of a log-normal", "1", "cance.augmentation.log_normal_mode"),
    Symbol(
        "p_t", "p_t", "truncated normal on $[0, m_z]$", "1", "cance.augmentation.TruncatedNormal"
    ),
    Symbol(
        "p_m", "p_m", "data, half of it augmented", "$d + 2$", "cance.augmentation.AugmentedData"
    ),
    Symbol(
        "A", "A", "1: a row as it was; 0: altered", "1", "cance.augmentation.AugmentedData.sample"
    ),
    Symbol("S_C", "S_C", "anomaly score, nats", "1", "cance.density.DensityEstimate"),
)


def page() -> str:
    """The whole page, in Markdown: one line a symbol."""
    lines = [[f"${s.latex}$", s.meaning, s.shape, f"`{s.where}`"] for s in SYMBOLS]
    headers = ["symbol", "meaning", "shape", "where"]
    table = tabulate(lines, headers=headers, tablefmt="pipe", disable_numparse=True)
    return f"{HEADING}\n{table}\n"
