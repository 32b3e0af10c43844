//! Servers that are reached by URL, in another way than their entry says: what is told, and the remedy.

use std::io::{Read, Write};
use std::net::TcpListener;

use serde_json::{Value, json};

use crate::support::{Bridge, Output, Web, assert_words};

/// A port that answers whatever comes first with these bytes and hangs up; its address.
fn port(answer: &'static [u8]) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("there is a free port");
    let address = listener.local_addr().expect("it is bound");
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            // Whoever has gone needs no answer.
            if stream.read(&mut [0; 4096]).is_ok_and(|read| read > 0) {
                let _ = stream.write_all(answer);
            }
        }
    });
    address.to_string()
}

fn call(entry: Value) -> Output {
    Bridge::new().entry("web", entry).run(&["call", "web", "echo", r#"{"message":"x"}"#])
}

#[test]
fn a_port_without_tls_is_recognised() {
    let address = port(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n");
    let output = call(json!({"url": format!("https://{address}/mcp")})).expect(5);
    assert_words(&output.stderr, &[&address, "does not speak TLS", "`http://`"]);
}

#[test]
fn a_port_for_tls_is_recognised() {
    // The alert of TLS by which a port refuses what is no handshake; and two that explain it in HTTP.
    let alert = port(b"\x15\x03\x03\x00\x02\x02\x46");
    let output = call(json!({"url": format!("http://{alert}/mcp")})).expect(5);
    assert_words(&output.stderr, &[&alert, "does not answer in plain HTTP", "`https://`"]);
    let told =
        port(b"HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n");
    let page = port(
        b"HTTP/1.1 400 Bad Request\r\nContent-Type: text/html\r\nConnection: close\r\n\r\n\
          <html><center>The plain HTTP request was sent to HTTPS port</center></html>",
    );
    for address in [told, page] {
        let output = call(json!({"url": format!("http://{address}/mcp")})).expect(5);
        assert_words(&output.stderr, &[&address, "status 400", "speaks TLS", "`https://`"]);
    }
}

#[test]
fn a_server_of_the_present_transport_is_not_one_of_the_older() {
    let check = |status: u16, kind: &'static str, body: &'static str, words: &[&str]| {
        let web = Web::start(move |request, reply| {
            request.method == "GET" && reply.send(status, &[("Content-Type", kind)], body)
        });
        let output = call(json!({"transport": "sse", "url": web.url("/mcp")})).expect(5);
        let fits = "`\"transport\": \"streamable-http\"` fits";
        assert_words(
            &output.stderr,
            &[&[&*web.host(), "older HTTP transport", fits], words].concat(),
        );
        assert_eq!(web.messages("initialize").len(), 0);
        let right = call(json!({"transport": "streamable-http", "url": web.url("/mcp")}));
        assert_eq!(right.expect(0).stdout.trim_end(), "x");
    };
    let error = r#"{"jsonrpc":"2.0","id":null,"error":{"code":-32000,"message":"no session"}}"#;
    check(405, "text/plain", "", &["HTTP status 405"]);
    check(406, "text/plain", "", &["HTTP status 406"]);
    check(400, "application/json", error, &["HTTP status 400"]);
    check(200, "application/json", "{}", &["no stream of events"]);
    check(200, "text/event-stream", "event: message\ndata: {}\n\n", &["begin with `endpoint`"]);
    check(200, "text/event-stream", ": hello\n\n", &["ended before it named its endpoint"]);
}

#[test]
fn what_says_nothing_of_the_transport_is_told_as_it_is() {
    let web = Web::start(|_, reply| reply.send(404, &[("Content-Type", "text/plain")], "gone"));
    let output = call(json!({"transport": "sse", "url": web.url("/sse")})).expect(5);
    assert_words(&output.stderr, &["HTTP status 404", "check `url`"]);
}

#[test]
fn a_failure_of_the_server_says_whether_a_call_may_have_run() {
    let failing = |at: &'static str| {
        Web::start(move |request, reply| {
            request.is(at) && reply.send(500, &[("Content-Type", "text/plain")], "oh no")
        })
    };
    let output = call(failing("initialize").entry()).expect(5);
    assert_words(&output.stderr, &["HTTP status 500", "oh no", "nothing was called yet", "log"]);
    let output = call(failing("tools/call").entry()).expect(5);
    assert_words(
        &output.stderr,
        &["HTTP status 500", "may have run", "changes something", "before you repeat it", "log"],
    );
}
