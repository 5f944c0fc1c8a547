#!/usr/bin/env python3
"""Enforces deny.toml where cargo-deny itself is not installed: licences, bans and sources.

Reads every crate that `cargo metadata` finds for the targets and features that deny.toml names. What
deny.toml says and this script does not understand is a fault, so that nothing is left unchecked
in silence. Advisories need a database from elsewhere and stay with cargo-deny.
"""

import json
import re
import subprocess
import sys
import tomllib

# What is understood below; a tuple lists the values that are.
KNOWN = {
    "graph": {"targets": None, "all-features": None},
    "licenses": {"allow": None, "confidence-threshold": None, "unused-allowed-license": ("allow",)},
    "bans": {"multiple-versions": ("allow",), "wildcards": ("deny",), "deny": None},
    "sources": {"unknown-registry": ("deny",), "unknown-git": ("deny",), "allow-registry": None},
    "advisories": {"yanked": None, "ignore": None},
}


def terms(expression):
    return re.findall(r"[()/]|[^\s()/]+", expression)


def permitted(expression, allowed):
    """Whether an SPDX expression can be met by the allowed licences. `A/B` is an old `A OR B`."""
    left = terms(expression)

    def either():
        good = both()
        while left and left[0] in ("OR", "/"):
            left.pop(0)
            other = both()
            good = good or other
        return good

    def both():
        good = one()
        while left and left[0] == "AND":
            left.pop(0)
            other = one()
            good = good and other
        return good

    def one():
        if not left:
            raise ValueError("ends too early")
        if left[0] == "(":
            left.pop(0)
            good = either()
            if not left or left.pop(0) != ")":
                raise ValueError("a bracket is not closed")
            return good
        name = left.pop(0)
        if left and left[0] == "WITH":
            left.pop(0)
            name = f"{name} WITH {left.pop(0)}"
        return name in allowed

    good = either()
    if left:
        raise ValueError(f"`{left[0]}` was not expected")
    return good


def prove():
    """The reader of expressions decides what may be linked: it is tried before it is believed."""
    allowed = {"MIT", "Apache-2.0", "Apache-2.0 WITH LLVM-exception"}
    for expression, wanted in (
        ("MIT", True), ("GPL-3.0", False), ("GPL-3.0 OR MIT", True), ("GPL-3.0/MIT", True),
        ("MIT AND GPL-3.0", False), ("MIT AND (GPL-3.0 OR Apache-2.0)", True),
        ("(MIT OR GPL-3.0) AND GPL-3.0", False), ("GPL-3.0 OR MIT AND GPL-2.0", False),
        ("Apache-2.0 WITH LLVM-exception", True), ("MIT WITH LLVM-exception", False),
    ):
        if permitted(expression, allowed) != wanted:
            sys.exit(f"licences.py misreads `{expression}`")


def not_understood(rules):
    for section, keys in rules.items():
        for key, value in keys.items():
            known = KNOWN.get(section, {})
            if key not in known or (known[key] is not None and value not in known[key]):
                yield f"deny.toml: [{section}] {key} = {value!r} is not understood here: teach tests/ci/licences.py"
    for entry in rules.get("bans", {}).get("deny", []):
        if set(entry) - {"crate", "reason"} or not re.fullmatch(r"[\w-]+", entry["crate"]):
            yield f"deny.toml: the ban {entry} is not understood here: teach tests/ci/licences.py"


def crates(target, all_features):
    command = ["cargo", "metadata", "--locked", "--format-version", "1", "--filter-platform", target]
    run = subprocess.run(command + ["--all-features"] * all_features, stdout=subprocess.PIPE, check=True)
    return json.loads(run.stdout)["packages"]


def faults(package, rules):
    banned = {entry["crate"]: entry.get("reason", "no reason given") for entry in rules["bans"]["deny"]}
    registries = set(rules["sources"]["allow-registry"])
    if package["name"] in banned:
        yield f"banned: {banned[package['name']]}"
    source = package["source"]
    if source is not None and (not source.startswith("registry+") or source.removeprefix("registry+") not in registries):
        yield f"comes from {source}, which [sources] does not allow"
    expression = package["license"]
    if not expression:
        yield "names no licence" + (f" but a file, {package['license_file']}" if package["license_file"] else "")
    else:
        try:
            if not permitted(expression, set(rules["licenses"]["allow"])):
                yield f"licence `{expression}` cannot be met by those that [licenses] allows"
        except (ValueError, IndexError) as fault:
            yield f"licence `{expression}` cannot be read: {fault}"
    # A registry refuses wildcards itself; what is left is our own manifest.
    if source is None:
        for dependency in package["dependencies"]:
            if dependency["req"] == "*":
                yield f"asks for any version of {dependency['name']}"


def main():
    prove()
    with open("deny.toml", "rb") as file:
        rules = tomllib.load(file)
    found = list(not_understood(rules))
    seen = {}
    graph = rules.get("graph", {})
    for target in graph["targets"]:
        for package in crates(target, graph.get("all-features", False)):
            seen[package["id"]] = package
    for package in seen.values():
        found += [f"{package['name']} {package['version']}: {fault}" for fault in faults(package, rules)]
    for line in found:
        print(line, file=sys.stderr)
    print(f"licences, bans and sources of {len(seen)} crates: {len(found)} faults")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
