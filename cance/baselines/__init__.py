"""Detectors to compare with, one paper a file; each is trained on the same splits as the method."""
