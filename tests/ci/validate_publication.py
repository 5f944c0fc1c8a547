#!/usr/bin/env python3
"""Validates a publication by the official schemas and by readers that share nothing with guichet.

    validate_publication.py PUBLICATION SCHEMAS [--left-out FILE] [--records N]

PUBLICATION is one dumps/<day>/ (or a public/, whose `latest` is taken). SCHEMAS holds the official
DECP schemas; where it is not there, what needs them is skipped and said to be. Files are read as streams, so the size of a publication does not matter. FILE: records
that guichet left out (a test writes it), each of which must break a schema. N: at most so many
records of each file against the JSON schemas, spread over the file (default: all).
One line per check; exit 1 when one fails. Needs jsonschema, xmlschema, pyarrow, polars, duckdb.
"""

import argparse
import csv
import datetime
import gzip
import hashlib
import io
import json
import pathlib
import sqlite3
import sys
import xml.etree.ElementTree as ElementTree
from collections import Counter
from decimal import Decimal

JSON_2022 = ("schema_decp_v2.0.3.json", "schema_decp_v2.0.4.json")
XSD_2022 = "schema_decp_v2.0.2.xsd"
JSON_2019, XSD_2019 = "decp_v1.5.0_marches.json", "decp_v1.5.0_marches.xsd"
FAILED = []


def check(what, fault):
    """`fault`: None or empty when all is well, else what is wrong."""
    print(f"{'FAILED' if fault else 'ok    '} {what}" + (f": {fault}" if fault else ""), flush=True)
    if fault:
        FAILED.append(what)


def guarded(what, run, *arguments):
    """A check that breaks has failed; the others go on."""
    try:
        run(*arguments)
    except Exception as fault:  # noqa: BLE001 - whatever a broken file makes of a reader
        check(what, f"{type(fault).__name__}: {fault}")


def sha256(path):
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


# --- the files as such ---------------------------------------------------------------------------

def sums(folder):
    text = (folder / "SHA256SUMS").read_text()
    listed = {line[66:]: line[:64] for line in text.splitlines()}
    there = {p.name for p in folder.iterdir()} - {"SHA256SUMS", "SHA256SUMS.minisig"}
    check("SHA256SUMS lists every file", sorted(listed.keys() ^ there))
    check("SHA256SUMS is right", [n for n, s in listed.items() if sha256(folder / n) != s])
    manifest = json.loads((folder / "manifest.json").read_text())
    files = {f["name"]: f for f in manifest["files"]}
    check("manifest.json lists every file but itself", sorted((there - {"manifest.json"}) ^ files.keys()))
    check("manifest.json has the sizes and sums", [
        n for n, f in files.items()
        if f["bytes"] != (folder / n).stat().st_size or f["sha256"] != listed.get(n)])
    wanted = ("day", "publication", "created", "generator", "epoch", "first_seq", "last_seq", "applies_to", "counts", "left_out")
    check("manifest.json has its keys", [key for key in wanted if key not in manifest])
    modes = [p.name for p in folder.iterdir() if p.stat().st_mode & 0o777 != 0o644]
    check("every file is readable by all", modes)


def compressed(folder):
    import pyarrow

    def digest(stream):
        total = hashlib.sha256()
        while chunk := stream.read(1 << 20):
            total.update(chunk)
        return total.hexdigest()

    for name in sorted(p.name for p in folder.glob("*.zst")):
        plain = folder / name.removesuffix(".zst")
        with pyarrow.CompressedInputStream(pyarrow.OSFile(str(folder / name)), "zstd") as zst:
            unpacked = digest(zst)
        with gzip.open(folder / f"{plain.name}.gz") as gz:
            check(f"{plain.name}.gz and .zst unpack to it",
                  None if {unpacked, digest(gz)} == {sha256(plain)} else "other bytes")


# --- the official formats ------------------------------------------------------------------------

