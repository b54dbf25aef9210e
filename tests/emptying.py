"""Empties the tables after a test that commits, ten times faster than Django's flush on PostgreSQL.

TRUNCATE costs by the table and `post_migrate` writes content types and permissions again after every test; here
rows are deleted with triggers and constraints out of the way, and those two tables keep their rows.
"""

from django.db import connections, transaction
from django.test import TransactionTestCase

KEPT = {"django_content_type", "auth_permission"}

_django_teardown = TransactionTestCase._fixture_teardown
_statements: dict[str, str] = {}


def _teardown(case: TransactionTestCase) -> None:
    if not all(_may_step_around(alias) for alias in case._databases_names(include_mirrors=False)):
        _django_teardown(case)
        return
    for alias in case._databases_names(include_mirrors=False):
        _empty(alias)


def _may_step_around(alias: str) -> bool:
    """Triggers are a superuser's to switch off; the private server of the suite gives us one."""
    connection = connections[alias]
    if connection.vendor != "postgresql":
        return False
    with connection.cursor() as cursor:
        cursor.execute("SHOW is_superuser")
        return cursor.fetchone()[0] == "on"


def _empty(alias: str) -> None:
    connection = connections[alias]
    if alias not in _statements:
        names = connection.introspection.django_table_names(only_existing=True, include_views=False)
        quoted = (connection.ops.quote_name(name) for name in names if name not in KEPT)
        _statements[alias] = "; ".join(f"DELETE FROM {name}" for name in quoted)
    with transaction.atomic(using=alias), connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        cursor.execute(_statements[alias])


def install() -> None:
    """Replace Django's teardown of tests that commit."""
    TransactionTestCase._fixture_teardown = _teardown
