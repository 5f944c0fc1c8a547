#!/usr/bin/env python3
"""Checks the dependency tree against deny.toml where cargo-deny itself is not to be had.

Reads licences, bans and registries of every crate in `cargo metadata`. Coarser than cargo-deny:
an expression passes when each of its alternatives' terms is allowed, or one alternative is.
"""

import json
import re
import subprocess
import sys
import tomllib

with open("deny.toml", "rb") as file:
    rules = tomllib.load(file)
allowed = set(rules["licenses"]["allow"])
banned = {entry["crate"]: entry["reason"] for entry in rules["bans"]["deny"]}
registry = {"registry+" + url for url in rules["sources"]["allow-registry"]}


def permitted(expression):
    # `A/B` is an old way to write `A OR B`; brackets only group.
    terms = re.sub(r"[()]", " ", expression.replace("/", " OR "))
    return any(all(term.strip() in allowed for term in alternative.split(" AND "))
               for alternative in terms.split(" OR "))


run = subprocess.run(["cargo", "metadata", "--locked", "--format-version", "1",
                      "--filter-platform", "x86_64-unknown-linux-gnu"],
                     capture_output=True, check=True)
faults = 0
packages = json.loads(run.stdout)["packages"]
for package in packages:
    name = f"{package['name']} {package['version']}"
    said = []
    if package["name"] in banned:
        said.append(f"banned: {banned[package['name']]}")
    if package["source"] is not None and package["source"] not in registry:
        said.append(f"comes from {package['source']}, not from crates.io")
    if not permitted(package["license"] or ""):
        said.append(f"licence `{package['license']}` is not among those of deny.toml")
    for line in said:
        faults += 1
        print(f"{name}: {line}", file=sys.stderr)
print(f"licences: {len(packages)} crates, {faults} faults")
sys.exit(1 if faults else 0)
