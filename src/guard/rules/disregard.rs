//! What came before is not to count any more.

use super::rule::{Rule, rule};
use crate::guard::found::Kind;

pub(super) const RULES: &[Rule] = &[
    // What came before is not to count any more.
    rule(
        Kind::Override,
        &[
            "instruction",
            "prompt",
            "directive",
            "direction",
            "guideline",
            "guidance",
            "order",
            "command",
            "rule",
            "programming",
            "context",
            "training",
            "restriction",
            "constraint",
            "task",
            "polic",
        ],
        r"\b(?:ignor(?:e|ing)|disregard(?:ing)?|forget(?:ting)?|overlook(?:ing)?|neglect|dismiss|pay no (?:attention|heed) to|set aside|abandon|stop (?:following|obeying)|cease following|(?:do not|don't|never|no longer|not) (?:follow|obey|listen to|adhere to|comply with)|not bound by|free (?:of|from))\b~\b(?:previous|previously|prior|preceding|above|earlier|past|former|foregoing|existing|original|initial|system|current|your|given|old|other|aforementioned|before)\b~\b(?:instructions?|prompts?|directives?|directions|guidelines?|guidance|orders|commands|rules|programming|context|training|restrictions|constraints|tasks?|polic(?:y|ies))\b",
    ),
    rule(
        Kind::Override,
        &["instruction", "prompt", "directive", "guideline"],
        r"\b(?:bypass|override|overrule|overwrite|supersede|discard|drop|skip|clear|erase|delete|cancel|replace|void|nullif(?:y|ies)|omit)(?:s|es|d)?\b~\b(?:all|any|every|previous|prior|preceding|above|earlier|your)\b~\b(?:previous|prior|preceding|above|earlier|former|your|original|system|given)?\b ?(?:instructions?|prompts?|directives?|guidelines?)\b",
    ),
    rule(
        Kind::Override,
        &["ignore", "disregard", "forget", "overlook"],
        r"\b(?:ignore|disregard|forget|overlook)(?: about)? (?:all|everything|anything|whatever|what|all of what|all that|everything that)(?: of| that)?(?: (?:i|you|we|they|was|is|has|have|had|you've|you have|came|comes|been|were|ever|just|be|that|which|else|the user)){0,5} (?:said|told|instructed|written|above|before|prior|previously|know|knew|learned|learnt|been|asked|given|read|up to now|until now|so far)\b",
    ),
    rule(
        Kind::Override,
        &["ignore", "disregard", "forget"],
        r"\b(?:ignore|disregard|forget)(?: all| everything| anything| what(?:ever)? (?:is|was))?(?: of)?(?: the)? (?:above|preceding|foregoing)(?: and\b|,| then\b| text| content| message| data| document|;)",
    ),
    rule(
        Kind::Override,
        &["forget", "disregard", "ignore"],
        r"\b(?:forget|disregard|ignore)(?: about)?(?: all)?(?: of)? your (?:\w+ )?(?:instructions?|rules|training|guidelines|programming|directives?|orders|prompt|safety|ethic)",
    ),
    rule(
        Kind::Override,
        &["regardless of", "instead of", "irrespective of", "contrary to"],
        r"\b(?:regardless of|instead of (?:following|obeying|doing)|irrespective of|contrary to)(?: (?:all|any|the|your|every))* (?:previous|prior|earlier|original|system|preceding)~\b(?:tasks?|instructions?|prompts?|rules|requests?|orders)\b",
    ),
    rule(
        Kind::Override,
        &["instruction", "directive", "prompt", "message"],
        r"\b(?:this|these|the following|my|new) (?:\w+ ){0,2}(?:instructions?|directives?|prompt|message|commands?) (?:\w+ ){0,2}(?:overrides?|supersedes?|takes? (?:precedence|priority) over|outranks?|trumps?|cancels?)\b~\b(?:previous|prior|other|all|any|your|earlier|system)\b",
    ),
    rule(
        Kind::Override,
        &["adhere", "follow", "obey", "comply", "execute", "perform"],
        r"\b(?:strictly|only|exactly|immediately|instead|solely|exclusively)\b ?(?:adhere to|follow|obey|comply with|execute|perform)(?: only)?(?: to)? (?:the following|these|this|my|the next|the below)(?: new)? (?:instructions?|commands?|directives?|orders?|steps)\b",
    ),
    rule(
        Kind::Override,
        &[
            "your new",
            "your real",
            "your true",
            "your actual",
            "your only",
            "your updated",
            "your primary",
            "your main",
            "new instruction",
            "updated instruction",
            "real instruction",
            "actual instruction",
        ],
        r"\b(?:your (?:new|real|true|actual|only|updated|primary|main)|(?:here (?:are|is) )?(?:the |your )?(?:new|updated|real|actual)) (?:system )?(?:tasks?|instructions?|goals?|objectives?|mission|job|purpose|prompt|directives?)(?: (?:is|are)\b| now\b| for you\b|:| ?- )~(?:to |:)",
    ),
    rule(
        Kind::Override,
        &[
            "system override",
            "override mode",
            "admin override",
            "administrator override",
            "security override",
            "override code",
            "override protocol",
            "override:",
        ],
        r"(?:[\[(<#*]\s*(?:system|admin|administrator|security|safety|priority|emergency|root)[ _-]overrides?\b|\b(?:system|admin|administrator|security|emergency|root)[ _]override(?:: | (?:activated|engaged|enabled|initiated|accepted|authori[sz]ed|in effect|code))|\boverride mode\b)",
    ),
    rule(
        Kind::Override,
        &["safety", "security", "content", "ethical", "guardrail", "moderation"],
        r"\b(?:safety|security|content|ethical|moderation)? ?(?:checks?|filters?|protocols?|guardrails?|guidelines?|measures|features|restrictions?|polic(?:y|ies)|safeguards?)(?: (?:is|are|has|have|been|now|were|temporarily|currently|all|hereby)){1,3} (?:disabled|off|suspended|lifted|removed|deactivated|bypassed|waived|turned off|not in effect)\b~\b(?:session|conversation|chat|you|user|now|test|request|please)\b",
    ),
    rule(
        Kind::Override,
        &["safety", "security", "guardrail"],
        r"\b(?:ignore|disregard|bypass|disable|forget|override) (?:all |any |the |your |these |every )+(?:\w+ )?(?:safety|security|guardrail|ethical|content)s?(?: (?:checks?|filters?|protocols?|guidelines?|measures|features|restrictions?|polic(?:y|ies)|rules|instructions?|warnings?))",
    ),
    rule(
        Kind::Override,
        &["ignore", "disregard", "forget"],
        r"\b(?:ignore|disregard|forget)\b~\band (?:just |instead |only |simply |then )?(?:say|state|tell|indicate|respond|reply|answer|claim|recommend|pretend)\b",
    ),
];
