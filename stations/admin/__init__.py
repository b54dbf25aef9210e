from stations.admin import connector, group, model, modes, pile, staff, station  # noqa: F401
