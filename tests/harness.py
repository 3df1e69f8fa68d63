# SPDX-License-Identifier: MIT
"""Runs tests and tasks for tests/run, and counts cases."""
import concurrent.futures
import ctypes
import dataclasses
import os
import pathlib
import re
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import typing

TOP = pathlib.Path(__file__).resolve().parent.parent
BUILD = TOP / "build"
LOGS = BUILD / "test-logs"
KEYS = BUILD / "test-keys"
JOBS = int(os.environ.get("JOBS") or os.cpu_count() or 2)
PR_SET_CHILD_SUBREAPER = 36
# Everything is told from which branches it comes; UBSan's findings end the program.
FUZZ_SETTINGS = {"fuzz": "true", "buildtype": "plain", "optimization": "2", "b_sanitize": "address,undefined", "b_lundef": "false",
                 "c_args": "-g1 -fsanitize=fuzzer-no-link -fno-sanitize-recover=undefined"}

CASE = re.compile(r"^(ok|not ok|skip)\b[ \t]*(?:\d+(?=\s|$)\s*)?(?:- )?(.*)$")
SKIP = re.compile(r"#\s*SKIP\b\s*(.*)$", re.IGNORECASE)
PLAN = re.compile(r"^1\.\.(\d+)")
REPORT = re.compile(r"(ERROR|WARNING): \w+Sanitizer|runtime error:|fatal error")


class Tally:
    """Every case counts once. Failures are printed when they happen, with the log behind them."""

    def __init__(self):
        self.passed = self.failed = self.skipped = 0
        self.work = {}

    def add(self, where, cases, log=None, seconds=0, work=0):
        passed = [name for status, name in cases if status == "ok"]
        failed = [name for status, name in cases if status == "not ok"]
        skipped = [name for status, name in cases if status == "skip"]
        self.passed += len(passed)
        self.failed += len(failed)
        self.skipped += len(skipped)
        self.work[where] = work
        counts = f"{len(passed)} passed" + (f", {len(failed)} failed" if failed else "")
        lines = [f"{where}: {counts}{f', {len(skipped)} skipped' if skipped else ''} ({seconds:.1f} s, CPU {work:.1f} s)"]
        lines += [f"  skipped: {name}" for name in skipped]
        lines += [f"  FAILED: {name}" for name in failed]
        if failed and log:
            text = log.read_text(errors="replace").splitlines()
            shown = text[-300:]
            lines.append(f"  ---- {log.relative_to(TOP)}" + (f", the last {len(shown)} lines" if shown != text else ""))
            lines += [f"  | {line}" for line in shown]
        print("\n".join(lines), flush=True)

    def costliest(self):
        order = sorted(self.work, key=self.work.get, reverse=True)[:10]
        return f"CPU {sum(self.work.values()):.0f} s; most: " + ", ".join(f"{where} {self.work[where]:.0f}" for where in order)


tally = Tally()


def environment(build=BUILD, long=False, **more):
    """The caller's, without what would lead a test astray: make's own variables and settings of dxvault."""
    env = {k: v for k, v in os.environ.items() if not k.startswith(("MAKE", "MFLAGS", "DXVAULT_"))}
    media = os.environ.get("DXVAULT_TEST_MEDIA") or str(TOP.parent / "shared/media")
    if pathlib.Path(media).is_dir():
        env["DXVAULT_TEST_MEDIA"] = str(pathlib.Path(media).resolve())
    if long:
        env["DXVAULT_LONG"] = "1"
    else:
        env["DXVAULT_TEST_KEYS"] = str(KEYS)
    # Where python3 is a script that looks for the right one (pyenv), it takes six times as long as Python does to start.
    if os.path.realpath(shutil.which("python3") or "") != os.path.realpath(sys.executable):
        env["PATH"] = f"{pathlib.Path(sys.executable).parent}:{env['PATH']}"
    env.update(DXVAULT_BUILD=str(build), LC_ALL="C.UTF-8", CMOCKA_MESSAGE_OUTPUT="TAP", JOBS=str(JOBS), **more)
    return env


def execute(command, log, limit, env, top=TOP):
    """Runs a command, output to log. Returns its status (None if it took longer than limit seconds) and its CPU seconds,
    with those of the processes that it waited for."""
    with open(log, "wb") as out:
        process = subprocess.Popen(
            command, cwd=top, env=env, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT,
            start_new_session=True)
        handle = os.pidfd_open(process.pid)
        try:
            ended = bool(select.select([handle], [], [], limit)[0])
            # The group, so that a shell's trap gets its turn when the command it waits for has gone.
            for number, grace in ((signal.SIGTERM, 10), (signal.SIGKILL, None)):
                if not select.select([handle], [], [], 0)[0]:
                    os.killpg(process.pid, number)
                    select.select([handle], [], [], grace)
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
            return (process.returncode if ended else None), usage.ru_utime + usage.ru_stime
        finally:
            os.close(handle)
            try:
                os.killpg(process.pid, signal.SIGKILL)  # what it left in its own group
            except ProcessLookupError:
                pass


def log_of(where):
    return LOGS / (re.sub(r"[^\w.-]+", "-", where) + ".log")


def read_cases(text):
    """Cases and announced number of cases (None if there was no announcement) of a test's output."""
    cases, planned = [], None
    for line in text.splitlines():
        plan = PLAN.match(line)
        if plan:
            planned = (planned or 0) + int(plan.group(1))
        case = CASE.match(line)
        if case:
            status, name = case.groups()
            skip = SKIP.search(name)
            if skip:
                status, name = "skip", name[: skip.start()].strip(" -") + " " + skip.group(1)
            cases.append((status, name.strip() or "(no name)"))
    return cases, planned


