"""Composite feature Augmented NCE (CANCE) for anomaly detection, reproduced.

The paper is *Anomaly Detection via Autoencoder Composite Features and NCE* by Yalin Liao and
Austin J. Brockmeier (arXiv 2502.01920). Each of its equations has one place in this package.
"""

__version__ = "0.1.0"

from cance.detector import CANCE

__all__ = ["CANCE", "__version__"]
