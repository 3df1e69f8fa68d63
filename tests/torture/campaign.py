# SPDX-License-Identifier: MIT
"""The fault campaign itself: runs the parts of a plan, looks while they run, and counts what is left behind them."""
import heapq
import itertools
import os
import random
import select
import signal
import socket
import time

from faults import Faults, kernel_log, run_quietly
from films import Film
from judge import Judge
from plan import ACTIVATED, CAMPAIGN, SCREEN
from remains import CLEAN_LIMIT, TICK, Remains
from screen import Truth
from watch import LIMIT, PAGES_MAX, Pages, Watch, now
from world import complain, processes

WORKERS = ["pictures", "pictures", "sessions", "sessions", "channels", "eating"]
FILMS = 2
GOING_NS = 1_000_000_000


class Campaign(Judge, Remains):
    def __init__(self, world, plan, seed):
        self.world = world
        self.plan = plan
        self.random = random.Random(seed)
        self.problems = []
        self.diary = open(world.folder / "logs/diary", "w")
        self.pages = Pages(world.folder / "pages")
        self.watch = Watch(self.pages, world.folder / "slow", self.note)
        self.faults = Faults(self)
        self.kernel = kernel_log()
        if not self.kernel:
            self.faults.lacks("a look into the kernel's log", "this user may not read it")
        self.handed = world.folder / "handed"
        self.truth = Truth(world.film()[1], self.handed)
        # An installation's root key is made once, which takes a second.
        world.use_service(ready_keys=True)
        if run_quietly([world.dxvault, "info"], world.environment).returncode:
            raise SystemExit("torture: no service is to be had")
        for process, _, name in world.look():
            os.kill(process, signal.SIGTERM)
        while world.look():
            time.sleep(TICK)
        world.ended.clear()
        self.numbers = itertools.count(1)
        self.workers = {}  # process: page
        self.films, self.ending, self.operators = [], [], {}
        self.alive, self.found = set(), []
        self.ordered, self.calls = {}, []
        self.order = itertools.count()
        self.disks, self.starved_until = [], 0
        self.service_logs = {}
        self.listener = None
        self.listed = ""  # what dxvault sessions said last
        self.part = None
        self.screen = None
        self.counts = dict.fromkeys(["films", "films that gave up", "films' losses", "pictures of films", "black", "services",
                                     "services that could not start", "kills", "operators", "workers", "operators refused"], 0)
        self.beat = world.start([world.worker, "beat", PAGES_MAX - 2, 0, 1, world.folder / "pages", world.folder / "slow",
                                 self.handed])

    def note(self, text):
        self.diary.write(f"{time.monotonic():.3f} {text}\n")
        self.diary.flush()

    def fail(self, text):
        self.note(f"PROBLEM {text}")
        complain(f"torture: {self.part.name if self.part else 'start'}: {text}")
        self.problems.append(text)

    # ---- what faults ask for -------------------------------------------------------------------------------------

    def clients(self):
        pages = [self.pages.read(i)["process"] for i in range(PAGES_MAX - 2)]
        return [process for process in pages if process and process in self.alive]

    def film_parts(self):
        return {process for film in [*self.films, *self.ending] for process in film.parts}

    def services(self):
        """The one that all share, not those of films."""
        films = self.film_parts()
        return [process for process, _, name in self.found if name == "dxvaultd" and process not in films and
                process not in self.ordered]

    def kill(self, process, number):
        os.kill(process, number)
        self.note(f"signal {number} to {process} {self.world.names.get(process)}")
        self.ordered[process] = number
        self.counts["kills"] += 1
        return True

    def later(self, seconds, call):
        heapq.heappush(self.calls, (time.monotonic() + seconds, next(self.order), call))

    def disturb_films(self, why, shared_only=False):
        for film in self.films:
            if film.shared or not shared_only:
                film.disturb(why)

    def operate(self, words):
        """A command of an operator, clocked as all operations are."""
        name = self.world.folder / f"logs/operator-{next(self.numbers)}"
        process = self.world.start([self.world.dxvault, *words], name, f"{name}.err")
        self.operators[process] = (now(), words, name)
        return process

    # ---- starting ------------------------------------------------------------------------------------------------

    def join_group(self):
        return self.faults.group.join if self.part.in_cgroup and self.faults.group.folder else None

    def start_worker(self, kind, page):
        world, number = self.world, next(self.numbers)
        self.pages.clear(page)
        self.pages.clear(page + 1)
        for i in (page, page + 1):
            self.pages.order(i, 0, int(self.part.is_short))
        process = world.start([world.worker, kind, page, number, self.random.getrandbits(48), world.folder / "pages",
                               world.folder / "slow", self.handed], error=world.folder / f"logs/worker-{number}.err",
                              before=self.join_group())
        self.workers[process] = (kind, page, number)
        self.counts["workers"] += 1

    def ordered_services(self):
        return any(name == "dxvaultd" and process in self.ordered for process, _, name in self.found)

    def start_film(self):
        number = next(self.numbers)
        shared = self.random.random() < 0.4
        disturbed = "resources ran out" if self.part.is_short else ""
        # One that is just going may take its connection with it.
        if shared and self.watch.deaths and now() - self.watch.deaths[-1] < GOING_NS or self.ordered_services():
            disturbed = disturbed or "the service was ended"
        folder = self.disks[-1] if self.disks else self.world.folder / "screens"
        self.films.append(Film(self.world, number, self.random, shared, folder, disturbed))
        self.counts["films"] += 1

    def service_words(self):
        words = [self.world.folder / "service", "--idle-seconds", "600"]
        if self.part.service == SCREEN:
            self.screen = self.world.folder / f"screens/shared-{next(self.numbers)}"
            self.screen.mkdir()
            words += ["--screen", self.screen]
        return words

    def start_service(self, activated=False):
        """Another one, if it is the campaign's to start it and there is none."""
        log = self.world.folder / f"logs/service-{next(self.numbers)}.err"
        if activated:
            def adopt():
                os.dup2(self.listener.fileno(), 3)
                os.environ.update(self.world.environment, LISTEN_FDS="1", LISTEN_PID=str(os.getpid()))
            words = ["/usr/bin/env", *(f"{k}={v}" for k, v in (("LISTEN_FDS", "1"),)), "sh", "-c",
                     'LISTEN_PID=$$ exec "$@"', "sh", self.world.folder / "service", "--idle-seconds", "1"]
            process = self.world.start(words, error=log, before=adopt, close_fds=False)
        else:
            process = self.world.start(self.service_words(), error=log)
        self.service_logs[process] = log

    def keep_service(self):
        if self.part.service == ACTIVATED and not self.starting():
            ready, _, _ = select.select([self.listener], [], [], 0)
            if ready:
                self.start_service(activated=True)
        elif self.part.service in (CAMPAIGN, SCREEN) and not self.starting():
            self.check_screen()
            self.start_service()

    def starting(self):
        """A service, or what is about to become one."""
        films = self.film_parts()
        return any(name in ("dxvaultd", "service", "sh", "env") and process not in films and process not in self.workers
                   for process, _, name in self.found)

    # ---- looking ---------------------------------------------------------------------------------------------------

    def partners(self, process):
        for kind, page, _ in self.workers.values():
            both = [self.pages.read(i)["process"] for i in (page, page + 1)]
            if process in both:
                return both
        return [process]

    def look(self):
        while self.calls and self.calls[0][0] <= time.monotonic():
            heapq.heappop(self.calls)[2]()
        everything = processes()
        self.found = self.world.look(everything)
        self.alive = {process for process, _, _ in self.found}
        services = {process for process, _, name in self.found if name == "dxvaultd"}
        self.counts["services"] += len(services - self.watch.services)
        self.watch.services |= services
        self.watch.sample(services)
        for film in self.films:
            film.look(everything)
        while self.world.ended:
            self.judge_end(*self.world.ended.pop())
        there = {process for process, _, _, _ in everything}
        self.ordered = {process: number for process, number in self.ordered.items() if process in there}
        for process, text in [*self.watch.finished(self.partners), *self.watch.under_way(self.partners, self.alive)]:
            self.fail(f"a hang: {text}")
            if process in self.alive:
                self.kill(process, signal.SIGKILL)
        for process, (begin, words, _) in list(self.operators.items()):
            net = self.watch.net([process], begin, now())
            if net > LIMIT and process in self.alive and process not in self.ordered:
                self.fail(f"a hang: dxvault {' '.join(words)} is under way for {net:.2f} s")
                self.kill(process, signal.SIGKILL)
        for film in self.films:
            net, too_long = film.stands_still(self.watch)
            if too_long and film.process in self.alive and not film.told:
                film.told = True
                self.fail(f"a hang: a film stands still for {net:.2f} s ({film.disturbed or 'nothing was done to it'})")
                self.kill(film.process, signal.SIGKILL)

    # ---- a part ------------------------------------------------------------------------------------------------------

    def work_until(self, end, events=()):
        events = list(reversed(events))
        begin = time.monotonic()
        while time.monotonic() < end and len(self.problems) < 20:
            self.look()
            self.keep_service()
            while events and time.monotonic() - begin >= events[-1].at:
                self.faults.do(events.pop())
            pages = {page for _, page, _ in self.workers.values()}
            for i, kind in enumerate(WORKERS):
                if 2 * i not in pages:
                    self.start_worker(kind, 2 * i)
            while len(self.films) < FILMS:
                self.start_film()
            time.sleep(TICK)

    def warm_up(self):
        """Until each kind of work was done: what the service makes once and keeps is there."""
        enough = {name: count + 5 for name, count in self.pages.totals().items() if name in ("pictures", "answers", "waits")}
        limit = time.monotonic() + 10
        while time.monotonic() < limit and any(self.pages.totals()[name] < count for name, count in enough.items()):
            self.work_until(time.monotonic() + 0.3)

    def become_quiet(self):
        """Everybody ends in order, and nobody takes longer for it than an operation may."""
        for process in self.watch.stops.stopped():
            self.watch.stops.end(process)
            try:
                os.kill(process, signal.SIGCONT)
            except ProcessLookupError:
                pass
        while self.calls:
            heapq.heappop(self.calls)[2]()
        for i in range(PAGES_MAX - 2):
            self.pages.order(i, 1, int(self.part.is_short))
        for film in self.films:
            film.disturb("it was interrupted")
            try:
                self.ordered.setdefault(film.process, signal.SIGINT)
                os.kill(film.process, signal.SIGINT)
            except ProcessLookupError:
                pass
        begin = now()
        while self.workers or self.films or self.operators:
            self.look()
            self.keep_service()
            if self.watch.net([], begin, now()) > 2 * CLEAN_LIMIT:
                self.fail(f"not quiet: {self.workers} {[film.process for film in self.films]} {self.operators}")
                for process in [*self.workers, *self.operators, *(film.process for film in self.films)]:
                    self.kill(process, signal.SIGKILL)
                begin = now()
            time.sleep(TICK)

    def open_listener(self):
        self.world.runtime.mkdir(exist_ok=True, mode=0o700)
        path = self.world.runtime / "service.sock"
        path.unlink(missing_ok=True)
        self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.listener.bind(str(path))
        self.listener.listen(64)

    def open_disks(self):
        self.disks = []
        for path, inodes in ((self.world.runtime, 8), (self.world.folder / "screens", 64)):
            if self.world.mount(path, "256k", inodes):
                self.disks.append(path)

    def close_disks(self):
        self.disks = []
        self.world.unmount()

    def run_part(self, part, seconds, events):
        self.part = part
        ready = self.random.random() < 0.8
        self.world.use_service(ready)
        self.watch.where = f"{part.name}, {'ready keys' if ready else 'keys of its own'}"
        if part.is_full:
            self.open_disks()
        if part.service == ACTIVATED:
            self.open_listener()
        before = None
        if part.kept:
            self.warm_up()
            self.become_quiet()
            before = self.measure()
        self.work_until(time.monotonic() + seconds, events)
        self.become_quiet()
        after = self.measure()
        if part.kept:
            self.compare(before, after)
        if self.listener:
            self.listener.close()
            self.listener = None
        self.end_services()
        self.watch.forget()
        self.check_files()
        self.close_disks()

    def run(self):
        for part, seconds, events in self.plan:
            self.run_part(part, seconds, events)
            if len(self.problems) >= 20:
                break
