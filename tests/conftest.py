"""What several test modules share."""

import pytest


@pytest.fixture
def headless():
    """Figures without a window, none of which may stay open: a notebook would show it twice."""
    import matplotlib as mpl
    from matplotlib import pyplot as plt

    with mpl.rc_context():
        mpl.use("agg")
        yield
    assert not plt.get_fignums(), "a figure stays open and would be shown twice"
