"""Clearing: what an order's income is divided into, by rules with versions. Pure arithmetic is in `split`."""
