from kernel.models.audit import AuditEvent
from kernel.models.idempotency import IdempotencyKey
from kernel.models.outbox import OutboxMessage

__all__ = ["AuditEvent", "IdempotencyKey", "OutboxMessage"]
