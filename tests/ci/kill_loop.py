#!/usr/bin/env python3
"""Kills the real binary at random moments and compares what it publishes with a calm run's.

A simulated region is served on loopback, night after night. One data directory is harvested and
published in calm. Others are harvested and published by processes that die by SIGKILL at random
moments and are started again until they come through. Then the state files of each night's
publication must be the calm ones byte for byte, whatever was interrupted; the changes of each
must lead from the one before to it; the store must be sound; and the archive that so many
deaths left must give the same files again.

    kill_loop.py target/release/guichet --region target/debug/examples/region [--kills 50] [--seed 3]

Without --region, `guichet demo` serves the region, which shows one night only. Exit code 0: every
round was equal; 1: it was not, and the difference is said.
"""

import argparse
import hashlib
import json
import os
import pathlib
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

# Only these may hold a time of ours, a sequence number or what depends on when we looked. One list for all tests;
# what is set aside is the same here, since no night lies between.
LIST = (pathlib.Path(__file__).parents[2] / "src/publish/journal_files.rs").read_text()
JOURNAL = tuple(set(re.findall(r'^    "([^"]+)",$', LIST, re.M)) - {"quarantine.ndjson"})
assert "changes.ndjson" in JOURNAL, "the list of journal files is written otherwise"


# Of one step, before it is left to come through.
DEATHS = 6


class Fault(Exception):
    """What the loop is there to find."""


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("guichet", help="the binary")
    parser.add_argument("--region", help="examples/region, built")
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--nights", type=int, default=3, help="of the region; 1 without --region")
    parser.add_argument("--seed", type=int, default=3, help="of the region and of the moments")
    parser.add_argument("--contracts", type=int, default=400)
    parser.add_argument("--sources", type=int, default=8)
    parser.add_argument("--minutes", type=float, default=15, help="longest time for all")
    return parser.parse_args()


class Loop:
    def __init__(self, args, work):
        self.args, self.work, self.root = args, work, work / "region"
        self.guichet = str(pathlib.Path(args.guichet).resolve())
        self.nights = args.nights if args.region else 1
        self.random = random.Random(args.seed)
        self.until = time.monotonic() + args.minutes * 60
        self.upstream = None
        self.deaths = {"harvest": 0, "publish": 0, "replay": 0}

    # The region -----------------------------------------------------------------------------

    def serve(self):
        world = [str(n) for n in (self.args.seed, self.args.contracts, self.args.sources)]
        if self.args.region:
            self.upstream = subprocess.Popen([self.args.region, self.root, *world], text=True,
                                             stdin=subprocess.PIPE, stdout=subprocess.PIPE)
            self.told(1)
            return
        seed, contracts, sources = world
        command = [self.guichet, "demo", "--dir", self.root, "--listen", "127.0.0.1:0",
                   "--seed", seed, "--contracts", contracts, "--sources", sources]
        log = self.work / "upstream.log"
        with open(log, "wb") as out:
            self.upstream = subprocess.Popen(command, stdout=out, stderr=out, stdin=subprocess.DEVNULL)
        patience = time.monotonic() + 120
        # Its own publication stands: then the region is whole, and served until it is stopped.
        while not (self.root / "var/public/latest").is_dir():
            if self.upstream.poll() is not None or time.monotonic() > patience:
                raise Fault(f"the simulated region did not come up:\n{log.read_text(errors='replace')[-2000:]}")
            time.sleep(0.1)

    def told(self, night):
        line = self.upstream.stdout.readline()
        if line != f"night {night}\n":
            raise Fault(f"the simulated region answers {line!r} instead of night {night}")

    def show(self, night):
        if self.args.region:
            self.upstream.stdin.write(f"{night}\n")
            self.upstream.stdin.flush()
            self.told(night)

    def close(self):
        if self.upstream and self.upstream.poll() is None:
            self.upstream.send_signal(signal.SIGTERM)
            try:
                self.upstream.wait(20)
            except subprocess.TimeoutExpired:
                self.upstream.kill()
                self.upstream.wait()

    # Steps ----------------------------------------------------------------------------------

    def step(self, name, night, data, kill_after=None):
        """Runs one command; True when it came through, False when it was killed first."""
        command = [self.guichet, "--config", self.root / "config/guichet.toml", "--data-dir", data, "-qq", *name.split()]
        environment = dict(os.environ, GUICHET_NOW=f"2026-11-{23 + night}T05:00:00Z")
        with tempfile.TemporaryFile() as log:
            process = subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL, env=environment)
            limit = max(1.0, self.until - time.monotonic())
            try:
                code = process.wait(limit if kill_after is None else kill_after)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
                if kill_after is None:
                    raise Fault(f"{name} did not end within the time for all") from None
                return False
            # 3: the region holds dead and cut sources on purpose.
            if code not in ((0, 3) if name == "harvest" else (0,)):
                log.seek(0)
                said = log.read().decode(errors="replace")[-3000:]
                raise Fault(f"{name} ended with {code} in {data}:\n{said}")
        return True

    def calm(self):
        """Each night's state files, and how long each step took."""
        data, took, wanted = self.work / "calm", {}, {}
        for night in range(1, self.nights + 1):
            self.show(night)
            for name in ("harvest", "publish"):
                start = time.monotonic()
                self.step(name, night, data)
                took[name, night] = time.monotonic() - start
            wanted[night] = state(data)
        start = time.monotonic()
        self.step("replay", self.nights, data)
        took["replay", self.nights] = time.monotonic() - start
        if len({json.dumps(files) for files in wanted.values()}) != self.nights:
            raise Fault("two nights of the region have the same files: nothing would be proven")
        return wanted, took

    def through(self, name, night, data, took, left):
        """One step, by as many deaths as it takes: their number."""
        # At random over the whole step; so many times at most that every step has its deaths.
        for deaths in range(min(DEATHS, left)):
            if self.step(name, night, data, self.random.uniform(0.001, took[name, night] * 1.15)):
                break
            whole(data)
        else:
            deaths = min(DEATHS, left)
            self.step(name, night, data)
        self.deaths[name] += deaths
        return deaths

    def round(self, number, wanted, took, left):
        """One data directory, from nothing through every night and a replay of them all."""
        data, kills = self.work / f"round-{number}", 0
        for night in range(1, self.nights + 1):
            self.show(night)
            for name in ("harvest", "publish"):
                kills += self.through(name, night, data, took, left - kills)
            compare(wanted[night], state(data), f"round {number}, night {night} ({kills} kills)")
        chain(data)
        self.step("db check", self.nights, data)
        kills += self.through("replay", self.nights, data, took, left - kills)
        self.step("db check", self.nights, data)
        self.step("publish --force", self.nights, data)
        compare(wanted[self.nights], state(data), f"round {number}, replayed from its archive")
        return data, kills

    def run(self):
        self.serve()
        wanted, took = self.calm()
        print(f"calm: {self.nights} nights, harvest {took['harvest', 1]:.2f} s, publish {took['publish', 1]:.2f} s, "
              f"{len(wanted[1])} state files", flush=True)
        kills = rounds = 0
        while kills < self.args.kills:
            if time.monotonic() > self.until:
                raise Fault(f"only {kills} kills in {self.args.minutes} minutes")
            rounds += 1
            data, more = self.round(rounds, wanted, took, self.args.kills - kills)
            kills += more
            shutil.rmtree(data)
            print(f"round {rounds}: {more} kills, equal ({kills}/{self.args.kills})", flush=True)
        died = ", ".join(f"{n} in {name}" for name, n in self.deaths.items())
        print(f"{kills} kills in {rounds} rounds ({died}): every publication equals the calm one")


