"""The answers that the grounding check is tried on: a fixed ledger, and correct prose about it."""
