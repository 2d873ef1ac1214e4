"""What one run does: a family of experiments a module."""
