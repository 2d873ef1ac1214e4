"""Splits and metrics of the experiments, and nothing else."""

from cance.protocols.images import Split, auroc, corruptions, normal_images, one_class

__all__ = ["Split", "auroc", "corruptions", "normal_images", "one_class"]
