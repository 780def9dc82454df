"""What we believe a person understands, by which of their words, and what follows for teaching them."""
