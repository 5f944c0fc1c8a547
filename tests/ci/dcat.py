"""Holds catalog.ttl and catalog.jsonld of a publication against the shapes of DCAT-AP.

    dcat.py PUBLICATION SHAPES.ttl

The shapes are used as they are published, but for those that are no well-formed SHACL (a property shape without a
path, which no validator can apply): they are left out, and named.
"""
import pathlib
import sys

import pyshacl
import rdflib
from rdflib.compare import isomorphic
from rdflib.namespace import DCAT, SH

BASE = "https://marches.exemple.fr/catalog"


def shapes(path):
    graph = rdflib.Graph().parse(path, format="turtle")
    for owner, shape in list(graph.subject_objects(SH.property)):
        if (shape, SH.path, None) not in graph:
            print(f"left out, it has no path: {shape}")
            graph.remove((owner, SH.property, shape))
            graph.remove((shape, None, None))
    return graph


def main(folder, shapes_file):
    folder = pathlib.Path(folder)
    turtle = rdflib.Graph().parse(folder / "catalog.ttl", format="turtle", publicID=f"{BASE}.ttl")
    jsonld = rdflib.Graph().parse(folder / "catalog.jsonld", format="json-ld", publicID=f"{BASE}.jsonld")
    if not isomorphic(turtle, jsonld):
        sys.exit("catalog.ttl and catalog.jsonld say different things")
    used = shapes(shapes_file)
    conforms, _, text = pyshacl.validate(turtle, shacl_graph=used, advanced=True)
    print(f"{len(turtle)} triples, {len(set(used.objects(None, SH.property)))} property shapes: {'conforms' if conforms else text}")
    # What the shapes must find in a catalogue that lacks it, or they would find nothing in any.
    broken = rdflib.Graph() + turtle
    broken.remove((None, DCAT.accessURL, None))
    if pyshacl.validate(broken, shacl_graph=used, advanced=True)[0]:
        sys.exit("the shapes accept distributions without accessURL: they were not applied")
    links = {str(link) for link in turtle.objects(None, DCAT.downloadURL)}
    missing = sorted(link for link in links if not (folder / link.rsplit("/", 1)[1]).is_file())
    if missing or not links:
        sys.exit(f"links that lead nowhere: {missing or 'there are none'}")
    sys.exit(0 if conforms else 1)


if __name__ == "__main__":
    main(*sys.argv[1:])
