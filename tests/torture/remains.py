# SPDX-License-Identifier: MIT
"""What is left behind a part of the fault campaign: in the service, of processes, in files, in the kernel's log."""
import json
import os
import re
import signal
import time

from watch import LIMIT, now

TICK = 0.025
GROWTH = 4 * 1024  # KiB that a service may hold more than in the beginning: the heap's pieces
CLEAN_LIMIT = 2 * LIMIT  # until all that clients held is given back, and processes are gone
SHEET_BYTES = 8 << 20


def memory_of(process):
    return sum(int(line.split()[1]) for line in open(f"/proc/{process}/status") if line.startswith(("RssAnon", "RssShmem")))


def descriptors_of(process):
    found = []
    for name in os.listdir(f"/proc/{process}/fd"):
        try:
            found.append(re.sub(r"\[\d+\]|\d+", "", os.readlink(f"/proc/{process}/fd/{name}")))
        except FileNotFoundError:
            pass
    return sorted(found)


class Remains:
    """The part of class Campaign that counts."""

    def ask(self):
        """What dxvault info says; None: nothing."""
        process = self.operate(("info", "--json"))
        _, _, name = self.operators[process]
        while process in self.operators:
            self.look()
            self.keep_service()
            time.sleep(TICK)
        text = name.read_text()
        return json.loads(text) if text else None

    def rest(self, told):
        """What the service holds for nobody."""
        held = [f"{count} {name}" for name, count in told["objects"].items() if count]
        # A screen keeps small copies for its contact sheet.
        room = SHEET_BYTES if told["screen"] else 0
        return held + ([f"{told['picture_bytes']} bytes of pictures"] if told["picture_bytes"] > room else [])

    def measure(self):
        """What the service holds when it is idle: (process, descriptors, memory), once all that clients held is back."""
        begin = now()
        while True:
            self.look()
            self.keep_service()
            told = self.ask()
            if told and not self.rest(told):
                break
            if self.watch.net([], begin, now()) > CLEAN_LIMIT:
                self.fail(f"a leak: {', '.join(self.rest(told)) if told else 'no service to be had'}")
                break
            time.sleep(TICK)
        if not told:
            return None
        time.sleep(0.1)  # its end of the last connection
        process = told["service_process"]
        try:
            return process, descriptors_of(process), memory_of(process), told["key_bytes"]
        except PermissionError:
            self.faults.lacks("descriptors and memory of the service", "this user may not look at them")
            return process, [], 0, told["key_bytes"]

    def compare(self, before, after):
        if not before or not after:
            return
        if before[0] != after[0]:
            self.fail(f"the service {before[0]} ended, and nobody had ended it")
            return
        if before[1] != after[1]:
            more = list(after[1])
            for name in before[1]:
                if name in more:
                    more.remove(name)
            self.fail(f"a leak: {len(before[1])} descriptors of the service became {len(after[1])}: {more}")
        if after[2] > before[2] + GROWTH and not self.world.sanitized:
            self.fail(f"a leak: {before[2]} KiB of the service became {after[2]}")
        if after[3] > before[3]:
            self.fail(f"a leak: {before[3]} bytes for keys became {after[3]}")

    def end_services(self):
        for process in self.services():
            self.kill(process, signal.SIGTERM)
        begin = now()
        while [found for found in self.found if found[0] != self.beat]:
            self.look()
            if self.watch.net([], begin, now()) > CLEAN_LIMIT:
                rest = [found for found in self.found if found[0] != self.beat]
                self.fail(f"left behind: {rest}")
                for process, _, _ in rest:
                    self.kill(process, signal.SIGKILL)
                begin = now()
            time.sleep(TICK)
        self.check_screen()
        self.end_films()

    def check_files(self):
        for path in [*self.world.runtime.glob("*"), *(self.world.folder / "tmp").glob("*")]:
            # Who was killed could not remove its socket: the next one does, so that there is one at the most.
            if path.name not in ("service.lock", "service.sock") or path.suffix == ".lock" and path.stat().st_size:
                self.fail(f"left behind: {path}")
        for path in (self.world.folder / "reports").glob("*"):
            self.fail(f"a sanitizer's report: {path.read_text(errors='replace')[:4000]}")
            path.unlink()
        for line in self.kernel() if self.kernel else []:
            # Others on this machine crash as well.
            ours = {*self.world.names, *self.world.gone} & set(map(int, re.findall(r"(?:\[|\bpid=)(\d+)", line)))
            if ours and re.search(r"segfault|trap|general protection|sig=31", line):
                self.fail(f"the kernel says: {line}")
        self.world.gone.clear()
