//! Whether anything grows with the number of calls that were made.

use std::io;
use std::thread::sleep;
use std::time::Duration;

use super::Effort;
use crate::bridge::{Ground, Mode, bare, remote, upstream_http};
use crate::load::{Call, Way};
use crate::report::{Report, shown};

/// The kernel counts memory a little behind.
const SETTLING: Duration = Duration::from_millis(300);
const IN_FLIGHT: usize = 32;
/// What the last nine tenths of the calls, and more, may leave behind, which is a byte a call at the full number.
const MAX_GROWTH_MB: f64 = 1.0;

pub(super) fn run(ground: &Ground, effort: Effort, report: &mut Report) -> io::Result<()> {
    let (server, endpoint) = upstream_http()?;
    let over_http = ground.bridge_http(Mode::Router, &remote(&endpoint), IN_FLIGHT)?.0;
    let mut ways = [
        (String::new(), bare()?),
        (String::new(), ground.bridge(Mode::Router)?),
        (String::new(), ground.bridge(Mode::Direct)?),
        (" over HTTP".to_owned(), over_http.in_front_of(server)),
    ];
    let points = [effort.calls / 100, effort.calls / 10, effort.calls];
    let heads = points.map(|point| format!("after {point} calls, MB"));
    let mut columns = vec!["memory of its own", "before, MB"];
    columns.extend(heads.iter().map(String::as_str));
    report.head("Memory and the number of calls", &columns)?;
    for (transport, way) in &mut ways {
        let name = format!("{}{transport}", way.name);
        let mut sizes = vec![megabytes(way)];
        let mut made = 0;
        for point in points {
            way.run(&Call::small(), point - made, IN_FLIGHT)?;
            made = point;
            sizes.push(megabytes(way));
        }
        let mut cells = vec![name.clone()];
        cells.extend(sizes.iter().map(|size| shown(*size)));
        report.line(&cells)?;
        if way.name.starts_with("bridge") {
            let what = format!("{name}, growth from {} to {} calls, MB", points[0], points[2]);
            report.at_most(&what, sizes[3] - sizes[1], MAX_GROWTH_MB);
        }
    }
    Ok(())
}

fn megabytes(way: &Way) -> f64 {
    sleep(SETTLING);
    way.front.memory().own
}
