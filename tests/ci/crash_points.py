#!/usr/bin/env python3
"""Ends the real binary at each named point of its code and compares what comes of it with a calm run.

For each point of src/crash.rs and several of its passes: the command that passes it is run until it
aborts there, as by a power cut; `latest` must then be a whole publication and the store sound. Then
what an operator would do is done, and the state files must be those of the calm run byte for byte;
nothing that the death left may still lie about.

    cargo build --features crash-points && cp target/debug/guichet target/ci/guichet-crash
    crash_points.py target/ci/guichet-crash --region target/debug/examples/region [--only NAME…]

Exit code 0: all were equal, every point was passed; 1: it was not so, and the difference is said.
"""

import argparse
import concurrent.futures
import json
import os
import pathlib
import re
import resource
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time

from kill_loop import Fault, chain, compare, state, whole

ROOT = pathlib.Path(__file__).parents[2]
TABLE = re.findall(r'^    \("([^"]+)", "([^"]+)", "', (ROOT / "src/crash.rs").read_text(), re.M)

# Of each point: the first pass, and later ones where there are any.
PASSES = (1, 2, 7)

# The second night that is harvested: a few nights on, so that much has changed.
LATER = 4


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("guichet", help="the binary, built with --features crash-points")
    parser.add_argument("--region", required=True, help="examples/region, built")
    parser.add_argument("--only", nargs="*", default=[], help="points, else all")
    parser.add_argument("--seed", type=int, default=5)
    parser.add_argument("--contracts", type=int, default=120)
    parser.add_argument("--sources", type=int, default=6)
    parser.add_argument("--at-once", type=int, default=2)
    return parser.parse_args()


