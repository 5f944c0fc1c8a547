#!/usr/bin/env python3
"""Counts the records of real files by an independent reader and compares with `guichet validate`.

    received.py target/release/guichet DATA

DATA is a directory that holds decp-v1/ and decp-v2/ as they were collected. JSON files are read
by Python's json, XML files by expat, tables by its csv, so that the two counts share no line of code. For each file
the counts must balance too: every record is accepted or quarantined, none is out of a region
without limit, and the sums of the report are those of its files.
"""

import csv
import io
import json
import pathlib
import subprocess
import sys
import xml.etree.ElementTree as ElementTree

def count_json(path):
    document = json.loads(path.read_bytes().decode("utf-8-sig"))
    marches = document["marches"] if isinstance(document, dict) else document
    lists = [marches]
    if isinstance(marches, dict):
        lists = [marches.get(key) for key in ("marche", "contrat-concession")]
    # A single record may stand without its list.
    return sum(len(x) if isinstance(x, list) else 1 for x in lists if x is not None)


def count_xml(path):
    """Records wherever they stand: a root may be one, and some feeds wrap theirs twice."""
    records = 0
    for _, element in ElementTree.iterparse(path):
        if element.tag.rsplit("}", 1)[-1] in ("marche", "contrat-concession"):
            records += 1
            element.clear()
    return records


def count_csv(path):
    """Rows below the header: in the one table among the real files each is a record."""
    text = path.read_bytes().decode("latin-1")
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=csv.Sniffer().sniff(text[:4096]).delimiter)
    return sum(1 for row in rows if any(row)) - 1


COUNT = {".json": count_json, ".xml": count_xml, ".csv": count_csv}


def main():
    guichet, data = sys.argv[1], pathlib.Path(sys.argv[2])
    files = sorted(p for folder in ("decp-v1", "decp-v2") for p in (data / folder).rglob("*")
                   if p.suffix in COUNT)
    if not files:
        print(f"skipped: no real file below {data}")
        return 0
    run = subprocess.run([guichet, "-qq", "validate", "--json", *map(str, files)],
                         capture_output=True, check=False)
    # 1: real files hold errors.
    if run.returncode not in (0, 1):
        print(run.stderr.decode(errors="replace")[-3000:], file=sys.stderr)
        return 1
    document = json.loads(run.stdout)
    report = {pathlib.Path(f["file"]): f for f in document["files"]}
    faults, records = 0, 0
    for path in files:
        counted = COUNT[path.suffix](path)
        records += counted
        read = report.get(path)
        if read is None:
            said = "not in the report"
        elif "error" in read:
            said = read["error"]
        elif read["records"] != counted:
            said = f"guichet reads {read['records']} records, an independent reader counts {counted}"
        elif read["records"] != read["accepted"] + read["quarantined"]:
            said = f"{read['records']} records, but {read['accepted']} accepted and {read['quarantined']} quarantined"
        elif sum(read["editions"].values()) != read["accepted"]:
            said = f"{read['accepted']} accepted, but editions {read['editions']}"
        else:
            continue
        faults += 1
        print(f"{path.relative_to(data)}: {said}", file=sys.stderr)
    if document["records"] != records:
        faults += 1
        print(f"the report counts {document['records']} records, an independent reader {records}", file=sys.stderr)
    print(f"{len(files)} real files, {records} records: {faults} faults")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
