# SPDX-License-Identifier: MIT
"""A copy of the sources with builds of its own, in which protections are switched off and tests are run."""
import dataclasses
import json
import os
import pathlib
import re
import shutil
import subprocess

from harness import FUZZ_SETTINGS, cases_of, environment, execute

# A warning about what is left unused by a protection that has gone is no error here.
SETTINGS = {"tests": "enabled", "werror": "false"}
# It ends with what it finds.
FUZZ_SECONDS = 60
BUILD_SECONDS = 1200


class Broken(Exception):
    """What can't be built or run. The text says why."""


@dataclasses.dataclass
class Run:
    """How a test is built and run in a workspace."""

    folder: pathlib.Path
    targets: list
    command: list
    limit: int
    env: dict


class Workspace:
    def __init__(self, top, folder, build, jobs):
        self.top, self.build, self.jobs = top, build, jobs
        self.tree, self.log = folder / "tree", folder / "log"
        self.folders = {"": folder / "build", "fuzz": folder / "build-fuzz"}
        self.whole = {}  # file -> its text, of what was ever changed
        self.changed = {}
        folder.mkdir(parents=True, exist_ok=True)
        self.copy_sources()

    # ---- the copy -------------------------------------------------------------------------------------------------

    def copy_sources(self):
        """By content, so that a file keeps its time, and what is made from it, where it did not change."""
        names = sources(self.top)
        for name in names:
            copy_file(self.top / name, self.tree / name)
        for path in [p for p in self.tree.rglob("*") if p.is_file() or p.is_symlink()]:
            if str(path.relative_to(self.tree)) not in names:
                path.unlink()

    def switch_off(self, edits):
        """What was switched off before is switched on again."""
        texts = {}
        for file, find, put in edits:
            if not (self.tree / file).is_file():
                raise Broken(f"there is no file {file}")
            self.whole.setdefault(file, (self.tree / file).read_text())
            text = texts.get(file, self.whole[file])
            if text.count(find) != 1:
                raise Broken(f"what it looks for stands in {file} {text.count(find)} times")
            texts[file] = text.replace(find, put)
        for file in {*self.changed, *texts}:
            text = texts.get(file, self.whole[file])
            if text != self.changed.get(file):
                (self.tree / file).write_text(text)
        self.changed = texts

    # ---- building -------------------------------------------------------------------------------------------------

    def execute(self, command, env):
        status, _ = execute([str(word) for word in command], self.log, BUILD_SECONDS, env, self.tree)
        if status != 0:
            lines = self.log.read_text(errors="replace").splitlines()
            raise Broken("\n".join([f"{' '.join(map(str, command[:3]))}: status {status}", *lines[-20:]]))

    def folder(self, kind):
        """The build folder of that kind, configured."""
        folder = self.folders[kind]
        if not (folder / "build.ninja").exists():
            settings = {**SETTINGS, **(FUZZ_SETTINGS if kind else {})}
            self.execute(["meson", "setup", *(f"-D{k}={v}" for k, v in settings.items()), folder, self.tree], self.build_env(kind))
            if not kind:
                self.take_sample(folder)
        return folder

    def build_env(self, kind):
        return environment(CC="clang" if kind == "fuzz" else "gcc")

    def take_sample(self, folder):
        if (self.build / "sample/key").exists():
            shutil.copytree(self.build / "sample", folder / "sample")

    def build_for(self, run):
        self.execute(["ninja", "-C", run.folder, "-j", self.jobs, *run.targets],
                     self.build_env("fuzz" if run.folder == self.folders["fuzz"] else ""))

    # ---- running --------------------------------------------------------------------------------------------------

    def cases(self, run):
        self.build_for(run)
        cases, _ = cases_of(self.log, [str(word) for word in run.command], run.limit, run.env, self.tree)
        return cases

    def said(self):
        return self.log.read_text(errors="replace")

    def plan(self, test, cases, untouched):
        """The Run of those cases of a test. untouched: nothing is switched off in it."""
        kind, _, name = test.partition("/")
        plan = getattr(self, f"plan_{kind}", None)
        if not plan:
            raise Broken(f"nobody knows how to run {test}")
        return plan(name, cases, untouched)

    def plan_unit(self, name, _cases, _untouched):
        folder = self.folder("")
        for test in introspect(folder, "tests"):
            if test["name"] == name:
                target = str(pathlib.Path(test["cmd"][0]).relative_to(folder))
                return Run(folder, [target], test["cmd"], test["timeout"] * 2, {**environment(folder), **test["env"]})
        raise Broken(f"there is no unit test {name} in this build")

    def plan_system(self, name, cases, _untouched):
        path = self.tree / "tests/system" / name
        return self.script(path, [path, *cases])

    def script(self, path, command):
        if not path.is_file():
            raise Broken(f"there is no {path.relative_to(self.tree)}")
        folder, text = self.folder(""), path.read_text()
        return Run(folder, program_targets(folder, text), ["bash", *command], limit_of(text) * 2, environment(folder))

    def plan_timing(self, _name, cases, _untouched):
        path, folder = self.tree / "tests/timing/run", self.folder("")
        targets = [os.path.relpath(f, folder) for t in introspect(folder, "targets") for f in t["filename"]]
        targets = [t for t in targets if t.startswith("tests/timing/")]
        return Run(folder, targets, [path, folder, *cases], limit_of(path.read_text()) * 2, environment(folder))

    def plan_fuzz(self, name, _cases, untouched):
        # That the sources as they are bear longer runs is the business of the step fuzz.
        folder, seconds = self.folder("fuzz"), 0 if untouched else FUZZ_SECONDS
        command = [self.tree / "tests/fuzz/run", folder, name, str(seconds)]
        return Run(folder, [f"tests/fuzz/fuzz_{name}"], command, FUZZ_SECONDS + 120, environment(folder))


