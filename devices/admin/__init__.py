from devices.admin import command, frame, pile, record, sensor, session, transaction, unknown  # noqa: F401
