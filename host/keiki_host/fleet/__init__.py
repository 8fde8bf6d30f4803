"""`keiki fleet`: many light meters, to see what a head-end bears.

A light meter has the firmware's own A-route (objects, security, load profile, push messages) over a history
that is made up: it measures nothing, and has no chips, flash or radio.

| module | what it does |
|---|---|
| `identity` | who each meter is: serial, title, keys, point; the file that a head-end imports |
| `load` | what each house uses |
| `memory_log` | records in the heap, where a meter has flash |
| `parts`, `meter` | the meter |
| `serving` | its port |
| `push` | what it sends by itself |
| `outages` | who is cut off, when |
| `log` | what was the truth, and what was sent |
| `worker`, `fleet` | meters of one process; all processes |
| `command` | the command line |

Time is that of an emulated world (`keiki_host.headend.collect.clock`), chance comes from a seed.
"""
