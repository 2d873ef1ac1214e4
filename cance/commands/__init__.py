"""The commands for one's own rows: `cance fit` and `cance score`, what they read and write."""
