from kernel.models.audit import AuditEvent
from kernel.models.export import ExportJob
from kernel.models.idempotency import IdempotencyKey
from kernel.models.outbox import OutboxMessage

__all__ = ["AuditEvent", "ExportJob", "IdempotencyKey", "OutboxMessage"]
