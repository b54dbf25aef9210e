"""Domain-neutral ground: errors, clock, actor, audit trail, outbox, idempotency and the embedded runtime.

Names nothing of the charging field and imports no other app.
"""
