"""Measurements of the platform against the limit of its parts, both in the same run."""
