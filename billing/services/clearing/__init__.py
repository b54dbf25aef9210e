"""Clearing: what income is divided into, by rules with versions. Pure arithmetic is in `split`."""
