//! The index as a whole: what is found, in which order, and that it does not matter how the tools came in.

use proptest::prelude::*;
use serde_json::json;
use serde_json::value::RawValue;

use super::{Document, DocumentId, LexicalIndex, Query, ServerWords, Weights};
use crate::protocol::tool::Definition;

/// A tool of a server by its name and description.
fn tool(server: &str, name: &str, description: &str) -> Document {
    tool_of(&ServerWords::new(server, None), name, description)
}

/// The same of a server that says this of itself.
fn tool_of(words: &ServerWords, name: &str, description: &str) -> Document {
    let definition = json!({"name": name, "description": description});
    let raw = RawValue::from_string(definition.to_string()).expect("valid JSON");
    Document::read(words, &Definition::parse(&raw).expect("a tool"))
}

fn read(definition: &serde_json::Value) -> Document {
    let raw = RawValue::from_string(definition.to_string()).expect("valid JSON");
    Document::read(&ServerWords::default(), &Definition::parse(&raw).expect("a tool"))
}

fn tracker() -> Vec<Document> {
    [
        ("list_issues", "Lists issues of a project."),
        ("get_issue", "Gets one issue with its comments."),
        ("create_issue", "Creates an issue in a project."),
        ("delete_issue", "Deletes an issue for good."),
        ("list_projects", "Lists projects."),
        ("who_am_i", ""),
    ]
    .map(|(name, description)| tool("tracker", name, description))
    .to_vec()
}

fn files() -> Vec<Document> {
    [
        ("readFile", "Reads the file at a path."),
        ("write_file", "Writes text to the file at a path."),
        ("screenshot", "Takes a picture of a web page by its URL."),
        ("nodepool_scale", "Sets the size of a node pool."),
    ]
    .map(|(name, description)| tool("files", name, description))
    .to_vec()
}

fn index() -> LexicalIndex {
    let mut index = LexicalIndex::default();
    index.replace("tracker", &tracker());
    index.replace("files", &files());
    index
}

/// What is found, by names, with the figures.
fn found(index: &LexicalIndex, wish: &str) -> Vec<(String, String, f32, f32)> {
    let hits = index.search(&Query::new(wish), 100);
    let named = hits.iter().map(|hit| {
        let (server, tool) = index.name(hit.document).expect("it was found there");
        (server.to_owned(), tool.to_owned(), hit.score, hit.coverage)
    });
    named.collect()
}

#[track_caller]
fn check_first(wish: &str, expected: &str) {
    let index = index();
    let found = found(&index, wish);
    let first = found.first().map_or("", |(_, tool, _, _)| tool.as_str());
    assert_eq!(first, expected, "{wish}: {found:?}");
}

#[test]
fn the_tool_that_is_meant_comes_first() {
    check_first("list all issues", "list_issues");
    check_first("Show me the open issues", "list_issues");
    check_first("Get issue 17 with its comments", "get_issue");
    check_first("open a new issue", "create_issue");
    check_first("remove the issue", "delete_issue");
    check_first("who am I?", "who_am_i");
    check_first("read file", "readFile");
}

#[test]
fn words_are_found_in_other_spellings() {
    check_first("list isues", "list_issues");
    check_first("all prjects", "list_projects");
    check_first("scale the node pool", "nodepool_scale");
    check_first("screen shot", "screenshot");
    check_first("writefile", "write_file");
}

#[test]
fn the_kind_of_a_value_counts() {
    check_first("open https://example.org/issues", "screenshot");
    check_first("what is in ./notes/issue.txt", "readFile");
}

#[test]
fn what_says_nothing_finds_nothing() {
    let index = index();
    for wish in ["", " ", "?!", "🙂", "the of", "\u{200b}", "zzzzzzzz", "天気予報"] {
        assert!(found(&index, wish).is_empty(), "{wish}");
    }
    assert!(LexicalIndex::default().search(&Query::new("list issues"), 5).is_empty());
    assert!(index.search(&Query::new("list issues"), 0).is_empty());
}

#[test]
fn scripts_without_blanks_are_found() {
    let mut index = index();
    index.replace("weather", &[tool("weather", "forecast", "東京の天気予報を表示する。")]);
    assert_eq!(found(&index, "明日の天気は？")[0].1, "forecast");
}

#[test]
fn coverage_is_the_share_that_was_found() {
    let index = index();
    let whole = &found(&index, "delete issue")[0];
    let half = &found(&index, "delete issue xylophone zeppelin")[0];
    assert_eq!((whole.1.as_str(), half.1.as_str()), ("delete_issue", "delete_issue"));
    assert!((whole.3 - 1.0).abs() < 1e-6 && half.3 < 0.6, "{whole:?} {half:?}");
}

