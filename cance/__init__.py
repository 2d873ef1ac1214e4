"""Composite feature Augmented NCE (CANCE) for anomaly detection, reproduced.

The paper is *Anomaly Detection via Autoencoder Composite Features and NCE* by Yalin Liao and
Austin J. Brockmeier (arXiv 2502.01920). Each of its equations has one place here. Imports go one
way, upwards in this list; ``pyproject.toml`` holds the order as a contract.

The method, to be read in this order
    composite           z = (z_l, z_e, z_c) = C(x), section 3.1; DAGMM's variants (Appendix H)
    networks/           E_phi1, D_phi2, T_theta: layers, conv, log_odds and other kinds
    autoencoder         Eq. (11) (12), the two-stage fit (Appendix A)
    pca                 PCA as a linear autoencoder (section 3.2)
    moments             Eq. (13) (14), streaming mean and covariance
    noise               p_nK, L_K and its inverse (section 3.4)
    augmentation        p_m of Eq. (8), the log-normal mode, Proposition 1
    density             S_C, the anomaly score (section 3.3)
    nce                 Eq. (5) (6) (7) (9) (10), the fit
    variants            Error, LatNCE, CNCE, CANCE
    encoding            from rows to composite features, for the estimator and the tables
What it uses
    hashing, devices, randomness, scaling   SHA-256, the device, random streams, scaled columns
    batching            batches whose rows score alike, whatever rows stand beside them
    training            what the loops share: AdamW and its rate, the updates, the best weights
    graphs, together    updates recorded on a GPU; many fits there as one problem
    extras              packages that an installation may be without
What goes beyond the paper
    rows, row_mixture, whitening   the size of the shell that shares a score; a density of rows
The rooms
    detector/           the estimator `CANCE`: parameters, inputs, fitting, persistence
    pyod                the estimator behind PyOD's interface
    theory/             Eq. (1) to (4); whether the error depends on the latent (section 3.2)
    data/               images, tables, corruptions, features of pretrained networks
    protocols/          splits and metrics
    baselines/          detectors to compare with, one paper a file
    results/            records, the paper's numbers, verdicts, tables, summaries/
    experiments/        runs/, what one run does; plans/, which runs; harness and runner
    plots/              figures
    pages/              the generated parts of the README and of the book
    commands/           `cance fit` and `cance score`: a reader's own rows
    __main__            the command ``cance``
"""

__version__ = "0.1.0"

from cance.detector import CANCE

__all__ = ["CANCE", "__version__"]
