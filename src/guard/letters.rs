//! In which company invisible characters belong to the writing.

/// Emoji and the symbols that are drawn as such.
pub(super) fn pictographic(letter: char) -> bool {
    matches!(letter,
        '\u{a9}' | '\u{ae}' | '\u{203c}' | '\u{2049}' | '\u{2122}' | '\u{2139}' | '\u{2190}'..='\u{21ff}'
        | '\u{2300}'..='\u{23ff}' | '\u{2460}'..='\u{24ff}' | '\u{25a0}'..='\u{27bf}' | '\u{2900}'..='\u{297f}'
        | '\u{2b00}'..='\u{2bff}' | '\u{3030}' | '\u{303d}' | '\u{3297}' | '\u{3299}' | '\u{1f000}'..='\u{1faff}')
}

/// Letters of scripts in which joiners and non-joiners change how words are written.
pub(super) fn joining(letter: char) -> bool {
    matches!(letter,
        '\u{600}'..='\u{61b}' | '\u{61d}'..='\u{7bf}' | '\u{840}'..='\u{dff}' | '\u{e80}'..='\u{109f}'
        | '\u{1780}'..='\u{17b3}' | '\u{17b6}'..='\u{180a}' | '\u{1810}'..='\u{18af}' | '\u{1b00}'..='\u{1bff}'
        | '\u{a800}'..='\u{abff}' | '\u{fb50}'..='\u{fdff}' | '\u{fe70}'..='\u{fefc}' | '\u{11000}'..='\u{11fff}')
}

/// Letters of scripts that are written without spaces and whose lines do not break at any letter, so that an invisible
/// one shows where they do. Chinese and Japanese lines break without.
pub(super) fn unspaced(letter: char) -> bool {
    matches!(letter,
        '\u{e00}'..='\u{eff}' | '\u{1000}'..='\u{109f}' | '\u{1780}'..='\u{17b3}' | '\u{17b6}'..='\u{17ff}'
    )
}

/// Letters that are written from right to left.
pub(super) fn right_to_left(letter: char) -> bool {
    matches!(letter,
        '\u{590}'..='\u{61b}' | '\u{61d}'..='\u{8ff}' | '\u{fb1d}'..='\u{fdff}' | '\u{fe70}'..='\u{fefc}'
        | '\u{10800}'..='\u{10fff}' | '\u{1e800}'..='\u{1efff}')
}

/// Chinese characters, the only ones that the selectors of the supplementary plane belong to.
pub(super) fn ideographic(letter: char) -> bool {
    matches!(letter, '\u{3400}'..='\u{9fff}' | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{3ffff}')
}

/// Whether `selector` may follow `base` (the Unicode lists of variation sequences, by ranges).
pub(super) fn varies(base: char, selector: char) -> bool {
    match selector {
        '\u{fe0e}' | '\u{fe0f}' => pictographic(base) || matches!(base, '0'..='9' | '#' | '*'),
        '\u{fe00}'..='\u{fe0d}' => {
            ideographic(base)
                || matches!(base, '\u{2200}'..='\u{22ff}' | '\u{2a00}'..='\u{2aff}' | '\u{1000}'..='\u{109f}'
                    | '\u{a840}'..='\u{a87f}' | '\u{3000}'..='\u{303f}' | '\u{ff00}'..='\u{ff1f}')
        }
        '\u{180b}'..='\u{180d}' => matches!(base, '\u{1810}'..='\u{18af}'),
        // No registered sequence of ideographs goes further.
        '\u{e0100}'..='\u{e011f}' => ideographic(base),
        _ => false,
    }
}
