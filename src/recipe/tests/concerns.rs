//! What a recipe would do that has to be seen, as `Recipe::concerns` and the findings tell it.

use serde_json::{Value, json};

use super::fixtures::{least, today};
use crate::config::Severity as FindingSeverity;
use crate::recipe::concern::{Concern, Severity};
use crate::recipe::{self, Checked};

/// A recipe that is started with these words and got as `install` says.
fn checked(words: &str, install: &Value) -> Checked {
    let mut words = words.split(' ');
    let mut recipe = least();
    let command = words.next().expect("a command");
    let args: Vec<&str> = words.filter(|word| !word.is_empty()).collect();
    recipe["transports"] = json!([{"type": "stdio", "command": command, "args": args}]);
    recipe["install"] = install.clone();
    recipe["auth"] = json!({"envVars": ["API_TOKEN", "HOST"]});
    recipe::check(recipe.to_string().as_bytes(), today())
}

fn told(concern: &Concern) -> String {
    let label = match concern.severity {
        Severity::Consent => "consent",
        Severity::Refused => "refused",
    };
    format!("{label} {} {concern}", concern.pointer)
}

/// What is only asked for leaves a recipe, which tells the same again.
#[track_caller]
fn check(words: &str, install: &Value, expected: &[&str]) {
    let checked = checked(words, install);
    let recipe = checked.recipe.unwrap_or_else(|| panic!("{words}: {:#?}", checked.findings));
    let concerns = recipe.concerns();
    assert_eq!(concerns.iter().map(told).collect::<Vec<_>>(), expected, "{words} {install}");
    let warned = checked.findings.iter().map(|finding| (&finding.pointer, &finding.message));
    for concern in &concerns {
        let message = concern.to_string();
        assert!(warned.clone().any(|it| it == (&concern.pointer, &message)), "{message}");
    }
}

#[track_caller]
fn refuse(words: &str, install: &Value, expected: &[&str]) {
    let checked = checked(words, install);
    assert!(checked.recipe.is_none(), "{words} {install}");
    let errors = checked.findings.iter().filter(|it| it.severity == FindingSeverity::Error);
    let errors: Vec<String> = errors.map(|it| format!("{} {}", it.pointer, it.message)).collect();
    assert_eq!(errors, expected, "{words} {install}");
}

fn npx() -> Value {
    json!({"method": "npx", "package": "@a/b"})
}

fn uvx() -> Value {
    json!({"method": "uvx", "package": "mcp-server-git"})
}

fn docker() -> Value {
    json!({"method": "docker", "image": "ghcr.io/a/b"})
}

#[test]
fn plain_starts_are_no_concern() {
    check("npx -y @a/b@1.2 --port 1", &npx(), &[]);
    check("cmd /c npx -y @a/b", &npx(), &[]);
    check("uvx --python 3.12 mcp_server_git==1.0 -c x", &uvx(), &[]);
    check("uvx --from mcp-server-git start", &uvx(), &[]);
    check("docker run -i --rm -e API_TOKEN ghcr.io/a/b:latest -v x", &docker(), &[]);
    check("b --x", &json!({"method": "npm", "package": "@a/b@1"}), &[]);
    check("python -m mcp_server", &json!({"method": "pip", "package": "mcp-server"}), &[]);
    check("github-mcp", &json!({"method": "go", "package": "github.com/a/github-mcp"}), &[]);
    check(
        "/opt/x/server",
        &json!({"method": "binary", "binary": "https://example.com/server"}),
        &[],
    );
    check("uvx --from mcp-server-git python -m mcp_server_git", &uvx(), &[]);
}

#[test]
fn what_is_run_before_a_server_is_shown() {
    check(
        "server",
        &json!({"method": "git", "repository": "http://example.com/server", "buildCommand": "make",
            "preInstall": ["apt-get install x"], "postInstall": ["rm -r x", "id"]}),
        &[
            "consent /install/repository `http://example.com/server` is reached without encryption, so that others can read and change what is sent",
            "consent /install/buildCommand `make` is run by a shell on this machine",
            "consent /install/preInstall/0 `apt-get install x` is run by a shell on this machine",
            "consent /install/postInstall/0 `rm -r x` is run by a shell on this machine",
            "consent /install/postInstall/1 `id` is run by a shell on this machine",
        ],
    );
    refuse(
        "server",
        &json!({"method": "git", "repository": "ext::/bin/server", "buildCommand": "make \u{202e}x"}),
        &[
            "/install/repository `ext::/bin/server` is no address of a repository, which begins with `https://` or `ssh://`",
            "/install/buildCommand `make \\u{202e}x` has characters that are not seen, so that it is not what it looks like",
        ],
    );
    refuse(
        "npx @a/b",
        &json!({"method": "npx", "package": "--registry=https://evil.example", "version": "1 2"}),
        &[
            "/install/package `--registry=https://evil.example` begins with `-`, so that a program would take it for an option",
            "/install/version `1 2` has blanks, which no name of a package, version or image has",
        ],
    );
    check(
        "npx a",
        &json!({"method": "npx", "package": "a", "version": "npm:evil"}),
        &["consent /install/version `npm:evil` does not come from the registry of packages"],
    );
}

