"""Test sets of language: what people say, and what should be done about it. Written by people who had not seen the guide."""
