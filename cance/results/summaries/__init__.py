"""Records to the small tables that stand beside the paper's."""
