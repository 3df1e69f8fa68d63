# SPDX-License-Identifier: MIT
"""The faults of the campaign. Each is a method named after its event; what could not be done is said once, in self.missing."""
import atexit
import os
import pathlib
import resource
import signal
import struct
import subprocess
import time

SECOND = 1_000_000_000


def address_space(process):
    for line in open(f"/proc/{process}/status"):
        if line.startswith("VmSize"):
            return int(line.split()[1]) * 1024
    return 0


def locked_memory(process):
    for line in open(f"/proc/{process}/status"):
        if line.startswith("VmLck"):
            return int(line.split()[1]) * 1024
    return 0


def jump(delta_ns, hold_s):
    """CLOCK_REALTIME elsewhere for a moment. A child does it, whom nobody signals, and puts it right by CLOCK_MONOTONIC."""
    child = os.fork()
    if child:
        return child
    os.setsid()
    signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
    status = 1
    offset = time.clock_gettime_ns(time.CLOCK_REALTIME) - time.clock_gettime_ns(time.CLOCK_MONOTONIC)
    try:
        time.clock_settime_ns(time.CLOCK_REALTIME, time.clock_gettime_ns(time.CLOCK_REALTIME) + delta_ns)
        status = 0
        time.sleep(hold_s)
    except PermissionError:
        pass
    finally:
        if status == 0:
            time.clock_settime_ns(time.CLOCK_REALTIME, time.clock_gettime_ns(time.CLOCK_MONOTONIC) + offset)
        os._exit(status)


class ControlGroup:
    """Memory of a group of processes, by cgroup v2 or v1; self.folder is None where neither is to be had."""

    def __init__(self):
        self.folder, self.limit, self.usage = None, None, None
        for parent, limit, usage in (("/sys/fs/cgroup", "memory.max", "memory.current"),
                                     ("/sys/fs/cgroup/memory", "memory.limit_in_bytes", "memory.usage_in_bytes")):
            folder = pathlib.Path(parent) / f"dxvault-torture-{os.getpid()}"
            try:
                folder.mkdir()
                if (folder / limit).exists():
                    self.folder, self.limit, self.usage = folder, limit, usage
                    atexit.register(self.remove)
                    return
                folder.rmdir()
            except OSError:
                pass

    def join(self):
        (self.folder / "cgroup.procs").write_text(str(os.getpid()))

    def set(self, more):
        """None: as much as they like."""
        text = "-1" if self.limit == "memory.limit_in_bytes" else "max"
        if more is not None:
            text = str(int((self.folder / self.usage).read_text()) + more)
        try:
            (self.folder / self.limit).write_text(text)
        except OSError:
            pass  # it could not be pushed below that

    def remove(self):
        if self.folder:
            try:
                self.folder.rmdir()
            except OSError:
                pass


