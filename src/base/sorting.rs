//! Sorting for lists that are sorted seldom, whose code is there once: each of the standard library's stable sorts takes
//! five kilobytes for every type and every order.

use std::cmp::Ordering;

/// Sorts a list, without changing the order of what is equal.
pub fn sort<T: Ord>(list: &mut [T]) {
    sort_by(list, Ord::cmp);
}

/// The same by a key of each.
pub fn sort_by_key<T, K: Ord>(list: &mut [T], key: impl Fn(&T) -> K) {
    sort_by(list, |one, other| key(one).cmp(&key(other)));
}

/// The same by an order of their own.
pub fn sort_by<T>(list: &mut [T], compare: impl Fn(&T, &T) -> Ordering) {
    for (one, other) in swaps(list.len(), &|one, other| compare(&list[one], &list[other])) {
        list.swap(one, other);
    }
}

/// Which places to swap, one pair after the other, so that `length` places become sorted.
fn swaps(length: usize, compare: &dyn Fn(usize, usize) -> Ordering) -> Vec<(usize, usize)> {
    let mut from: Vec<usize> = (0..length).collect();
    from.sort_by(|one, other| compare(*one, *other));
    let mut swaps = Vec::new();
    for first in 0..length {
        let mut at = first;
        // Each round of a cycle puts the right one into its place; the last round has it there already.
        loop {
            let next = std::mem::replace(&mut from[at], at);
            if next == first {
                break;
            }
            swaps.push((at, next));
            at = next;
        }
    }
    swaps
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{sort, sort_by, sort_by_key};

    proptest! {
        #[test]
        fn sorts_as_the_standard_library_does(mut list: Vec<(u8, u16)>) {
            let sorted = |with: fn(&mut [(u8, u16)])| {
                let mut list = list.clone();
                with(&mut list);
                list
            };
            prop_assert_eq!(sorted(sort), sorted(<[_]>::sort));
            let by_key = sorted(|list| list.sort_by_key(|(key, _)| *key));
            prop_assert_eq!(sorted(|list| sort_by_key(list, |(key, _)| *key)), by_key);
            let mixed = |one: &(u8, u16), other: &(u8, u16)| {
                other.0.cmp(&one.0).then_with(|| one.1.cmp(&other.1))
            };
            let mut by_order = list.clone();
            sort_by(&mut by_order, mixed);
            list.sort_by(mixed);
            prop_assert_eq!(by_order, list);
        }
    }
}
