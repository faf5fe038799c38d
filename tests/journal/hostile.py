"""Files of runs as somebody would make them who means harm, and as a broken disk would."""

from __future__ import annotations

import hashlib
import json
import random
import shutil
import sqlite3
import zlib
from contextlib import closing
from pathlib import Path

DATA = Path(__file__).parent / "data"
FOREVER = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) "


def sound(path: Path, version: int = 2) -> Path:
    """A real file of a version."""
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript((DATA / f"version_{version}_runs.sql").read_text("utf-8"))
    return path


def small(path: Path, version: int = 2) -> Path:
    """A real file with a few of the runs: all the values, a flow that stands, one that asks."""
    told = json.loads((DATA / f"version_{version}_runs.json").read_text("utf-8"))
    kept = ("values", "mapped, paused", "deep, paused")
    marks = ", ".join(f"'{told[name]['id']}'" for name in kept)
    tables = {"runs": "id", "moments": "run", "context": "run", "buffers": "run"}
    return changed(
        sound(path, version),
        *(f"DELETE FROM {name} WHERE {key} NOT IN ({marks})" for name, key in tables.items()),
        "VACUUM",
    )


def changed(path: Path, *statements: str) -> Path:
    """A file after some statements."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        for statement in statements:
            connection.execute(statement)
    return path


def edited(path: Path, old: str, new: str, name: str) -> Path:
    """A file with another word in its schema, which SQLite itself would not put there."""
    return changed(
        path,
        "PRAGMA writable_schema = ON",
        f"UPDATE sqlite_master SET sql = replace(sql, '{old}', '{new}') WHERE name = '{name}'",
        "PRAGMA writable_schema = OFF",
    )


RUNS = "SELECT id, agent, status, created, starts, parent, parent_seq, holder FROM kept"
LARGE_COLUMN = (
    "CREATE TABLE runs (id TEXT PRIMARY KEY, agent, status, created, starts, parent, "
    "parent_seq, holder AS (hex(zeroblob(100000000)))) WITHOUT ROWID"
)
INTO_GRAPHS = "INSERT INTO graphs VALUES ('ran', 'code of the file')"

SCHEMAS = {
    "a view that never ends": [
        "ALTER TABLE runs RENAME TO kept",
        f"CREATE VIEW runs AS {FOREVER} {RUNS}, n",
    ],
    "a view of rows": [
        "ALTER TABLE moments RENAME TO kept",
        f"CREATE VIEW moments AS {FOREVER} SELECT kept.* FROM kept, n",
    ],
    "a view beside": [f"CREATE VIEW more AS {FOREVER} SELECT i FROM n"],
    "a trigger on runs": [
        f"CREATE TRIGGER t AFTER UPDATE ON runs BEGIN {INTO_GRAPHS}; END",
    ],
    "a trigger on rows": [
        f"CREATE TRIGGER t BEFORE INSERT ON moments BEGIN {INTO_GRAPHS}; END",
    ],
    "a generated column": [
        "ALTER TABLE runs ADD COLUMN more AS (hex(zeroblob(100000000)))",
    ],
    "a generated column in place": [
        "ALTER TABLE runs RENAME TO kept",
        LARGE_COLUMN,
        "INSERT INTO runs SELECT id, agent, status, created, starts, parent, parent_seq FROM kept",
        "DROP TABLE kept",
    ],
    "a virtual table": ["CREATE VIRTUAL TABLE more USING fts5(text)"],
    "a virtual table in place": [
        "DROP TABLE graphs",
        "CREATE VIRTUAL TABLE graphs USING fts5(digest, data)",
    ],
    "an index": ["CREATE INDEX more ON moments (state)"],
    "an index of an expression": ["CREATE INDEX more ON runs (hex(agent))"],
    "a partial index": ["CREATE INDEX more ON runs (id) WHERE abs(created) > 1"],
    "another table": ["CREATE TABLE more (one)"],
    "a table too few": ["DROP TABLE buffers"],
    "a default": ["ALTER TABLE runs ADD COLUMN more DEFAULT 1"],
    "a sequence": ["CREATE TABLE more (id INTEGER PRIMARY KEY AUTOINCREMENT)", "DROP TABLE more"],
}
"""Statements that make a sound file into one whose schema is not ours."""

WORDS = {
    "a check": ("status TEXT NOT NULL", "status TEXT CHECK (length(status) > 0)", "runs"),
    "a collation": ("id TEXT PRIMARY KEY", "id TEXT COLLATE NOCASE PRIMARY KEY", "runs"),
    "another type": ("time REAL NOT NULL", "time TEXT NOT NULL", "moments"),
    "NULL allowed": ("state TEXT NOT NULL", "state TEXT         ", "moments"),
    "a reference": ("run TEXT NOT NULL", "run TEXT REFERENCES runs (id)", "context"),
    "a comment": ("starts TEXT NOT NULL", "starts TEXT /* x */ NOT NULL", "runs"),
    "a default that calls": ("parent TEXT", "parent TEXT DEFAULT (hex(zeroblob(9)))", "runs"),
    "no sense": ("CREATE TABLE", "CREATE TABEL", "graphs"),
}
"""Words of the schema that are others: old, new, in which table."""


# ---------------------------------------------------------------- rows


def summed(text: str | bytes) -> int:
    """The checksum that goes with a text: whoever changes one can change the other."""
    data = text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text
    return zlib.crc32(data)


ODD = [
    None,
    True,
    -1,
    0,
    2**31,
    2**63,
    10**400,
    1.5,
    float("nan"),
    float("inf"),
    "",
    "\x1b[31m\u202e",
    "\ud800",
    "a" * 10_000,
    [],
    {},
    [[]],
    {"$": "tuple"},
    {"$": "Fraction", "v": "1e999999999"},
    {"$": "range", "v": [0, 10**18, 1]},
    {"$": "numpy.array", "v": "AAAA"},
    {"$": "object", "v": ["Order", {"number": "x"}]},
    {"$": "enum", "v": ["Colour", "GREEN"]},
    {"$": "codec:Point", "v": None},
]
"""What may stand where something else should."""


def places(data, path=()):
    """The ways to everything in plain data."""
    yield path
    items = ()
    if isinstance(data, dict):
        items = data.items()
    elif isinstance(data, list):
        items = enumerate(data)
    for key, value in items:
        yield from places(value, (*path, key))


def mutated(data, dice: random.Random):
    """Plain data with one thing in it another, gone, twice, or elsewhere."""
    ways = [way for way in places(data) if way]
    if not ways:
        return dice.choice(ODD)
    *way, last = dice.choice(ways)
    around = data
    for key in way:
        around = around[key]
    kind = dice.randrange(5)
    if kind == 0:
        del around[last]
    elif kind == 1 and isinstance(around, list):
        around.insert(last, around[last])
    elif kind == 2 and isinstance(around, list):
        dice.shuffle(around)
    elif kind == 3 and isinstance(around[last], int):
        around[last] += dice.choice([-2, -1, 1, 2, 1000])
    else:
        around[last] = dice.choice(ODD)
    return data


def mutate_row(connection, dice: random.Random) -> str:
    """Change the JSON of a row, with a checksum that fits."""
    tables = ["moments", "moments", "moments", "context", "runs"]
    if connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'graphs'").fetchall():
        tables.append("graphs")
    table = dice.choice(tables)
    column = "starts" if table == "runs" else "data"
    rows = connection.execute(f"SELECT * FROM {table} WHERE {column} IS NOT NULL").fetchall()
    names = [row[1] for row in connection.execute(f"PRAGMA table_info({table})")]
    row = dict(zip(names, dice.choice(rows), strict=True))
    text = json.dumps(mutated(json.loads(row[column]), dice))
    if dice.random() < 0.05:
        text = dice.choice([text[:-1], "[" * 100_000, "9" * 5000, "\x00", text + text, "NaN", '"'])
    if dice.random() < 0.03:
        text = json.dumps({"a": 1})[:-1] + ',"a":2}'
    if table == "graphs":
        digest = hashlib.sha256(text.encode()).hexdigest()
        connection.execute("INSERT OR REPLACE INTO graphs VALUES (?, ?)", (digest, text))
        for run, seq, data in connection.execute("SELECT run, seq, data FROM moments").fetchall():
            new = data.replace(row["digest"], digest)
            connection.execute(
                "UPDATE moments SET data = ?, sum = ? WHERE run = ? AND seq = ?",
                (new, summed(new), run, seq),
            )
    else:
        keys = {"moments": ["run", "seq"], "context": ["run", "key", "seq"], "runs": ["id"]}[table]
        sum_ = "" if table == "runs" else f", sum = {summed(text)}"
        where = " AND ".join(f"{key} = ?" for key in keys)
        connection.execute(
            f"UPDATE {table} SET {column} = ?{sum_} WHERE {where}",
            (text, *(row[key] for key in keys)),
        )
    return f"{table} {text[:200]}"


CELLS = [
    None,
    -1,
    0,
    2**62,
    -(2**63),
    1e308,
    -1e308,
    "",
    "x",
    "\x1b[2J\u202e",
    b"",
    b"\xff\xfe",
    "9" * 400,
]


def mutate_cell(connection, dice: random.Random) -> str:
    """Put something else into a column."""
    table = dice.choice(["runs", "moments", "context", "buffers"])
    columns = [row[1] for row in connection.execute(f"PRAGMA table_info({table})")]
    column, value = dice.choice(columns), dice.choice(CELLS)
    keys = {"runs": ["id"], "buffers": ["run", "key", "seq", "place"]}.get(table, ["run", "seq"])
    row = dice.choice(connection.execute(f"SELECT {', '.join(keys)} FROM {table}").fetchall())
    where = " AND ".join(f"{key} = ?" for key in keys)
    connection.execute(
        f"UPDATE OR IGNORE {table} SET {column} = ? WHERE {where}", (value, *row)
    ) if value is not None or column in {"parent", "holder"} else None
    return f"{table}.{column} = {value!r}"


def mutate_rows(connection, dice: random.Random) -> str:
    """Drop a row, give it another number, or another run."""
    table = dice.choice(["moments", "context", "buffers", "runs"])
    key = "id" if table == "runs" else "run"
    rows = connection.execute(f"SELECT * FROM {table}").fetchall()
    names = [row[1] for row in connection.execute(f"PRAGMA table_info({table})")]
    row = list(dice.choice(rows))
    kind = dice.randrange(3)
    where = " AND ".join(f"{name} IS ?" for name in names)
    if kind == 0:
        connection.execute(f"DELETE FROM {table} WHERE {where}", row)
        return f"{table} without {row[:3]!r}"
    if kind == 1 and table != "runs":
        row[names.index("seq")] += dice.choice([-1, 1, 5, 10**6])
    else:
        other = connection.execute("SELECT id FROM runs ORDER BY random() LIMIT 1").fetchone()[0]
        row[names.index(key)] = other if table != "runs" else "copied"
        if table == "runs":  # parents in a circle
            row[names.index("parent")] = "copied"
            connection.execute("UPDATE runs SET parent = id, parent_seq = 1")
    marks = ", ".join("?" * len(row))
    connection.execute(f"INSERT OR REPLACE INTO {table} VALUES ({marks})", row)
    return f"{table} with {row[:3]!r}"


MUTATIONS = (mutate_row, mutate_row, mutate_row, mutate_row, mutate_cell, mutate_rows)


def fuzzed(source: Path, path: Path, seed: int) -> str:
    """A copy of a sound file with one to three things changed; returns which."""
    dice = random.Random(seed)
    shutil.copyfile(source, path)
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        times = dice.choice([1, 1, 2, 3])
        return "; ".join([dice.choice(MUTATIONS)(connection, dice) for _ in range(times)])


def flipped(source: Path, path: Path, seed: int) -> str:
    """A copy of a sound file with what a disk has lost: bits, an end, or a page."""
    dice = random.Random(seed)
    data = bytearray(source.read_bytes())
    kind = dice.choice(["flip", "flip", "cut", "page", "zero", "tail"])
    if kind == "flip":
        for _ in range(dice.choice([1, 5, 50])):
            data[dice.randrange(len(data))] ^= 1 << dice.randrange(8)
    elif kind == "cut":
        del data[dice.randrange(len(data)) :]
    elif kind == "tail":
        data += dice.randbytes(5000)
    else:
        page = 4096
        to, of = (page * dice.randrange(len(data) // page) for _ in range(2))
        data[to : to + page] = data[of : of + page] if kind == "page" else bytes(page)
    path.write_bytes(data)
    return kind


# ---------------------------------------------------------------- trees of pages


def endless(path: Path, table: str = "graphs") -> Path:
    """A file of a few pages whose tree of a table comes back to itself ten thousand million times.

    Each of its inner pages has many children, which are all the same page.
    """
    sound(path)
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute(f"DELETE FROM {table}")
        connection.execute("VACUUM")
        root = connection.execute(
            "SELECT rootpage FROM sqlite_master WHERE name = ?", (table,)
        ).fetchone()[0]
        size = connection.execute("PRAGMA page_size").fetchone()[0]
    data = bytearray(path.read_bytes())
    last = len(data) // size
    kind = data[(root - 1) * size]
    inner = 0x05 if kind == 0x0D else 0x02
    depth = 6
    for level in range(depth):
        here = root if level == 0 else last + level
        child = last + level + 1
        page = _inner(inner, child, size)
        start = (here - 1) * size
        data[start : start + size] = page
    leaf = bytearray(size)
    leaf[0] = kind
    cell = b"\x02\x01\x02\x00" if kind == 0x0D else b"\x03\x02\x0d\x00"
    leaf[3:5] = (1).to_bytes(2)
    at = size - len(cell)
    leaf[at:] = cell
    leaf[5:7] = at.to_bytes(2)
    leaf[8:10] = at.to_bytes(2)
    data += leaf
    data[28:32] = (len(data) // size).to_bytes(4)
    path.write_bytes(data)
    return path


def _inner(kind: int, child: int, size: int) -> bytes:
    """An inner page all of whose children are one page."""
    cell = child.to_bytes(4) + (b"\x01" if kind == 0x05 else b"\x03\x02\x0d\x00")
    count = (size - 12) // (len(cell) + 2) - 1
    page = bytearray(size)
    page[0] = kind
    page[3:5] = count.to_bytes(2)
    page[5:7] = (size - count * len(cell)).to_bytes(2)
    page[8:12] = child.to_bytes(4)
    for number in range(count):
        at = size - (number + 1) * len(cell)
        page[at : at + len(cell)] = cell
        page[12 + 2 * number : 14 + 2 * number] = at.to_bytes(2)
    return bytes(page)
