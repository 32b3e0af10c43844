//! A remote catalog that lets everybody wait.

use tokio::net::TcpListener;

use super::signed::catalog;
use crate::base::secret::Secret;
use crate::catalog::remote::Remote;
use crate::catalog::{Freshness, Note};
use crate::config::RemoteCatalog;
use crate::wire::http::Client;

#[tokio::test(start_paused = true)]
async fn nobody_waits_for_ever() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}/c.json", listener.local_addr().expect("bound"));
    let held = tokio::spawn(async move { listener.accept().await.expect("a client") });
    let folder = tempfile::tempdir().expect("a folder");
    let catalog = RemoteCatalog { url: Secret::from(url), ..catalog(None, false) };
    let remote = Remote::new(catalog, folder.path());
    let begun = tokio::time::Instant::now();
    let contents = remote.contents(&Client::default(), Freshness::Usual).await;
    let waited = begun.elapsed();
    assert_eq!((contents.entries.len(), waited.as_secs()), (0, 15));
    let [Note::NotFetched { reason, age: None, .. }] = &contents.notes[..] else {
        panic!("{:?}", contents.notes)
    };
    assert!(reason.contains("15 seconds"), "{reason}");
    // Who asks again soon hears the same at once; whoever insists waits again.
    remote.contents(&Client::default(), Freshness::Usual).await;
    assert_eq!(begun.elapsed(), waited);
    held.abort();
}
