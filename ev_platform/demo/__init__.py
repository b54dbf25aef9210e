"""The demo's world: what it consists of, how it is built, and two days of its past."""
