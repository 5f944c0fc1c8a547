#!/usr/bin/env python3
"""Peak memory of a harvest whose payload is larger than memory may be.

    memory.py target/release/guichet [--most 200]

An upstream on loopback makes each payload as it is sent: 1 GB in one line (many records; one record; one
text), a quarter of it in other lines that never end, and small ones that unpack to many gigabytes. Each is harvested by a process of its own, whose peak
resident memory must stay below --most MiB; and what the source says afterwards must show that the payload
was read to its end, or refused for the right reason.
"""

import argparse
import gzip
import http.server
import io
import json
import pathlib
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import zipfile
import zlib

GIB = 1 << 30
LIST = b'{"marches":['
CHUNK = 1 << 20
BUYERS = 1_000
WHOLE = {"records-that-repeat", "one-record", "one-text-never-closed"}


class Fault(Exception):
    """What the test is there to find."""


# Payloads ---------------------------------------------------------------------------------------

def record(n, size, buyer=213105554):
    head = ('{"id":"2024-%07d","acheteur":{"id":"%09d00017"},"nature":"March\u00e9","codeCPV":"45261000",'
            '"procedure":"Proc\u00e9dure adapt\u00e9e","dureeMois":6,"dateNotification":"2024-03-01",'
            '"datePublicationDonnees":"2024-03-15","montant":%d,"titulaires":[{"titulaire":{"id":"55208131766522",'
            '"typeIdentifiant":"SIRET"}}],"objet":"' % (n, buyer, 10_000 + n)).encode()
    return head + b"travaux \xc3\xa0 venir " * ((size - len(head)) // 17) + b'"}'


def records(total, size, distinct=None):
    """One line of about `total` bytes: a list of records of many buyers, the same `distinct` ones again and again."""
    def make():
        yield b'{"marches":{"marche":['
        sent = n = 0
        kept = [record(i, size, 210_000_000 + i % BUYERS) for i in range(distinct)] if distinct else None
        while sent < total:
            piece = []
            length = 0
            while length < CHUNK:
                one = kept[n % distinct] if kept else record(n, size, 210_000_000 + n % BUYERS)
                piece.append(b"," + one if n else one)
                length += len(one) + 1
                n += 1
            yield b"".join(piece)
            sent += length
        make.count = n
        yield b'],"contrat-concession":[]}}'
    make.count = 0
    return make


def around(total, head, filler, tail):
    """`filler` between `head` and `tail` until there are `total` bytes."""
    piece = filler * (CHUNK // len(filler))

    def make():
        yield head
        for _ in range(total // len(piece)):
            yield piece
        yield tail
    return make


def gzip_member(size, head=b""):
    packer = zlib.compressobj(1, wbits=31)
    piece = b" " * CHUNK
    return b"".join([packer.compress(head), *(packer.compress(piece) for _ in range(size // CHUNK)), packer.flush()])


def zip_of(names, size):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for name in names:
            with archive.open(name, "w", force_zip64=True) as member:
                member.write(LIST)
                for _ in range(size // CHUNK):
                    member.write(b" " * CHUNK)
    return out.getvalue()


def zip_of_zips():
    out = io.BytesIO()
    inner = zip_of(["a.json"], 256 << 20)
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:
        for n in range(40):
            archive.writestr(f"{n}.zip", inner)
    return out.getvalue()


def whole(data):
    return lambda: iter([data])


# Upstream ---------------------------------------------------------------------------------------

class Upstream:
    def __init__(self, pages):
        upstream = self
        self.sent = dict.fromkeys(pages, 0)

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                name = self.path.strip("/")
                make, headers = pages[name]
                self.send_response(200)
                for key, value in headers.items():
                    self.send_header(key, value)
                self.send_header("Transfer-Encoding", "chunked")
                self.end_headers()
                try:
                    for piece in make():
                        self.wfile.write(b"%x\r\n%b\r\n" % (len(piece), piece))
                        upstream.sent[name] += len(piece)
                    self.wfile.write(b"0\r\n\r\n")
                except OSError:
                    # Who has seen enough of a bomb hangs up.
                    self.close_connection = True

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


# Harvests ---------------------------------------------------------------------------------------

def configure(root, port, pages):
    (root / "guichet.toml").write_text(f"""data_dir = "var"
[harvest]
allow_private_hosts = ["127.0.0.1:{port}"]
min_interval = "0s"
retries = 0
""")
    (root / "sources.toml").write_text("".join(f"""[[source]]
id = "{name}"
name = "{name}"
url = "http://127.0.0.1:{port}/{name}"
licence = "etalab-2.0"
max_bytes = "2GiB"
""" for name in pages))


def harvest(guichet, root, name, seconds):
    """Exit code and peak resident memory in MiB."""
    command = [guichet, "--config", root / "guichet.toml", "-qq", "harvest", name]
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    # Not ru_maxrss: that begins with what this program held when it started the other.
    peak, until = 0, time.monotonic() + seconds
    while process.poll() is None:
        try:
            status = pathlib.Path(f"/proc/{process.pid}/status").read_text()
        except OSError:
            continue
        line = next((line for line in status.splitlines() if line.startswith("VmHWM:")), None)
        peak = int(line.split()[1]) if line else peak
        if time.monotonic() > until:
            process.kill()
            raise Fault(f"{name} did not end within {seconds} s; its peak so far is {peak / 1024:.1f} MiB")
        time.sleep(0.01)
    return process.returncode, peak / 1024


def told(guichet, root, name):
    run = subprocess.run([guichet, "--config", root / "guichet.toml", "status", "--json"], capture_output=True, check=False)
    return next(s for s in json.loads(run.stdout)["sources"] if s["id"] == name)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("guichet")
    parser.add_argument("--most", type=float, default=200, help="MiB")
    parser.add_argument("--total", type=int, default=GIB, help="bytes in one line")
    parser.add_argument("--only", action="append", help="a case by its name")
    args = parser.parse_args()
    guichet = str(pathlib.Path(args.guichet).resolve())
    total = args.total
    part = total // 4
    plain, coded = {"Content-Type": "application/json"}, {"Content-Type": "application/json", "Content-Encoding": "gzip"}
    many, again = records(part, 20_000), records(total, 500, 20_000)
    bomb = gzip_member(256 << 20, LIST) + gzip_member(256 << 20) * 39
    sound = record(0, 500)
    # Name: payload, headers, exit code, (records received, records in quarantine), what its error says.
    cases = {
        "records-of-20-kb": (many, plain, 0, lambda: (many.count, 0), None),
        "records-that-repeat": (again, plain, 0, lambda: (again.count, 0), None),
        "one-record": (around(total, b'{"marches":[' + sound[:-2], b"sans fin ", b'"},' + sound + b"]}"), plain, 0,
                       lambda: (2, 1), None),
        "one-text-never-closed": (around(total, b'{"marches":[' + sound + b"," + sound[:-2], b"a", b""), plain, 3,
                                  lambda: (2, 1), "stops inside"),
        "text-above": (around(part, b'{"source":"', b"sans fin ", b'","marches":[' + sound + b"]}"), plain, 0,
                       lambda: (1, 0), None),
        "damage-and-a-text": (around(part, b'{"marches":[' + sound + b',{"id" 1,"objet":"', b"sans fin ", b'"},' + sound + b"]}"),
                              plain, 0, lambda: (3, 1), None),
        "white-space": (around(part, b'{"marches":[' + sound + b",", b" ", sound + b"]}"), plain, 0,
                        lambda: (2, 0), None),
        "xml-text": (around(part, b"<marches><marche><id>1</id><objet>", b"sans fin ", b"</objet></marche><marche/></marches>"),
                     {"Content-Type": "application/xml"}, 0, lambda: (2, 2), None),
        "xml-between": (around(part, b"<marches><marche/>", b"sans fin ", b"<marche/></marches>"), {"Content-Type": "application/xml"},
                        0, lambda: (2, 2), None),
        "a-row": (around(part, b"id;acheteur_id;objet;montant;titulaire_id\n1;21310555400017;", b"sans fin ",
                         b";1;2\n2;21310555400017;objet;12;55208131766522\n"), {"Content-Type": "text/csv"}, 0, lambda: (2, 1), None),
        "gzip-bomb": (whole(bomb), plain, 1, None, "ratio"),
        "gzip-coding-bomb": (whole(bomb), coded, 1, None, "ratio"),
        "gzip-in-gzip-bomb": (whole(gzip.compress(gzip_member(256 << 20, LIST), 1)), plain, 1, None, "ratio"),
        "zip-bomb": (whole(zip_of(["a.json", "b.json"], 256 << 20)), plain, 1, None, "ratio"),
        "zip-of-zips": (whole(zip_of_zips()), plain, 1, None, "ratio"),
    }
    if args.only:
        cases = {name: case for name, case in cases.items() if name in args.only}
    upstream = Upstream({name: (make, headers) for name, (make, headers, *_) in cases.items()})
    faults = 0
    with tempfile.TemporaryDirectory(prefix="guichet-memory-") as work:
        root = pathlib.Path(work)
        configure(root, upstream.port, cases)
        for name, (_, _, wanted, counts, says) in cases.items():
            began = time.monotonic()
            shutil.rmtree(root / "var", ignore_errors=True)
            code, peak = harvest(guichet, root, name, 120)
            took, source = time.monotonic() - began, told(guichet, root, name)
            got, error = source["records"], source["last_error"] or ""
            print(f"{name:24} {upstream.sent[name] / 1e6:8.1f} MB sent, {got['received']:8} records, exit {code}, "
                  f"{peak:6.1f} MiB, {took:5.1f} s", flush=True)
            wrong = []
            if peak >= args.most:
                wrong.append(f"its peak is {peak:.1f} MiB")
            if code != wanted:
                wrong.append(f"exit {code} instead of {wanted}")
            if says is None and error or says is not None and says not in error:
                wrong.append(f"its error is {error!r}")
            if counts:
                if upstream.sent[name] < (total if name in WHOLE else part) * 0.99:
                    wrong.append(f"only {upstream.sent[name]} bytes were taken")
                if (got["received"], got["quarantined"]) != counts():
                    wrong.append(f"received and quarantined are {got['received']}, {got['quarantined']} instead of {counts()}")
            elif got["received"]:
                wrong.append(f"{got['received']} records of a bomb")
            for what in wrong:
                faults += 1
                print(f"  {name}: {what}", file=sys.stderr)
    print(f"{len(cases)} payloads: {faults} faults")
    return 1 if faults else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except Fault as fault:
        sys.exit(str(fault))
