"""The tables of a file of runs, in each of their versions."""

from __future__ import annotations

import sqlite3

APPLICATION = 0x666C7566
"""Says in the file's header whose it is: "fluf"."""

VERSION = 2
"""Of the tables."""

GRAPHS = """
CREATE TABLE graphs (digest TEXT PRIMARY KEY, data TEXT NOT NULL) WITHOUT ROWID;
"""

FIRST_TABLES = """
CREATE TABLE runs (
  id TEXT PRIMARY KEY, agent TEXT NOT NULL, status TEXT NOT NULL, created REAL NOT NULL,
  starts TEXT NOT NULL, parent TEXT, parent_seq INTEGER, holder TEXT
) WITHOUT ROWID;
CREATE TABLE moments (
  run TEXT NOT NULL, seq INTEGER NOT NULL, time REAL NOT NULL, state TEXT NOT NULL,
  status TEXT NOT NULL, data TEXT NOT NULL, sum INTEGER NOT NULL,
  PRIMARY KEY (run, seq)
);
CREATE TABLE context (
  run TEXT NOT NULL, key TEXT NOT NULL, seq INTEGER NOT NULL, data TEXT, sum INTEGER NOT NULL,
  PRIMARY KEY (run, key, seq)
);
CREATE TABLE buffers (
  run TEXT NOT NULL, key TEXT NOT NULL, seq INTEGER NOT NULL, place INTEGER NOT NULL,
  data BLOB NOT NULL, sum INTEGER NOT NULL,
  PRIMARY KEY (run, key, seq, place)
);
"""

TABLES = FIRST_TABLES + GRAPHS

MADE = {1: FIRST_TABLES, 2: TABLES}
"""The tables of each version: those of a file have to be the same, to the word."""

MIGRATIONS = {1: GRAPHS}
"""What makes of the tables of a version those of the next, while others may have the file open."""


def make(connection: sqlite3.Connection) -> None:
    """Make the tables, unless another process has done so meanwhile."""
    connection.execute("BEGIN IMMEDIATE")
    if not connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
        connection.execute(f"PRAGMA application_id = {APPLICATION}")
        connection.execute(f"PRAGMA user_version = {VERSION}")
        for statement in TABLES.split(";"):
            connection.execute(statement)
    connection.execute("COMMIT")


def migrate(connection: sqlite3.Connection, version: int) -> None:
    """Make the tables of a version the present ones: all steps or none.

    Args:
        connection: To a file with our tables.
        version: Of those tables; nothing happens where they are the present ones.
    """
    if version == VERSION:
        return
    connection.execute("BEGIN IMMEDIATE")
    # Asked again: another process may have done it meanwhile.
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    for step in range(version, VERSION):
        connection.execute(MIGRATIONS[step])
    connection.execute(f"PRAGMA user_version = {VERSION}")
    connection.execute("COMMIT")
