"""Writes JSON schemas of Kubernetes' objects for kubeconform, where its own cannot be
downloaded, from the OpenAPI document that Kubernetes' Go module contains.

    kubernetes_schemas.py swagger.json FOLDER
"""

import json
import pathlib
import sys

PREFIX = "#/definitions/"


def strict(schema):
    """Fields that Kubernetes does not know are errors, and numbers are quantities too."""
    if schema.get("format") == "int-or-string":
        return {"type": ["integer", "string"]}
    if "properties" in schema:
        schema.setdefault("additionalProperties", False)
    return schema


def referred(node):
    """The names of the definitions that a schema uses."""
    if isinstance(node, dict):
        if isinstance(node.get("$ref"), str):
            yield node["$ref"].removeprefix(PREFIX)
        for value in node.values():
            yield from referred(value)
    elif isinstance(node, list):
        for value in node:
            yield from referred(value)


def reachable(name, definitions):
    """That definition, and whatever it is made of."""
    found, waiting = {}, [name]
    while waiting:
        name = waiting.pop()
        if name not in found:
            found[name] = definitions[name]
            waiting.extend(referred(definitions[name]))
    return found


def main(swagger, folder):
    definitions = json.loads(pathlib.Path(swagger).read_text())["definitions"]
    definitions = {name: strict(schema) for name, schema in definitions.items()}
    quantity = "io.k8s.apimachinery.pkg.api.resource.Quantity"
    definitions[quantity] = {"type": ["integer", "number", "string"]}
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    for name, schema in definitions.items():
        for kind in schema.get("x-kubernetes-group-version-kind", []):
            group = kind["group"].split(".")[0]
            words = [kind["kind"].lower(), *filter(None, [group]), kind["version"]]
            content = {"$ref": PREFIX + name, "definitions": reachable(name, definitions)}
            (folder / f"{'-'.join(words)}.json").write_text(json.dumps(content))


main(*sys.argv[1:])
