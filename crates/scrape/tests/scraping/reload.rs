//! What a change of configuration does to targets and their series.

use crate::server::{Server, ok, text};
use crate::{eventually, jobs, scraped, start};
use std::time::Duration;

#[tokio::test(flavor = "multi_thread")]
async fn unchanged_targets_keep_their_rhythm_and_gone_ones_end() {
    let a = Server::start(|_| text("m 1\n")).await;
    let b = Server::start(|_| text("m 1\n")).await;
    let yaml = |targets: &[&Server], more: &str| {
        let list: Vec<String> = targets.iter().map(|s| format!("\"{}\"", s.address)).collect();
        format!(
            "scrape_configs: [{{job_name: j, scrape_interval: 200ms, static_configs: [{{targets: [{}]}}]{more}}}]",
            list.join(", ")
        )
    };
    let (scraper, store) = start(&yaml(&[&a, &b], ""));
    let own = |s: &Server, name: &str| format!("{name}{{instance=\"{}\", job=\"j\"}}", s.address);
    let (ma, mb) = (own(&a, "m"), own(&b, "m"));
    eventually("both", || (store.values(&ma).len() > 1 && store.values(&mb).len() > 1).then_some(())).await;
    scraper.reload(jobs(&yaml(&[&a], ""))).await;
    eventually("the end of b", || (store.last(&mb) == Some(None)).then_some(())).await;
    assert_eq!(store.last(&own(&b, "up")), Some(None), "the report ends too");
    assert_eq!(scraper.targets().active_targets.len(), 1);
    for _ in 0..5 {
        scraper.reload(jobs(&yaml(&[&a], ", params: {x: [\"1\"]}"))).await;
        scraper.reload(jobs(&yaml(&[&a], ""))).await;
    }
    let before = store.values(&ma).len();
    eventually("more of a", || (store.values(&ma).len() > before + 2).then_some(())).await;
    assert!(store.values(&ma).iter().all(|v| *v == Some(1.0)), "{:?}", store.values(&ma));
    scraper.reload(jobs("scrape_configs: []")).await;
    assert_eq!(store.last(&ma), Some(None), "the job is gone");
    assert!(scraper.scrape_pools().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_target_that_only_changes_its_interval_hands_its_series_on() {
    let server = Server::start(|_| text("m 1\n")).await;
    let (scraper, store) = start(&server.job(""));
    scraped(&scraper).await;
    scraper.reload(jobs(&server.job("").replace("250ms", "300ms"))).await;
    let m = format!("m{{instance=\"{}\", job=\"j\"}}", server.address);
    let before = store.values(&m).len();
    eventually("more scrapes", || (store.values(&m).len() > before + 2).then_some(())).await;
    assert!(store.values(&m).iter().all(Option::is_some), "{:?}", store.values(&m));
    assert_eq!(scraper.targets().active_targets[0].scrape_interval, "300ms");
    scraper.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn new_metric_rules_apply_at_once_and_end_what_they_drop() {
    let server = Server::start(|_| text("m 1\nn 1\n")).await;
    let (scraper, store) = start(&server.job(""));
    scraped(&scraper).await;
    let own = |name: &str| format!("{name}{{instance=\"{}\", job=\"j\"}}", server.address);
    let rules = "  metric_relabel_configs: [{source_labels: [__name__], regex: n, action: drop}]\n";
    scraper.reload(jobs(&server.job(rules))).await;
    eventually("the end of n", || (store.last(&own("n")) == Some(None)).then_some(())).await;
    assert!(store.values(&own("m")).iter().all(Option::is_some));
}

#[tokio::test(flavor = "multi_thread")]
async fn stopping_leaves_no_task_behind() {
    let server = Server::start(|_| text("m 1\n")).await;
    let (scraper, store) = start(&server.job(""));
    scraped(&scraper).await;
    scraper.stop().await;
    let (commits, asked) = (store.kept().commits, server.seen.lock().unwrap().len());
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!((store.kept().commits, server.seen.lock().unwrap().len()), (commits, asked));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_target_that_moves_to_another_source_does_not_end() {
    let target = Server::start(|_| text("m 1\n")).await;
    let address = target.address;
    let list =
        Server::start(move |_| ok("application/json", &format!("[{{\"targets\":[\"{address}\"]}}]"))).await;
    let (scraper, store) = start(&target.job(""));
    scraped(&scraper).await;
    let moved = format!(
        "scrape_configs: [{{job_name: j, scrape_interval: 250ms, http_sd_configs: [{{url: \"http://{}/\"}}]}}]",
        list.address
    );
    scraper.reload(jobs(&moved)).await;
    let m = format!("m{{instance=\"{address}\", job=\"j\"}}");
    let before = store.values(&m).len();
    eventually("more scrapes", || (store.values(&m).len() > before + 2).then_some(())).await;
    assert!(!list.seen.lock().unwrap().is_empty());
    assert!(store.values(&m).iter().all(Option::is_some), "{:?}", store.values(&m));
    scraper.stop().await;
}
