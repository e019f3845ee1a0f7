"""Statements that are made once and then run by the driver alone, where rows go in by the hundred a second.

SQLAlchemy takes ten times longer to run a statement than SQLite does; its part here is to write it, and to convert values.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Engine, Select
from sqlalchemy.sql.dml import UpdateBase

_Convert = Callable[[Any], Any]


class Prepared:
    """A statement for one database, whose every value is a named `bindparam`; columns of floats cannot be selected."""

    def __init__(self, engine: Engine, statement: Select[Any] | UpdateBase) -> None:
        dialect = engine.dialect
        compiled = statement.compile(engine)
        self._sql = str(compiled)
        processors = {
            name: bind.type.dialect_impl(dialect).bind_processor(dialect) for name, bind in compiled.binds.items()
        }
        self._converted: dict[str, _Convert] = {name: to for name, to in processors.items() if to is not None}
        self._places = compiled.positiontup  # None where the driver takes values by name
        columns = statement.selected_columns if isinstance(statement, Select) else ()
        self._results = [column.type.dialect_impl(dialect).result_processor(dialect, None) for column in columns]

    def rows(self, connection: Connection, values: Mapping[str, Any]) -> list[tuple[Any, ...]]:
        """Runs a select; errors are the driver's."""
        found = connection.connection.cursor()
        try:
            found.execute(self._sql, self._given(values))
            return [
                tuple(value if of is None else of(value) for of, value in zip(self._results, row, strict=True))
                for row in found.fetchall()
            ]
        finally:
            found.close()

    def run(self, connection: Connection, several: Sequence[Mapping[str, Any]]) -> None:
        """Runs another statement, once for each of several values; errors are the driver's."""
        cursor = connection.connection.cursor()
        try:
            for values in several:
                cursor.execute(self._sql, self._given(values))
        finally:
            cursor.close()

    def _given(self, values: Mapping[str, Any]) -> Any:
        given = dict(values)
        for name, convert in self._converted.items():
            given[name] = convert(given[name])
        return given if self._places is None else tuple(given[name] for name in self._places)
