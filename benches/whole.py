#!/usr/bin/env python3
"""Whole-process measures of guichet beside the script a skilled user would write instead, in one run.

    cargo build --release --examples --bins
    benches/whole.py [--records 200000] [--runs 3] [--sizes 25000,100000,400000] [--schema FILE] [--replay]

--schema measures `guichet validate` of the 2022 JSON files against Python's jsonschema with that schema, on
--sample of their records, taken as a linear share of all; --replay measures `replay` against the cold harvest.
Needs ../shared/bench (or --bench DIR) with corpus.py and by_hand_polars.py, and Polars for the latter.
Prints wall seconds, peak memory and ratios; judges nothing. Everything is served over loopback.
"""
import argparse
import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

# All that is not the spreadsheet, which by_hand_polars.py does not write either. The journal's files stand in each row.
DOCUMENTS = ["decp.json", "decp.xml", "decp-2019.json", "decp-2019.xml", "decp.csv", "decp.parquet"]
ROOT = Path(__file__).resolve().parent.parent
GUICHET = ROOT / "target/release/guichet"
UPSTREAM = ROOT / "target/release/examples/upstream"


def measure(command, ends=(0, 3), **more):
    """Wall seconds and peak memory (MiB) of one process."""
    began = time.monotonic()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, **more)
    output = process.stdout.read().decode(errors="replace")
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode not in ends:
        sys.exit(f"{command} ended with {process.returncode}:\n{output[-4000:]}")
    return time.monotonic() - began, usage.ru_maxrss / 1024


class Region:
    """A working root whose sources are the files of a corpus."""

    def __init__(self, work, corpus, compress=False):
        self.root, self.corpus = work, corpus
        (work / "config").mkdir(parents=True)
        self.upstream = subprocess.Popen([UPSTREAM, corpus], stdout=subprocess.PIPE, stdin=subprocess.PIPE, text=True)
        self.url = self.upstream.stdout.readline().strip()
        self.port = re.search(r":(\d+)/", self.url).group(1)
        self.configure(compress)

    def configure(self, compress, formats=None, across=True):
        (self.root / "config/guichet.toml").write_text(f"""data_dir = "var"
sources = "../sources.toml"
[harvest]
min_interval = "0s"
per_host = 8
allow_private_hosts = ["127.0.0.1:{self.port}"]
[publish]
compress = {str(compress).lower()}
max_drop = "100%"
{f"formats = {json.dumps(formats)}" if formats else ""}
[merge]
across_feeds = {str(across).lower()}
""")
        stanzas = [f"""[[source]]
id = "{f.name.replace('.', '-')}"
name = "{f.name}"
url = "{self.url}{f.name}"
licence = "etalab-2.0"
""" for f in sorted(self.corpus.iterdir()) if f.name != "truth.json"]
        (self.root / "sources.toml").write_text("\n".join(stanzas))

    def run(self, *words):
        return measure([GUICHET, "--config", self.root / "config/guichet.toml", "-q", *words])

    def forget_all(self):
        shutil.rmtree(self.root / "var", ignore_errors=True)

    def close(self):
        self.upstream.stdin.close()
        self.upstream.wait()


def corpus(bench, work, records, *more):
    out = work / f"corpus-{records}{'-next' if more else ''}"
    if not out.exists():
        subprocess.run([sys.executable, bench / "corpus.py", "--records", str(records), "--sources", "40", "--overlap", "0.2",
                        "--seed", "1", *more, "--out", out], check=True, stdout=subprocess.DEVNULL)
    return out


