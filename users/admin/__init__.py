from users.admin import (  # noqa: F401
    audit,
    card,
    driver,
    enterprise,
    export,
    groups,
    operator,
    role,
    staff,
    vehicle,
)
