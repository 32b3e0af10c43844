"""Recipes of the catalog as they are on disk: read, laid out, and what a check has found out put into them."""

import json
from pathlib import Path

CATALOG = Path(__file__).resolve().parents[2] / "catalog"
WIDTH = 120
EXAMPLES = 4


def load(ids):
    """The recipes of these ids, or all of them; a name that is none raises KeyError."""
    paths = {path.stem: path for path in sorted(CATALOG.glob("*.json"))}
    chosen = ids or paths
    return {id: json.loads(paths[id].read_text(encoding="utf-8")) for id in chosen}


def save(recipe):
    """Writes the recipe, laid out so that the catalog stays small."""
    path = CATALOG / f"{recipe['id']}.json"
    path.write_text(layout(recipe) + "\n", encoding="utf-8")


def layout(value, indent=0):
    """JSON of two spaces, in which lists and objects that fit on a line stand on one."""
    line = flat(value)
    is_leaf = indent > 0 and not any(isinstance(part, dict) and len(part) > 1 for part in parts(value))
    if is_leaf and indent + len(line) <= WIDTH or not parts(value):
        return line
    pad = " " * (indent + 2)
    if isinstance(value, dict):
        lines = [f"{pad}{flat(key)}: {layout(part, indent + 2)}" for key, part in value.items()]
        return "{\n" + ",\n".join(lines) + "\n" + " " * indent + "}"
    return "[\n" + ",\n".join(pad + layout(part, indent + 2) for part in value) + "\n" + " " * indent + "]"


def flat(value):
    """JSON on one line."""
    if isinstance(value, dict) and value:
        return "{ " + ", ".join(f"{flat(key)}: {flat(part)}" for key, part in value.items()) + " }"
    if isinstance(value, list):
        return "[" + ", ".join(map(flat, value)) + "]"
    return json.dumps(value, ensure_ascii=False)


def parts(value):
    """What an object or a list holds."""
    if isinstance(value, dict):
        return list(value.values())
    return value if isinstance(value, list) else []


def is_keyless(recipe):
    """Whether the server works for everybody; folders and the like may still be asked for."""
    return recipe.get("auth", {}).get("type", "none") == "none"


def transport(recipe):
    """The transport that the bridge takes."""
    order = ["stdio", "streamable-http", "sse"]
    return min(recipe["transports"], key=lambda transport: order.index(transport["type"]))


def examples(names):
    """A few of the tools, spread over all of them, the same ones each time."""
    names = sorted(names)
    if len(names) <= EXAMPLES:
        return names
    return [names[index * (len(names) - 1) // (EXAMPLES - 1)] for index in range(EXAMPLES)]


def record(recipe, outcome, today):
    """The recipe with what the check found out: an outcome of `tier1`, `tier2`, `note` and `tools`."""
    metadata = dict(recipe["metadata"])
    for key in ("toolCount", "toolExamples", "lastVerified", "verification"):
        metadata.pop(key, None)
    if outcome["tools"] is not None:
        metadata["toolCount"] = len(outcome["tools"])
        metadata["toolExamples"] = [{"name": name} for name in examples(outcome["tools"])]
    if outcome["tier1"] == "pass":
        metadata["lastVerified"] = today
    verification = {key: outcome[key] for key in ("tier1", "tier2", "note") if outcome[key]}
    metadata["verification"] = verification
    return {**recipe, "metadata": metadata}


def differences(recipe, outcome):
    """What the recipe says otherwise than the outcome, but the day."""
    old, new = recipe["metadata"], record(recipe, outcome, "")["metadata"]
    for key in ("toolCount", "toolExamples", "verification"):
        if old.get(key) != new.get(key):
            yield f"`metadata.{key}` is {json.dumps(old.get(key))}, found was {json.dumps(new.get(key))}"


def repin(recipe, version):
    """The recipe with another version of its package, wherever the old one stands."""
    old = recipe["install"]["version"]
    text = json.dumps(recipe)
    package = json.dumps(recipe["install"]["package"])[1:-1]
    for separator in ("@", "=="):
        text = text.replace(f"{package}{separator}{old}", f"{package}{separator}{version}")
    text = text.replace(f"]=={old}", f"]=={version}")
    changed = json.loads(text)
    changed["install"]["version"] = version
    return changed
