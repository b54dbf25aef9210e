from users.admin import audit, driver, export, operator, role, staff  # noqa: F401
