# SPDX-License-Identifier: MIT
"""What the fault campaign does when: all of it follows from the seed and the number of seconds."""
import dataclasses
import random

# How the service comes to be there: a client starts it, the campaign does, the same with a screen, or as systemd does.
SELF, CAMPAIGN, SCREEN, ACTIVATED = "self", "campaign", "screen", "activated"

CLIENTS = {"kill-worker": 8, "stop-worker": 4, "kill-film": 4, "stop-film": 3}
LOSSES = {"lose-one": 4, "lose-all": 3, "teardown": 2, "remove-device": 2, "sleep": 2}
OPERATOR = {"info": 2, "sessions": 2, "clock": 1}
SERVICE_DIES = {"kill-service": 5, "term-service": 3, "stop-service": 2}
WANT = {"few-descriptors-worker": 8, "no-descriptors-service": 8, "little-memory-worker": 8, "no-memory-service": 8,
        "no-locked-memory-service": 4}


@dataclasses.dataclass
class Part:
    """Some seconds with one kind of service. kept: it lives through the part, and has to come back to what it held before."""
    name: str
    service: str
    kept: bool
    events: dict
    is_short: bool = False
    is_full: bool = False  # disks
    in_cgroup: bool = False


PARTS = [
    Part("a screen", SCREEN, True, {**CLIENTS, **LOSSES, **OPERATOR, "stop-service": 2}),
    Part("restarts", SELF, False, {**CLIENTS, **LOSSES, **OPERATOR, **SERVICE_DIES}),
    Part("want", CAMPAIGN, True, {**CLIENTS, **LOSSES, **OPERATOR, **WANT}, is_short=True),
    Part("socket activation", ACTIVATED, False, {**CLIENTS, **LOSSES, **OPERATOR, **SERVICE_DIES}),
    Part("full disks", SELF, False, {**CLIENTS, **LOSSES, **OPERATOR, **SERVICE_DIES, "fill": 8}, is_short=True, is_full=True),
    Part("losses", CAMPAIGN, True, {**CLIENTS, **OPERATOR, **{name: 3 * weight for name, weight in LOSSES.items()}}),
    Part("restarts with a screen", SCREEN, False, {**CLIENTS, **LOSSES, **OPERATOR, **SERVICE_DIES}),
    Part("a control group", SELF, False, {**CLIENTS, **OPERATOR, "cgroup": 6, "lose-all": 2, "kill-service": 1}, is_short=True,
         in_cgroup=True),
]
PART_SECONDS = 15
EVENT_SECONDS = 0.12  # between two, on the average


@dataclasses.dataclass
class Event:
    at: float  # seconds from the part's beginning
    name: str
    which: float  # of those that there are; [0, 1)
    much: float  # how long, or how much; [0, 1)


def make_plan(seed, seconds, only=""):
    """[(part, seconds, [event])]. only: of parts whose names have that in them."""
    rng = random.Random(seed)
    parts = [part for part in PARTS if only in part.name]
    count = max(2, round(seconds / PART_SECONDS))
    length = seconds / count
    plan = []
    for i in range(count):
        part = parts[i % len(parts)]
        at, events = 0.0, []
        names, weights = zip(*part.events.items())
        while (at := at + rng.expovariate(1 / EVENT_SECONDS)) < length:
            events.append(Event(at, rng.choices(names, weights)[0], rng.random(), rng.random()))
        plan.append((part, length, events))
    return plan
