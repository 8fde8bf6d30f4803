"""The head-end: collects meters' values, keeps them, judges them, hands them to those who may see them.

| module | what it does |
|---|---|
| `database` | opens the store: SQLite, or PostgreSQL by URL |
| `schema`, `schema_registry`, `migrations` | the tables |
| `values`, `ingest` | raw values in, each slot once |
| `series` | a day or a month of a meter or a point, out |
| `registry`, `keys`, `counters` | what is known of meters, points, parties; keys; invocation counters |
| `trail` | who did what |

Time is UTC seconds since 1970 in every interface and is passed in; energy is integer Wh.
"""
