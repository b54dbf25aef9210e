"""The embedded default's database backend: Django's SQLite plus a fair turn for writers.

Every transaction (`BEGIN IMMEDIATE`) and every writing statement outside one takes the process-wide gate of its
file first. A wait longer than the `timeout` option raises `OperationalError`, so a thread that waits inside
`atomic()` for another writer fails loudly instead of hanging. In-memory databases pass without a gate.
"""

from pathlib import Path

from django.db.backends.sqlite3 import base
from django.db.utils import OperationalError

from kernel.runtime.sqlite3.gate import FifoGate, gate_of

_WRITES = ("INSERT", "UPDATE", "DELETE", "REPLACE")
_DEFAULT_TIMEOUT_S = 20.0


class GatedCursor(base.SQLiteCursorWrapper):
    """A cursor whose writing statements wait for their turn when no transaction holds it already."""

    wrapper: "DatabaseWrapper"

    def execute(self, query, params=None):
        if not self._needs_turn(query):
            return super().execute(query, params)
        self.wrapper.take_turn()
        try:
            return super().execute(query, params)
        finally:
            self.wrapper.give_turn()

    def executemany(self, query, param_list):
        if not self._needs_turn(query):
            return super().executemany(query, param_list)
        self.wrapper.take_turn()
        try:
            return super().executemany(query, param_list)
        finally:
            self.wrapper.give_turn()

    def _needs_turn(self, query: str) -> bool:
        return (
            not self.wrapper.has_turn
            and not self.connection.in_transaction
            and query.lstrip()[:7].upper().startswith(_WRITES)
        )


class DatabaseOperations(base.DatabaseOperations):
    """Django's operations; a flush steps around append-only triggers, as TRUNCATE does on PostgreSQL."""

    def sql_flush(self, style, tables, **kwargs):
        statements = super().sql_flush(style, tables, **kwargs)
        if not statements:
            return statements
        with self.connection.cursor() as cursor:
            cursor.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'")
            triggers = cursor.fetchall()
        drops = [f"DROP TRIGGER {self.quote_name(name)}" for name, _sql in triggers]
        return [*drops, *statements, *(sql for _name, sql in triggers)]


class DatabaseWrapper(base.DatabaseWrapper):
    """SQLite connection that takes the gate before a transaction and gives it back at its end."""

    ops_class = DatabaseOperations

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.has_turn = False
        self._gate: FifoGate | None = None

    def get_new_connection(self, conn_params):
        if not self.is_in_memory_db():
            Path(self.settings_dict["NAME"]).parent.mkdir(parents=True, exist_ok=True)
            self._gate = gate_of(str(self.settings_dict["NAME"]))
        return super().get_new_connection(conn_params)

    def create_cursor(self, name=None):
        cursor = self.connection.cursor(factory=GatedCursor)
        cursor.wrapper = self
        return cursor

    def take_turn(self) -> None:
        """Wait for the writer's turn; `OperationalError` when it does not come within the timeout."""
        if self._gate is None or self.has_turn:
            return
        timeout_s = float(self.settings_dict["OPTIONS"].get("timeout", _DEFAULT_TIMEOUT_S))
        if not self._gate.acquire(self, timeout_s):
            raise OperationalError(
                f"database is locked: no turn to write within {timeout_s:g} s; another thread of this process "
                "holds a transaction open (waiting for each other inside atomic()?)"
            )
        self.has_turn = True

    def give_turn(self) -> None:
        """Let the next writer go; no effect when this connection has no turn."""
        if self.has_turn:
            self.has_turn = False
            self._gate.release(self)

    def _start_transaction_under_autocommit(self):
        self.take_turn()
        try:
            super()._start_transaction_under_autocommit()
        except BaseException:
            self.give_turn()
            raise

    def _commit(self):
        # A commit that failed leaves the transaction open: the rollback that follows gives the turn back.
        super()._commit()
        self.give_turn()

    def _rollback(self):
        try:
            super()._rollback()
        finally:
            self.give_turn()

    def _close(self):
        try:
            super()._close()
        finally:
            self.give_turn()
