//! What a guard lets through is JSON where JSON came in, and passes a second time unchanged.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use mcp_bridge::base::json::Strict;
use mcp_bridge::config::{SanitizeAction, ServerName, Trust};
use mcp_bridge::guard::Guard;

static SERVER: LazyLock<ServerName> =
    LazyLock::new(|| ServerName::parse("server").expect("a name of letters is fine"));

fuzz_target!(|data: &str| {
    let actions = [SanitizeAction::Replace, SanitizeAction::Annotate];
    for (trust, action) in [Trust::Sanitize, Trust::Untrusted]
        .into_iter()
        .flat_map(|trust| actions.map(|action| (trust, action)))
    {
        let guard = Guard::new(&SERVER, trust, action);
        let (once, _) = guard.text(data);
        let (twice, _) = guard.text(&once);
        assert_eq!(once, twice, "{trust:?} {action:?}");
        if Strict::new().check(data.as_bytes()).is_err() {
            continue;
        }
        let once = guard.result(data, false).json;
        let mut strict = Strict::new();
        let fault = strict.check(once.as_bytes()).err();
        assert!(fault.is_none(), "{trust:?} {action:?} gave `{once}`: {fault:?}");
        assert_eq!(guard.result(&once, false).json, once, "{trust:?} {action:?}");
        let enclosed = guard.result(data, true).json;
        assert!(Strict::new().check(enclosed.as_bytes()).is_ok(), "`{enclosed}` is no JSON");
    }
});