class Region:
    """The simulated region on loopback, and commands on data directories that harvest it."""

    def __init__(self, args, work):
        self.guichet, self.work, self.root = str(pathlib.Path(args.guichet).resolve()), work, work / "region"
        world = [str(n) for n in (args.seed, args.contracts, args.sources)]
        self.upstream = subprocess.Popen([args.region, self.root, *world], text=True,
                                         stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.told(1)

    def told(self, night):
        line = self.upstream.stdout.readline()
        if line != f"night {night}\n":
            raise Fault(f"the simulated region answers {line!r} instead of night {night}")

    def show(self, night):
        self.upstream.stdin.write(f"{night}\n")
        self.upstream.stdin.flush()
        self.told(night)

    def close(self):
        self.upstream.stdin.close()
        try:
            self.upstream.wait(10)
        except subprocess.TimeoutExpired:
            self.upstream.kill()
            self.upstream.wait()

    def run(self, data, night, *command, at=None, limits=None):
        """Exit code and what was said of one command; negative: the signal that ended it."""
        line = [self.guichet, "--config", self.root / "config/guichet.toml", "--data-dir", data, "-q", *command]
        environment = dict(os.environ, GUICHET_NOW=f"2026-11-{23 + night}T05:00:00Z")
        environment.pop("GUICHET_CRASH_AT", None)
        if at:
            environment["GUICHET_CRASH_AT"] = at
        done = subprocess.run(line, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, timeout=120, preexec_fn=limits)
        return done.returncode, done.stdout.decode(errors="replace")

    def calm(self, data, night, *command):
        """A command that must come through."""
        code, said = self.run(data, night, *command)
        # 3: the region holds dead and cut sources on purpose.
        if code not in ((0, 3) if command[0] in ("harvest", "replay") else (0,)):
            raise Fault(f"{' '.join(command)} ended with {code} in {data}:\n{said[-3000:]}")
        return said


def no_core():
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


# What may stand in a data directory that nobody works in.
LEFT = re.compile(r"(^|/)\.tmp-|(^|/)\.pending-|\.latest\.new$|(^|/)\.tmp[A-Za-z0-9]{6}$|\.replay|\.restoring|incoming")


def leftovers(data):
    found = [str(p.relative_to(data)) for p in data.rglob("*")]
    return sorted(name for name in found if LEFT.search(name))


def tidy(data, where):
    left = leftovers(data)
    if left:
        raise Fault(f"{where}: left behind in {data}: {', '.join(left)}")


def sound(region, data, night, where):
    """What holds right after a death, before anybody mends anything."""
    whole(data)
    if (data / "guichet.db").exists():
        code, said = region.run(data, night, "db", "check")
        if code != 0:
            raise Fault(f"{where}: the store is not sound:\n{said}")


class Scenario:
    """A start, the command that dies, what an operator then does, and the state that must come of it."""

    def __init__(self, region, night, start, command, then):
        self.region, self.night, self.start, self.command, self.then = region, night, start, command, then
        data = self.fresh("calm")
        region.calm(data, night, *command)
        self.mend(data)
        self.wanted, self.kept = state(data), publications(data)
        shutil.rmtree(data)

    def fresh(self, name):
        data = self.region.work / f"{self.command[0]}-{self.night}-{name}"
        if self.start:
            shutil.copytree(self.start, data, symlinks=True)
        return data

    def mend(self, data):
        for command in self.then:
            self.region.calm(data, self.night, *command)

    def dies(self, point, number):
        """Whether the command has so many passes of the point; then all is well after it."""
        where = f"{point}, pass {number} of {' '.join(self.command)} on night {self.night}"
        data = self.fresh(f"{point}-{number}")
        code, said = self.region.run(data, self.night, *self.command, at=f"{point}:{number}", limits=no_core)
        if code != -signal.SIGABRT:
            if code not in (0, 3) or "names no crash point" in said:
                raise Fault(f"{where}: ended with {code}:\n{said[-3000:]}")
            shutil.rmtree(data)
            return False
        if f"crash point {point}, pass {number}" not in said or "panicked" in said:
            raise Fault(f"{where}: aborted elsewhere:\n{said[-3000:]}")
        sound(self.region, data, self.night, where)
        try:
            self.mend(data)
        except Fault as fault:
            raise Fault(f"{where}: {fault}") from None
        self.judge(data, where)
        shutil.rmtree(data)
        return True

    def follow(self, data):
        # A replay and a restore begin an epoch, which leads from nothing.
        if self.command[0] in ("harvest", "publish"):
            chain(data)

    def judge(self, data, where):
        compare(self.wanted, state(data), where)
        whole(data)
        self.follow(data)
        tidy(data, where)
        code, said = self.region.run(data, self.night, "db", "check")
        if code != 0:
            raise Fault(f"{where}: the store is not sound:\n{said}")


class Removal(Scenario):
    """Also: what was removed is nowhere."""

    def __init__(self, region, night, start, contract, then):
        # Its name may stand in the journal, where it says what has gone.
        self.text = json.dumps(contract["objet"], ensure_ascii=False)[1:-1].encode()
        super().__init__(region, night, start, ("redact", contract["uid"], "--reason", "essai"), then)

    def follow(self, data):
        """What the changes applied to is withdrawn."""

    def judge(self, data, where):
        super().judge(data, where)
        for folder in (data / "public", data):
            for path in folder.iterdir() if folder == data else folder.rglob("*"):
                if path.is_file() and self.text in path.read_bytes():
                    raise Fault(f"{where}: what was removed stands in {path}")
        if {n for n, gone in publications(data).items() if not gone} != {n for n, gone in self.kept.items() if not gone}:
            # A second one may have been made by who went on; none that held it may stand.
            for name, gone in self.kept.items():
                if gone and not publications(data).get(name, True):
                    raise Fault(f"{where}: publication {name} is not withdrawn")


def publications(data):
    """By name, whether it is withdrawn."""
    found = {}
    for path in (data / "public/dumps").iterdir():
        found[path.name] = "withdrawn" in json.loads((path / "manifest.json").read_text())
    return found


def one_to_remove(data):
    """A contract that several sources told of, and whose object no other has."""
    lines = (data / "public/latest/contrats.ndjson").read_text(encoding="utf-8").splitlines()
    contracts = [json.loads(line) for line in lines]
    objects = [c.get("objet") for c in contracts]
    fit = [c for c in contracts if c.get("objet") and len(c["objet"]) > 20 and not c["withdrawn"]
           and sum(c["objet"] in (o or "") for o in objects) == 1]
    return max(fit, key=lambda c: len({o["source"] for o in c["observations"]}))


def scenarios(region):
    """By the word of the table; prepares what they start from."""
    one, two = region.work / "night-1", region.work / "later"
    publish, again = ("harvest",), ("publish", "--force")
    yield "harvest", lambda: Scenario(region, 1, None, ("harvest",), [("harvest",), ("publish",)])
    region.calm(one, 1, "harvest")
    yield "publish", lambda: Scenario(region, 1, one, ("publish",), [("publish",)])
    region.calm(one, 1, "publish")
    backup = region.work / "night-1.db"
    region.calm(one, 1, "db", "backup", str(backup))
    region.show(LATER)
    yield "harvest", lambda: Scenario(region, LATER, one, ("harvest",), [("harvest",), ("publish",)])
    shutil.copytree(one, two, symlinks=True)
    region.calm(two, LATER, "harvest")
    yield "publish", lambda: Scenario(region, LATER, two, ("publish",), [("publish",)])
    region.calm(two, LATER, "publish")
    yield "redact", lambda: Removal(region, LATER, two, one_to_remove(two), [publish, ("publish",)])
    yield "replay", lambda: Scenario(region, LATER, two, ("replay",), [again, ("replay",), again])
    name = sqlite3.connect(two / "guichet.db").execute(
        "SELECT source.id FROM source JOIN observation o ON o.source=source.n GROUP BY 1 ORDER BY count(*) DESC").fetchone()[0]
    yield "replay-one", lambda: Scenario(region, LATER, two, ("replay", name), [publish, again])
    restore = ("db", "restore", str(backup))
    # Without a second try: whichever of the two stands, the night's harvest makes it whole.
    yield "restore", lambda: Scenario(region, LATER, two, restore, [publish, again])
    yield "restore", lambda: Scenario(region, LATER, two, restore, [restore, publish, again])


def drive(args, work):
    region, passed, deaths = Region(args, work), set(), 0
    points = [(name, command) for name, command in TABLE if not args.only or name in args.only]
    try:
        with concurrent.futures.ThreadPoolExecutor(args.at_once) as pool:
            for word, make in scenarios(region):
                mine = [name for name, command in points if command == word]
                if not mine:
                    continue
                start, scenario = time.monotonic(), make()

                def through(name):
                    done = 0
                    for number in PASSES:
                        if not scenario.dies(name, number):
                            break
                        done += 1
                    return name, done

                total = 0
                for name, done in pool.map(through, mine):
                    total += done
                    passed |= {name} if done else set()
                deaths += total
                print(f"night {scenario.night}, {word}: {total} deaths at {len(mine)} points, equal, "
                      f"{time.monotonic() - start:.0f} s", flush=True)
    finally:
        region.close()
    unseen = sorted({name for name, _ in points} - passed)
    if unseen:
        raise Fault(f"never passed by the command that the table names: {', '.join(unseen)}")
    print(f"{deaths} deaths at {len(points)} points: everything equals the calm runs")


def main():
    args = arguments()
    work = pathlib.Path(tempfile.mkdtemp(prefix="guichet-crash-"))
    try:
        if not TABLE:
            raise Fault("src/crash.rs lists no point")
        drive(args, work)
    except Fault as fault:
        print(f"crash points: {fault}", file=sys.stderr)
        print(f"crash points: left for inspection: {work}", file=sys.stderr)
        return 1
    shutil.rmtree(work, ignore_errors=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
