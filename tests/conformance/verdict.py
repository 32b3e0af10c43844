"""What the suite said, and where it said something else of the bridge than of the server behind it."""

import json
import re
from dataclasses import dataclass, field

SUCCESS = "SUCCESS"
FAILURE = "FAILURE"
# What the suite says when all is well or it has no opinion.
HARMLESS = {"INFO", "SKIPPED", SUCCESS}


@dataclass(frozen=True)
class Pair:
    """A run of the suite, the era of the server behind the bridge, and how the bridge reaches it."""

    run: str
    server: str
    upstream: str

    def name(self, plan):
        return f"{plan.runs[self.run]['title']} to {self.server}, {self.upstream}"


@dataclass(frozen=True)
class Skip:
    """A scenario, or some of its checks, that cannot hold for some pairs."""

    scenario: str
    reason: str
    checks: tuple
    where: tuple

    def covers(self, pair, scenario):
        matches = all(getattr(pair, key) in values for key, values in self.where)
        return matches and re.fullmatch(self.scenario.replace("*", ".*"), scenario) is not None

    def covers_check(self, check):
        return not self.checks or check in self.checks


class Plan:
    """pairs.json and skipped.json."""

    def __init__(self, folder):
        pairs = json.loads((folder / "pairs.json").read_text())
        self.runs = pairs["runs"]
        self.clients = pairs["clients"]
        self.pairs = [Pair(**pair) for pair in pairs["pairs"]]
        self.skipped = [
            Skip(
                entry["scenario"],
                entry["reason"],
                tuple(entry.get("checks", ())),
                tuple((key, tuple(entry[key])) for key in ("run", "server", "upstream") if key in entry),
            )
            for entry in json.loads((folder / "skipped.json").read_text())
        ]


@dataclass
class Results:
    """One run: by scenario and check, the statuses in order and the first message of one that failed."""

    scenarios: dict = field(default_factory=dict)

    def counts(self):
        """Scenarios that passed, scenarios, checks that succeeded, checks that failed."""
        passed = sum(self.passed(scenario) for scenario in self.scenarios)
        statuses = [status for checks in self.scenarios.values() for found, _ in checks.values() for status in found]
        return passed, len(self.scenarios), statuses.count(SUCCESS), statuses.count(FAILURE)

    def summary(self):
        passed, scenarios, succeeded, failed = self.counts()
        return f"{passed} of {scenarios} scenarios, {succeeded} checks succeeded, {failed} failed"

    def passed(self, scenario):
        statuses = [status for found, _ in self.scenarios[scenario].values() for status in found]
        return FAILURE not in statuses and SUCCESS in statuses

    def faults(self):
        """Everything that failed or was warned of, for a run that may have no fault; a suite that did not run is one."""
        if not self.scenarios:
            return ["the suite reported nothing"]
        return [
            f"{scenario}, {check[0]}: {message}"
            for scenario, checks in self.scenarios.items()
            for check, (found, message) in checks.items()
            if not HARMLESS.issuperset(found)
        ]


def load(folder):
    """Reads what the suite wrote: a folder per scenario, named after it and the time."""
    results = Results()
    for file in sorted(folder.glob("*/checks.json")):
        scenario = re.sub(r"^server-|-\d{4}-\d\d-\d\dT[\dA-Z-]+$", "", file.parent.name)
        checks = results.scenarios.setdefault(scenario, {})
        for check in json.loads(file.read_text()):
            found, message = checks.get((check["id"], check["name"]), ([], None))
            if check["status"] != SUCCESS and message is None:
                message = check.get("errorMessage")
            checks[check["id"], check["name"]] = ([*found, check["status"]], message)
    return results


@dataclass
class Outcome:
    """One pair: what came back, what is wrong with it, and which skips it needed."""

    pair: Pair
    results: Results
    faults: list
    needed: list


def compare(pair, direct, bridged, skipped):
    """Every check that succeeded directly has to succeed through the bridge, and none may fail that was not there before.
    What is skipped has to differ: an entry that nothing needs any more is a fault as well."""
    faults, needed = [], set()
    for scenario in direct.scenarios:
        relevant = [skip for skip in skipped if skip.covers(pair, scenario)]
        for check, said in differences(direct.scenarios[scenario], bridged.scenarios.get(scenario)):
            excuses = [skip for skip in relevant if skip.covers_check(check)]
            needed.update(excuses)
            if not excuses:
                faults.append(f"{scenario}, {check}: {said}")
    for skip in skipped:
        concerns = any(skip.covers(pair, scenario) for scenario in direct.scenarios)
        if concerns and skip not in needed:
            faults.append(f"{skip.scenario} is skipped without need: take the entry out of skipped.json")
    return Outcome(pair, bridged, faults, [skip for skip in skipped if skip in needed])


def differences(direct, bridged):
    """Pairs of a check and what was said of it instead of success."""
    if bridged is None:
        yield "all checks", "the scenario did not run"
        return
    for check, (wanted, _) in direct.items():
        if any(status != SUCCESS for status in wanted):
            continue
        found, message = bridged.get(check, ([], None))
        short = len(found) < len(wanted)
        if short or any(status != SUCCESS for status in found):
            worst = FAILURE if FAILURE in found else next((status for status in found if status != SUCCESS), "not reached")
            yield check[0], f"{worst}: {message}" if message else worst
    for check, (found, message) in bridged.items():
        if check not in direct and FAILURE in found:
            yield check[0], f"{FAILURE}: {message}"
