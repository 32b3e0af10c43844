"""What npm and PyPI say of the package that a recipe pins, asked through their own clients."""

import json
import re
import subprocess
import tempfile
import zipfile
from email.parser import Parser
from pathlib import Path

OFFLINE = re.compile(
    r"ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ENETUNREACH|ETIMEDOUT|ERR_SOCKET_TIMEOUT"
    r"|NewConnectionError|NameResolutionError|Failed to establish a new connection|ConnectTimeout"
)


class Offline(Exception):
    """The registry cannot be reached."""


class Fault(Exception):
    """The registry says otherwise than the recipe."""


def run(command, seconds=120):
    """Runs a client of a registry; its output and whether it went well."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=seconds, stdin=subprocess.DEVNULL)
    except subprocess.TimeoutExpired as error:
        raise Offline(f"`{command[0]}` got no answer within {seconds} s") from error
    if done.returncode != 0 and OFFLINE.search(done.stdout + done.stderr):
        raise Offline(f"`{' '.join(command[:3])}` reaches no registry")
    return done


def check(recipe, tools):
    """What the recipe installs, as its registry has it. Says which Python or Node it wants, if it says so."""
    install = recipe["install"]
    method = install["method"]
    arguments = [argument for transport in recipe["transports"] for argument in transport.get("args", [])]
    if method in ("npx", "npm"):
        package = npm_package(install)
        spec = f"{install['package']}@{install['version']}"
        scripts = npm_scripts(package, install["package"])
        check_run(arguments, spec, scripts, runs_bare=arguments[:1] == ["-y"] and arguments[1:2] == [spec])
        check_repository(recipe, [package.get("repository.url")])
        return None
    if method in ("uvx", "pip"):
        metadata, scripts = pypi_package(install, tools)
        name, version = install["package"], install["version"]
        bare = f"{name}@{version}"
        spec = bare if bare in arguments else f"{name}=={version}"
        check_run(arguments, spec, [*scripts, "python"], runs_bare=spec == bare)
        check_repository(recipe, [url.split(", ", 1)[-1] for url in metadata.get_all("Project-URL", [])])
        return metadata["Requires-Python"]
    raise Fault(f"nothing here can look into packages of `{method}`")


def npm_package(install):
    spec = f"{install['package']}@{install['version']}"
    fields = ["name", "version", "bin", "repository.url", "deprecated"]
    done = run(["npm", "view", spec, *fields, "--json"])
    answer = json.loads(done.stdout or "{}")
    if done.returncode != 0 or not answer or "error" in answer:
        raise Fault(f"npm has no `{spec}`")
    if answer.get("deprecated"):
        raise Fault(f"npm calls `{spec}` deprecated: {answer['deprecated']}")
    return answer


def npm_scripts(package, name):
    """The programs of a package; npx starts the only one, or the one that is called as the package."""
    bins = package.get("bin") or {}
    short = name.rsplit("/", 1)[-1]
    if isinstance(bins, str):
        return [short]
    return list(bins) + ([short] if len(bins) == 1 else [])


def pypi_package(install, tools):
    name, version = install["package"], install["version"]
    spec = f"{name}=={version}"
    with tempfile.TemporaryDirectory(prefix="bridge-catalog-") as folder:
        options = ["--no-deps", "--only-binary", ":all:", "--ignore-requires-python", "--dest", folder]
        done = run([str(tools / "python"), "-m", "pip", "download", *options, spec])
        if done.returncode != 0:
            raise Fault(f"PyPI has no wheel of `{spec}`")
        if "yanked" in done.stderr.lower():
            raise Fault(f"`{spec}` was yanked from PyPI")
        [wheel] = Path(folder).glob("*.whl")
        with zipfile.ZipFile(wheel) as archive:
            names = archive.namelist()
            [path] = [path for path in names if path.endswith(".dist-info/METADATA") and path.count("/") == 1]
            metadata = Parser().parsestr(archive.read(path).decode("utf-8", "replace"), headersonly=True)
            points = path.replace("METADATA", "entry_points.txt")
            text = archive.read(points).decode() if points in names else ""
    scripts = re.search(r"\[console_scripts\]([^\[]*)", text)
    return metadata, re.findall(r"^\s*([\w.-]+)\s*=", scripts.group(1) if scripts else "", re.MULTILINE)


def latest(install, tools):
    """The newest version that the registry offers."""
    if install["method"] in ("npx", "npm"):
        done = run(["npm", "view", f"{install['package']}@latest", "version", "--json"])
        found = json.loads(done.stdout or "null")
        version = found[-1] if isinstance(found, list) else found
    else:
        # Without `--pre`, pip finds no package that has nothing but early versions.
        for early in ([], ["--pre"]):
            command = [str(tools / "python"), "-m", "pip", "index", "versions", "--ignore-requires-python", *early]
            found = re.search(r"\(([^)]+)\)", run([*command, install["package"]]).stdout)
            version = found and found.group(1)
            if version:
                break
    if not isinstance(version, str):
        raise Fault(f"no registry has `{install['package']}`")
    return version


def check_run(arguments, spec, scripts, runs_bare):
    """The pinned package is what the arguments name, and the program is one of its own."""
    named = [argument for argument in arguments if re.sub(r"\[.*?\]", "", argument) == spec]
    if not named:
        raise Fault(f"no argument is `{spec}`, so another version would run than the one that was checked")
    if runs_bare:
        short = re.split(r"(?<=.)@", spec)[0].rsplit("/", 1)[-1]
        if short not in scripts:
            raise Fault(f"the package has no program `{short}`, only {', '.join(scripts)}")
        return
    after = arguments[arguments.index(named[0]) + 1 :]
    if not after or after[0] not in scripts:
        raise Fault(f"the package has none of these programs: {', '.join(after[:1])}; but {', '.join(scripts)}")


def check_repository(recipe, addresses):
    """Where the package says that its source is, if it says so."""
    ours = plain(recipe.get("repository", ""))
    theirs = [plain(address) for address in addresses if address and "github.com" in address]
    if ours and theirs and not any(address.startswith(ours) for address in theirs):
        raise Fault(f"`repository` is {ours}, the package says {', '.join(sorted(set(theirs)))}")


def plain(address):
    """`github.com/owner/name` of any way to write it."""
    address = re.sub(r"^(git\+)?\w+://(git@)?|^git@", "", address).replace("github.com:", "github.com/")
    return re.sub(r"\.git$|/$", "", re.sub(r"^www\.", "", address)).lower()
