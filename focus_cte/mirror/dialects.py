"""SQL of one kind of database. That of the others is not loaded: it takes a tenth of a second."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from sqlalchemy import Table


def module(dialect: str) -> Any:
    """SQLAlchemy's, of "sqlite" or "postgresql"."""
    return import_module(f"sqlalchemy.dialects.{dialect}")


def insertion(dialect: str, table: Table) -> Any:
    """An INSERT that can say what a conflict leads to."""
    return module(dialect).insert(table)
