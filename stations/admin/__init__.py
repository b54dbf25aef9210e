from stations.admin import connector, group, model, pile, staff, station  # noqa: F401
