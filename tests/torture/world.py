# SPDX-License-Identifier: MIT
"""What the fault campaign runs in: its folders, its processes and how each of them ended."""
import ctypes
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile

TOP = pathlib.Path(__file__).resolve().parents[2]
LIBC = ctypes.CDLL(None, use_errno=True)
PR_SET_CHILD_SUBREAPER, PR_SET_PDEATHSIG = 36, 1
KID, KEY_FILM = "0d1ec7ed5a3b4c2f9e8d7c6b5a493827", "1b4f0e9851971998e732078544c96b36"


def processes():
    """[(process, parent, state, name)] of all that there are."""
    found = []
    for path in os.listdir("/proc"):
        if not path.isdigit():
            continue
        try:
            text = open(f"/proc/{path}/stat").read()
        except OSError:
            continue
        name = text[text.index("(") + 1:text.rindex(")")]
        state, parent = text[text.rindex(")") + 2:].split()[:2]
        found.append((int(path), int(parent), state, name))
    return found


def come_first():
    """Before the sessions of others on this machine, each of which has a share of its own (autogroup(7)), where that is allowed."""
    try:
        os.setsid()
    except PermissionError:
        pass
    LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
    try:
        with open("/proc/self/autogroup", "w") as file:
            # No more than that: kernel threads are to have their turns.
            file.write("-7")
    except OSError:
        pass


class World:
    def __init__(self, build, sanitized):
        self.build = pathlib.Path(build).resolve()
        self.sanitized = sanitized
        self.dxvault = self.build / "src/tools/dxvault"
        self.worker = self.build / "tests/torture/torture-worker"
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="dxvt-torture."))
        self.is_root = os.geteuid() == 0
        self.ended = []  # (process, name, status) that nobody has looked at
        self.names = {}
        self.gone = set()
        self.mounts = []
        for name in ("run", "state", "tmp", "config/dxvault", "screens", "logs", "reports"):
            (self.folder / name).mkdir(parents=True, mode=0o700)
        (self.folder / "config/dxvault/dxvaultd.conf").write_text("idle-seconds = 2\nprotected-memory = 48M\n")
        (self.folder / "clock").write_bytes(bytes(8))
        self.runtime = self.folder / "run/dxvault"
        self.environment = {name: text for name, text in os.environ.items() if not name.startswith("DXVAULT_")}
        self.environment |= {
            "XDG_RUNTIME_DIR": str(self.folder / "run"), "XDG_STATE_HOME": str(self.folder / "state"),
            "XDG_CONFIG_HOME": str(self.folder / "config"), "DXVAULT_RUNTIME_DIR": str(self.runtime),
            "TMPDIR": str(self.folder / "tmp"), "DXVAULT_SERVICE": str(self.folder / "service"),
            "DXVAULT_TORTURE_CLOCK": str(self.folder / "clock"), "DXVAULT_TORTURE_LOG": str(self.folder / "logs/syslog")}
        if sanitized:
            reports = f"log_path={self.folder / 'reports/report'}"
            self.environment |= {
                "ASAN_OPTIONS": f"detect_stack_use_after_return=1:strict_string_checks=1:verify_asan_link_order=0:{reports}",
                "UBSAN_OPTIONS": f"halt_on_error=1:print_stacktrace=1:{reports}",
                "TSAN_OPTIONS": f"halt_on_error=1:suppressions={TOP}/tests/tsan.supp:{reports}"}
        LIBC.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)

    def use_service(self, ready_keys):
        """Whoever starts the service starts it so."""
        program = self.build / ("tests/keys/dxvaultd" if ready_keys else "src/service/dxvaultd")
        keys = self.build / "test-keys"
        keys.mkdir(exist_ok=True)
        hook = "" if self.sanitized == "thread" else f"LD_PRELOAD={self.build}/tests/torture/libtorture-hook.so "
        text = f"#!/bin/sh\n{hook}DXVAULT_TEST_KEYS={keys} exec {program} \"$@\"\n"
        path = self.folder / "service"
        path.with_suffix(".new").write_text(text)
        path.with_suffix(".new").chmod(0o755)
        path.with_suffix(".new").rename(path)

    def start(self, words, output=None, error=None, before=None, **more):
        """Runs a program that ends with this process."""
        parent = os.getpid()

        def prepare():
            LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
            if os.getppid() != parent:
                os._exit(1)
            if before:
                before()

        with open(output or os.devnull, "ab") as out, open(error or os.devnull, "ab") as err:
            child = subprocess.Popen([str(word) for word in words], stdin=subprocess.DEVNULL, stdout=out, stderr=err,
                                     env=self.environment, preexec_fn=prepare, **more)
        child.returncode = 0  # it is waited for here, like all others
        self.names[child.pid] = os.path.basename(str(words[0]))
        return child.pid

    def descendants(self, *roots, everything=None):
        everything = everything or processes()
        found = set(roots or [os.getpid()])
        grown = True
        while grown:
            grown = False
            for process, parent, _, _ in everything:
                if parent in found and process not in found:
                    found.add(process)
                    grown = True
        return [(process, state, name) for process, _, state, name in everything
                if process in found and process != os.getpid() and process not in roots]

    def look(self, everything=None):
        """What there is below this process: [(process, state, name)]; and who has ended goes to self.ended."""
        found = self.descendants(everything=everything)
        for process, state, name in found:
            if state != "Z" or process not in self.names:
                self.names[process] = name
        while True:
            try:
                process, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                break
            if process == 0:
                break
            # Its number may be given again.
            self.ended.append((process, self.names.pop(process, "?"), os.waitstatus_to_exitcode(status)))
            self.gone.add(process)
        return [(process, state, name) for process, state, name in found if state != "Z"]

    def mount(self, path, size, inodes):
        """A small disk; None where that is not allowed."""
        path.mkdir(exist_ok=True, mode=0o700)
        done = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size},nr_inodes={inodes},mode=700", "torture", str(path)],
                              stderr=subprocess.DEVNULL, check=False)
        if done.returncode:
            return False
        self.mounts.append(path)
        return True

    def unmount(self):
        while self.mounts:
            subprocess.run(["umount", "-l", str(self.mounts.pop())], check=False)

    def film(self):
        """A film and what FFmpeg gets out of it, a checksum a picture; made once."""
        film, whole = self.build / "sample/torture.mp4", self.build / "sample/torture.framemd5"
        if not whole.exists():
            film.parent.mkdir(exist_ok=True)
            quiet = ["ffmpeg", "-nostdin", "-v", "error", "-y"]
            half = f"{film}.{os.getpid()}.mp4"
            subprocess.run([*quiet, "-f", "lavfi", "-i", "testsrc2=size=320x240:rate=25:duration=4", "-c:v", "libx264",
                            "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-encryption_scheme", "cenc-aes-ctr",
                            "-encryption_key", KEY_FILM, "-encryption_kid", KID, half], check=True)
            subprocess.run([*quiet, "-decryption_key", KEY_FILM, "-i", half, "-map", "0:v", "-pix_fmt", "nv12", "-f",
                            "framemd5", f"{whole}.{os.getpid()}"], check=True)
            os.rename(half, film)
            os.rename(f"{whole}.{os.getpid()}", whole)
        return film, whole

    def remove(self):
        for _, process in sorted((name, process) for process, _, name in self.look()):
            try:
                os.kill(process, signal.SIGKILL)
            except ProcessLookupError:
                pass
        while self.look():
            pass
        self.unmount()
        shutil.rmtree(self.folder, ignore_errors=True)


def complain(text):
    print(text, file=sys.stderr, flush=True)
