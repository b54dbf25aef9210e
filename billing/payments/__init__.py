"""Payment channels: one protocol, one real client per channel, and a strict sandbox that stands in for them.

Nothing here writes to the database; `billing.services.payments` and `billing.services.refunds` do.
"""
