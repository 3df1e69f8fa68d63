# SPDX-License-Identifier: MIT
"""How long operations of the fault campaign took, and what of it counts: a process that was stopped, or that the machine did
not run, is not hanging."""
import bisect
import mmap
import os
import struct
import time

# A service with sanitizers looks through all of its memory when it ends, and socket activation waits for that.
LIMIT = 10.0 if os.environ.get("DXVAULT_SANITIZED") else 2.0
SAMPLE_NS = 50_000_000
SHORT_NS = 100_000_000  # below that nobody asks why

# struct worker_page of worker.h.
PAGE = struct.Struct("QQ32sQQQQQQQQQII")
FIELDS = ["sequence", "begin", "name", "process", "operations", "pictures", "shown", "losses", "refused", "rounds", "waits",
          "answers", "stop", "is_short"]
COUNTERS = ["operations", "pictures", "shown", "losses", "refused", "rounds", "waits", "answers"]
PAGES_MAX = 64


def now():
    return time.clock_gettime_ns(time.CLOCK_MONOTONIC)


class Pages:
    def __init__(self, path):
        self.file = open(path, "w+b")
        self.file.truncate(PAGE.size * PAGES_MAX)
        self.map = mmap.mmap(self.file.fileno(), PAGE.size * PAGES_MAX)

    def read(self, number):
        return dict(zip(FIELDS, PAGE.unpack_from(self.map, number * PAGE.size)))

    def order(self, number, stop, is_short):
        struct.pack_into("II", self.map, number * PAGE.size + PAGE.size - 8, stop, is_short)

    def clear(self, number):
        """Of a process that is gone. What it counted stays."""
        struct.pack_into("Q", self.map, number * PAGE.size, 0)
        struct.pack_into("Q", self.map, number * PAGE.size + struct.calcsize("QQ32s"), 0)

    def totals(self):
        pages = [self.read(i) for i in range(PAGES_MAX)]
        return {name: sum(page[name] for page in pages) for name in COUNTERS}


class Stops:
    """Which process was stopped from when to when."""

    def __init__(self):
        self.spans = {}

    def begin(self, process):
        spans = self.spans.setdefault(process, [])
        if not spans or spans[-1][1] is not None:
            spans.append([now(), None])

    def end(self, process):
        spans = self.spans.get(process)
        if spans and spans[-1][1] is None:
            spans[-1][1] = now()

    def stopped(self):
        return [process for process, spans in self.spans.items() if spans[-1][1] is None]


def covered(spans, begin, end):
    """How many ns of begin..end lie in one of the spans."""
    total, at = 0, begin
    for first, last in sorted((max(first, begin), min(last or end, end)) for first, last in spans):
        first = max(first, at)
        if last > first:
            total += last - first
            at = last
    return total


def describe(process):
    """What each thread of it does at the moment, as far as the kernel tells."""
    lines = []
    try:
        for thread in os.listdir(f"/proc/{process}/task"):
            def read(name, thread=thread):
                try:
                    return open(f"/proc/{process}/task/{thread}/{name}").read()
                except OSError:
                    return "?"
            stack = " < ".join(line.split("+")[0].split()[-1] for line in read("stack").splitlines()[:5])
            state = read("stat").rpartition(") ")[2][:1]
            lines.append(f"{read('comm').strip()} {state} {read('syscall').split(' ')[0].strip()} [{stack}] "
                         f"{read('schedstat').strip()}")
    except OSError:
        pass
    return "; ".join(lines)


class Watch:
    def __init__(self, pages, log, diary):
        self.pages = pages
        self.log = open(log, "a+")
        self.log.seek(0)
        self.stops = Stops()
        self.stalls = []  # of the whole machine, as the heartbeat saw them
        self.services = set()
        self.deaths = []  # of services that clients share: whoever waited for it waits for the next one
        self.diary = diary
        self.slowest = []  # (what of it counts, all of it, name, where)
        self.where = ""
        self.waits = {}  # thread of a service: [(when, how long it had waited for a processor by then)]
        self.seen = {}
        self.described = set()
        self.rest = ""

    def net(self, processes, begin, end, waited=0):
        """What of it counts, in seconds, since the last death of a service. waited: ns that the process itself had to wait for a processor."""
        begin = max([begin, *(death for death in self.deaths if death <= end)])
        spans = [span for process in {*processes, *self.services} for span in self.stops.spans.get(process, [])]
        net = end - begin - covered(spans + self.stalls, begin, end)
        if net < SHORT_NS:
            return net / 1e9
        waited = max(waited, self.service_waited(begin, end)) - covered(self.stalls, begin, end)
        return max(0, net - max(0, waited)) / 1e9

    def sample(self, services):
        """Threads of services that the machine does not run are no hang either."""
        for process in services:
            try:
                for thread in os.listdir(f"/proc/{process}/task"):
                    waited = int(open(f"/proc/{process}/task/{thread}/schedstat").read().split()[1])
                    samples = self.waits.setdefault(thread, [])
                    if not samples or samples[-1][1] != waited:
                        samples.append((now(), waited))
            except (OSError, IndexError):
                pass

    def service_waited(self, begin, end):
        """ns that one thread of a service waited for a processor in between: of the one that waited longest."""
        longest = 0
        for samples in self.waits.values():
            first = bisect.bisect_right(samples, begin, key=lambda sample: sample[0])
            last = bisect.bisect_right(samples, end + SAMPLE_NS, key=lambda sample: sample[0])
            if last > first:
                longest = max(longest, samples[last - 1][1] - (samples[first - 1][1] if first else 0))
        return min(longest, end - begin)

    def forget(self):
        """Of services that are gone."""
        self.deaths.clear()
        self.waits.clear()
        self.services.clear()

    def note(self, name, net, raw):
        self.diary(f"slow: {name}, {net:.3f} s of {raw:.3f} s")
        self.slowest = sorted([*self.slowest, (net, raw, name, self.where)], reverse=True)[:5]

    def finished(self, partners):
        """What took long and is over: yields (process, text) of what took too long."""
        self.rest += self.log.read()
        *lines, self.rest = self.rest.split("\n")
        lines = [(int(a), int(b), int(c), int(d), name) for a, b, c, d, name in (line.split(" ", 4) for line in lines)]
        self.stalls += [(begin, end) for _, begin, end, _, name in lines if name == "beat"]
        for process, begin, end, waited, name in lines:
            if name == "beat":
                continue
            net = self.net(partners(process), begin, end, waited)
            self.note(name, net, (end - begin) / 1e9)
            if net > LIMIT:
                yield process, f"{name} took {net:.2f} s ({(end - begin) / 1e9:.2f} s by the clock)"

    def under_way(self, partners, alive):
        """What is under way for too long, by two looks."""
        for number in range(PAGES_MAX):
            page = self.pages.read(number)
            key = page["process"], page["sequence"]
            if page["process"] not in alive or page["sequence"] % 2 == 0:
                self.seen.pop(number, None)
                continue
            if self.seen.get(number) != key:
                self.seen[number] = key
                continue
            net = self.net(partners(page["process"]), page["begin"], now())
            if net > LIMIT / 4 and key not in self.described:
                self.described = {*self.described, key}
                self.diary(f"{page['process']} {page['name'].split(bytes(1))[0].decode()} is under way for {net:.2f} s: "
                           f"{describe(page['process'])}")
                for service in self.services:
                    if text := describe(service):
                        self.diary(f"service {service}: {text}")
            if net > LIMIT:
                name = page["name"].split(b"\0")[0].decode()
                self.note(name, net, (now() - page["begin"]) / 1e9)
                yield page["process"], f"{name} is under way for {net:.2f} s"