#[test]
fn arguments_that_change_what_is_fetched_are_shown() {
    check(
        "npx -y --package=evil --registry https://r.example -c id",
        &npx(),
        &[
            "consent /transports/0/args/2 `--registry https://r.example` has packages taken from elsewhere than from the usual registry",
            "consent /transports/0/args/4 `-c id` is code that is run as it stands there",
            "consent /transports/0/args/1 `evil` is not what the recipe says that it installs",
        ],
    );
    check(
        "uvx --from git+https://e.example/x --with evil mcp-server-git",
        &uvx(),
        &[
            "consent /transports/0/args/2 `--with evil` is fetched beside what the recipe says that it installs",
            "consent /transports/0/args/1 `git+https://e.example/x` does not come from the registry of packages",
            "consent /transports/0/args/1 `git+https://e.example/x` is not what the recipe says that it installs",
        ],
    );
    check(
        "npm exec @a/b --registry=https://r.example -- --registry x",
        &npx(),
        &[
            "consent /transports/0/args/2 `--registry=https://r.example` has packages taken from elsewhere than from the usual registry",
        ],
    );
    check(
        "npx ${HOST} --key ${API_TOKEN}",
        &npx(),
        &[
            "consent /transports/0/args/2 `${API_TOKEN}` stands among the arguments, which every program on this machine can read",
            "consent /transports/0/args/0 `${HOST}` is known only once its variable is filled in",
        ],
    );
}

#[test]
fn code_among_arguments_is_shown() {
    let binary = || json!({"method": "binary", "binary": "https://example.com/x"});
    let code = |words: &str, at: usize, what: &str| {
        let code = format!(
            "consent /transports/0/args/{at} `{what}` is code that is run as it stands there"
        );
        let command = words.split(' ').next().unwrap_or_default();
        let other = format!(
            "consent /transports/0/command `{command}` is another program than the one that is installed"
        );
        check(words, &binary(), &[&other, &code]);
    };
    code("node -e id", 0, "-e id");
    code("node --eval=id", 0, "--eval=id");
    code("node -pe id", 0, "-pe id");
    code("python3 -I -c id x", 1, "-c id x");
    code("node -p id", 0, "-p id");
    code("python -Ic id", 0, "-Ic id");
    code("deno eval id", 0, "eval id");
    let shell = |words: &str, command: &str, at: usize, what: &str| {
        let method = format!(
            "consent /transports/0/command `{command}` is not what a server by `binary` is started with"
        );
        let code = format!(
            "consent /transports/0/args/{at} `{what}` is code that is run as it stands there"
        );
        check(words, &binary(), &[&method, &code]);
    };
    shell("sh -c id x", "sh", 0, "-c id x");
    shell("/bin/bash -e -lc id", "/bin/bash", 1, "-lc id");
    shell("pwsh -ExecutionPolicy Bypass -enc aWQ=", "pwsh", 2, "-enc aWQ=");
    shell("cmd /d /c npx a&id", "cmd", 1, "/c npx a&id");
    check(
        "node --require ./x.js --import=y server.js",
        &binary(),
        &[
            "consent /transports/0/command `node` is another program than the one that is installed",
            "consent /transports/0/args/0 `--require ./x.js` brings code into a program before that runs",
            "consent /transports/0/args/2 `--import=y` brings code into a program before that runs",
        ],
    );
    check(
        "deno run -A https://e.example/x.ts",
        &binary(),
        &[
            "consent /transports/0/command `deno` is another program than the one that is installed",
            "consent /transports/0/args/2 `https://e.example/x.ts` does not come from the registry of packages",
        ],
    );
}

