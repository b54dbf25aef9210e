"""OCPP 1.6J, Core profile: what is its own above `devices.protocols.ocppj`.

The `ocpp` library gives the message types and the schemas; the dispatch is ours, because a charge point strays
from the standard in ways that must not cost its owner a session.
"""
