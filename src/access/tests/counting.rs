//! What counts, when counting begins anew, and what happens where nothing can be counted.

use std::fs;
use std::time::Duration;

use super::scene::{Scene, limit, name, refused, succeed};
use crate::access::{Period, Refused};
use crate::config::RateLimit;

#[tokio::test]
async fn only_successes_count_and_the_limit_holds() {
    let scene = Scene::at("2026-11-20T23:00:00Z");
    let usage = scene.usage(limit(Some(5), None));
    drop(usage.admit(&name()).await.expect("a place"));
    for expected in [None, None, None, Some("server `git`: 4 of 5 calls today")] {
        assert_eq!(succeed(&usage).await.as_deref(), expected);
    }
    assert_eq!(scene.counted(), (4, 4));
    let under_way = usage.admit(&name()).await.expect("a place");
    let exceeded = refused(&usage).await;
    assert_eq!((exceeded.used, exceeded.open, exceeded.limit), (4, 1, 5));
    drop(under_way);
    assert!(succeed(&usage).await.is_some());
    let error = Refused::Exceeded(refused(&usage).await);
    assert_eq!(error.to_string(), "server `git` has had 5 of 5 calls today (`maxCallsPerDay`)");
    assert!(error.hint().contains("2026-11-21T00:00:00Z"), "{}", error.hint());
}

#[tokio::test]
async fn days_and_months_begin_anew_and_a_clock_set_back_loses_nothing() {
    let scene = Scene::at("2026-11-30T23:59:59Z");
    let usage = scene.usage(limit(Some(2), Some(3)));
    succeed(&usage).await;
    succeed(&usage).await;
    assert_eq!(refused(&usage).await.period, Period::Day);
    scene.set("2026-12-01T00:00:00Z");
    succeed(&usage).await;
    scene.set("2026-11-30T12:00:00Z");
    assert_eq!(refused(&usage).await.used, 2);
    scene.set("2026-12-02T00:00:00Z");
    succeed(&usage).await;
    succeed(&usage).await;
    let exceeded = refused(&usage).await;
    assert_eq!((exceeded.period, exceeded.used), (Period::Month, 3));
    assert_eq!(exceeded.resets, humantime::parse_rfc3339("2027-01-01T00:00:00Z").expect("a time"));
    assert_eq!(scene.counted(), (2, 3));
}

#[tokio::test]
async fn a_call_that_lasts_over_midnight_has_its_place_in_the_new_day() {
    let scene = Scene::at("2026-11-20T23:59:59Z");
    let usage = scene.usage(limit(Some(1), None));
    let under_way = usage.admit(&name()).await.expect("a place");
    scene.set("2026-11-21T00:00:01Z");
    assert_eq!(refused(&usage).await.open, 1);
    under_way.succeeded().await;
    assert_eq!(scene.counted(), (1, 1));
}

#[tokio::test]
async fn another_limit_takes_over_what_was_counted() {
    let scene = Scene::at("2026-11-20T12:00:00Z");
    let free = scene.usage(RateLimit::default());
    let unlimited = free.admit(&name()).await.expect("a place");
    succeed(&free).await;
    let narrow = free.successor([(name(), limit(Some(3), None))]);
    let under_way = narrow.admit(&name()).await.expect("a place");
    // The first call is counted though its count was not written yet, and the one that began before as it ends.
    unlimited.succeeded().await;
    let exceeded = refused(&narrow).await;
    assert_eq!(exceeded.used + exceeded.open, 3);
    let wide = narrow.successor([(name(), limit(Some(4), None))]);
    under_way.succeeded().await;
    succeed(&wide).await;
    assert_eq!(refused(&wide).await.used, 4);
    assert!(narrow.successor([]).admit(&name()).await.is_ok(), "it is not counted any more");
}

#[tokio::test]
async fn bridges_that_share_a_folder_see_each_others_calls() {
    let scene = Scene::at("2026-11-20T12:00:00Z");
    let one = scene.usage(limit(Some(3), None));
    let other = scene.usage(limit(Some(3), None));
    let under_way = one.admit(&name()).await.expect("a place");
    succeed(&other).await;
    succeed(&other).await;
    assert_eq!((refused(&other).await.used, refused(&other).await.open), (2, 1));
    // The place is given back in the background; `flush` waits for that.
    drop(under_way);
    one.flush().await;
    succeed(&other).await;
    assert_eq!(refused(&one).await.used, 3);
}

