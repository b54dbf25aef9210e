"""Simulated piles, cars and drivers, for the demo, the tests and soak runs.

They talk to the platform from outside only: over the sockets and the driver API. Nothing here knows the ORM;
what must be read from the database is read by `manage.py simulate` and handed in.
"""
