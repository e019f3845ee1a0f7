"""One row in every table of a database, whatever tables there are: each names rows above it, and each column holds something."""

from datetime import UTC, date, datetime
from typing import Any

from sqlalchemy import JSON, Column, Connection, MetaData, TypeDecorator

DAY = datetime(2026, 9, 1, 8, 30, tzinfo=UTC)
Row = dict[str, Any]


def fill(connection: Connection, metadata: MetaData, number: int = 1, *, sparse: bool = False) -> None:
    """Writes the rows of a number; `sparse` ones hold nothing where nothing may stand."""
    written: dict[str, Row] = {}
    for table in metadata.sorted_tables:
        if table.name == "alembic_version":
            continue
        row = {
            column.name: None if sparse and column.nullable else _value(column, written, number)
            for column in table.columns
        }
        connection.execute(table.insert().values(**row))
        written[table.name] = row


def _value(column: "Column[Any]", written: dict[str, Row], number: int) -> Any:
    for key in column.foreign_keys:
        return written[key.column.table.name][key.column.name]
    if isinstance(column.type, JSON):
        return {"值": [number]}
    kind = (column.type.impl if isinstance(column.type, TypeDecorator) else column.type).python_type
    if kind is str:
        length = getattr(column.type, "length", None) or 100
        return (f"{number}{column.name}" if column.primary_key else f"{number}{column.name} 值")[:length]
    values = {int: number, bool: True, float: 0.5, bytes: b"\x00\xff", datetime: DAY, date: DAY.date()}
    return values[kind]


def read(connection: Connection, metadata: MetaData) -> dict[str, list[Row]]:
    """Every row of every table, in order of its first column."""
    tables = {name: table for name, table in metadata.tables.items() if name != "alembic_version"}
    return {
        name: [dict(row._mapping) for row in connection.execute(table.select().order_by(*table.primary_key))]
        for name, table in tables.items()
    }