def run_test(where, command, limit, env):
    start = time.monotonic()
    cases, work = cases_of(log_of(where), command, limit, env)
    tally.add(where, cases, log_of(where), time.monotonic() - start, work)


def cases_of(log, command, limit, env, top=TOP):
    """One executable or script: its cases, and one more failed case if it did not end as it should; and its CPU seconds."""
    with tempfile.TemporaryDirectory(prefix="dxvr.", dir="/tmp", ignore_cleanup_errors=True) as folder:
        for name in ("run", "state", "tmp"):
            os.mkdir(f"{folder}/{name}", 0o700)
        own = {"XDG_RUNTIME_DIR": f"{folder}/run", "XDG_STATE_HOME": f"{folder}/state", "TMPDIR": f"{folder}/tmp"}
        # Sanitizers write to files: of a process whose standard error and exit status nobody reads as well, and as any user.
        os.chmod(folder, 0o711)
        os.mkdir(f"{folder}/reports")
        os.chmod(f"{folder}/reports", 0o1777)
        for name in ("ASAN_OPTIONS", "TSAN_OPTIONS", "UBSAN_OPTIONS"):
            if name in env:
                own[name] = f"{env[name]}:log_path={folder}/reports/{name[:4].lower()}"
        try:
            status, work = execute(command, log, limit, {**env, **own}, top)
        except OSError as error:
            log.write_text(f"{error}\n")
            status, work = 127, 0
        cases, planned = read_cases(log.read_text(errors="replace"))
        # LeakSanitizer may also leave a remark that is none.
        reports = [p for p in pathlib.Path(folder, "reports").iterdir() if REPORT.search(p.read_text(errors="replace"))]
        with open(log, "a", encoding="utf-8") as out:
            out.writelines(f"---- {report.name}\n{report.read_text(errors='replace')}" for report in reports)
    failed = any(s == "not ok" for s, _ in cases)
    if reports:
        cases.append(("not ok", f"({len(reports)} processes with reports of a sanitizer)"))
    if status is None:
        cases.append(("not ok", f"(took longer than {limit} s)"))
    elif status < 0:
        cases.append(("not ok", f"(killed by {signal.Signals(-status).name})"))
    elif status and not failed:
        cases.append(("not ok", f"(exit status {status})"))
    elif planned is not None and len(cases) < planned:
        cases.append(("not ok", f"(announced {planned} cases, ran {len(cases)})"))
    elif not cases and planned is None:
        cases.append(("not ok", "(reported no case)"))
    return cases, work


def single(where, commands, env=None):
    """A case that is a list of commands: passes if all of them do."""
    log = log_of(where)
    start = time.monotonic()
    text, status, work = "", 0, 0
    for command in commands:
        status, more = execute(command, log, 1200, env or environment())
        work += more
        text += f"$ {' '.join(command)}\n" + log.read_text(errors="replace")
        if status != 0:
            break
    log.write_text(text)
    tally.add(where, [("ok" if status == 0 else "not ok", where)], log, time.monotonic() - start, work)
    return status == 0


# ---- what runs when -----------------------------------------------------------------------------------------------


@dataclasses.dataclass
class Task:
    """Its work may return more tasks, or False, and then what needs it does not run."""

    step: str
    work: typing.Callable
    needs: set = dataclasses.field(default_factory=set)
    alone: bool = False


def run_tasks(tasks):
    """In their order, as soon as the steps are through that each needs; steps that are not asked for count as done."""
    waiting, running, failed = list(tasks), {}, set()
    # One more than there are processors: system tests mostly wait.
    with concurrent.futures.ThreadPoolExecutor(JOBS + 1) as pool:
        while waiting or running:
            unfinished = {t.step for t in [*waiting, *running.values()]}
            for task in list(waiting):
                if task.needs & failed:
                    waiting.remove(task)
                    print(f"not run, since {' '.join(task.needs & failed)} failed: {task.step}", flush=True)
                    failed.add(task.step)
                elif not task.needs & unfinished and (len(running) <= JOBS if not task.alone else
                                                      not running and all(t.alone for t in waiting)):
                    waiting.remove(task)
                    running[pool.submit(task.work)] = task
                    if task.alone:
                        break
            if not running:
                continue
            for future in concurrent.futures.wait(running, return_when=concurrent.futures.FIRST_COMPLETED).done:
                task = running.pop(future)
                more = future.result()
                if more is False:
                    failed.add(task.step)
                elif isinstance(more, list):
                    waiting = more + waiting


# ---- what is left -------------------------------------------------------------------------------------------------
def adopt_orphans():
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def descendants():
    """Live processes below this one. It is the subreaper, so those that left their parents are among them."""
    parents = {}
    for path in pathlib.Path("/proc").glob("[0-9]*/stat"):
        try:
            state, parent = path.read_text(errors="replace").rpartition(")")[2].split()[:2]
        except OSError:
            continue
        if state != "Z":
            parents[int(path.parent.name)] = int(parent)
    found, before = {os.getpid()}, 0
    while len(found) != before:
        before = len(found)
        found |= {child for child, parent in parents.items() if parent in found}
    return found - {os.getpid()}


def check_processes():
    for _ in range(50):
        left = descendants()
        if not left:
            return
        time.sleep(0.1)
    cases = []
    for pid in sorted(left):
        try:
            words = pathlib.Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            os.kill(pid, signal.SIGKILL)
            cases.append(("not ok", f"process {pid} was left behind: {words}"))
        except OSError:
            pass
    if cases:
        tally.add("processes", cases, None)