# What was published ---------------------------------------------------------------------------

def digest(path):
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def state(data):
    latest = data / "public" / "latest"
    if not latest.is_dir():
        raise Fault(f"{latest} is not there after a publication")
    files = {p.name: digest(p) for p in sorted(latest.iterdir())
             if p.is_file() and not p.name.startswith(JOURNAL)}
    missing = {"decp.json", "contrats.ndjson", "guichet.sqlite"} - files.keys()
    if missing:
        raise Fault(f"{latest} lacks {sorted(missing)}")
    return files


def compare(wanted, got, where):
    differ = sorted(name for name in wanted.keys() | got.keys() if wanted.get(name) != got.get(name))
    if differ:
        raise Fault(f"{where}: differs from the calm run in {', '.join(differ)}")


def whole(data):
    """What `latest` names after a kill must be a whole publication."""
    latest = data / "public" / "latest"
    if not latest.is_symlink():
        return
    sums = latest / "SHA256SUMS"
    if not sums.exists():
        raise Fault(f"latest names a publication without SHA256SUMS after a kill: {latest.resolve()}")
    for line in sums.read_text().splitlines():
        wanted, name = line.split(maxsplit=1)
        path = latest / name
        if not path.exists() or digest(path) != wanted:
            raise Fault(f"latest names a broken publication after a kill: {path}")


def chain(data):
    """The changes of each publication lead from the one that it names to it, in rising order."""
    def lines(folder):
        with open(folder / "contrats.ndjson", encoding="utf-8", newline="\n") as file:
            return {json.loads(line)["uid"]: line.rstrip("\n") for line in file}

    dumps = {p.name: json.loads((p / "manifest.json").read_text())
             for p in (data / "public" / "dumps").iterdir() if (p / "manifest.json").exists()}
    seq, epochs, checked = 0, set(), 0
    for name, manifest in sorted(dumps.items(), key=lambda item: item[1]["first_seq"]):
        folder, before = data / "public" / "dumps" / name, manifest["applies_to"]
        needed = [folder / "changes.ndjson", folder / "contrats.ndjson"]
        needed += [data / "public" / "dumps" / before / "contrats.ndjson"] if before else []
        # Beyond the last three, large text is kept compressed only.
        if not all(path.exists() for path in needed):
            continue
        checked += 1
        held = lines(data / "public" / "dumps" / before) if before else {}
        with open(folder / "changes.ndjson", encoding="utf-8", newline="\n") as file:
            for line in file:
                change = json.loads(line)
                if change["seq"] <= seq:
                    raise Fault(f"{name}: seq {change['seq']} comes after {seq}")
                seq = change["seq"]
                epochs.add(change["epoch"])
                if change["op"] == "upsert":
                    held[change["uid"]] = line.rstrip("\n").split('"record":', 1)[1].removesuffix("}")
                else:
                    del held[change["uid"]]
        if held != lines(folder):
            raise Fault(f"{name}: its changes do not lead from {before} to it")
    if not checked:
        raise Fault(f"of {len(dumps)} publications none could be followed")
    if len(epochs) != 1:
        raise Fault(f"the epoch changed though nothing was restored: {epochs}")


def main():
    args = arguments()
    work = pathlib.Path(tempfile.mkdtemp(prefix="guichet-kill-"))
    loop = Loop(args, work)
    try:
        loop.run()
    except Fault as fault:
        print(f"kill loop: {fault}", file=sys.stderr)
        print(f"kill loop: left for inspection: {work}", file=sys.stderr)
        return 1
    finally:
        loop.close()
    shutil.rmtree(work, ignore_errors=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