#[test]
fn equals_are_in_the_order_of_their_names() {
    let mut index = LexicalIndex::default();
    for server in ["c", "a", "b"] {
        let tools = ["t2", "t1"].map(|name| tool(server, name, "Rings a bell."));
        index.replace(server, &tools);
    }
    let found = found(&index, "ring the bell");
    let names: Vec<_> =
        found.iter().map(|(server, tool, _, _)| format!("{server}/{tool}")).collect();
    assert_eq!(names, ["a/t1", "a/t2", "b/t1", "b/t2", "c/t1", "c/t2"]);
    let hits = index.search(&Query::new("ring the bell"), 3);
    let names = hits.iter().filter_map(|hit| index.name(hit.document)).collect::<Vec<_>>();
    assert_eq!(names, [("a", "t1"), ("a", "t2"), ("b", "t1")]);
}

#[test]
fn servers_come_and_go() {
    let mut index = index();
    assert_eq!((index.len(), index.documents("files").count()), (10, 4));
    index.remove("files");
    index.remove("files");
    index.remove("unknown");
    assert_eq!((index.len(), index.documents("files").count()), (6, 0));
    assert!(found(&index, "screenshot of a web page").is_empty());
    index.replace("tracker", &[]);
    assert!(index.is_empty() && found(&index, "list issues").is_empty());
    assert_eq!(index.name(DocumentId(0)), None);
}

#[test]
fn an_explanation_adds_up() {
    let index = index();
    for wish in ["Show me all issues of a prject", "delete the \"old\" file at /tmp/x"] {
        let query = Query::new(wish);
        for hit in index.search(&query, 10) {
            let explanation = index.explain(&query, hit.document).expect("it is in the index");
            let sum: f32 = explanation.hits.iter().map(|hit| hit.weight).sum();
            assert!((sum - explanation.sum).abs() < 1e-4, "{explanation:?}");
            let score = explanation.sum * explanation.factors.product();
            assert!((score - hit.score).abs() < 1e-4, "{explanation:?} {hit:?}");
        }
    }
    assert!(index.explain(&Query::new("issue"), DocumentId(99)).is_none());
}

#[test]
fn deprecated_tools_stand_behind_their_successors() {
    let mut index = LexicalIndex::new(Weights::default());
    index.replace(
        "s",
        &[
            tool("s", "get_user", "Deprecated, use fetch_user. Gets a user."),
            tool("s", "fetch_user", "Gets a user."),
        ],
    );
    assert_eq!(found(&index, "get user")[0].1, "fetch_user");
}

#[test]
fn a_server_that_says_everything_wins_nothing_notable() {
    let all: Vec<Document> = tracker().into_iter().chain(files()).collect();
    let everything: Vec<String> = all.iter().map(Document::text).collect();
    let filler: Vec<String> = (0..200).map(|number| format!("topic{number}")).collect();
    let everything = [&everything.join(" "), "acme globex", &filler.join(" ")].join(" ").repeat(3);
    let stuffed = ServerWords::new("aaa", None).with(Some(&everything));
    let honest = ServerWords::new("zzz", None).with(Some("The tracker of Acme."));
    let mut index = index();
    index.replace("aaa", &[tool_of(&stuffed, "find_ticket", "Finds a ticket.")]);
    index.replace("zzz", &[tool_of(&honest, "find_ticket", "Finds a ticket.")]);
    let check = |wish: &str, expected: &str| {
        let found = found(&index, wish);
        assert_eq!(found.first().map_or("", |(server, ..)| server), expected, "{wish}: {found:?}");
        found
    };
    // Its words bring it nowhere where others have tools.
    check("create an issue in a project", "tracker");
    check("take a screenshot of a web page", "files");
    check("delete the issue", "tracker");
    let hits = check("find a ticket of Acme", "zzz");
    assert!(hits[0].2 < hits[1].2 * 1.1, "it breaks a tie and no more: {hits:?}");
    // Where nobody else has anything to say, it gains little.
    let both = check("find a ticket of globex", "aaa");
    assert!(both[0].2 < both[1].2 * 1.03, "{both:?}");
    assert!((both[0].3 - both[1].3).abs() < 1e-6, "it has no more of the wish than the other");
    // What servers say makes no word of a tool commoner.
    let of_tracker = |index: &LexicalIndex| found(index, "list issues")[0].2;
    let mut silent = index;
    let before = of_tracker(&silent);
    silent.replace("aaa", &[tool("aaa", "find_ticket", "Finds a ticket.")]);
    assert!((of_tracker(&silent) - before).abs() < 1e-4);
}

/// What somebody might fill a tool with who wants it to be called whatever is asked for.
fn stuffing() -> String {
    let all: Vec<String> = tracker().iter().chain(&files()).map(Document::text).collect();
    let verbs = "list show get find search read open create add make write update change edit delete remove send run take set scale";
    let nouns = "issue issues project projects comment comments file files path text page picture screenshot url node pool size label user \
        new old first last all one every name title status state date day week month year today";
    format!("{verbs} {nouns} {}", all.join(" "))
}

