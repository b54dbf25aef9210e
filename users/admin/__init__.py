from users.admin import audit, card, driver, enterprise, groups, operator, role, staff, vehicle  # noqa: F401