def by_schema(files, schema, sample):
    """Seconds that jsonschema takes for all records of these files, from what it takes for a sample."""
    import jsonschema

    records = [r for f in files for r in json.loads(f.read_bytes())["marches"]["marche"]]
    some = records[:: max(1, len(records) // sample)]
    validator = jsonschema.validators.validator_for(schema)(schema)
    began = time.process_time()
    errors = sum(1 for _ in validator.iter_errors({"marches": {"marche": some, "contrat-concession": []}}))
    took = time.process_time() - began
    print(f"jsonschema: {len(some)} of {len(records)} records in {took:.2f} s of CPU, {errors} errors", flush=True)
    return took * len(records) / len(some)


def row(what, runs, against=None):
    wall, memory = statistics.median(r[0] for r in runs), max(r[1] for r in runs)
    ratio = f"{wall / against:6.2f} ×" if against else ""
    print(f"{what:44} {wall:8.2f} s {memory:8.1f} MiB {ratio}", flush=True)
    return wall


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--records", type=int, default=200_000)
    p.add_argument("--runs", type=int, default=3)
    p.add_argument("--sizes", default="", help="further sizes for memory and linearity, with commas")
    p.add_argument("--schema", type=Path, help="the official JSON schema of 2022")
    p.add_argument("--sample", type=int, default=2000, help="records given to jsonschema")
    p.add_argument("--replay", action="store_true")
    p.add_argument("--only", action="store_true", help="of the rows, only those of --schema and --replay")
    p.add_argument("--bench", type=Path, default=ROOT.parent / "shared/bench")
    p.add_argument("--work", type=Path, help="keeps the corpora here between calls")
    a = p.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        work = a.work or Path(temporary)
        work.mkdir(parents=True, exist_ok=True)
        base, following = corpus(a.bench, work, a.records), corpus(a.bench, work, a.records, "--churn", "0.01")
        if a.schema:
            files = sorted(base.glob("*2022.json"))
            python = by_schema(files, json.loads(a.schema.read_text()), a.sample)
            row("jsonschema of the 2022 JSON, extrapolated", [(python, 0.0)])
            row("guichet validate of the same (<= 0.05 x)",
                [measure([GUICHET, "-qq", "validate", *files], ends=(0, 1)) for _ in range(a.runs)], python)
        if a.replay:
            region = Region(Path(temporary) / "replayed", base)
            cold = row("cold harvest and merge", [(region.forget_all(), region.run("harvest"))[1] for _ in range(a.runs)])
            row("replay (<= 1.0 x of it)", [region.run("replay") for _ in range(a.runs)], cold)
            region.close()
            region.forget_all()
        if a.only:
            return
        by_hand = [measure([sys.executable, a.bench / "by_hand_polars.py", base, Path(temporary) / "by-hand", "--xml"])
                   for _ in range(a.runs)]
        hand = row(f"by hand with Polars, {a.records}", by_hand)
        region = Region(Path(temporary) / "region", base)
        cold, narrow, plain = [], [], []
        for _ in range(a.runs):
            region.forget_all()
            region.configure(False, across=False)
            narrow.append(region.run("harvest"))
            region.forget_all()
            region.configure(False)
            cold.append(region.run("harvest"))
            plain.append(region.run("publish"))
        cold_wall = row("cold harvest and merge (<= 1.0 x)", cold, hand)
        row("the same against across_feeds = false (<= 1.3 x)", cold, statistics.median(r[0] for r in narrow))
        row("publication, all formats, plain", plain, hand)
        for compress, what in [(False, "plain (<= 1.0 x)"), (True, "with .gz and .zst (<= 2 x)")]:
            region.configure(compress, DOCUMENTS)
            row(f"publication, no xlsx, {what}", [region.run("publish", "--force") for _ in range(a.runs)], hand)
        region.configure(True)
        row("publication, all, .gz and .zst (<= 2.5 x)", [region.run("publish", "--force") for _ in range(a.runs)], hand)
        files = sorted(f for f in base.iterdir() if f.name != "truth.json")
        digest = row("openssl dgst -sha256 of the same bytes",
                     [measure(["openssl", "dgst", "-sha256", *files]) for _ in range(a.runs)])
        row("every file re-sent unchanged (<= 3 x openssl)", [region.run("harvest", "--force") for _ in range(a.runs)], digest)
        row("validators honoured", [region.run("harvest") for _ in range(a.runs)])
        region.close()
        region.corpus = following
        region.upstream = subprocess.Popen([UPSTREAM, following], stdout=subprocess.PIPE, stdin=subprocess.PIPE, text=True)
        region.url = region.upstream.stdout.readline().strip()
        region.port = re.search(r":(\d+)/", region.url).group(1)
        region.configure(False)
        before, churn = Path(temporary) / "before", []
        shutil.copytree(region.root / "var", before, symlinks=True)
        for _ in range(a.runs):
            region.forget_all()
            shutil.copytree(before, region.root / "var", symlinks=True)
            churn.append(region.run("harvest"))
        shutil.rmtree(before)
        row("1 % churn in every file (<= 1/4 of cold)", churn, cold_wall)
        region.close()
        for size in [int(s) for s in a.sizes.split(",") if s]:
            other = Region(Path(temporary) / f"region-{size}", corpus(a.bench, work, size))
            row(f"cold harvest and merge, {size}", [other.run("harvest")])
            row(f"publication, plain, {size}", [other.run("publish")])
            other.close()
            other.forget_all()


if __name__ == "__main__":
    main()
