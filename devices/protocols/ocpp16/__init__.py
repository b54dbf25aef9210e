"""OCPP 1.6J, Core profile.

The `ocpp` library gives the message types and the schemas; the dispatch is ours, because a charge point strays
from the standard in ways that must not cost its owner a session: input is read as far as it can be read and every
oddity is counted on the pile, output is validated strictly.
"""
