from devices.admin import bay_lock, command, frame, pile, record, session, transaction, unknown, vehicle  # noqa: F401
