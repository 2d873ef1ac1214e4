"""The records of finished runs, the paper's numbers, and what stands between the two."""
