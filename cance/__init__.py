"""Composite feature Augmented NCE (CANCE) for anomaly detection, reproduced.

The paper is *Anomaly Detection via Autoencoder Composite Features and NCE* by Yalin Liao and
Austin J. Brockmeier (arXiv 2502.01920). Each of its equations has one place here; imports go one
way, from the top of this list to its end.

The method
    data, image_files, checksums   the image data sets, checked by their hashes
    corruptions         MNIST-C's fifteen corruptions (corruption_kernels)
    networks            E_phi1, D_phi2, T_theta (conv_, direct_, pooled_, residual_, plain_networks)
    randomness, training   random streams; what the two training loops share
    scaling             columns of rows of numbers: z-scores, or [0, 1]
    composite           z = (z_l, z_e, z_c), section 3.1
    autoencoder         Eq. (11) (12), the two-stage fit
    pretrained          PCA as a linear autoencoder
    backbones, embeddings   pretrained networks, and the feature vectors that they give
    moments             Eq. (13) (14)
    noise               p_nK and L_K, section 3.4
    augmentation        Eq. (8), the log-normal mode, Proposition 1
    density             S_C, section 3.3
    nce                 Eq. (5) (6) (7) (9) (10), the fit
    variants            Error, LatNCE, CNCE, CANCE
    detector            the estimator (inputs, persistence)
    elbo                Eq. (1)-(4)
    heteroskedasticity  whether the error depends on the latent (section 3.2)
The reproduction
    protocols           splits and metrics of the image data sets
    tabular, tabular_protocols   the tables, their splits and F1 rules
    baselines           one paper a file
    schema, records, bodies   what a result record is; writing and reading it
    cells, studies, choices, examples, single_features, mnist_c, tabular_cells,
    tabular_features, kdd_cells, feature_cells, pretrained_cells   how a cell is run
    cifar10             the settings chosen for CIFAR-10, and the candidates
    normals, experiment   sets of normal classes; what an experiment is
    image_, tabular_, kdd_, pretrained_experiments   the settings and cells of every table
    experiments, runner finding one; running what is missing
    paper, verdicts, tables, verify   the paper's numbers beside ours
    summaries, study_summaries, tabular_summaries, ranks   the small tables beside them
    plots, headline, notation, notebooks   figures, the README's table, the book's pages
"""

__version__ = "0.1.0"

from cance.detector import CANCE

__all__ = ["CANCE", "__version__"]