def records(path):
    """(list, record) of decp.json or decp-2019.json; guichet writes one record a line."""
    kind = "marches"
    with open(path, encoding="utf-8") as file:
        for line in file:
            line = line.rstrip("\n")
            if line.startswith('{"marches":'):
                kind = "marche" if '"marche":' in line else "marches"
            elif line.startswith('],"contrat-concession":'):
                kind = "contrat-concession"
            elif line not in ("]}", "]}}"):
                yield kind, json.loads(line.removesuffix(","), parse_float=Decimal)


def whole_is_json(folder, name):
    with open(folder / name, encoding="utf-8") as file:
        document = json.load(file)
    lists = document["marches"]
    return len(lists if isinstance(lists, list) else sum(lists.values(), [])), document


def json_schema(folder, schemas, limit):
    import jsonschema

    for name, files in (("decp.json", JSON_2022), ("decp-2019.json", (JSON_2019,))):
        count, document = whole_is_json(folder, name)
        check(f"{name}: record lines and document agree",
              None if count == sum(1 for _ in records(folder / name)) else count)
        for file in files:
            schema = json.loads((schemas / file).read_text("utf-8-sig"))
            kind = jsonschema.validators.validator_for(schema)
            validators = {k: kind({"$schema": schema["$schema"], "definitions": schema["definitions"],
                                   "$ref": f"#/definitions/{k}"}) for k in ("marche", "contrat-concession")}
            step = max(1, count // limit) if limit else 1
            faults, seen = [], 0
            for at, (where, record) in enumerate(records(folder / name)):
                if at % step:
                    continue
                seen += 1
                if where == "marches":
                    where = "contrat-concession" if "autoriteConcedante" in record else "marche"
                faults += [f"{record.get('id')}: {e.message[:200]}" for e in validators[where].iter_errors(record)]
            check(f"{name}: {seen} of {count} records validate against {file}", faults[:5])
            if count <= 5000 and count > 0:
                whole = [e.message[:200] for e in kind(schema).iter_errors(document)]
                check(f"{name}: the whole document validates against {file}", whole[:5])
        if name == "decp-2019.json":
            twins = [t for t, n in Counter(json.dumps(r, default=str) for _, r in records(folder / name)).items() if n > 1]
            check("decp-2019.json holds no record twice", [t[:80] for t in twins[:3]])


def xsd(folder, schemas):
    import xmlschema

    for name, file in (("decp.xml", XSD_2022), ("decp-2019.xml", XSD_2019)):
        schema = xmlschema.XMLSchema11(str(schemas / file))
        resource = xmlschema.XMLResource(str(folder / name), lazy=True)
        faults = []
        for error in schema.iter_errors(resource):
            faults.append(f"{error.path}: {(error.reason or '')[:200]}")
            if len(faults) == 5:
                break
        check(f"{name} validates against {file}", faults)


WORDS = {"oui": True, "non": False}


def leaves_of_xml(element):
    for child in element:
        if len(child):
            yield from leaves_of_xml(child)
        elif child.text is not None:
            yield child.tag, str(WORDS.get(child.text, child.text))


def leaves_of_json(key, value):
    if isinstance(value, dict):
        for k, v in value.items():
            if k != "_type":
                yield from leaves_of_json(k, v)
    elif isinstance(value, list):
        for v in value:
            yield from leaves_of_json(key, v)
    else:
        yield key, str(value)


def xml_is_json(folder):
    for stem in ("decp", "decp-2019"):
        total, differ = 0, None
        of_json = iter(records(folder / f"{stem}.json"))
        kinds = ("marche", "contrat-concession") if stem == "decp" else (None,)
        for kind in kinds:
            depth = 0
            for event, element in ElementTree.iterparse(folder / f"{stem}.xml", events=("start", "end")):
                depth += 1 if event == "start" else -1
                if event != "end" or depth != 1:
                    continue
                if kind in (None, element.tag):
                    total += 1
                    _, record = next(of_json, (None, {}))
                    if list(leaves_of_xml(element)) != list(leaves_of_json(None, record)):
                        differ = differ or record.get("id", "more in XML")
                element.clear()
        left = sum(1 for _ in of_json)
        check(f"{stem}.xml and {stem}.json hold the same {total} records", differ or left)


def left_out(path, schemas):
    """guichet leaves out only what really breaks a schema."""
    import jsonschema
    import xmlschema

    judges = {}
    for year, js, xs in ((2022, JSON_2022[1], XSD_2022), (2019, JSON_2019, XSD_2019)):
        schema = json.loads((schemas / js).read_text("utf-8-sig"))
        kind = jsonschema.validators.validator_for(schema)
        for name in ("marche", "contrat-concession"):
            judges[year, name] = (kind({"$schema": schema["$schema"], "definitions": schema["definitions"],
                                        "$ref": f"#/definitions/{name}"}), xmlschema.XMLSchema11(str(schemas / xs)))
    valid, reasons = [], Counter()
    for line in path.read_text("utf-8").split("\n"):
        if not line:
            continue
        one = json.loads(line)
        of_json, of_xml = judges[one["year"], one["type"]]
        reasons[one["reason"]] += 1
        if of_json.is_valid(one["record"]):
            try:
                fine = of_xml.is_valid(io.StringIO(f"<marches>{one['xml']}</marches>"))
            except Exception:  # noqa: BLE001 - what is not even XML is not valid
                fine = False
            if fine:
                valid.append(f"{one['reason']}: {one['record'].get('id')}")
    check(f"each of {sum(reasons.values())} records left out, for {len(reasons)} reasons, breaks a schema", valid[:5])


# --- the tables ----------------------------------------------------------------------------------

def contracts(folder):
    with open(folder / "contrats.ndjson", encoding="utf-8", newline="\n") as file:
        for line in file:
            yield json.loads(line, parse_float=Decimal)


def text(value):
    """One value, written alike whatever the format."""
    if value is None or value == "":
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return format(Decimal(repr(value)).normalize(), "f")
    if isinstance(value, Decimal):
        return format(value.normalize(), "f")
    if isinstance(value, datetime.date):
        return value.isoformat()
    return str(value)


class Bag:
    """Rows whatever their order: a sum of hashes and a number."""

    def __init__(self):
        self.rows, self.sum = 0, 0

    def add(self, row):
        self.rows += 1
        digest = hashlib.blake2b("\x1f".join(row).encode(), digest_size=16).digest()
        self.sum = (self.sum + int.from_bytes(digest, "big")) % (1 << 128)

    def __eq__(self, other):
        return (self.rows, self.sum) == (other.rows, other.sum)


def csv_rows(folder):
    with open(folder / "decp.csv", newline="", encoding="utf-8") as file:
        yield from csv.reader(file)


def csv_is_rfc_4180(folder):
    class Compare:
        """Takes what a writer of another hand makes of the same cells, and compares."""

        def __init__(self, file):
            self.file, self.fault, self.at = file, None, 0

        def write(self, line):
            data = line.encode()
            if self.fault is None and self.file.read(len(data)) != data:
                self.fault = f"other bytes near {self.at}"
            self.at += len(data)

    with open(folder / "decp.csv", "rb") as file:
        compare = Compare(file)
        writer = csv.writer(compare, lineterminator="\r\n", quoting=csv.QUOTE_MINIMAL)
        writer.writerows(csv_rows(folder))
        check("decp.csv is byte-true RFC 4180", compare.fault or (file.read(1) and "more bytes at the end"))


def doubles(folder):
    with open(folder / "doublons.csv", newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    known = {c["uid"]: c for c in contracts(folder) if not c["withdrawn"]} if rows else {}
    faults = []
    for row in rows:
        a, b = known.get(row["uid_a"]), known.get(row["uid_b"])
        if a is None or b is None or row["uid_a"].encode() >= row["uid_b"].encode():
            faults.append(f"{row['uid_a']} {row['uid_b']}: not two contracts in order")
            continue
        of = [sorted({o["source"] for o in c["observations"]}) for c in (a, b)]
        if set(of[0]) & set(of[1]) or [" ".join(s) for s in of] != [row["sources_a"], row["sources_b"]]:
            faults.append(f"{row['uid_a']} {row['uid_b']}: sources {of}")
        if [text(c.get("montant")) for c in (a, b)] != [text(m and Decimal(m)) for m in (row["montant_a"], row["montant_b"])]:
            faults.append(f"{row['uid_a']} {row['uid_b']}: amounts")
        if not 0.3 <= float(row["score"]) <= 1 or row["decision"] not in ("score insuffisant", "ambigu") or not row["indices"]:
            faults.append(f"{row['uid_a']} {row['uid_b']}: {row['score']} {row['decision']}")
    check(f"doublons.csv: {len(rows)} pairs of contracts that share no source, with score and evidence", faults[:5])


def tables(folder):
    import duckdb
    import polars
    import pyarrow.parquet

    rows = csv_rows(folder)
    head = next(rows)
    numbers = {n for n, t in polars.read_parquet_schema(folder / "decp.parquet").items() if t == polars.Float64}
    of_csv = Bag()
    for row in rows:
        of_csv.add([text(Decimal(c)) if c and n in numbers else c for n, c in zip(head, row)])
    parquet = pyarrow.parquet.ParquetFile(folder / "decp.parquet")
    check("decp.parquet has the columns of decp.csv", None if parquet.schema_arrow.names == head else parquet.schema_arrow.names)
    of_parquet = Bag()
    for batch in parquet.iter_batches():
        for row in zip(*(column.to_pylist() for column in batch.columns)):
            of_parquet.add([text(v) for v in row])
    check(f"decp.parquet has the {of_csv.rows} rows of decp.csv", None if of_parquet == of_csv else of_parquet.rows)
    seen = duckdb.sql(f"SELECT count(*) FROM '{folder / 'decp.parquet'}'").fetchall()[0][0]
    check("duckdb and polars read decp.parquet",
          None if seen == of_csv.rows == polars.scan_parquet(folder / "decp.parquet").select(polars.len()).collect().item() else seen)
    base = sqlite3.connect(f"file:{folder / 'guichet.sqlite'}?immutable=1", uri=True)
    check("guichet.sqlite is sound", base.execute("PRAGMA integrity_check").fetchone()[0].removeprefix("ok"))
    check("guichet.sqlite has no dangling reference", base.execute("PRAGMA foreign_key_check").fetchmany(3))
    booleans = {n for n, t in polars.read_parquet_schema(folder / "decp.parquet").items() if t == polars.Boolean}
    of_view = Bag()
    cursor = base.execute("SELECT * FROM decp")
    check("the view decp has the columns of decp.csv", None if [d[0] for d in cursor.description] == head else "others")
    for row in cursor:
        of_view.add([text(bool(v)) if n in booleans and v is not None else text(v) for n, v in zip(head, row)])
    check("the view decp has the rows of decp.csv", None if of_view == of_csv else of_view.rows)
    from_ndjson(folder, head)
    consumers(folder, base)


def states(contract):
    """What contract.md and the national dataset's documentation say of the states, written anew."""
    amount, months = contract.get("montant"), contract.get("dureeMois")
    holders = contract.get("titulaires") or [{}]
    yield 0, amount, months, contract.get("dateNotification"), contract.get("datePublicationDonnees"), holders
    for rank, m in enumerate(contract.get("modifications", []), 1):
        amount = m.get("montant", m.get("valeurGlobale", amount))
        months = m.get("dureeMois", months)
        holders = m.get("titulaires") or holders
        notified = m.get("dateNotificationModification", m.get("dateSignatureModification"))
        yield rank, amount, months, notified, m.get("datePublicationDonneesModification"), holders


def category(cpv):
    if not cpv:
        return ""
    return "Travaux" if cpv[:2] == "45" else "Fournitures" if cpv[:2] < "50" else "Services"


def from_ndjson(folder, head):
    """The rows of decp.csv, made again from contrats.ndjson by other code."""
    plain = ("uid", "id", "nature", "objet", "codeCPV", "procedure", "offresRecues", "formePrix", "attributionAvance",
             "tauxAvance", "marcheInnovant", "ccag", "sousTraitanceDeclaree", "typeGroupementOperateurs", "origineUE",
             "origineFrance", "idAccordCadre")
    lists = ("techniques", "typesPrix", "modalitesExecution", "considerationsSociales", "considerationsEnvironnementales")
    derived = ("acheteur_id", "acheteur_nom", "titulaire_id", "titulaire_typeIdentifiant", "titulaire_nom", "montant", "type",
               "dureeMois", "dateNotification", "datePublicationDonnees", "lieuExecution_code", "lieuExecution_typeCode",
               "modification_id", "donneesActuelles")
    columns = [*plain, *lists, *derived]
    places = [head.index(c) for c in columns]
    numbers = {"montant", "tauxAvance", "origineUE", "origineFrance"}
    rows = csv_rows(folder)
    next(rows)
    differ = None
    for c in contracts(folder):
        if c["withdrawn"]:
            continue
        place, last = c.get("lieuExecution", {}), len(c.get("modifications", []))
        for rank, amount, months, notified, published, holders in states(c):
            for h in holders:
                made = [text(c.get(k)) for k in plain] + [", ".join(c.get(k, [])) for k in lists]
                made += [c["acheteur"]["id"], text(c["acheteur"].get("nom")), text(h.get("id")), text(h.get("typeIdentifiant")),
                         text(h.get("denominationSociale")), text(amount), category(c.get("codeCPV")), text(months), text(notified),
                         text(published), text(place.get("code")), text(place.get("typeCode")), str(rank), text(rank == last)]
                row = next(rows, None)
                found = row and [text(Decimal(row[p])) if row[p] and n in numbers else row[p] for n, p in zip(columns, places)]
                if found != made and differ is None:
                    differ = f"{c['uid']}: " + str([(n, a, b) for n, a, b in zip(columns, made, found or made) if a != b][:4])
    check("decp.csv is what contrats.ndjson makes of it", differ or next(rows, None))


def consumers(folder, base):
    """guichet.sqlite against contrats.ndjson, table by table."""
    stored = iter(base.execute(
        "SELECT n, uid, type, retire, montant, montantActuel, dureeMoisActuelle, objet, debut, octets, acheteur_siren FROM contrats ORDER BY n"))
    counts, differ, buyers = Counter(), None, set()
    with open(folder / "contrats.ndjson", "rb") as file:
        start = 0
        for line in file:
            c = json.loads(line, parse_float=Decimal)
            n, uid, kind, gone, amount, current, months, subject, at, size, siren = next(stored)
            expected = [c["uid"], c["type"], c["withdrawn"], text(c.get("montant")), text(c["current"].get("montant")),
                        text(c["current"].get("dureeMois")), text(c.get("objet")), start, len(line) - 1, c["acheteur"]["id"][:9]]
            found = [uid, kind, bool(gone), text(amount), text(current), text(months), text(subject), at, size, siren]
            if [text(float(v)) if i in (3, 4) and v else v for i, v in enumerate(expected)] != found:
                differ = differ or (expected, found)
            start += len(line)
            buyers.add(siren)
            counts["contrats"] += 1
            counts["observations"] += len(c["observations"])
            counts["modifications"] += len(c.get("modifications", []))
            counts["constats"] += len(c["findings"])
            counts["conflits"] += len(c["conflicts"])
            counts["actes_sous_traitance"] += len(c.get("actesSousTraitance", []))
            counts["modifications_actes"] += len(c.get("modificationsActesSousTraitance", []))
            counts["donnees_execution"] += len(c.get("donneesExecution", []))
            counts["titulaires"] += len(c.get("titulaires", [])) + sum(len(m.get("titulaires", [])) for m in c.get("modifications", []))
    counts["acheteurs"] = len(buyers)
    check("guichet.sqlite holds the values of contrats.ndjson", differ)
    wrong = {t: (n, m) for t, n in counts.items() if (m := base.execute(f"SELECT count(*) FROM {t}").fetchone()[0]) != n}
    check(f"guichet.sqlite has the rows of contrats.ndjson in {len(counts)} tables", wrong)


def ndjson(folder):
    last, fault = b"", None
    for c in contracts(folder):
        uid = c["uid"].encode()
        named = [*c["provenance"].values(), *(f["observation"] for f in c["findings"]),
                 *(v["observation"] for k in c["conflicts"] for v in k["values"]),
                 *(i["observation"] for k in ("titulaires", "modifications", "actesSousTraitance") for i in c.get(k, []))]
        if uid <= last or any(n >= len(c["observations"]) for n in named) or None in c.values() or "current" not in c:
            fault = fault or c["uid"]
        last = uid
    check("contrats.ndjson is sorted, without null, and names its observations", fault)


def changes(folder):
    manifest = json.loads((folder / "manifest.json").read_text())
    before, state = manifest.get("applies_to"), {}

    def lines(path):
        with open(path, encoding="utf-8", newline="\n") as file:
            return {json.loads(line)["uid"]: line.rstrip("\n") for line in file}

    if before:
        old = folder.parent / before / "contrats.ndjson"
        if not old.exists():
            return print("skipped: changes.ndjson, the publication before is not here")
        state = lines(old)
    seq = manifest["first_seq"]
    with open(folder / "changes.ndjson", encoding="utf-8", newline="\n") as file:
        for line in file:
            change = json.loads(line)
            if (change["seq"], change["epoch"]) != (seq, manifest["epoch"]):
                return check("changes.ndjson has the seqs of the manifest", (change["seq"], seq))
            if change["op"] == "upsert":
                state[change["uid"]] = line.rstrip("\n").split('"record":', 1)[1].removesuffix("}")
            else:
                del state[change["uid"]]
            seq += 1
    check("changes.ndjson has the seqs of the manifest", None if seq == manifest["last_seq"] + 1 else seq)
    check("changes.ndjson gives contrats.ndjson, byte for byte", None if state == lines(folder / "contrats.ndjson") else "another")


def quality(folder):
    parts = ("accepted", "superseded", "repeats", "quarantined", "out_of_region")
    sources = json.loads((folder / "quality.json").read_text())["sources"]
    check("quality.json balances", [s["source"] for s in sources if s["received"] != sum(s[p] for p in parts)])


def package(folder):
    """datapackage.json describes every plain file as it is, and the table as its header stands."""
    described = {r["path"]: r for r in json.loads((folder / "datapackage.json").read_text())["resources"]}
    own = {"datapackage.json", "catalog.jsonld", "catalog.ttl", "manifest.json", "SHA256SUMS", "SHA256SUMS.minisig"}
    plain = {p.name for p in folder.iterdir() if p.suffix not in (".gz", ".zst")} - own
    check("datapackage.json names every plain file", sorted(plain ^ described.keys()) or None)
    other = [n for n, r in described.items() if r["bytes"] != (folder / n).stat().st_size or r["hash"] !=
             "sha256:" + hashlib.sha256((folder / n).read_bytes()).hexdigest()]
    check("datapackage.json has the size and sum of each", other or None)
    fields = [f["name"] for f in described["decp.csv"]["schema"]["fields"]]
    check("datapackage.json has the columns of decp.csv", None if fields == next(csv_rows(folder)) else fields)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("publication", type=pathlib.Path)
    parser.add_argument("schemas", type=pathlib.Path)
    parser.add_argument("--left-out", type=pathlib.Path)
    parser.add_argument("--records", type=int, default=0)
    given = parser.parse_args()
    folder = given.publication / "latest" if (given.publication / "latest").exists() else given.publication
    folder = folder.resolve()
    guarded("sums", sums, folder)
    guarded("compressed forms", compressed, folder)
    guarded("contrats.ndjson", ndjson, folder)
    if given.schemas.is_dir():
        guarded("JSON schemas", json_schema, folder, given.schemas, given.records)
        guarded("XSD", xsd, folder, given.schemas)
    else:
        print(f"skipped: the official schemas are not at {given.schemas}")
    guarded("XML = JSON", xml_is_json, folder)
    guarded("RFC 4180", csv_is_rfc_4180, folder)
    guarded("tables", tables, folder)
    guarded("doublons.csv", doubles, folder)
    guarded("changes.ndjson", changes, folder)
    guarded("quality.json", quality, folder)
    guarded("datapackage.json", package, folder)
    if given.left_out:
        guarded("left out", left_out, given.left_out, given.schemas)
    print(f"{folder.name}: {len(FAILED)} checks failed")
    return 1 if FAILED else 0


if __name__ == "__main__":
    sys.exit(main())
