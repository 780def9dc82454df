"""Small trained models with a planted behaviour and a known truth.

Nothing that investigates (agent, tools, target, ui) may import this package: what was planted could
otherwise leak into an investigation. They read `catalogue.json`, which has names and paths only.
"""
