"""Figure 1 of the paper, redrawn: ``python -m cance.plots.overview`` renews the index's picture."""

from __future__ import annotations

import sys
from pathlib import Path

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch

from cance import data, protocols
from cance.detector.estimator import CANCE
from cance.plots.style import ANOMALOUS, ARTIFICIAL, NOISE, NORMAL, WIDENED, finished

PICTURE = Path("book/figures/overview.svg")


def overview(image: np.ndarray, reconstruction: np.ndarray) -> Figure:
    """The two steps of the method (Figure 1), with one image and its reconstruction in it.

    Parameters
    ----------
    image, reconstruction : numpy.ndarray
        x and x', shape (H, W), in [0, 1].

    Returns
    -------
    matplotlib.figure.Figure
    """
    figure, axis = plt.subplots(figsize=(9.2, 5.2))
    axis.set_axis_off()
    axis.text(0, 50, "Step 1: an autoencoder gives the composite feature", weight="bold")
    _picture(axis, image, 1, 34, r"$x$")
    _box(axis, 18, 35, 15, 10, "encoder\n$E_{\\phi_1}$", NORMAL)
    _box(axis, 41, 36.5, 8, 7, "$z_l$", NORMAL)
    _box(axis, 57, 35, 15, 10, "decoder\n$D_{\\phi_2}$", NORMAL)
    _picture(axis, reconstruction, 79, 34, r"$x'$")
    for start, end in ((13.5, 17.5), (33.5, 40.5), (49.5, 56.5), (72.5, 78.5)):
        _arrow(axis, (start, 40), (end, 40))
    axis.text(37, 41.2, "batch\nnorm", ha="center", va="bottom", size=8)
    _box(axis, 57, 26.5, 34, 5, "$z_e$: squared error,  $z_c$: cosine dissimilarity", NORMAL)
    _arrow(axis, (85, 33.5), (85, 32))
    _arrow(axis, (7, 33.5), (56.5, 29), "angle,angleA=-90,angleB=0,rad=3")

    axis.text(0, 22.5, "Step 2: noise-contrastive estimation gives its density", weight="bold")
    _box(axis, 1, 14.5, 27, 5, "normal $(z_l, z_e, z_c) \\sim p_d$", NORMAL)
    _box(axis, 1, 8, 27, 5, "artificial $(z_l, z_e', z_c')$, low", ARTIFICIAL)
    _box(axis, 1, 0.7, 12, 5, "noise $p_n$", NOISE)
    _box(axis, 16, 0.7, 12, 5, "widen $L_K$", WIDENED)
    _box(axis, 36, 10.5, 9, 6, "$p_m$", NORMAL)
    _box(axis, 52, 5.5, 14, 9, "log-odds\n$T_\\theta$", ANOMALOUS)
    _box(axis, 73, 5.5, 18, 9, "score $S_C$\n$-T_\\theta - \\ln \\nu\\,p_{nK}$", ANOMALOUS)
    _arrow(axis, (28.5, 17), (35.5, 14.5), label="½")
    _arrow(axis, (28.5, 10.5), (35.5, 12.5), label="½")
    _arrow(axis, (45.5, 13.5), (51.5, 11.5), label="data, 1")
    _arrow(axis, (13.5, 3.2), (15.5, 3.2))
    _arrow(axis, (28.5, 3.2), (51.5, 8.5), label="noise, $\\nu = 8$")
    _arrow(axis, (66.5, 10), (72.5, 10))
    axis.set(xlim=(0, 92), ylim=(0, 52))
    return finished(figure)


def _box(axis: Axes, x: float, y: float, width: float, height: float, text: str, colour: str):
    axis.add_patch(
        FancyBboxPatch(
            (x, y),
            width,
            height,
            "round,pad=0,rounding_size=1",
            ec=colour,
            fc=colour + "22",
            lw=1.4,
        )
    )
    axis.text(x + width / 2, y + height / 2, text, ha="center", va="center", size=9)


def _arrow(axis: Axes, start, end, connection: str = "arc3", label: str = "") -> None:
    axis.add_patch(
        FancyArrowPatch(start, end, arrowstyle="-|>", mutation_scale=10, connectionstyle=connection)
    )
    middle = np.add(start, end) / 2
    axis.text(*(middle + (0, 0.9)), label, ha="center", va="bottom", size=8)


def _picture(axis: Axes, image: np.ndarray, x: float, y: float, label: str) -> None:
    axis.imshow(image, cmap="gray_r", vmin=0, vmax=1, extent=(x, x + 12, y, y + 12))
    axis.text(x + 6, y + 12.4, label, ha="center", va="bottom")


def main() -> int:
    """Draw the picture with one of MNIST's test images, reconstructed here, and write it as SVG."""
    torch.set_num_threads(1)
    split = protocols.one_class(data.load("mnist"), [8])
    detector = CANCE(nce_steps=100, random_state=0, device="cpu").fit(split.train_images)
    [row] = torch.nonzero(~split.test_anomalous)[0]
    x = split.test_images[[int(row)]]
    with torch.no_grad():
        rebuilt = detector.autoencoder_.decode(detector.autoencoder_.encode(x))
    with matplotlib.rc_context({"svg.hashsalt": "cance"}):  # the same figure gives the same file
        figure = overview(x[0, 0].numpy(), rebuilt[0, 0].numpy())
        PICTURE.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(PICTURE, metadata={"Date": None})
        # matplotlib ends lines in spaces, which nobody wants to see in a diff
        lines = [line.rstrip() for line in PICTURE.read_text("utf-8").splitlines()]
        PICTURE.write_text("\n".join(lines) + "\n", "utf-8")
    print(f"{PICTURE}: {PICTURE.stat().st_size / 1024:.0f} kB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
