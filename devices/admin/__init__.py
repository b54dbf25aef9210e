from devices.admin import (  # noqa: F401
    certificate,
    command,
    frame,
    held,
    notice,
    pile,
    record,
    reservation,
    session,
    transaction,
    unknown,
    upload,
)