#[test]
fn commands_belong_to_their_method() {
    let outside = |words: &str, install: &Value, method: &str| {
        let command = words.split(' ').next().unwrap_or_default();
        let told = format!(
            "consent /transports/0/command `{command}` is not what a server by `{method}` is started with"
        );
        check(words, install, &[&told]);
    };
    outside("curl https://example.com", &npx(), "npx");
    outside("node x.js", &npx(), "npx");
    outside("npm run x", &npx(), "npx");
    outside("docker compose up", &docker(), "docker");
    outside("npx x", &json!({"method": "pip", "package": "x"}), "pip");
    outside("uv run x", &json!({"method": "uvx", "package": "x"}), "uvx");
    outside("uv run x", &json!({"method": "git", "repository": "git@h:x"}), "git");
    outside("timeout 9 x", &json!({"method": "npm", "package": "timeout"}), "npm");
    outside("busybox nc", &json!({"method": "binary", "binary": "https://h/busybox"}), "binary");
    let other = |words: &str, install: &Value| {
        let command = words.split(' ').next().unwrap_or_default();
        let told = format!(
            "consent /transports/0/command `{command}` is another program than the one that is installed"
        );
        check(words, install, &[&told]);
    };
    other("/usr/bin/x", &json!({"method": "pip", "package": "x"}));
    other("nodejs x.js", &json!({"method": "npm", "package": "x"}));
    other("pypy3 x.py", &json!({"method": "pip", "package": "x"}));
    other("wrapper x", &json!({"method": "go", "package": "example.com/x"}));
    refuse(
        "sudo npx @a/b",
        &npx(),
        &["/transports/0/command `sudo` runs it with the rights of an administrator"],
    );
}

#[test]
fn a_program_out_of_a_named_package_is_looked_at() {
    check(
        "npx --package=@a/b node -e id",
        &npx(),
        &["consent /transports/0/args/2 `-e id` is code that is run as it stands there"],
    );
    check(
        "uvx --from mcp-server-git sh -c id",
        &uvx(),
        &[
            "consent /transports/0/args/2 `sh` is another program than the one that is installed",
            "consent /transports/0/args/3 `-c id` is code that is run as it stands there",
        ],
    );
    refuse(
        "npx -p @a/b sudo x",
        &npx(),
        &["/transports/0/args/2 `sudo` runs it with the rights of an administrator"],
    );
}

#[test]
fn files_that_are_run_are_shown() {
    let with_file = |name: &str| json!({"method": "npx", "package": "tsx", "configFiles": [{"name": name, "content": "x"}]});
    check(
        "npx -y tsx ${CONFIG_DIR}/x.ts",
        &with_file("x.ts"),
        &[
            "consent /transports/0/args/2 `${CONFIG_DIR}/x.ts` is a file of the recipe's own, which is run as a program",
        ],
    );
    check("npx -y tsx --config ${CONFIG_DIR}/x.json", &with_file("x.json"), &[]);
    check(
        "node ${CONFIG_DIR}/server",
        &json!({"method": "npm", "package": "x", "configFiles": [{"name": "server", "content": "x"}]}),
        &[
            "consent /transports/0/command `node` is another program than the one that is installed",
            "consent /transports/0/args/0 `${CONFIG_DIR}/server` is a file of the recipe's own, which is run as a program",
        ],
    );
}

#[test]
fn containers_stay_closed() {
    check(
        "docker -H tcp://e.example run -itv /home:/data --network=host ghcr.io/a/c",
        &docker(),
        &[
            "consent /transports/0/args/0 `-H tcp://e.example` has another Docker run it than that of this machine",
            "consent /transports/0/args/3 `-itv /home:/data` gives the container files of this machine",
            "consent /transports/0/args/5 `--network=host` lets the container see what is outside of it",
            "consent /transports/0/args/6 `ghcr.io/a/c` is not what the recipe says that it installs",
        ],
    );
    refuse(
        "podman run --privileged -v /:/host ghcr.io/a/b",
        &docker(),
        &[
            "/transports/0/args/1 `--privileged` gives the container all rights on this machine",
            "/transports/0/args/2 `-v /:/host` gives the container all files of this machine",
        ],
    );
}

#[test]
fn systems_with_other_arguments_are_looked_at() {
    check(
        "npx @a/b",
        &json!({"method": "npx", "package": "@a/b", "platforms": {
            "win32": {"args": ["@a/evil"]},
            "linux": {"command": "sh", "args": ["-c", "id"], "env": {"LD_PRELOAD": "x"}}}}),
        &[
            "consent /install/platforms/win32/args/0 `@a/evil` is not what the recipe says that it installs",
            "consent /install/platforms/linux/env/LD_PRELOAD `LD_PRELOAD=x` brings code into a program before that runs",
            "consent /install/platforms/linux/command `sh` is not what a server by `npx` is started with",
            "consent /install/platforms/linux/args/0 `-c id` is code that is run as it stands there",
        ],
    );
}
