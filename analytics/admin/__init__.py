from analytics.admin import driver  # noqa: F401
