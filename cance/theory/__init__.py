"""The paper's motivation (section 3.2): Eq. (1) to (4), and whether the error depends on the latent."""
