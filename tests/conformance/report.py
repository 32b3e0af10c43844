"""The table, and its place in the documentation."""

BEGIN = "<!-- Written by `just conformance --write`. -->"
END = "<!-- End of what is written. -->"

# How the scenarios about authorization begin.
LOGIN = "auth/"

SERVERS = {"session": "2025-11-25 and older", "stateless": "2026-07-28", "both": "both"}
UPSTREAMS = {"http": "streamable HTTP", "stdio": "stdio"}


def table(plan, direct, outcomes):
    """One row per pair: scenarios and checks that passed, directly and through the bridge."""
    lines = [
        "| suite | server | upstream | scenarios directly | through the bridge | checks directly | through the bridge |",
        "|---|---|---|---|---|---|---|",
    ]
    for outcome in outcomes:
        pair = outcome.pair
        passed, scenarios, succeeded, _ = direct[pair.run].counts()
        bridged_passed, bridged_scenarios, bridged_succeeded, _ = outcome.results.counts()
        cells = [
            plan.runs[pair.run]["title"],
            SERVERS[pair.server],
            UPSTREAMS[pair.upstream],
            f"{passed} of {scenarios}",
            f"{bridged_passed} of {bridged_scenarios}",
            str(succeeded),
            str(bridged_succeeded),
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def client_table(clients):
    """One row per run: how the bridge does as a client of the suite's servers, logins apart."""
    lines = ["| suite | scenarios | checks |", "|---|---|---|"]
    for outcome in clients:
        results = outcome.results.only(lambda scenario: not is_login(scenario))
        passed, scenarios, succeeded, _ = results.counts()
        if scenarios:
            lines.append(f"| {outcome.title} | {passed} of {scenarios} | {succeeded} |")
    return "\n".join(lines)


def login_table(clients):
    """One row per scenario about authorization and one column per run: the checks that succeeded, where all is well."""
    titles = [outcome.title for outcome in clients]
    lines = [f"| scenario | {' | '.join(titles)} |", "|---|" + "---|" * len(titles)]
    scenarios = {scenario: None for outcome in clients for scenario in outcome.order if is_login(scenario)}
    for scenario in scenarios:
        cells = " | ".join(login_cell(outcome, scenario) for outcome in clients)
        lines.append(f"| {scenario.removeprefix(LOGIN)} | {cells} |")
    totals = " | ".join(login_total(outcome) for outcome in clients)
    lines.append(f"| **well, of all** | {totals} |")
    return "\n".join(lines)


def login_cell(outcome, scenario):
    if scenario not in outcome.order:
        return ""
    return "left out" if scenario in outcome.skipped else str(outcome.results.checks(scenario))


def login_total(outcome):
    scenarios = [scenario for scenario in outcome.order if is_login(scenario)]
    well = [scenario for scenario in scenarios if scenario not in outcome.skipped]
    return f"**{len(well)} of {len(scenarios)}**"


def is_login(scenario):
    return scenario.startswith(LOGIN)


def client_reasons(clients):
    """What is skipped of the scenarios for clients, and why."""
    where = {}
    for outcome in clients:
        for skip in outcome.skipped.values():
            where.setdefault(skip, {})[outcome.title] = None
    lines = [f"- `{skip.scenario}`, suite {' and '.join(titles)}: {skip.reason}" for skip, titles in where.items()]
    return "\n".join(lines) if lines else "Nothing."


def reasons(plan, outcomes):
    """What is skipped and why, for which rows of the table."""
    needed = [skip for skip in plan.skipped if any(skip in outcome.needed for outcome in outcomes)]
    lines = []
    for skip in needed:
        where = describe(plan, dict(skip.where))
        checks = f" ({', '.join(f'`{check}`' for check in skip.checks)})" if skip.checks else ""
        lines.append(f"- `{skip.scenario}`{checks}, {where}: {skip.reason}")
    return "\n".join(lines) if lines else "Nothing."


def describe(plan, where):
    parts = []
    if "run" in where:
        parts.append("suite " + " or ".join(plan.runs[run]["title"] for run in where["run"]))
    if "server" in where:
        parts.append("server " + " or ".join(SERVERS[server] for server in where["server"]))
    if "upstream" in where:
        parts.append("upstream " + " or ".join(UPSTREAMS[upstream] for upstream in where["upstream"]))
    return ", ".join(parts) if parts else "everywhere"


def write(document, plan, direct, outcomes, clients):
    """Replaces what stands between the two marks."""
    text = document.read_text()
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    if not rest or END not in rest:
        raise SystemExit(f"conformance: {document} has lost its marks")
    sections = [
        before + BEGIN,
        "### As a server",
        table(plan, direct, outcomes),
        "### What is left out, and why",
        reasons(plan, outcomes),
        "### As a client",
        client_table(clients),
        "### As a client that logs in",
        "How many checks of each scenario about authorization succeeded; none failed, and nothing was warned of.",
        login_table(clients),
        "### What is left out of that, and why",
        client_reasons(clients),
        END + after,
    ]
    document.write_text("\n\n".join(sections))
