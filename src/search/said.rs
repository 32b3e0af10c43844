//! What servers say of themselves, instructions and all: it tells equal tools of different servers apart. A server can say
//! whatever it likes, so these words find no tool by themselves; they count only where the tool has not got them, by how
//! few servers say them, and less the more a server says.

use std::collections::HashMap;

use super::postings::rarity;
use super::query::{Kind, Query};
use super::score::share;
use super::weights::KindWeights;
use super::words::{each_word, is_stop_word, stem};

/// Different words of one server; later ones are left out.
const MOST_WORDS: usize = 400;
/// Different words up to which each counts in full.
const BRIEF: f32 = 60.0;

/// The words of all servers.
#[derive(Debug, Default)]
pub(super) struct Said {
    /// The servers that say a word, by its stem.
    words: HashMap<Box<str>, Vec<u32>>,
    /// What a word counts, by the number of the server that says it; nothing where there is no such server.
    weights: Vec<Option<f32>>,
}

/// What servers say of the words of one query.
#[derive(Debug)]
pub(super) struct Heard<'a> {
    /// What each word of the query counts that is looked for, with its bit.
    asked: Vec<(u64, f32)>,
    /// The same, less where many servers say the word.
    rare: Vec<(u64, f32)>,
    /// The words that each server says, as bits.
    by_server: Vec<u64>,
    weights: &'a [Option<f32>],
}

impl Said {
    /// Enters what a server says and gives the server's number.
    pub(super) fn enter(&mut self, text: &str) -> u32 {
        let vacancy = self.weights.iter().position(Option::is_none);
        let place = vacancy.unwrap_or_else(|| {
            self.weights.push(None);
            self.weights.len() - 1
        });
        let number = u32::try_from(place).expect("servers are far fewer than 2^32");
        let mut count = 0_u16;
        each_word(text, |word, _| {
            if usize::from(count) == MOST_WORDS || is_stop_word(word) {
                return;
            }
            let servers = self.words.entry(stem(word).into()).or_default();
            if !servers.contains(&number) {
                servers.push(number);
                count += 1;
            }
        });
        self.weights[place] = Some(BRIEF / f32::from(count).max(BRIEF));
        number
    }

    /// Forgets what a server said.
    pub(super) fn leave(&mut self, number: u32) {
        self.words.retain(|_, servers| {
            servers.retain(|server| *server != number);
            !servers.is_empty()
        });
        self.weights[number as usize] = None;
    }

    /// What servers say of the words that a query asks for, if any says one.
    pub(super) fn hear(&self, query: &Query, kinds: &KindWeights) -> Option<Heard<'_>> {
        let mut heard = Heard {
            asked: Vec::new(),
            rare: Vec::new(),
            by_server: vec![0; self.weights.len()],
            weights: &self.weights,
        };
        let all = self.weights.iter().flatten().count();
        for (bit, word) in query.bits() {
            if !matches!(word.kind, Kind::Plain | Kind::Literal) {
                continue;
            }
            let weight = kinds.of(word.kind);
            heard.asked.push((bit, weight));
            let Some(servers) = self.words.get(&*word.stem) else { continue };
            let count = u32::try_from(servers.len()).unwrap_or(u32::MAX);
            let rare = rarity(count, count, all, 1.0) / rarity(0, 0, all, 1.0);
            heard.rare.push((bit, weight * rare));
            for server in servers {
                heard.by_server[*server as usize] |= bit;
            }
        }
        Some(heard).filter(|heard| !heard.rare.is_empty())
    }

    /// Bytes that it holds, about.
    pub(super) fn bytes(&self) -> usize {
        let words = self.words.iter();
        let held: usize = words.map(|(word, servers)| word.len() + size_of_val(&**servers)).sum();
        let of_word = size_of::<(Box<str>, Vec<u32>)>() + 1;
        held + self.words.capacity() * of_word + size_of_val(&*self.weights)
    }
}

impl Heard<'_> {
    /// How much a server says of what a tool of its own lacks, 0 to 1. The bits are the words that the tool has.
    pub(super) fn of(&self, server: u32, has: u64) -> f32 {
        let said = self.by_server[server as usize] & !has;
        if said == 0 {
            return 0.0;
        }
        let sum = |words: &[(u64, f32)], of: u64| -> f32 {
            words.iter().filter(|(bit, _)| bit & of != 0).map(|(_, weight)| weight).sum()
        };
        let weight = self.weights[server as usize].unwrap_or_default();
        weight * share(sum(&self.rare, said), sum(&self.asked, !has))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::search::Weights;

    /// What each of the servers says of what the query asks for.
    fn heard(texts: &[&str], wish: &str) -> Vec<f32> {
        let mut said = Said::default();
        let numbers: Vec<u32> = texts.iter().map(|text| said.enter(text)).collect();
        let heard = said.hear(&Query::new(wish), &Weights::default().kinds);
        numbers.into_iter().map(|one| heard.as_ref().map_or(0.0, |it| it.of(one, 0))).collect()
    }

    #[test]
    fn few_words_that_few_servers_say_count_most() {
        let long: Vec<String> = (0..300).map(|number| format!("w{number}")).collect();
        let long = long.join(" ") + " jira";
        let said =
            heard(&["Jira of the company.", &long, "Other matters.", "", "Show me"], "show jira");
        assert!(said[0] > 0.3 && said[1] < said[0] / 4.0 && said[1] > 0.0, "{said:?}");
        assert_eq!(said[2..], [0.0; 3]);
        let common = heard(&["jira", "jira", "jira"], "show jira");
        assert!(common[0] < 0.1, "{common:?}");
    }

    #[test]
    fn nothing_is_heard_of_what_nobody_says_or_all_tools_have() {
        assert_eq!(heard(&["Jira"], "show the weather"), [0.0]);
        assert_eq!(heard(&[], "jira"), [0.0; 0]);
        let mut said = Said::default();
        let number = said.enter("Jira");
        let query = Query::new("jira");
        let of = |has| {
            let heard = said.hear(&query, &Weights::default().kinds).expect("it is said");
            heard.of(number, has)
        };
        assert!(of(0) > 0.0);
        assert_eq!((of(1), of(u64::MAX)), (0.0, 0.0));
    }

    #[test]
    fn who_leaves_says_nothing() {
        let mut said = Said::default();
        let (one, two) = (said.enter("jira"), said.enter("jira linear"));
        said.leave(one);
        assert_eq!(said.words.len(), 2);
        said.leave(two);
        assert!(said.words.is_empty());
        assert_eq!((said.enter(""), said.enter("")), (0, 1));
    }
}
