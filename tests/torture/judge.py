# SPDX-License-Identifier: MIT
"""How processes of the fault campaign ended: was that ordered, or a fault? And what screens showed."""
import shutil
import signal
import time

from watch import now


class Judge:
    """The part of class Campaign that judges."""

    def judge_end(self, process, name, status):
        reason = self.ordered.pop(process, None)
        self.note(f"{name} {process} ended with {status}")
        if name == "dxvaultd" and (reason or status == -9) and process not in self.film_parts():
            self.watch.deaths.append(now())
        starved = time.monotonic() < self.starved_until
        if process in self.workers:
            self.judge_worker(process, status, reason, starved)
            return
        if process in self.operators:
            self.judge_operator(process, status)
            return
        for film in [film for film in self.films if film.process == process]:
            self.judge_film(film, status, bool(reason) or starved)
            return
        # By SIGTERM too, as long as it has not begun to catch it.
        if status == 0 or (reason and status == -reason) or (starved and status == -9):
            return
        # The other process of a worker, by its owner's hand or with it, perhaps before anybody saw its name; and
        # LeakSanitizer's helper at the end of a process, that dies with it (4: it came too late for that). Nothing that fails
        # by itself ends so.
        if status == -9 and name in ("torture-worker", "?") or self.world.sanitized and status in (-9, 4):
            return
        log = self.service_logs.pop(process, None)
        words = log.read_text(errors="replace").strip()[-2000:] if log else self.said(process)
        if status == 1 and words.endswith("another service of this user runs"):
            return
        if name in ("dxvaultd", "service", "sh", "env") and status == 1 and self.part.is_short:
            self.counts["services that could not start"] += 1
            return
        self.fail(f"{name} ({process}) ended with {status}: {words}")

    def said(self, process):
        """By a service in the background."""
        try:
            lines = (self.world.folder / "logs/syslog").read_text(errors="replace").splitlines()
        except FileNotFoundError:
            return ""
        return "; ".join(line for line in lines[-20:] if line.startswith(f"{process}: "))

    def judge_worker(self, process, status, reason, starved):
        kind, page, number = self.workers.pop(process)
        # It may die of its own accord with all that it holds.
        if not (status == 0 or status == -9 and (reason == signal.SIGKILL or starved or kind == "eating")):
            words = (self.world.folder / f"logs/worker-{number}.err").read_text(errors="replace").strip()[-3000:]
            self.fail(f"worker {kind} ({process}) ended with {status}: {words}")
        self.pages.clear(page)
        self.watch.seen.pop(page, None)

    def judge_operator(self, process, status):
        begin, words, name = self.operators.pop(process)
        net = self.watch.net([process], begin, now())
        self.watch.note(f"dxvault {' '.join(words)}", net, (now() - begin) / 1e9)
        self.counts["operators"] += 1
        text = open(f"{name}.err").read().strip()
        if words == ("sessions",):
            self.listed = name.read_text()
        if status == 1 and text.startswith("dxvault") and "\n" not in text:
            # A service on its way out, a session that is gone, or want.
            self.counts["operators refused"] += 1
        elif status != 0:
            self.fail(f"dxvault {' '.join(words)} ended with {status}: {text[-2000:]}")

    def judge_film(self, film, status, is_ordered):
        self.films.remove(film)
        told, problem = film.judge(status, is_ordered)
        if problem:
            self.fail(problem)
        if told:
            self.counts["films' losses"] += len(told["losses"])
        else:
            self.counts["films that gave up"] += 1
        self.ending.append(film)

    def end_films(self):
        """What a film's screen showed counts when its service is gone too, which may outlive it."""
        for film in self.ending:
            if film.folder:
                self.judge_screen(film.folder / "screen.framemd5")
            film.clean()
        self.ending.clear()

    def judge_screen(self, path):
        right, black, wrong = self.truth.check(path)
        self.counts["pictures of films"] += right
        self.counts["black"] += black
        for text in wrong:
            self.fail(text)

    def check_screen(self):
        if self.screen:
            self.judge_screen(self.screen / "screen.framemd5")
            shutil.rmtree(self.screen)
            self.screen = None
