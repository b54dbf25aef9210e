from devices.admin import command, frame, pile, record, session, transaction, unknown  # noqa: F401