class Faults:
    """campaign: class Campaign of campaign.py."""

    def __init__(self, campaign):
        self.campaign = campaign
        self.counts = {}
        self.missing = {}
        self.group = ControlGroup()
        self.ahead = 0

    def do(self, event):
        self.event = event
        try:
            done = getattr(self, event.name.replace("-", "_"))()
        except (ProcessLookupError, FileNotFoundError):
            done = False
        except PermissionError:
            done = self.lacks(event.name, "this user may not")
        if done is not False:
            self.campaign.note(f"fault {event.name}")
            self.counts[event.name] = self.counts.get(event.name, 0) + 1

    def lacks(self, what, why):
        self.missing[what] = why
        return False

    def pick(self, among):
        among = sorted(among)
        return among[int(self.event.which * len(among))] if among else None

    # ---- dying and standing still ------------------------------------------------------------------------------

    def client(self):
        return self.pick(self.campaign.clients())

    def kill_worker(self):
        process = self.client()
        return bool(process) and self.campaign.kill(process, signal.SIGKILL)

    def stop(self, process, seconds):
        if not process:
            return False
        stops = self.campaign.watch.stops
        os.kill(process, signal.SIGSTOP)
        self.campaign.note(f"{process} {self.campaign.world.names.get(process)} is stopped for {seconds:.3f} s")
        stops.begin(process)

        def go_on():
            try:
                os.kill(process, signal.SIGCONT)
            except ProcessLookupError:
                pass
            stops.end(process)

        self.campaign.later(seconds, go_on)
        return True

    def stop_worker(self):
        return self.stop(self.client(), 0.01 + 0.6 * self.event.much ** 2)

    def film_part(self):
        film = self.pick_film()
        return (film, self.pick(film.parts & self.campaign.alive)) if film else (None, None)

    def pick_film(self):
        films = self.campaign.films
        return films[int(self.event.much * 1000) % len(films)] if films else None

    def kill_film(self):
        film, process = self.film_part()
        if not process:
            return False
        film.disturb("a part of it was killed")
        return self.campaign.kill(process, signal.SIGKILL)

    def stop_film(self):
        film, process = self.film_part()
        if not process:
            return False
        return self.stop(process, 0.01 + 0.6 * self.event.much ** 2)

    def service(self):
        return self.pick(self.campaign.services())

    def stop_service(self):
        return self.stop(self.service(), 0.01 + 0.4 * self.event.much ** 2)

    def end_service(self, number):
        process = self.service()
        if not process:
            return False
        self.campaign.disturb_films("the service was ended", shared_only=True)
        return self.campaign.kill(process, number)

    def kill_service(self):
        return self.end_service(signal.SIGKILL)

    def term_service(self):
        return self.end_service(signal.SIGTERM)

    # ---- losses, operators -------------------------------------------------------------------------------------

    def operate(self, *words):
        self.campaign.operate(words)

    def lose_one(self):
        numbers = [line.split()[0] for line in self.campaign.listed.splitlines()[1:] if line.strip()]
        self.operate("sessions")
        if not numbers:
            return False
        self.operate("invalidate", self.pick(numbers))
        return True

    def lose_all(self):
        self.operate("invalidate", "--all")

    def teardown(self):
        self.operate("invalidate", "--all", "--teardown")

    def remove_device(self):
        self.operate("invalidate", "--all", "--remove-device")

    def info(self):
        self.operate("info", "--json")

    def sessions(self):
        self.operate("sessions")

    # ---- clocks ------------------------------------------------------------------------------------------------

    def sleep(self):
        """The machine seems to have slept: CLOCK_BOOTTIME of services is ahead (SEC-53)."""
        if self.campaign.world.sanitized == "thread":
            return self.lacks("a machine that sleeps", "nothing can be preloaded below ThreadSanitizer")
        self.ahead += int(SECOND * (2 + 3600 * self.event.much))
        with open(self.campaign.world.folder / "clock", "r+b") as file:
            file.write(struct.pack("Q", self.ahead))
        return True

    def clock(self):
        """No more than what others on the machine bear: 1.5 s, for some ms."""
        child = jump(int(SECOND * (3 * self.event.which - 1.5)), 0.002 + 0.008 * self.event.much)
        if os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) != 0:
            return self.lacks("jumps of CLOCK_REALTIME", "this user may not set it")
        return True

    # ---- want ------------------------------------------------------------------------------------------------------

    def limit(self, process, what, value):
        """For a moment, the soft limit alone."""
        if not process:
            return False
        try:
            soft, hard = resource.prlimit(process, what)
            if hard != resource.RLIM_INFINITY:
                value = min(value, hard)
            resource.prlimit(process, what, (value, hard))
        except PermissionError:
            return self.lacks("limits of living processes", "this user may not set them")

        def give_back():
            try:
                resource.prlimit(process, what, (soft, hard))
            except (ProcessLookupError, PermissionError):
                pass

        self.campaign.disturb_films("resources ran out")
        self.campaign.later(0.05 + 0.5 * self.event.much, give_back)
        return True

    def descriptors(self, process):
        return len(os.listdir(f"/proc/{process}/fd")) + int(4 * self.event.much)

    def few_descriptors_worker(self):
        process = self.client()
        return bool(process) and self.limit(process, resource.RLIMIT_NOFILE, self.descriptors(process))

    def no_descriptors_service(self):
        process = self.service()
        return bool(process) and self.limit(process, resource.RLIMIT_NOFILE, self.descriptors(process))

    def memory_limit(self, process):
        if self.campaign.world.sanitized:
            return self.lacks("RLIMIT_AS", "sanitizers need all of the address space")
        return bool(process) and self.limit(process, resource.RLIMIT_AS,
                                            address_space(process) + int(self.event.which * 4 * 1024 * 1024))

    def little_memory_worker(self):
        return self.memory_limit(self.client())

    def no_memory_service(self):
        return self.memory_limit(self.service())

    def no_locked_memory_service(self):
        process = self.service()
        return bool(process) and self.limit(process, resource.RLIMIT_MEMLOCK, locked_memory(process))

    def cgroup(self):
        if not self.group.folder:
            return self.lacks("memory of a control group", "neither cgroup v2 nor v1 is to be had")
        self.group.set(int(self.event.which * 2 * 1024 * 1024))
        self.campaign.starved_until = float("inf")
        self.campaign.disturb_films("resources ran out")

        def give_back():
            self.group.set(None)
            self.campaign.starved_until = time.monotonic() + 1

        self.campaign.later(0.05 + 0.3 * self.event.much, give_back)
        return True

    def fill(self):
        if not self.campaign.disks:
            return self.lacks("disks that are full", "this user may mount no tmpfs")
        files = []
        for disk in self.campaign.disks:
            try:
                for i in range(64):
                    files.append(disk / f"filler-{i}")
                    with open(files[-1], "wb") as file:
                        file.write(bytes(1 << 20))
            except OSError:
                pass

        def empty():
            for file in files:
                file.unlink(missing_ok=True)

        self.campaign.disturb_films("the disk was full")
        self.campaign.later(0.1 + 0.8 * self.event.much, empty)
        return True


def kernel_log():
    """What the Linux kernel says of our processes, from now on: a function that gives the lines. None: not to be read."""
    try:
        log = os.open("/dev/kmsg", os.O_RDONLY | os.O_NONBLOCK)
        os.lseek(log, 0, os.SEEK_END)
    except OSError:
        return None

    def lines():
        found = []
        while True:
            try:
                found.append(os.read(log, 8192).decode(errors="replace"))
            except BlockingIOError:
                return found
            except OSError:
                return found

    return lines


def run_quietly(words, environment):
    return subprocess.run([str(word) for word in words], env=environment, capture_output=True, text=True, check=False)
