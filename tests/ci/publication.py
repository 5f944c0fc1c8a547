#!/usr/bin/env python3
"""Checks a publication with readers that share nothing with guichet.

    publication.py PUBLIC [SCHEMAS]

PUBLIC is a public/ directory (its `latest` is checked) or one publication. SCHEMAS holds the
official DECP schemas; without it the validations that need them are skipped, and said to be.
Needs jsonschema, xmlschema, polars and duckdb.
"""

import csv
import gzip
import hashlib
import json
import pathlib
import re
import sqlite3
import sys
from decimal import Decimal

SCHEMA_JSON = ("schema_decp_v2.0.4.json", "schema_decp_v2.0.3.json")
SCHEMA_XSD = ("schema_decp_v2.0.3.xsd", "schema_decp_v2.0.2.xsd")
SCHEMA_2019 = ("decp_v1.5.0_marches.json", "decp_v1.5.0_marches.xsd")


class Report:
    def __init__(self):
        self.passed, self.failed, self.skipped = [], [], []

    def check(self, what, ok, said=""):
        (self.passed if ok else self.failed).append(what)
        if not ok:
            print(f"FAILED {what}: {said}", file=sys.stderr)

    def guard(self, what, check, *args):
        """A check that breaks has failed; the others go on."""
        try:
            check(self, *args)
        except Exception as fault:  # noqa: BLE001 - whatever a broken file makes of a reader
            self.check(what, False, f"{type(fault).__name__}: {fault}")

    def skip(self, what):
        self.skipped.append(what)
        print(f"skipped: {what}")


