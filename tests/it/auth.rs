//! Logging in to servers by OAuth.

use serde_json::json;

use crate::support::{Bridge, Web, assert_words, error_of};

#[test]
fn a_server_that_wants_a_login_is_told_with_the_way_to_it() {
    let metadata = r#"Bearer resource_metadata="https://example.com/.well-known/x""#;
    let web = Web::start(move |_, reply| reply.send(401, &[("WWW-Authenticate", metadata)], ""));
    let bridge = Bridge::new().entry("notes", web.entry());
    let output = bridge.run(&["servers"]).expect(5);
    let words = ["401", r#""auth": {"type": "oauth2"}"#, "bridge auth login notes"];
    assert_words(&[output.stdout, output.stderr].concat(), &words);
    let mut client = bridge.serve_initialized();
    let error = error_of(&client.call("notes", "echo", json!({})), "connection_failed");
    assert_words(&error["hint"].to_string(), &["bridge auth login notes"]);
}
