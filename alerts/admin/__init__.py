from alerts.admin import alert, message  # noqa: F401
