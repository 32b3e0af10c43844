//! What the browser of a page from another origin wants to hear before it lets the page call and read (Fetch, CORS
//! protocol). Who may call is decided by [`super::origin`], which goes by the address of the connection as well; of those,
//! each is told that it may, by its own name and without cookies, and everybody else is told nothing.

use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::response::Response;

use super::reply;

/// What a page may read of an answer beside its body.
const READABLE: HeaderValue =
    HeaderValue::from_static("Mcp-Session-Id, MCP-Protocol-Version, WWW-Authenticate, Retry-After");
const METHODS: HeaderValue = HeaderValue::from_static("GET, POST, DELETE");
/// How long a browser may remember the answer, in seconds.
const MAX_AGE: HeaderValue = HeaderValue::from_static("3600");

/// The answer to the question whether a page may call, if the request is that question. The page is one that may.
pub(super) fn preflight(parts: &Parts) -> Option<Response> {
    let headers = &parts.headers;
    let asks = parts.method == Method::OPTIONS
        && headers.contains_key(header::ORIGIN)
        && headers.contains_key(header::ACCESS_CONTROL_REQUEST_METHOD);
    if !asks {
        return None;
    }
    let mut response = reply::empty(StatusCode::NO_CONTENT);
    let answer = response.headers_mut();
    answer.insert(header::ACCESS_CONTROL_ALLOW_METHODS, METHODS);
    answer.insert(header::ACCESS_CONTROL_MAX_AGE, MAX_AGE);
    if let Some(names) = wanted(headers) {
        answer.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, names);
    }
    Some(response)
}

/// Lets the page of this origin read the answer.
pub(super) fn allow(response: &mut Response, origin: HeaderValue) {
    let headers = response.headers_mut();
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, READABLE);
    headers.append(header::VARY, HeaderValue::from_static("Origin"));
}

/// Those of the headers that the page wants to send that have a meaning here.
fn wanted(headers: &HeaderMap) -> Option<HeaderValue> {
    let lists = headers.get_all(header::ACCESS_CONTROL_REQUEST_HEADERS).iter();
    let names = lists.filter_map(|list| list.to_str().ok()).flat_map(|list| list.split(','));
    let known: Vec<_> = names
        .filter_map(|name| HeaderName::from_bytes(name.trim().as_bytes()).ok())
        .filter(is_known)
        .collect();
    let known: Vec<_> = known.iter().map(HeaderName::as_str).collect();
    if known.is_empty() { None } else { HeaderValue::from_str(&known.join(", ")).ok() }
}

/// Whether clients of MCP send it; what tools repeat in headers is in `Mcp-Param-` and their names.
fn is_known(name: &HeaderName) -> bool {
    matches!(*name, header::ACCEPT | header::AUTHORIZATION | header::CONTENT_TYPE)
        || name == "last-event-id"
        || name.as_str().starts_with("mcp-")
}

#[cfg(test)]
mod tests {
    use axum::http::Request;

    use super::*;

    fn asked(method: &str, headers: &[(&str, &str)]) -> Option<Response> {
        let mut request = Request::builder().method(method);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        preflight(&request.body(()).expect("a request").into_parts().0)
    }

    #[test]
    fn a_question_is_one_of_a_page_for_a_method() {
        let check = |method: &str, headers: &[&str], expected: bool| {
            let headers: Vec<_> = headers.iter().map(|name| (*name, "x")).collect();
            assert_eq!(asked(method, &headers).is_some(), expected, "{method} {headers:?}");
        };
        check("OPTIONS", &["origin", "access-control-request-method"], true);
        check("OPTIONS", &["origin"], false);
        check("OPTIONS", &["access-control-request-method"], false);
        check("POST", &["origin", "access-control-request-method"], false);
    }

    #[test]
    fn headers_are_allowed_that_mean_something() {
        let check = |wanted: &str, expected: Option<&str>| {
            let headers = [
                ("origin", "https://app.example"),
                ("access-control-request-method", "POST"),
                ("access-control-request-headers", wanted),
            ];
            let response = asked("OPTIONS", &headers).expect("a question");
            let found = response.headers().get(header::ACCESS_CONTROL_ALLOW_HEADERS);
            assert_eq!(found.map(|found| found.to_str().expect("text")), expected, "{wanted}");
        };
        check("content-type,mcp-session-id", Some("content-type, mcp-session-id"));
        check(
            "Mcp-Param-Region, MCP-Protocol-Version",
            Some("mcp-param-region, mcp-protocol-version"),
        );
        check("accept, authorization, last-event-id", Some("accept, authorization, last-event-id"));
        check("x-other, authorization, cookie", Some("authorization"));
        check("mcp-a b, mcp-(a), *, ", None);
    }
}
