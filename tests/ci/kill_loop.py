#!/usr/bin/env python3
"""Kills the real binary at random moments and compares what it publishes with a calm run's.

A simulated region is served on loopback by `guichet demo` (or by --upstream). One data directory
is harvested and published in calm. Others are harvested and published by processes that die by
SIGKILL at random moments and are started again until they come through. Then the state files of
the two publications must be the same byte for byte, whatever was interrupted.

    kill_loop.py target/release/guichet [--kills 50] [--seed 3] [--minutes 10]

The commands can be replaced: in --upstream, --harvest and --publish `{guichet}`, `{root}` (working
root of the region, with its guichet.toml and sources.toml) and `{data}` (a data directory) stand
for what is filled in. Exit code 0: every round was equal; 1: it was not, and the difference is said.
"""

import argparse
import hashlib
import os
import pathlib
import random
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time

NOW = "2026-11-24T05:00:00Z"

# Only these may hold a time of ours, a sequence number or what depends on when we looked.
JOURNAL = (
    "journal.sqlite", "changes.ndjson", "observations.csv", "aliases.csv", "quality.",
    "manifest.json", "SHA256SUMS", "datapackage.json", "catalog.",
)


class Fault(Exception):
    """What the loop is there to find."""


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("guichet", help="the binary")
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--seed", type=int, default=3, help="of the region and of the moments")
    parser.add_argument("--contracts", type=int, default=400)
    parser.add_argument("--sources", type=int, default=8)
    parser.add_argument("--minutes", type=float, default=15, help="longest time for all")
    parser.add_argument("--root", help="working root of a region that is served already")
    parser.add_argument("--upstream", default="{guichet} demo --seed {seed} --contracts {contracts} "
                        "--sources {sources} --dir {root} --listen 127.0.0.1:0")
    parser.add_argument("--config", help="guichet.toml below the working root [default: searched]")
    parser.add_argument("--harvest", default="{guichet} --config {config} --data-dir {data} -qq harvest")
    parser.add_argument("--publish", default="{guichet} --config {config} --data-dir {data} -qq publish")
    return parser.parse_args()


class Loop:
    def __init__(self, args, work):
        self.args, self.work = args, work
        self.guichet = str(pathlib.Path(args.guichet).resolve())
        self.root = pathlib.Path(args.root or work / "region")
        self.random = random.Random(args.seed)
        self.environment = dict(os.environ, GUICHET_NOW=NOW)
        self.until = time.monotonic() + args.minutes * 60
        self.upstream = None

    def command(self, template, data=None):
        fill = {
            "guichet": self.guichet, "root": self.root, "data": data, "config": self.config(),
            "seed": self.args.seed, "contracts": self.args.contracts, "sources": self.args.sources,
        }
        return [word.format(**fill) for word in shlex.split(template)]

    def config(self):
        if self.args.config:
            return self.root / self.args.config
        found = [self.root / name for name in ("config/guichet.toml", "guichet.toml")]
        return next((path for path in found if path.exists()), found[0])

    # The region -----------------------------------------------------------------------------

    def serve(self):
        """Starts the region, and waits until its own first run has published: then it is whole."""
        if self.args.root:
            return
        log = open(self.work / "upstream.log", "wb")
        environment = {k: v for k, v in self.environment.items() if k != "GUICHET_NOW"}
        self.upstream = subprocess.Popen(self.command(self.args.upstream), stdout=log, stderr=log,
                                         stdin=subprocess.DEVNULL, env=environment)
        patience = time.monotonic() + 120
        while not any(self.root.glob("**/public/latest")):
            if self.upstream.poll() is not None or time.monotonic() > patience:
                tail = (self.work / "upstream.log").read_text(errors="replace")[-2000:]
                raise Fault(f"the simulated region did not come up:\n{tail}")
            time.sleep(0.1)

    def close(self):
        if self.upstream and self.upstream.poll() is None:
            self.upstream.send_signal(signal.SIGTERM)
            try:
                self.upstream.wait(20)
            except subprocess.TimeoutExpired:
                self.upstream.kill()
                self.upstream.wait()

    # Steps ----------------------------------------------------------------------------------

    def step(self, name, data, kill_after=None):
        """Runs one command; True when it came through, False when it was killed first."""
        template = self.args.harvest if name == "harvest" else self.args.publish
        with tempfile.TemporaryFile() as log:
            process = subprocess.Popen(self.command(template, data), stdout=log, stderr=log,
                                       stdin=subprocess.DEVNULL, env=self.environment)
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
        data, took = self.work / "calm", {}
        for name in ("harvest", "publish"):
            start = time.monotonic()
            self.step(name, data)
            took[name] = time.monotonic() - start
        return state(data), took

    def round(self, number, took, left):
        """One data directory, from nothing to a publication, through as many kills as it takes."""
        data, kills = self.work / f"round-{number}", 0
        for name in ("harvest", "publish"):
            while kills < left:
                # Up to a little more than the whole step, so that some come through.
                if self.step(name, data, self.random.uniform(0.001, took[name] * 1.15)):
                    break
                kills += 1
                whole(data)
            else:
                self.step(name, data)
        return data, kills

    def run(self):
        self.serve()
        wanted, took = self.calm()
        print(f"calm: harvest {took['harvest']:.2f} s, publish {took['publish']:.2f} s, "
              f"{len(wanted)} state files", flush=True)
        kills = rounds = 0
        while kills < self.args.kills:
            if time.monotonic() > self.until:
                raise Fault(f"only {kills} kills in {self.args.minutes} minutes")
            rounds += 1
            data, more = self.round(rounds, took, self.args.kills - kills)
            kills += more
            compare(wanted, state(data), f"round {rounds} ({more} kills)")
            shutil.rmtree(data)
            print(f"round {rounds}: {more} kills, equal ({kills}/{self.args.kills})", flush=True)
        print(f"{kills} kills in {rounds} rounds: every publication equals the calm one")


# What was published ---------------------------------------------------------------------------

def digest(path):
    sha = hashlib.sha256()
    with open(path, "rb") as file:
        while block := file.read(1 << 20):
            sha.update(block)
    return sha.hexdigest()


def state(data):
    latest = data / "public" / "latest"
    if not latest.is_dir():
        raise Fault(f"{latest} is not there after a publication")
    files = {p.name: digest(p) for p in sorted(latest.iterdir())
             if p.is_file() and not p.name.startswith(JOURNAL)}
    if not {"decp.json", "contrats.ndjson", "guichet.sqlite"} & files.keys():
        raise Fault(f"{latest} holds no state file: {sorted(files)}")
    return files


def compare(wanted, got, where):
    differ = sorted(name for name in wanted.keys() | got.keys() if wanted.get(name) != got.get(name))
    if differ:
        raise Fault(f"{where}: differs from the calm run in {', '.join(differ)}")


def whole(data):
    """What `latest` names after a kill must be a whole publication."""
    sums = data / "public" / "latest" / "SHA256SUMS"
    if not (data / "public" / "latest").is_symlink():
        return
    if not sums.exists():
        raise Fault(f"latest names a publication without SHA256SUMS after a kill: {sums}")
    for line in sums.read_text().splitlines():
        wanted, name = line.split(maxsplit=1)
        path = sums.parent / name.lstrip("*")
        if not path.exists() or digest(path) != wanted:
            raise Fault(f"latest names a broken publication after a kill: {path}")


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
