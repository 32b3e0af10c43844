//! `promotions`: which tools stand beside `mcp`, and how often tools were called.

use crate::router::answer::{self, CountedTool, Promotions};
use crate::router::promotion::{Count, ToolOfServer};
use crate::router::routing::Router;

/// The promoted tools, and every tool that was called within `decayMs`.
pub(in crate::router) fn show(router: &Router) -> Box<str> {
    let counts = router.promotion.counts();
    let promoted = router.promotion.promoted();
    let count = |count: &Count, with_time: bool| {
        let at = || humantime::format_rfc3339_millis(count.last_at).to_string();
        CountedTool {
            server: count.tool.0.to_string(),
            tool: count.tool.1.clone(),
            call_count: count.calls,
            last_call: with_time.then(at),
        }
    };
    let of_promoted = |tool: &ToolOfServer| counts.iter().find(|count| count.tool == *tool);
    answer::result(&Promotions {
        action: "promotions",
        promoted: promoted.iter().filter_map(of_promoted).map(|c| count(c, false)).collect(),
        stats: counts.iter().map(|c| count(c, true)).collect(),
    })
}
