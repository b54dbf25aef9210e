"""OCPP 2.0.1 over JSON: what is its own above `devices.protocols.ocppj`.

An EVSE serves one car at a time, whatever plugs hang on it, so EVSE n is the platform's connector n.
"""
