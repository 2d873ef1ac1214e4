"""The estimator `CANCE`: what it accepts, how it is fitted, how it is saved."""

from cance.detector.estimator import CANCE

__all__ = ["CANCE"]
