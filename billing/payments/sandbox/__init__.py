"""A strict stand-in for WeChat Pay and Alipay: real keys, real signatures, state, and misbehaviour on demand.

It refuses what the real services refuse and calls back as they do, so the real clients run against it unchanged.
It is never part of production: `manage.py sandbox` refuses to start there, and the settings refuse its address.
"""

from billing.payments.sandbox.server import Sandbox

__all__ = ["Sandbox"]
