"""The head-end: collects meters' values, keeps them, judges them, hands them to those who may see them.

| module | what it does |
|---|---|
| `database`, `migrate` | open the store: SQLite, or PostgreSQL by URL |
| `schema`, `schema_registry`, `migrations` | the tables |
| `values`, `ingest` | raw values in, each slot once |
| `observations` | clocks, registers read otherwise, events of meters |
| `missing` | which slots to ask meters for |
| `series` | a day or a month of a meter or a point, out |
| `rules`, `validate`, `estimate`, `gaps` | what is wrong with values, and what stands in for missing ones |
| `kpi`, `misses`, `overview` | figures of a day and area, and the meters behind them |
| `registry`, `parties` | meters and points, and whose they are |
| `keys`, `counters` | meters' keys at rest, invocation counters |
| `commands`, `command_kinds`, `key_change` | the queue of commands to meters |
| `tokens`, `access`, `trail` | who may do what, and who did |
| `export`, `croute` | files out |
| `collect` | the collector: pushes in, gaps asked for, commands out; `serve` |
| `api` | REST API and web page |
| `command*` | `keiki headend` |

Time is UTC seconds since 1970 in every interface and is passed in; energy is integer Wh.
"""
