# SPDX-License-Identifier: MIT
"""Films of the fault campaign: dxvault play, with losses by order, on a service of its own or the one that all share."""
import json
import pathlib
import re
import shutil

from watch import LIMIT, now
from world import KEY_FILM

PICTURES = 100
SHARED_LIMIT = 4.0  # of a film on the shared service, since the last thing that was done to it; it shows nothing meanwhile
# A film may end so when something was done to it, and with no other words.
LAST_WORDS = re.compile(r"(dxvaultd: .*\n)*dxvault: .*(\ndxvaultd: .*)*")
NOT_WORDS = re.compile(r"E_INVALIDARG|0x80070057|0x80004005|E_FAIL")


def command_of(process):
    try:
        return open(f"/proc/{process}/cmdline", "rb").read()
    except OSError:
        return b""


class Film:
    def __init__(self, world, number, random, shared, folder, disturbed):
        self.world = world
        self.shared = shared
        self.folder = None
        self.out = world.folder / f"logs/film-{number}.out"
        self.err = world.folder / f"logs/film-{number}.err"
        self.disturbed = disturbed  # why it may fail: text
        film, _ = world.film()
        words = [world.dxvault, "play", film, "--key", KEY_FILM, "--json"]
        if not shared:
            self.folder = pathlib.Path(folder) / f"film-{number}"
            words += ["--screen", self.folder]
            at = random.sample(range(1, PICTURES + 1), 3)
            words += random.choice([[], ["--lose-keys-at", at[0]], ["--remove-device-at", at[0]], ["--exhaust-memory-at", at[0]],
                                    ["--lose-keys-at", f"{at[0]},{at[1]}", "--remove-device-at", at[2]]])
        self.orders = sum(str(word).startswith("--") for word in words) - 2 - (not shared)
        self.process = world.start(words, self.out, self.err)
        self.parts, self.others = {self.process}, set()
        self.begun = self.moved = now()
        self.size = 0
        self.told = False

    def disturb(self, why):
        self.disturbed = self.disturbed or why
        self.moved = now()

    def look(self, found):
        """Whether it stands still: its screen's list grows, or it ends."""
        # One whose parent was killed stays one of its parts. A service that it started is everybody's.
        for process, _, name in self.world.descendants(self.process, everything=found):
            if name != "dxvault" and process not in self.parts | self.others:
                is_part = name == "dxvault-present" or b"--client" in command_of(process)
                (self.parts if is_part else self.others).add(process)
        if self.folder:
            try:
                size = (self.folder / "screen.framemd5").stat().st_size
            except OSError:
                size = 0
            if size != self.size:
                self.size, self.moved = size, now()

    def stands_still(self, watch):
        """(what counts of the time since it moved, is that too long)"""
        net = watch.net(self.parts, self.moved, now())
        limit = SHARED_LIMIT if self.shared else LIMIT
        return net, net > limit

    def judge(self, status, is_ordered):
        """(what it played as a dict, problem)"""
        text = self.err.read_text(errors="replace").strip()
        if status == 0:
            told = json.loads(self.out.read_text())
            black = sum(loss["black"] for loss in told["losses"])
            absent = sum(loss["absent"] for loss in told["losses"])
            if told["frames_presented"] + black + absent != PICTURES:
                return told, f"a film presented {told['frames_presented']}, {black} black and {absent} absent of {PICTURES}"
            return told, None
        if is_ordered and status < 0:
            return None, None
        if status in (1, 130) and self.disturbed and LAST_WORDS.fullmatch(text) and not NOT_WORDS.search(text):
            return None, None
        return None, f"a film ended with {status} ({self.disturbed or 'nothing was done to it'}): {text or 'no words'}"

    def clean(self):
        if self.folder:
            shutil.rmtree(self.folder, ignore_errors=True)
