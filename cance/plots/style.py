"""What every figure shares: colours that the colour-blind tell apart, and how it is finished."""

from __future__ import annotations

import matplotlib.pyplot as plt
from matplotlib.figure import Figure

NORMAL, ANOMALOUS, NOISE, WIDENED = "#0072b2", "#d55e00", "#999999", "#cc79a7"
ARTIFICIAL, MODEL, OTHER = "#009e73", "#000000", "#e69f00"


def finished(figure: Figure) -> Figure:
    """The figure on a white ground of its own, so that it reads the same on a dark theme."""
    figure.set_facecolor("white")
    figure.set_layout_engine("constrained")
    plt.close(figure)  # the notebook shows what a cell returns; without this it would show it twice
    return figure
