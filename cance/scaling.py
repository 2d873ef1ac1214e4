"""How the columns of rows of numbers are scaled, which the paper does not say.

The scale decides what the cosine dissimilarity z_c (section 3.1) means, since an angle is measured
from the origin. z-scores put the origin amid the normal rows, where a row has hardly a direction, so
that normal rows can have larger angles than those far out. In [0, 1] all training rows lie on one
side of it, as pixels do.
"""

from __future__ import annotations

from sklearn.preprocessing import MinMaxScaler, StandardScaler

SCALERS = {"standard": StandardScaler, "range": MinMaxScaler}
"""z-scores, or to [0, 1], by the training rows; a column that is constant there is only shifted."""
