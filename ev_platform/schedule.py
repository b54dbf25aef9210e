"""Every periodic job in one table: task, seconds between runs.

Each is a sweep that finds work in the database, so a run that is lost or doubled changes nothing. A run that has
not begun when the next is due is dropped.
"""

PERIODIC_JOBS: dict[str, float] = {
    "kernel.record_beat": 5.0,
    "kernel.sweep_outbox": 5.0,
    "kernel.sweep_exports": 15.0,
    "devices.expire_commands": 5.0,
    "devices.expire_silent_piles": 10.0,
    "devices.expire_reservations": 10.0,
    "devices.renew_certificates": 3600.0,
    "devices.keep_partitions": 14_400.0,
    "devices.tidy_up": 14_400.0,
    "devices.advance_firmware_campaigns": 5.0,
    "marketing.expire_coupons": 600.0,
    "alerts.close_protections": 60.0,
    "alerts.send_messages": 3.0,
    "alerts.watch_archives": 3600.0,
    "analytics.build_recent_facts": 60.0,
    "analytics.rebuild_facts": 21_600.0,
    "analytics.assign_levels": 3600.0,
    "users.forget_old_notices": 14_400.0,
    "billing.sweep_orders": 5.0,
    "billing.tell_drivers": 20.0,
    "billing.push_due_tariffs": 30.0,
    "billing.sweep_paid_starts": 5.0,
    "billing.sweep_score_orders": 5.0,
    "billing.query_payments": 10.0,
    "billing.query_refunds": 30.0,
    "billing.show_costs": 15.0,
    "billing.clear_orders": 20.0,
    "billing.clear_leftovers": 3600.0,
    "billing.build_statements": 600.0,
    "billing.work_payouts": 30.0,
    "billing.sync_card_lists": 60.0,
    "billing.work_invoices": 30.0,
    "billing.check_books": 1800.0,
    "billing.reconcile_recent": 1800.0,
}

QUEUES = ("money", "devices", "reports")

BEAT_SCHEDULE = {
    task: {"task": task, "schedule": seconds, "options": {"expires": seconds}}
    for task, seconds in PERIODIC_JOBS.items()
}
