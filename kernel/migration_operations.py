"""An operation of migrations that Django has none for: many new tables at once.

Django renders the models of a project again after every single operation, so that a new database of a hundred
tables spends most of its time there. Tables that are new together need it once.
"""

from collections.abc import Sequence

from django.db.migrations.operations import AddConstraint, AddField, AddIndex, CreateModel
from django.db.migrations.operations.base import Operation, OperationCategory


class CreateModels(Operation):
    """Make the tables of every `CreateModel` given, in the form that the operations after it in the list give them.

    `AddField`, `AddIndex` and `AddConstraint` are allowed for tables that the same list makes (a foreign key to a
    table further down, say); anything else raises ValueError.
    """

    category = OperationCategory.ADDITION
    reversible = True
    reduces_to_sql = True

    def __init__(self, operations: Sequence[Operation]):
        self.operations = list(operations)
        made: set[str] = set()
        for one in self.operations:
            if isinstance(one, CreateModel):
                made.add(one.name_lower)
            elif not isinstance(one, AddField | AddIndex | AddConstraint) or one.model_name_lower not in made:
                raise ValueError(
                    f"{one.describe()}: only parts of the tables made here belong in CreateModels."
                )

    @property
    def _models(self) -> list[CreateModel]:
        return [one for one in self.operations if isinstance(one, CreateModel)]

    def deconstruct(self):
        return type(self).__qualname__, [], {"operations": self.operations}

    def state_forwards(self, app_label, state):
        state.__dict__.pop("apps", None)  # rendered once, when somebody asks for it again
        for one in self.operations:
            one.state_forwards(app_label, state)

    def database_forwards(self, app_label, schema_editor, from_state, to_state):
        for one in self._models:
            model = to_state.apps.get_model(app_label, one.name)
            if self.allow_migrate_model(schema_editor.connection.alias, model):
                schema_editor.create_model(model)

    def database_backwards(self, app_label, schema_editor, from_state, to_state):
        for one in reversed(self._models):
            model = from_state.apps.get_model(app_label, one.name)
            if self.allow_migrate_model(schema_editor.connection.alias, model):
                schema_editor.delete_model(model)

    def describe(self):
        return "Create models " + ", ".join(one.name for one in self._models)
