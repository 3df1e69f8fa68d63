# SPDX-License-Identifier: MIT
"""Whether a screen of the fault campaign showed what it should: each picture is the right one, or black (SEC-50)."""
import hashlib

FILM_SIZE = 320, 240


def read(path):
    """[(time, checksum)]; the last line has to be whole, however the service ended."""
    try:
        text = open(path).read()
    except FileNotFoundError:
        return []
    if text and not text.endswith("\n"):
        raise ValueError(f"the last line of {path} is not whole")
    lines = [line.split(",") for line in text.splitlines() if not line.startswith("#")]
    return [(int(line[1]), line[5].strip()) for line in lines]


def black_nv12(width, height):
    return hashlib.md5(b"\x10" * (width * height) + b"\x80" * (width * height // 2)).hexdigest()


class Truth:
    """What may be shown at which time: a film's pictures, and what workers said that they hand over."""

    def __init__(self, whole, handed):
        self.film = dict(read(whole))
        self.handed = handed
        self.black = black_nv12(*FILM_SIZE)

    def check(self, path):
        """(right, black, [what is wrong])"""
        right, black, wrong = 0, 0, []
        handed = {}
        try:
            for line in open(self.handed):
                time, digest = line.split()
                handed[int(time)] = digest
        except FileNotFoundError:
            pass
        try:
            shown = read(path)
        except ValueError as problem:
            return 0, 0, [str(problem)]
        for time, digest in shown:
            if digest == self.film.get(time) or digest == handed.get(time):
                right += 1
            elif digest == self.black and time in self.film:
                black += 1
            else:
                wrong.append(f"a wrong picture at {time} in {path}: {digest}")
        return right, black, wrong