#[test]
fn a_stuffed_tool_does_not_outrank_the_right_one() {
    let words = stuffing();
    let sentence = words.replace(['.', ':', '\n'], "");
    let joined: Vec<&str> = sentence.split_whitespace().collect();
    let parameters: serde_json::Map<_, _> = joined
        .iter()
        .map(|word| ((*word).to_owned(), json!({"description": &sentence, "enum": joined})))
        .collect();
    let stuffed = [
        json!({"name": "do_everything", "description": words}),
        json!({"name": "do_everything", "description": format!("{sentence}.")}),
        json!({"name": "do_everything", "description": format!("{sentence}. {}", words.repeat(5))}),
        json!({"name": "do_everything", "description": format!("Does it. {}", words.repeat(5))}),
        json!({"name": "do_everything", "title": sentence, "description": format!("{sentence}.")}),
        json!({"name": joined.join("_"), "title": sentence, "description": words}),
        json!({"name": joined[..60].join("_"), "description": format!("{sentence}.")}),
        json!({"name": "issue_issue_issue_issue", "description": "Issue issue issue issue issue. ".repeat(40)}),
        json!({"name": "project_issue_file", "description": "Issue project file create list issue. ".repeat(40)}),
        json!({"name": "do_everything", "inputSchema": {"properties": parameters}}),
    ];
    let wishes = [
        ("create an issue", "create_issue"),
        ("create a new issue in the project with the title of the page", "create_issue"),
        ("list all issues of the project", "list_issues"),
        ("get the issue with all its comments, the newest first", "get_issue"),
        ("delete the old issue for good", "delete_issue"),
        ("read the text file at this path", "readFile"),
        ("take a picture of the page at this url today", "screenshot"),
        ("set the size of the node pool", "nodepool_scale"),
    ];
    let property =
        json!({"description": "Which part of the answer is wanted, for people in a hurry."});
    let usual: Vec<Document> = ["weather", "recipe", "invoice", "meeting", "song", "flight"]
        .iter()
        .map(|noun| {
            let description =
                format!("Looks up a {noun} in the archive. Answers at once, as a table that can be printed or mailed.");
            let properties = json!({"part": property, "limit": {"description": "How many there may be."}});
            read(&json!({"name": format!("lookup_{noun}"), "description": description, "inputSchema": {"properties": properties}}))
        })
        .collect();
    for definition in stuffed {
        let mut index = index();
        index.replace("usual", &usual);
        index.replace("aaa", &[read(&definition)]);
        for (wish, expected) in wishes {
            let found = found(&index, wish);
            let text = definition.to_string();
            assert_eq!(found[0].1, expected, "{wish}: {text:.99}: {:?}", &found[..2]);
        }
    }
}

const WORDS: [&str; 12] = [
    "list", "issue", "create", "delete", "file", "project", "nodepool", "pool", "GitHub", "the",
    "天気", "s3",
];

fn text() -> impl Strategy<Value = String> {
    let words = proptest::sample::select(&WORDS[..]);
    proptest::collection::vec(words, 0..8).prop_map(|words| words.join(" "))
}

/// Servers with the names and the descriptions of their tools.
fn lists() -> impl Strategy<Value = Vec<(usize, Vec<(String, String)>)>> {
    let tools = proptest::collection::vec((text(), text()), 0..6);
    proptest::collection::vec((0..4_usize, tools), 0..10)
}

fn documents(server: &str, tools: &[(String, String)]) -> Vec<Document> {
    let named = tools.iter().enumerate();
    named.map(|(at, (name, text))| tool(server, &format!("{name} {at}"), text)).collect()
}

proptest! {
    #[test]
    fn it_does_not_matter_how_tools_came_in(lists in lists(), wish in text()) {
        let mut index = LexicalIndex::default();
        let mut last: [&[(String, String)]; 4] = [&[]; 4];
        for (server, tools) in &lists {
            let name = server.to_string();
            index.replace(&name, &documents(&name, tools));
            last[*server] = tools;
        }
        let mut fresh = LexicalIndex::default();
        for (server, tools) in last.iter().enumerate() {
            let name = server.to_string();
            fresh.replace(&name, &documents(&name, tools));
        }
        for wish in [wish.as_str(), "list isues", "node pool"] {
            let one = found(&index, wish);
            prop_assert_eq!(&one, &found(&fresh, wish));
            prop_assert_eq!(&one, &found(&index, wish));
        }
        prop_assert_eq!(index.len(), fresh.len());
    }

    #[test]
    fn any_wish_gives_finite_scores(wish in any::<String>(), words in text()) {
        let index = index();
        for wish in [format!("{words} {wish}"), wish] {
            for (_, _, score, coverage) in found(&index, &wish) {
                prop_assert!(score.is_finite() && score > 0.0);
                prop_assert!((0.0..=1.0).contains(&coverage));
            }
        }
    }
}
