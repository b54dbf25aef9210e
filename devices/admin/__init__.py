from devices.admin import command, frame, node, pile, record, session, transaction, unknown  # noqa: F401
