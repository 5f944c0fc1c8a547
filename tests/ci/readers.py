"""Opens a publication with the tools that people have, and finds the same counts with each.

    readers.py PUBLICATION

Each tool stands alone: one that is not here is a `skipped` line, one that finds another count is a failure.
"""
import datetime
import importlib
import json
import pathlib
import shutil
import sqlite3
import subprocess
import sys

folder = pathlib.Path(sys.argv[1]).resolve()
manifest = json.loads((folder / "manifest.json").read_text())
counts, rows = manifest["counts"], {f["name"]: f.get("rows") for f in manifest["files"]}
present = rows.get("decp.xlsx")
failed = 0


def reader(name, *modules):
    """Runs the decorated check, if its modules are here."""
    def run(check):
        global failed
        try:
            found = [importlib.import_module(m) for m in modules]
        except ImportError as error:
            print(f"skipped: {name} is not here ({error})")
            return
        try:
            print(f"{name}: {check(*found)}")
        except Exception as error:
            failed += 1
            print(f"{name}: FAILED: {type(error).__name__}: {error}")
    return run


def same(what, found, expected):
    if found != expected:
        raise ValueError(f"{what}: {found} instead of {expected}")
    return f"{what} {found}"


@reader("duckdb", "duckdb")
def _(duckdb):
    def count(sql, *names):
        return duckdb.sql(sql.format(*(folder / n for n in names))).fetchall()[0][0]
    text = "read_csv('{}', all_varchar=true, header=true, quote='\"', escape='\"', strict_mode=false, max_line_size=16777216)"
    told = [same("rows of decp.parquet", count("select count(*) from '{}'", "decp.parquet"), counts["lignes"]),
            same("rows of decp.csv", count(f"select count(*) from {text}", "decp.csv"), counts["lignes"])]
    for name in ("observations.csv", "aliases.csv", "doublons.csv", "liens.csv"):
        told.append(same(f"rows of {name}", count(f"select count(*) from {text}", name), rows[name]))
    contracts = count("select count(*) from read_ndjson_objects('{}', maximum_object_size=67108864)", "contrats.ndjson")
    told.append(same("contrats.ndjson", contracts, counts["contrats"]))
    now = count("select count(*) from '{}' where donneesActuelles", "decp.parquet")
    told.append(same("rows of the present", now, present))
    return ", ".join(told)


@reader("polars", "polars")
def _(polars):
    table = polars.read_parquet(folder / "decp.parquet")
    text = polars.read_csv(folder / "decp.csv", infer_schema=False)
    same("columns", text.columns, table.columns)
    return ", ".join([same("rows of decp.parquet", table.height, counts["lignes"]),
                      same("rows of decp.csv", text.height, counts["lignes"]),
                      same("contracts", table["uid"].n_unique(), counts["contrats"] - counts["withdrawn"])])


@reader("openpyxl", "openpyxl", "polars")
def _(openpyxl, polars):
    book = openpyxl.load_workbook(folder / "decp.xlsx", read_only=True)
    table = polars.read_parquet(folder / "decp.parquet").filter(polars.col("donneesActuelles"))
    found, amount = 0, 0.0
    for sheet in book:
        lines = sheet.iter_rows(values_only=True)
        head = list(next(lines))
        same("header", head, table.columns)
        uid, montant, date, siret = (head.index(n) for n in ("uid", "montant", "dateNotification", "acheteur_id"))
        for line in lines:
            found += 1
            amount += line[montant] or 0
            if not isinstance(line[uid], str) or not isinstance(line[siret], str):
                raise ValueError(f"an identifier is no text: {line[uid]!r}, {line[siret]!r}")
            # Before 1900 a spreadsheet has no dates.
            if not isinstance(line[date], (datetime.datetime, type(None))) and line[date] >= "1900-03-01":
                raise ValueError(f"a date is none: {line[date]!r}")
    expected = table["montant"].sum()
    if abs(amount - expected) > 1e-6 * max(1, abs(expected)):
        raise ValueError(f"amounts sum to {amount} instead of {expected}")
    full = openpyxl.load_workbook(folder / "decp.xlsx")
    same("frozen below", {s.freeze_panes for s in full}, {"A2"})
    if not all(s.auto_filter.ref for s in full):
        raise ValueError("a sheet has no filter")
    same("rows of the present", table.height, present)
    return same("rows of decp.xlsx", found, present)


@reader("frictionless", "frictionless")
def _(frictionless):
    frictionless.system.trusted = True
    package = frictionless.Package(str(folder / "datapackage.json"))
    report = package.get_resource("decp-csv").validate(limit_errors=5)
    if not report.valid:
        raise ValueError(report.flatten(["fieldName", "rowNumber", "type", "message"])[:5])
    same("resources", len(package.resources), len({r.path for r in package.resources}))
    return same("rows of decp.csv", report.tasks[0].stats["rows"], counts["lignes"])


@reader("sqlite3")
def _():
    def ask(name, sql):
        with sqlite3.connect(f"file:{folder / name}?immutable=1", uri=True) as db:
            return db.execute(sql).fetchone()[0]
    return ", ".join([
        same("contracts", ask("guichet.sqlite", "select count(*) from contrats"), counts["contrats"]),
        same("rows of decp", ask("guichet.sqlite", "select count(*) from decp"), counts["lignes"]),
        same("journal", ask("journal.sqlite", "pragma integrity_check"), "ok"),
        same("changes", ask("journal.sqlite", "select count(*) from changements"), rows["journal.sqlite"]),
        same("observations", ask("journal.sqlite", "select count(*) from observations"), rows["observations.csv"]),
    ])


@reader("minisign", "cryptography.hazmat.primitives.asymmetric.ed25519")
def _(ed25519):
    if not (folder / "SHA256SUMS.minisig").is_file():
        return "the publication is not signed"
    import base64
    import hashlib
    public = base64.b64decode((folder / "minisign.pub").read_text().splitlines()[1])
    lines = (folder / "SHA256SUMS.minisig").read_text().splitlines()
    signature = base64.b64decode(lines[1])
    same("key", signature[2:10], public[2:10])
    key = ed25519.Ed25519PublicKey.from_public_bytes(public[10:])
    key.verify(signature[10:], hashlib.blake2b((folder / "SHA256SUMS").read_bytes()).digest())
    trusted = lines[2].removeprefix("trusted comment: ")
    key.verify(base64.b64decode(lines[3]), signature[10:] + trusted.encode())
    return trusted


@reader("xmllint")
def _():
    if not shutil.which("xmllint"):
        return "skipped: xmllint is not here"
    told = []
    for name, path, expected in (("decp.xml", "count(/*/*)", counts["decp"]), ("decp-2019.xml", "count(/*/*)", counts["decp-2019"])):
        ran = subprocess.run(["xmllint", "--huge", "--xpath", path, folder / name], capture_output=True, text=True, check=True)
        told.append(same(name, int(float(ran.stdout)), expected))
    return ", ".join(told)


@reader("spreadsheet")
def _():
    if not shutil.which("soffice"):
        return "skipped: LibreOffice is not here"
    import csv
    import tempfile
    with tempfile.TemporaryDirectory() as out:
        command = ["soffice", f"-env:UserInstallation=file://{out}/profile", "--headless", "--convert-to", "csv", "--outdir", out]
        subprocess.run([*command, folder / "decp.xlsx"], check=True, capture_output=True, timeout=240)
        with open(pathlib.Path(out) / "decp.csv", newline="") as file:
            return same("rows of decp.xlsx", sum(1 for _ in csv.reader(file)) - 1, present)


sys.exit(1 if failed else 0)
