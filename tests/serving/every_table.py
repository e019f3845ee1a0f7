"""One row in every table of a database, whatever tables there are: each names rows above it, and each column holds something."""

from datetime import UTC, date, datetime
from typing import Any

from sqlalchemy import JSON, Column, Connection, MetaData, Table, TypeDecorator

FIRST = 1
DAY = datetime(2026, 9, 1, 8, 30, tzinfo=UTC)


def fill(connection: Connection, metadata: MetaData) -> dict[str, dict[str, Any]]:
    """Writes the rows; what was written, by table and column."""
    written: dict[str, dict[str, Any]] = {}
    for table in metadata.sorted_tables:
        if table.name == "alembic_version":
            continue
        row = {column.name: _value(column, written) for column in table.columns}
        connection.execute(table.insert().values(**row))
        written[table.name] = row
    return written


def _value(column: "Column[Any]", written: dict[str, dict[str, Any]]) -> Any:
    for key in column.foreign_keys:
        return written[key.column.table.name][key.column.name]
    if isinstance(column.type, JSON):
        return {"值": [1]}
    kind = (column.type.impl if isinstance(column.type, TypeDecorator) else column.type).python_type
    if kind is str:
        length = getattr(column.type, "length", None) or 100
        return (column.name if column.primary_key else f"{column.name} 值")[:length]
    values = {
        int: FIRST,
        bool: True,
        float: 0.5,
        bytes: b"\x00\xff",
        datetime: DAY,
        date: DAY.date(),
    }
    return values[kind]


def read(connection: Connection, table: Table) -> list[dict[str, Any]]:
    """Every row of a table."""
    return [dict(row._mapping) for row in connection.execute(table.select())]
