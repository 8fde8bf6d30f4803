"""The collector: takes what meters send, asks for what is missing, and carries commands to them.

| module | what it does |
|---|---|
| `clock` | the time that the head-end goes by |
| `message` | a push taken apart, and the confirm for it |
| `numbers` | counters for sending, handed out of reserved blocks |
| `roster` | meters by system title: keys, counters, addresses |
| `intake` | pushes into the store, many in one transaction; confirmed when they are on disk |
| `refusals` | values that cannot be: whose clock is wrong |
| `listener` | the port that meters send to |
| `session`, `visit`, `puller` | meters that are asked: an association, what is read in it, and when |
| `worker`, `carry_out`, `rekey` | commands to meters |
| `rounds` | C-route files and judging, by the clock |
| `sockets` | ports, and errors of connections in words |
| `lock` | one collector for each database |
| `service` | all of it in one process, with the API |

Everything here runs on one event loop; what waits for the database runs in threads.
"""
