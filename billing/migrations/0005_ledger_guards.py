"""Guards of the ledger inside the database: journals and entries never change, and every journal sums to zero.

The sum is checked when the transaction commits, on PostgreSQL; SQLite has no deferred triggers, so there the
service and `check_ledger` hold it. Published tariff versions are frozen the same way.
"""

from django.db import migrations

FROZEN = ["billing_journal", "billing_entry", "billing_tariffversion", "billing_tarifftier"]

POSTGRESQL_UP = [
    """
    CREATE FUNCTION billing_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'integrity_constraint_violation';
    END $$
    """,
    *(
        f"CREATE TRIGGER {table}_frozen BEFORE UPDATE OR DELETE ON {table} "
        "FOR EACH ROW EXECUTE FUNCTION billing_refuse_change()"
        for table in FROZEN
    ),
    """
    CREATE FUNCTION billing_journal_balances() RETURNS trigger LANGUAGE plpgsql AS $$
    DECLARE total numeric;
    BEGIN
        SELECT COALESCE(SUM(amount_fen), 0) INTO total FROM billing_entry WHERE journal_id = NEW.journal_id;
        IF total <> 0 THEN
            RAISE EXCEPTION 'journal % sums to % fen', NEW.journal_id, total
                USING ERRCODE = 'integrity_constraint_violation';
        END IF;
        RETURN NULL;
    END $$
    """,
    """
    CREATE CONSTRAINT TRIGGER billing_entry_balanced AFTER INSERT ON billing_entry
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION billing_journal_balances()
    """,
]
POSTGRESQL_DOWN = [
    "DROP TRIGGER billing_entry_balanced ON billing_entry",
    *(f"DROP TRIGGER {table}_frozen ON {table}" for table in FROZEN),
    "DROP FUNCTION billing_journal_balances()",
    "DROP FUNCTION billing_refuse_change()",
]
SQLITE_UP = [
    f"CREATE TRIGGER {table}_frozen_{verb.lower()} BEFORE {verb} ON {table} "
    f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
    for table in FROZEN
    for verb in ("UPDATE", "DELETE")
]
SQLITE_DOWN = [
    f"DROP TRIGGER {table}_frozen_{verb}" for table in FROZEN for verb in ("update", "delete")
]


def _run(schema_editor, postgresql, sqlite):
    statements = {"postgresql": postgresql, "sqlite": sqlite}.get(schema_editor.connection.vendor, [])
    for statement in statements:
        schema_editor.execute(statement, params=None)


def up(apps, schema_editor):
    _run(schema_editor, POSTGRESQL_UP, SQLITE_UP)


def down(apps, schema_editor):
    _run(schema_editor, POSTGRESQL_DOWN, SQLITE_DOWN)


class Migration(migrations.Migration):

    dependencies = [
        ('billing', '0004_alter_journal_options'),
    ]

    operations = [migrations.RunPython(up, down)]