#[tokio::test]
async fn an_admission_that_nobody_waits_for_gives_its_place_back() {
    let scene = Scene::at("2026-11-20T12:00:00Z");
    let usage = scene.usage(limit(Some(1), None));
    for _ in 0..50 {
        let (server, mut admission) = (name(), None);
        tokio::select! {
            biased;
            admitted = usage.admit(&server) => admission = Some(admitted),
            () = tokio::task::yield_now() => {}
        }
        drop(admission);
    }
    usage.flush().await;
    succeed(&usage).await;
    assert_eq!(scene.counted(), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn calls_without_a_limit_are_written_a_little_later() {
    let scene = Scene::at("2026-11-20T12:00:00Z");
    let one = scene.usage(RateLimit::default());
    let other = scene.usage(RateLimit::default());
    assert_eq!(succeed(&one).await, None);
    drop(one.admit(&name()).await.expect("a place"));
    assert_eq!(scene.counted(), (0, 0), "not yet");
    while scene.counted() == (0, 0) {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    for _ in 0..40 {
        succeed(&one).await;
        succeed(&other).await;
    }
    one.flush().await;
    other.flush().await;
    assert_eq!(scene.counted(), (81, 81));
    succeed(&one).await;
    one.flush().await;
    assert_eq!(scene.counted(), (82, 82), "after the end, too");
}

#[tokio::test]
async fn damaged_counts_are_moved_aside() {
    let scene = Scene::at("2026-11-20T12:00:00Z");
    fs::create_dir(scene.folder()).expect("a folder");
    let file = scene.folder().join("git.json");
    fs::write(&file, "{\"version\":1,\"da").expect("written");
    succeed(&scene.usage(limit(Some(3), None))).await;
    assert_eq!(scene.counted(), (1, 1));
    let aside = fs::read_to_string(scene.folder().join("git.damaged")).expect("it was kept");
    assert_eq!(aside, "{\"version\":1,\"da");
}

/// Windows removes no folder of a file that was open a moment ago.
#[cfg(unix)]
#[tokio::test]
async fn without_counts_only_servers_without_limits_are_called() {
    let scene = Scene::at("2026-11-20T12:00:00Z");
    let usage = scene.usage(limit(Some(3), None));
    // A newer format is left as it is.
    fs::create_dir(scene.folder()).expect("a folder");
    let file = scene.folder().join("git.json");
    fs::write(&file, "{\"version\":2}").expect("written");
    let error = usage.admit(&name()).await.expect_err("it cannot be read");
    assert!(error.to_string().contains("newer version"), "{error}");
    assert_eq!(fs::read_to_string(&file).expect("readable"), "{\"version\":2}");
    // A folder that is none.
    fs::remove_dir_all(scene.folder()).expect("removed");
    fs::write(scene.folder(), "").expect("written");
    let error = usage.admit(&name()).await.expect_err("nothing can be written");
    assert!(error.to_string().contains("git.lock"), "{error}");
    let usage = scene.usage(RateLimit::default());
    succeed(&usage).await;
    usage.flush().await;
    // What could not be written is not forgotten.
    fs::remove_file(scene.folder()).expect("removed");
    succeed(&usage).await;
    usage.flush().await;
    assert_eq!(scene.counted(), (2, 2));
}

#[tokio::test]
async fn what_cannot_be_counted_now_is_counted_later() {
    let scene = Scene::at("2026-11-20T12:00:00Z");
    let usage = scene.usage(limit(Some(3), None));
    let under_way = usage.admit(&name()).await.expect("a place");
    let file = scene.folder().join("git.json");
    fs::create_dir(&file).expect("a folder in the way");
    under_way.succeeded().await;
    let error = usage.admit(&name()).await.expect_err("the file is none");
    assert!(error.to_string().contains("git.json"), "{error}");
    fs::remove_dir(&file).expect("removed");
    succeed(&usage).await;
    assert_eq!(scene.counted(), (2, 2));
    succeed(&usage).await;
    assert_eq!(refused(&usage).await.used, 3);
}

/// Nobody ever writes to it, so whoever reads it waits for ever.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_pipe_in_the_place_of_a_file_holds_nobody_up() {
    let server = name();
    for name in ["git.json", "git.lock"] {
        let scene = Scene::at("2026-11-20T09:00:00Z");
        let usage = scene.usage(limit(Some(1), None));
        fs::create_dir_all(scene.folder()).expect("made");
        let pipe = scene.folder().join(name);
        rustix::fs::mkfifoat(rustix::fs::CWD, &pipe, rustix::fs::Mode::RWXU).expect("made");
        let admission = tokio::time::timeout(Duration::from_mins(1), usage.admit(&server));
        match admission.await {
            Ok(Err(refused @ Refused::Uncountable { .. })) => {
                assert!(refused.to_string().contains("no regular file"), "{refused}");
            }
            other => panic!("expected an error: {other:?}"),
        }
    }
}