def sources(top):
    """Those that git knows or would take; without git all but what is built."""
    if (top / ".git").exists() and shutil.which("git"):
        command = ["git", "-c", "safe.directory=*", "ls-files", "-zco", "--exclude-standard"]
        done = subprocess.run(command, cwd=top, capture_output=True, text=True, check=False)
        if done.returncode == 0:
            return {name for name in done.stdout.split("\0") if (top / name).is_file()}
    found = set()
    for folder, folders, files in os.walk(top):
        if pathlib.Path(folder) == top:
            folders[:] = [name for name in folders if name != ".git" and not name.startswith("build")]
        found |= {str(pathlib.Path(folder, name).relative_to(top)) for name in files}
    return found


def copy_file(source, copy):
    if not copy.exists() or source.read_bytes() != copy.read_bytes():
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, copy)
    if source.stat().st_mode != copy.stat().st_mode:
        copy.chmod(source.stat().st_mode)


def limit_of(script):
    """Its longest time limit, in seconds."""
    return max(map(int, re.findall(r"^# (?:long )?limit: (\d+)$", script, re.MULTILINE)), default=60)


def introspect(folder, what):
    return json.loads((folder / f"meson-info/intro-{what}.json").read_text())


def program_targets(folder, text):
    """All that is built by default, but unit tests, and what stands in other folders than those of all system tests and the
    script's text does not speak of. Of a script that says "# builds: FOLDER..." those alone."""
    own = re.search(r"^# builds: (.*)$", text, re.MULTILINE)

    def is_wanted(part):
        if own:
            return part in own.group(1).split()
        return part in ("src", "examples", "keys", "conform", "system") or (part != "tests" and part in text)

    found = []
    for target in introspect(folder, "targets"):
        names = [os.path.relpath(f, folder) for f in target["filename"]]
        top, *rest = names[0].split("/")
        part = rest[0] if top == "tests" and len(rest) > 1 else top
        if target["build_by_default"] and is_wanted(part):
            found += names
    return found