def sha256(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def check_sums(report, latest):
    lines = (latest / "SHA256SUMS").read_text().splitlines()
    listed = {line.split(maxsplit=1)[1].lstrip("*"): line.split()[0] for line in lines}
    there = {p.name for p in latest.iterdir() if p.is_file()} - {"SHA256SUMS", "SHA256SUMS.minisig"}
    report.check("SHA256SUMS lists every file", listed.keys() == there,
                 f"{sorted(listed.keys() ^ there)}")
    wrong = [name for name, sha in listed.items() if name in there and sha256(latest / name) != sha]
    report.check("SHA256SUMS is right", not wrong, wrong)
    manifest = json.loads((latest / "manifest.json").read_text())
    wrong = [f["name"] for f in manifest["files"]
             if (f["sha256"], f["bytes"]) != (sha256(latest / f["name"]), (latest / f["name"]).stat().st_size)]
    report.check("manifest.json is right", not wrong, wrong)
    for key in ("day", "publication", "created", "generator", "epoch", "first_seq", "last_seq", "counts", "left_out"):
        report.check(f"manifest.json has {key}", key in manifest)


def check_compressed(report, latest):
    for packed in sorted(latest.glob("*.gz")):
        plain = latest / packed.name.removesuffix(".gz")
        if plain.exists():
            report.check(f"{packed.name} unpacks to {plain.name}",
                         gzip.decompress(packed.read_bytes()) == plain.read_bytes())


def contracts(latest):
    """Lines as they stand; parsed with exact decimals. Not by splitlines(): a text may hold U+2028."""
    lines = (latest / "contrats.ndjson").read_bytes().split(b"\n")
    return [json.loads(line, parse_float=Decimal) for line in lines if line]


def check_ndjson(report, latest):
    rows = contracts(latest)
    uids = [row["uid"] for row in rows]
    report.check("contrats.ndjson is sorted by uid, each once",
                 uids == sorted(set(uids), key=lambda uid: uid.encode()))
    for row in rows:
        sources = len(row["observations"])
        named = list(row["provenance"].values())
        named += [v["observation"] for c in row["conflicts"] for v in c["values"]]
        if not all(0 <= n < sources for n in named) or "current" not in row:
            report.check("every provenance names an observation", False, row["uid"])
            return
    report.check("every provenance names an observation", True)


def check_tables(report, latest):
    """csv = parquet = ndjson = sqlite, in counts and in values."""
    import duckdb
    import polars

    rows = [row for row in contracts(latest) if not row.get("withdrawn")]
    with open(latest / "decp.csv", newline="", encoding="utf-8") as file:
        head, *table = list(csv.reader(file))
    parquet = polars.read_parquet(latest / "decp.parquet")
    report.check("decp.csv and decp.parquet have the same columns", head == parquet.columns,
                 f"{head} / {parquet.columns}")
    report.check("decp.csv and decp.parquet have as many rows", len(table) == parquet.height,
                 f"{len(table)} / {parquet.height}")
    read = duckdb.sql(f"select count(*) from read_parquet('{latest / 'decp.parquet'}')").fetchone()
    report.check("duckdb reads decp.parquet", read == (parquet.height,), read)

    differ = [name for at, name in enumerate(head)
              if any(not alike(line[at], value) for line, value in zip(table, parquet[name].to_list()))]
    report.check("decp.csv and decp.parquet hold the same values", not differ, differ)

    uid, amount, current = (head.index(name) for name in ("uid", "montant", "donneesActuelles"))
    known = {row["uid"]: row for row in rows}
    report.check("decp.csv has the contracts of contrats.ndjson",
                 {line[uid] for line in table} == known.keys(),
                 sorted({line[uid] for line in table} ^ known.keys())[:5])
    wrong = [line[uid] for line in table if line[uid] in known and line[current] == "true"
             and not alike(line[amount], known[line[uid]]["current"].get("montant"))]
    report.check("decp.csv holds the present amounts of contrats.ndjson", not wrong, wrong[:5])

    base = sqlite3.connect(f"file:{latest / 'guichet.sqlite'}?immutable=1", uri=True)
    with base:
        report.check("guichet.sqlite is sound",
                     base.execute("pragma integrity_check").fetchone() == ("ok",))
        stored = {u: (t, a) for u, t, a in
                  base.execute("select uid, type, montantActuel from contrats where not retire")}
    report.check("guichet.sqlite has the contracts of contrats.ndjson", stored.keys() == known.keys(),
                 sorted(stored.keys() ^ known.keys())[:5])
    wrong = [u for u, row in known.items() if u in stored
             and (stored[u][0] != row["type"] or not alike(stored[u][1], row["current"].get("montant")))]
    report.check("guichet.sqlite holds the types and amounts of contrats.ndjson", not wrong, wrong[:5])


def alike(left, right):
    """One value in two formats. Absent is empty; numbers are compared as numbers."""
    empty = (None, "")
    if left in empty or right in empty:
        return left in empty and right in empty
    def plain(value):
        if isinstance(value, bool):
            return str(value).lower()
        if isinstance(value, str):
            # An identifier with leading zeros is a text, in both.
            return value
        if isinstance(value, (int, float, Decimal)):
            return Decimal(repr(value) if isinstance(value, float) else str(value)).normalize()
        return str(value)
    left, right = plain(left), plain(right)
    if isinstance(left, Decimal) != isinstance(right, Decimal):
        text, number = (right, left) if isinstance(left, Decimal) else (left, right)
        if not re.fullmatch(r"-?\d+(\.\d+)?", text):
            return False
        return Decimal(text).normalize() == number
    return left == right


def first(folder, names):
    return next((folder / name for name in names if (folder / name).exists()), None)


def check_json_schema(report, latest, schemas):
    import jsonschema

    for names, file in ((SCHEMA_JSON, "decp.json"), (SCHEMA_2019[:1], "decp-2019.json")):
        schema = first(schemas, names)
        if schema is None:
            report.skip(f"{file} against the JSON schema: {names} not in {schemas}")
            continue
        document = json.loads((latest / file).read_text(encoding="utf-8"))
        kind = jsonschema.validators.validator_for(json.loads(schema.read_text("utf-8-sig")))
        validator = kind(json.loads(schema.read_text("utf-8-sig")))
        if file == "decp-2019.json" and not document.get("marches"):
            report.check(f"{file} is an empty list", document.get("marches") == [])
            continue
        faults = [f"{list(e.absolute_path)[:4]}: {e.message[:160]}" for e in validator.iter_errors(document)]
        report.check(f"{file} validates against {schema.name}", not faults, faults[:5])


def check_xsd(report, latest, schemas):
    import xmlschema

    for names, file in ((SCHEMA_XSD, "decp.xml"), (SCHEMA_2019[1:], "decp-2019.xml")):
        schema = first(schemas, names)
        if schema is None:
            report.skip(f"{file} against the XSD: {names} not in {schemas}")
            continue
        faults = [f"{e.path}: {(e.reason or '')[:160]}"
                  for e in xmlschema.XMLSchema11(str(schema)).iter_errors(str(latest / file))]
        # An empty list is a publication's honest answer, though the 2019 schema wants one record.
        if file == "decp-2019.xml" and not re.search(rb"<(marche|contrat-concession)[\s>]", (latest / file).read_bytes()):
            faults = []
        report.check(f"{file} validates against {schema.name}", not faults, faults[:5])


def check_xml_is_json(report, latest):
    """The XML twin holds the same contracts in the same order as the JSON."""
    import xml.etree.ElementTree as ElementTree

    def ids_of_json(file):
        marches = json.loads((latest / file).read_text(encoding="utf-8"))["marches"]
        lists = marches if isinstance(marches, list) else [
            *marches.get("marche", []), *marches.get("contrat-concession", [])]
        return [record["id"] for record in lists]

    for file in ("decp", "decp-2019"):
        root = ElementTree.parse(latest / f"{file}.xml").getroot()
        of_xml = [record.findtext("{*}id") for record in root]
        of_json = ids_of_json(f"{file}.json")
        report.check(f"{file}.xml has the contracts of {file}.json", sorted(of_xml) == sorted(of_json),
                     f"{len(of_xml)} / {len(of_json)}")


def check_quality(report, latest):
    parts = ("accepted", "superseded", "repeats", "quarantined", "out_of_region")
    quality = json.loads((latest / "quality.json").read_text())
    wrong = [s["source"] for s in quality["sources"] if s["received"] != sum(s[p] for p in parts)]
    report.check("quality.json balances for every source", not wrong, wrong)


def main():
    public = pathlib.Path(sys.argv[1])
    schemas = pathlib.Path(sys.argv[2]) if len(sys.argv) > 2 else None
    latest = public / "latest" if (public / "latest").exists() else public
    report = Report()
    report.guard("sums", check_sums, latest)
    report.guard("compressed variants", check_compressed, latest)
    report.guard("contrats.ndjson", check_ndjson, latest)
    report.guard("tables", check_tables, latest)
    report.guard("xml = json", check_xml_is_json, latest)
    report.guard("quality.json", check_quality, latest)
    if schemas and schemas.is_dir():
        report.guard("JSON schemas", check_json_schema, latest, schemas)
        report.guard("XSD", check_xsd, latest, schemas)
    else:
        report.skip("official schemas: not here")
    print(f"publication: {len(report.passed)} checks passed, {len(report.failed)} failed, "
          f"{len(report.skipped)} skipped")
    return 1 if report.failed else 0


if __name__ == "__main__":
    sys.exit(main())
