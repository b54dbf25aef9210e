from alerts.admin import alert  # noqa: F401
