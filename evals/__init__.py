"""Scripted sessions and suites that score the assistant and the tools against known truth, on Inspect."""
