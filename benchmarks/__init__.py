"""Side-by-side measurements against a peer or a physical floor in the same run; each runs alone."""
