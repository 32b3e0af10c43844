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
class AsClient:
    """A run of the suite that judges the bridge as a client."""

    client: str


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


def read_skip(entry, keys):
    where = tuple((key, tuple(entry[key])) for key in keys if key in entry)
    return Skip(entry["scenario"], entry["reason"], tuple(entry.get("checks", ())), where)


class Plan:
    """pairs.json and skipped.json."""

    def __init__(self, folder):
        pairs = json.loads((folder / "pairs.json").read_text())
        self.runs = pairs["runs"]
        self.clients = pairs["clients"]
        self.pairs = [Pair(**pair) for pair in pairs["pairs"]]
        entries = json.loads((folder / "skipped.json").read_text())
        self.skipped = [read_skip(entry, ("run", "server", "upstream")) for entry in entries if "client" not in entry]
        self.skipped_as_client = [read_skip(entry, ("client",)) for entry in entries if "client" in entry]


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

    def only(self, wanted):
        return Results({name: checks for name, checks in self.scenarios.items() if wanted(name)})

    def checks(self, scenario):
        """How many checks of a scenario succeeded, each counted once however often it was made."""
        return sum(SUCCESS in found for found, _ in self.scenarios[scenario].values())

    def faults(self):
        """Everything that failed or was warned of, for a run that may have no fault; a suite that did not run is one."""
        if not self.scenarios:
            return ["the suite reported nothing"]
        return [fault for scenario in self.scenarios for fault in self.faults_of(scenario)]

    def faults_of(self, scenario):
        return [
            f"{scenario}, {check[0]}: {message}"
            for check, (found, message) in self.scenarios.get(scenario, {}).items()
            if not HARMLESS.issuperset(found)
        ]


def load(folder):
    """Reads what the suite wrote: a folder per scenario, named after it and the time."""
    results = Results()
    for file in sorted(folder.glob("**/checks.json")):
        name = file.parent.relative_to(folder).as_posix()
        scenario = re.sub(r"^server-|-\d{4}-\d\d-\d\dT[\dA-Z-]+$", "", name)
        checks = results.scenarios.setdefault(scenario, {})
        for check in json.loads(file.read_text()):
            found, message = checks.get((check["id"], check["name"]), ([], None))
            if check["status"] != SUCCESS and message is None:
                message = check.get("errorMessage") or check.get("description")
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


@dataclass
class ClientOutcome:
    """The bridge as a client: the scenarios in order, what the suite said, what is wrong with it, which skip each needed."""

    title: str
    order: list
    results: Results
    faults: list
    skipped: dict


def judge_client(title, scenarios, failed, results, skipped):
    """Every scenario has to end well, without a failure or a warning, but those that are skipped, which must not."""
    faults, needed = [] if scenarios else ["the suite has no scenarios"], {}
    for scenario in scenarios:
        wrong = results.faults_of(scenario)
        if not wrong and scenario in failed:
            # Without a failed check it was the bridge, or who used it, that gave up.
            wrong = [f"{scenario}: it did not end well, see its log"]
        if scenario not in results.scenarios:
            wrong = [f"{scenario}: the suite reported nothing"]
        skip = next((skip for skip in skipped if skip.covers(AsClient(title), scenario)), None)
        if skip is None:
            faults += wrong
        elif wrong:
            needed[scenario] = skip
        else:
            faults.append(f"{scenario} is skipped without need: take the entry out of skipped.json")
    return ClientOutcome(title, scenarios, results, faults, needed)


def unneeded(outcomes, skipped):
    """What is skipped for a run in which nothing is like that."""
    for skip in skipped:
        for title in dict(skip.where)["client"]:
            if not any(outcome.title == title and skip in outcome.skipped.values() for outcome in outcomes):
                yield f"{title}, as a client: {skip.scenario} is skipped without need: take it out of skipped.json"


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
