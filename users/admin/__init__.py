from users.admin import audit, driver, operator, role, staff  # noqa: F401
