"""Which runs there are, and with which settings: data alone."""
