#!/usr/bin/env python3
"""Harvests every real file at hand as a source of its own, and publishes what they say.

    real_feeds.py target/release/guichet target/debug/examples/upstream DATA ROOT

DATA holds decp-v1/ and decp-v2/ as they were collected; they are served on loopback, without limit
of region. The publication is left in ROOT/var/public for tests/ci/validate_publication.py. Checked
here: every source is whole, the counts balance and are those of an independent reader, the next
harvest finds nothing new, and the archive alone gives the same files again.
"""

import hashlib
import json
import os
import pathlib
import subprocess
import sys

from received import count_json, count_xml

SETTINGS = """data_dir = "var"
sources = "../sources.toml"
[harvest]
concurrency = 8
per_host = 8
min_interval = "0s"
retries = 0
allow_private_hosts = ["127.0.0.1"]
"""
PARTS = ("accepted", "superseded", "repeats", "quarantined", "out_of_region")


def main():
    guichet, upstream, data, root = sys.argv[1], sys.argv[2], pathlib.Path(sys.argv[3]), pathlib.Path(sys.argv[4])
    files = sorted(p for folder in ("decp-v1", "decp-v2") for p in (data / folder).rglob("*")
                   if p.suffix in (".json", ".xml"))
    (root / "config").mkdir(parents=True)
    (root / "config/guichet.toml").write_text(SETTINGS)
    serving = subprocess.Popen([upstream, data], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        return judge(guichet, serving.stdout.readline().strip(), data, files, root)
    finally:
        serving.stdin.close()
        serving.wait(20)


def judge(guichet, address, data, files, root):
    counted, stanzas = {}, []
    for n, path in enumerate(files):
        name = f"feed-{n:03}"
        counted[name] = count_json(path) if path.suffix == ".json" else count_xml(path)
        url = address + str(path.relative_to(data)).replace(" ", "%20")
        stanzas.append(f'[[source]]\nid = "{name}"\nname = "{path.name}"\nurl = "{url}"\nlicence = "etalab-2.0"\n')
    (root / "sources.toml").write_text("\n".join(stanzas))

    def run(*command, now="2026-11-24T05:00:00Z"):
        return subprocess.run([guichet, "--config", root / "config/guichet.toml", "-qq", *command], check=True,
                              stdout=subprocess.PIPE, text=True, env=dict(os.environ, GUICHET_NOW=now)).stdout

    def state():
        latest = root / "var/public/latest"
        names = ("contrats.ndjson", "decp.json", "decp.xml", "decp-2019.json", "decp-2019.xml", "decp.csv",
                 "decp.parquet", "guichet.sqlite")
        return {name: hashlib.sha256((latest / name).read_bytes()).hexdigest() for name in names}

    run("harvest")
    run("publish")
    faults = []
    sources = json.loads(run("status", "--json"))["sources"]
    for source in sources:
        records = source["records"]
        if source["state"] != "ok" or source["last_error"]:
            faults.append(f"{source['name']}: {source['state']}, {source['last_error']}")
        if records["received"] != counted[source["id"]]:
            faults.append(f"{source['name']}: {records['received']} received, an independent reader counts {counted[source['id']]}")
        if records["received"] != sum(records[part] for part in PARTS):
            faults.append(f"{source['name']}: the counts do not balance: {records}")
    if len(sources) != len(files):
        faults.append(f"{len(sources)} sources for {len(files)} files")
    first = state()
    run("harvest", "--force", now="2026-11-25T05:00:00Z")
    if "none was written" not in run("publish", now="2026-11-25T05:00:00Z"):
        faults.append("the same bytes a day later made another publication")
    run("db", "check")
    run("replay")
    run("publish", "--force")
    if state() != first:
        faults.append(f"replayed from the archive: {[n for n, s in state().items() if first[n] != s]} differ")
    for fault in faults:
        print(fault, file=sys.stderr)
    print(f"{len(files)} feeds, {sum(counted.values())} records through the pipeline: {len(faults)} faults")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
