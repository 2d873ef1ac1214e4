"""The figure that shows why no epoch of any autoencoder gives both of the paper's columns."""

from __future__ import annotations

from collections.abc import Mapping

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from cance.plots.style import ANOMALOUS, NORMAL, finished

COLOURS = {"Error": ANOMALOUS, "LatNCE": NORMAL}


def by_epoch(
    panels: Mapping[str, pd.DataFrame], printed: Mapping[str, Mapping[str, float]]
) -> Figure:
    """AUROC against the epoch of the autoencoder, the paper's two columns as lines.

    Parameters
    ----------
    panels : mapping of str to pandas.DataFrame
        Title to AUROC in percent: index epoch, ascending; columns ``Error`` and ``LatNCE``, and
        below each a column a seed.
    printed : mapping of str to mapping of str to float
        Title and column to the paper's mean, in percent.

    Returns
    -------
    matplotlib.figure.Figure
    """
    figure, axes = plt.subplots(
        1, len(panels), figsize=(3.6 * len(panels), 3.6), sharey=True, squeeze=False
    )
    for axis, (title, frame) in zip(axes[0], panels.items(), strict=True):
        for column, colour in COLOURS.items():
            values = frame[column].to_numpy()  # (epochs, seeds)
            axis.plot(frame.index, values, color=colour, linewidth=0.6, alpha=0.5)
            axis.plot(frame.index, values.mean(1), color=colour, marker="o", label=column)
            axis.axhline(printed[title][column], color=colour, linestyle="--", label="the paper's")
        axis.set_xscale("symlog", linthresh=1)
        ticks = [epoch for epoch in (0, 1, 3, 10, 30, 100) if epoch <= frame.index.max()]
        axis.set_xticks(ticks, [str(epoch) for epoch in ticks])
        axis.set_xlim(-0.1, 1.1 * np.max(frame.index))
        axis.set_xlabel("epochs of the autoencoder")
        axis.set_title(title, size=10)
    axes[0, 0].set_ylabel("AUROC, %")
    axes[0, 0].legend(fontsize=8)
    return finished(figure)
