"""The head-end's REST API and its web page, over the store.

| module | what it does |
|---|---|
| `app` | puts it together; errors as one line |
| `guards` | sizes, times and headers of every request and answer |
| `caller` | whose token a request has |
| `points` | half-hour values of points, for those whose they are |
| `fleet` | KPIs, misses and meters, for operators |
| `orders` | commands to meters, and the trail |
| `files` | C-route files |
| `server` | serves it, and cuts slow clients off |
"""
