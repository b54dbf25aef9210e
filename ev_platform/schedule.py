"""Every periodic job in one table: task, seconds between runs.

Each is a sweep that finds work in the database, so a run that is lost or doubled changes nothing. A run that has
not begun when the next is due is dropped.
"""

PERIODIC_JOBS: dict[str, float] = {
    "kernel.record_beat": 5.0,
    "kernel.sweep_outbox": 5.0,
    "devices.expire_commands": 5.0,
    "devices.expire_silent_piles": 10.0,
    "devices.expire_reservations": 10.0,
    "devices.renew_certificates": 3600.0,
    "billing.sweep_orders": 5.0,
    "billing.push_due_tariffs": 30.0,
    "billing.query_payments": 10.0,
    "billing.query_refunds": 30.0,
}

QUEUES = ("money", "devices", "reports")

BEAT_SCHEDULE = {
    task: {"task": task, "schedule": seconds, "options": {"expires": seconds}}
    for task, seconds in PERIODIC_JOBS.items()
}
