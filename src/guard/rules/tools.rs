//! What a tool wants done with other tools.

use super::rule::{Rule, rule};
use crate::guard::found::Kind;

pub(super) const RULES: &[Rule] = &[
    // What a tool wants done with other tools.
    rule(
        Kind::CrossTool,
        &[
            "before using",
            "before calling",
            "before invoking",
            "before running",
            "before any",
            "before each",
            "before executing",
            "prior to using",
            "prior to calling",
            "before you use",
            "before you call",
        ],
        r"\b(?:before|prior to)(?: you)? (?:us(?:e|ing)|call(?:ing)?|invok(?:e|ing)|run(?:ning)?|execut(?:e|ing)|any|each) (?:this|any|the|other|another|all|of|\w+)?~(?:tools?|function|call|it)?~\b(?:read|open|fetch|cat|access|load|retrieve|extract|include|send|upload|list|collect)\b~(?:[\x7e/.][a-z/\x7e.]|\bfiles?\b|\bcredentials?\b|\bkeys?\b|\bcontents?\b|\bconversation\b|\bhistory\b|\bsecrets?\b|\bconfig)",
    ),
    rule(
        Kind::CrossTool,
        &[
            "behavior of",
            "behaviour of",
            "functionality of",
            "operation of",
            "output of",
            "definition of",
            "semantics of",
            "usage of",
        ],
        r"\b(?:this|it|tool) ~\b(?:changes|modifies|overrides|alters|affects|replaces|redefines|updates|governs)(?: the)? (?:behaviou?r|functionality|operation|output|definition|semantics|usage) of\b",
    ),
    rule(
        Kind::CrossTool,
        &["tool"],
        r"\b(?:when(?:ever)?|if|each time|every time|after|before)\b~(?:[a-z]+_[a-z_]+|\b(?:other|another|any)\b(?: \w+)? tools?|\btools? [a-z_]+)\b~\b(?:is|are|gets?|was)? ?(?:called|used|invoked|available|present|run|executed)\b~~\b(?:must|always|instead|redirect|change|replace|first|also send|silently|never)\b",
    ),
    rule(
        Kind::CrossTool,
        &["recipient", "destination", "address", "account", "amount", "payee"],
        r"\b(?:recipient|destination|payee|to|account|e-?mail|address|amount)(?: \w+)? (?:must|should|shall|has to|needs to|is to)(?: always)? be (?:replaced|changed|set|redirected|substituted|overwritten|swapped)\b",
    ),
    rule(
        Kind::CrossTool,
        &[
            "other tool",
            "any tool",
            "all tools",
            "alternative tool",
            "competing tool",
            "tools from",
            "every tool",
        ],
        r"\b(?:never|do not|don't|stop|avoid)(?: ever)? (?:use|using|call|calling|invoke|invoking|trust|trusting)(?: (?:any|the|all))?(?: of(?: the)?)? (?:other|alternative|competing|different|another)\b~\btools?\b|\b(?:other|alternative|competing|all other) tools?~ (?:are|is|have been|has been) (?:deprecated|disabled|unsafe|broken|outdated|insecure|compromised|malicious|unreliable|obsolete)\b",
    ),
    rule(
        Kind::CrossTool,
        &[
            "highest priority",
            "top priority",
            "takes precedence",
            "take precedence",
            "priority over",
            "always prefer",
            "always choose",
            "always select",
            "always use this",
            "always call this",
            "instead of any other",
            "over any other",
            "over all other",
        ],
        r"\b(?:always (?:prefer|choose|select|use|call|invoke|pick) this (?:tool|function|one)\b~\b(?:(?:instead of|over|before|rather than|in place of)~(?:\bother|\bany\b|\ball\b|\bevery\b|\balternatives?|\bcompeting|[a-z]+_[a-z]+)|even (?:if|when)|regardless of|no matter)|this (?:tool|function)~(?:has|have|takes?|must be given|gets?)(?: the)? (?:highest|top|absolute|higher) ?(?:priority|precedence)|(?:instead of|over|before|rather than) (?:any|all)(?: of the)? other(?: \w+)? (?:tools?|functions?|servers?)\b)",
    ),
];
