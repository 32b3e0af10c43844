//! `intent`: the tool that suits a wish in plain words. What servers showed in an earlier run takes part, so that nothing
//! is started to find something.

use std::time::Duration;

use tokio::time::sleep;

use crate::config::Mode;
use crate::router::Error;
use crate::router::answer::{self, Alternative, Intent, Match};
use crate::router::routing::{Enough, Router};
use crate::search::Hit;
use crate::tools::Snapshot;
use crate::tools::signature::signature;

/// Tools that are offered besides the best.
const ALTERNATIVES: usize = 5;
/// What changes so soon after another change is looked at together with it.
const SETTLING: Duration = Duration::from_secs(2);
/// Said where no tool is likely enough to be the one.
const UNSURE: &str = "no tool suits this well enough to be sure; if one of these does, action `schema` shows it in full";

impl Router {
    /// Makes vectors of tools as they become known, so that they are there when somebody asks; for as long as it is
    /// polled. No server is started for it.
    pub async fn watch_meaning(&self) {
        if self.finder.meaning().is_none() || self.settings.exposure.mode == Mode::Direct {
            return;
        }
        let mut changes = self.registry.changes();
        self.registry.recall_all().await;
        loop {
            self.finder.prepare(self.registry.snapshot(), |_| ()).await;
            if changes.changed().await.is_err() {
                return;
            }
            // Servers come up together.
            sleep(SETTLING).await;
        }
    }
}

/// The best tool, with how it is called, and those that come after it.
pub(in crate::router) async fn find(router: &Router, wish: &str) -> Result<Box<str>, Error> {
    let unreachable = router.reach_all(Enough::Remembered, false).await;
    router.registry.review_all();
    let snapshot = router.registry.snapshot();
    let found = router.finder.find(snapshot.clone(), wish, 1 + ALTERNATIVES).await;
    let unreachable: Vec<String> = unreachable.iter().map(|(name, _)| name.to_string()).collect();
    if found.hits.is_empty() {
        return Err(Error::NoMatch { unreachable });
    }
    let (mut best, mut others) = (None, &found.hits[..]);
    if f64::from(found.hits[0].score) >= router.settings.min_score {
        let hit = &found.hits[0];
        let signature = signature_of(&snapshot, hit).unwrap_or_default();
        let (server, tool, score) = (&hit.server, &hit.tool, rounded(hit.score));
        (best, others) = (Some(Match { server, tool, score, signature }), &found.hits[1..]);
    }
    Ok(answer::result(&Intent {
        action: "intent",
        intent: wish,
        hint: best.is_none().then_some(UNSURE),
        best,
        alternatives: others.iter().take(ALTERNATIVES).map(alternative).collect(),
        unreachable,
    }))
}

fn alternative(hit: &Hit) -> Alternative<'_> {
    Alternative { server: &hit.server, tool: &hit.tool, score: rounded(hit.score) }
}

fn signature_of(snapshot: &Snapshot, hit: &Hit) -> Option<String> {
    let tool = snapshot.get(&hit.server)?.get(&hit.tool)?;
    Some(signature(&tool.definition))
}

/// Two digits say all that there is to say.
fn rounded(score: f32) -> f64 {
    (f64::from(score) * 100.0).round() / 100.0
}
